"""A tool that reads pages of the public web, each through the guard of `transport/guarded.py`."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from html.parser import HTMLParser
from urllib.parse import urljoin

from interlingua.client.tools import Tool, tool
from interlingua.errors import InvalidRequest, UpstreamError
from interlingua.transport.guarded import Fetched, fetch

LONGEST_PAGE = 100_000
"""Letters of a page that are handed on."""
_UNSEEN = {"script", "style", "noscript", "template", "svg", "iframe", "object"}
_BLOCKS = {
    *("p", "div", "section", "article", "header", "footer", "main", "nav", "aside", "br", "hr", "tr", "table", "ul"),
    *("ol", "li", "dl", "dt", "dd", "pre", "blockquote", "figure", "form", "h1", "h2", "h3", "h4", "h5", "h6", "title"),
}
_TEXTS = ("text/", "application/json", "application/xml", "application/xhtml")


def page_tool(fetching: Callable[[str], Awaitable[Fetched]] = fetch) -> Tool:
    """The tool `fetch_page`.

    Args:
        fetching: what fetches an address.
    """

    @tool
    async def fetch_page(url: str) -> str:
        """Read a page of the public web as text.

        Args:
            url: the whole address, beginning with https:// or http://.
        """
        return page_text(await fetching(url))

    return fetch_page


def page_text(page: Fetched) -> str:
    """A page as a model reads it.

    Raises:
        UpstreamError: the host refused it.
        InvalidRequest: it is no text.
    """
    if page.location:
        return f"This page has moved to {page.location} — fetch that address if you need it."
    if page.status >= 400:
        raise UpstreamError(f"the host answered with status {page.status}", upstream_status=page.status)
    kind = page.content_type.lower()
    if kind and not (kind.startswith(_TEXTS) or kind.endswith(("+json", "+xml"))):
        raise InvalidRequest(f"this is no text, but {kind}", path="url")
    try:
        text = page.body.decode(page.charset or "utf-8", "replace")
    except LookupError:
        text = page.body.decode("utf-8", "replace")
    if "html" in kind or (not kind and "<html" in text[:1000].lower()):
        text = html_text(text, page.url)
    cut = page.cut or len(text) > LONGEST_PAGE
    return text[:LONGEST_PAGE] + ("\n[the page goes on; this is its beginning]" if cut else "")


def html_text(html: str, url: str = "") -> str:
    """The words of an HTML page, with its links as Markdown.

    Args:
        html: the page.
        url: its address, which links are relative to.
    """
    reader = _Reader(url)
    reader.feed(html)
    reader.close()
    text = re.sub(r"[ \t\r\f\v\xa0]+", " ", "".join(reader.pieces))
    return re.sub(r"\n\s*\n+", "\n\n", re.sub(r" *\n *", "\n", text)).strip()


class _Reader(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._url = url
        self._unseen = 0
        self._links: list[tuple[int, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._unseen += 1
        elif tag in _BLOCKS:
            self.pieces.append("\n- " if tag == "li" else "\n\n" if tag[0] in "hp" and tag != "hr" else "\n")
        elif tag == "a":
            self._links.append((len(self.pieces), dict(attrs).get("href") or ""))

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag in _BLOCKS:
            self.pieces.append("\n")
        elif tag == "a" and self._links:
            at, href = self._links.pop()
            words = " ".join("".join(self.pieces[at:]).split())
            if words and href and not href.startswith(("#", "javascript:")):
                self.pieces[at:] = [f"[{words}]({_whole(self._url, href)})"]

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.pieces.append(data)


def _whole(base: str, href: str) -> str:
    try:
        return urljoin(base, href)
    except ValueError:
        return href
