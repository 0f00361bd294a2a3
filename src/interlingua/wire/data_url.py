"""`data:` addresses (RFC 2397), base64 only."""

from __future__ import annotations


def parse_data_url(url: str) -> tuple[str, str] | None:
    """(MIME type, base64 content) of a base64 data URL; None for any other address."""
    if not url.startswith("data:"):
        return None
    head, comma, content = url[5:].partition(",")
    if not comma or not head.endswith(";base64"):
        return None
    return head.removesuffix(";base64").split(";", 1)[0], content


def render_data_url(mime_type: str, content: str) -> str:
    """The data URL of base64 content."""
    return f"data:{mime_type};base64,{content}"
