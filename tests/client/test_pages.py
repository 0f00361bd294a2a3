"""Pages of the web as a model reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.client.pages import LONGEST_PAGE, html_text, page_text, page_tool
from interlingua.client.tools import Toolbox
from interlingua.errors import InvalidRequest, UpstreamError
from interlingua.transport.guarded import Fetched
from interlingua.types.parts import tool_call

PAGE = """<html><head><title>Elephants</title><style>p{}</style><script>evil()</script></head>
<body><h1>How many?</h1><p>There are <b>three</b>&nbsp;&amp; a calf, <a href="/more?x=1">more</a>.</p>
<ul><li>one<li>two</ul><a href="#top">up</a></body></html>"""


def page(body: bytes = b"", **more: object) -> Fetched:
    return Fetched(url="https://x.example/a/", **{"status": 200, "body": body, **more})  # type: ignore[arg-type]  # fields


def test_a_page_becomes_its_words_and_links() -> None:
    """Without scripts and styles."""
    text = html_text(PAGE, "https://x.example/a/")
    assert text.startswith("Elephants\n\nHow many?\n\nThere are three & a calf, [more](https://x.example/more?x=1).")
    assert "- one\n- two" in text
    assert "evil" not in text
    assert "p{}" not in text


@given(st.text(max_size=60))
def test_no_page_crashes_it(text: str) -> None:
    """The web is full of what nobody meant."""
    assert isinstance(html_text("<p>" + text, "https://x.example"), str)


def test_what_is_no_page_is_said_to_be_none() -> None:
    """An error, a redirect, a picture, a long text."""
    assert "moved to https://y.example/" in page_text(page(status=302, location="https://y.example/"))
    with pytest.raises(UpstreamError, match="404"):
        page_text(page(status=404))
    with pytest.raises(InvalidRequest, match="image/png"):
        page_text(page(content_type="image/png"))
    long = page_text(page(b"y" * (LONGEST_PAGE + 1), content_type="text/plain"))
    assert long.endswith("this is its beginning]")
    assert page_text(page("ä".encode("latin-1"), content_type="text/plain", charset="latin-1")) == "ä"


async def test_the_tool_gives_a_model_the_text() -> None:
    """And failures as answers."""

    async def fetching(url: str) -> Fetched:
        return page(PAGE.encode(), content_type="text/html")

    box = Toolbox([page_tool(fetching)])
    answer = await box.run(tool_call("1", "fetch_page", '{"url": "https://x.example"}'))
    assert "How many?" in answer.text
    refused = await Toolbox([page_tool()]).run(tool_call("1", "fetch_page", '{"url": "http://127.0.0.1:8100/"}'))
    assert refused.is_error
    assert "port 8100" in refused.text
    private = await Toolbox([page_tool()]).run(tool_call("1", "fetch_page", '{"url": "http://127.0.0.1/"}'))
    assert "not public" in private.text
