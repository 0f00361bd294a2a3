from __future__ import annotations

import base64
import io
import os
from pathlib import Path
from typing import Any

import pytest

from interlingua.client.attachments import attach, attach_all
from interlingua.errors import InvalidRequest, LocalFileError
from interlingua.types.parts import BlobPart, TextPart, UriPart

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
MAGIC = {
    "image/png": PNG,
    "image/jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00",
    "image/gif": b"GIF89a\x01\x00\x01\x00",
    "image/webp": b"RIFF\x24\x00\x00\x00WEBPVP8 ",
    "image/heic": b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic",
    "image/avif": b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1avifmiaf",
    "application/pdf": b"%PDF-1.7\n%",
    "audio/wav": b"RIFF\x24\x00\x00\x00WAVEfmt ",
    "audio/mpeg": b"ID3\x04\x00\x00\x00\x00\x00\x00",
    "audio/ogg": b"OggS\x00\x02\x00\x00",
    "audio/flac": b"fLaC\x00\x00\x00\x22",
    "audio/mp4": b"\x00\x00\x00\x1cftypM4A \x00\x00\x00\x00",
    "video/mp4": b"\x00\x00\x00\x1cftypisom\x00\x00\x02\x00isomiso2",
    "video/quicktime": b"\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00",
    "video/webm": b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm",
}


def content(part: Any) -> bytes:
    assert isinstance(part, BlobPart)
    return base64.b64decode(part.content, validate=True)


@pytest.mark.parametrize(("kind", "start"), MAGIC.items())
def test_the_first_bytes_tell_what_it_is(tmp_path: Path, kind: str, start: bytes) -> None:
    path = tmp_path / "wrong.txt"
    path.write_bytes(start + b"\xfe\xff" * 40)
    part = attach(path)
    assert isinstance(part, BlobPart)
    assert part.mime_type == kind
    assert part.modality == {"application": "document"}.get(kind.split("/")[0], kind.split("/")[0])
    assert part.name == "wrong.txt"
    assert content(part) == path.read_bytes()
    assert attach(str(path)) == part


def test_an_mp3_without_a_tag_is_known() -> None:
    assert getattr(attach(b"\xff\xfb\x90\x00" + bytes(10)), "mime_type", "") == "audio/mpeg"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("data.csv", "a,b\n1,2\n"),
        ("notes.md", "# Ünicode\n"),
        ("data.json", '{"a": 1}'),
        ("main.ts", "const a = 1;\n"),
        ("picture.svg", "<svg/>"),
        ("Makefile", "all:\n"),
        ("ID3.txt", "ID3 tags are old"),
    ],
)
def test_text_goes_into_the_prompt_with_its_name(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    assert attach(path) == TextPart(text=f'<file name="{name}">\n{text.rstrip()}\n</file>')


def test_a_byte_order_mark_is_understood(tmp_path: Path) -> None:
    assert attach(b"\xef\xbb\xbfa") == TextPart(text="a")
    assert attach("ä".encode("utf-16")) == TextPart(text="ä")


def test_a_name_cannot_break_out_of_its_header() -> None:
    part = attach(b"x", name='a">\n<b.txt')
    assert part == TextPart(text='<file name="a____b.txt">\nx\n</file>')


def test_office_documents_are_known_by_name(tmp_path: Path) -> None:
    path = tmp_path / "letter.docx"
    path.write_bytes(b"PK\x03\x04\xff\xfe")
    part = attach(path)
    assert isinstance(part, BlobPart)
    assert (part.modality, part.mime_type.rpartition(".")[2]) == ("document", "document")


def test_unknown_bytes_are_refused_with_what_is_known(tmp_path: Path) -> None:
    path = tmp_path / "tool.exe"
    path.write_bytes(b"MZ\x90\x00\xff\xff")
    with pytest.raises(InvalidRequest, match="image/png") as caught:
        attach(path)
    assert caught.value.path == str(path)
    assert "mime_type" in caught.value.remedy


def test_the_caller_knows_better() -> None:
    part = attach(b"\x00\x01\x02", mime_type="application/x-thing", name="a.thing")
    assert isinstance(part, BlobPart)
    assert (part.modality, part.mime_type, part.name) == ("document", "application/x-thing", "a.thing")
    with pytest.raises(InvalidRequest, match="no UTF-8 text"):
        attach(b"\xff\x00", mime_type="text/csv")


def test_addresses_stay_addresses() -> None:
    assert attach("https://example.com/a%20b.PNG?x=1") == UriPart(
        modality="image", uri="https://example.com/a%20b.PNG?x=1", mime_type="image/png", name="a b.PNG"
    )
    assert attach("gs://bucket/talk.mp3") == UriPart(
        modality="audio", uri="gs://bucket/talk.mp3", mime_type="audio/mpeg", name="talk.mp3"
    )
    assert attach("https://example.com/image?id=3", mime_type="image/webp") == UriPart(
        modality="image", uri="https://example.com/image?id=3", mime_type="image/webp", name="image"
    )
    with pytest.raises(InvalidRequest, match="cannot be told"):
        attach("https://example.com/image?id=3")


def test_a_file_address_is_a_path(tmp_path: Path) -> None:
    path = tmp_path / "a b.png"
    path.write_bytes(PNG)
    assert attach(path.as_uri()) == attach(path)


def test_data_addresses_become_blobs_in_standard_base64() -> None:
    raw = PNG + b"\xfb\xff\xfe"
    urlsafe = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    for body in (base64.b64encode(raw).decode(), urlsafe, urlsafe[:10] + "%0A" + urlsafe[10:]):
        part = attach(f"data:image/png;base64,{body}")
        assert content(part) == raw
    assert attach("data:,Hello%20you") == TextPart(text="Hello you")
    assert attach("data:text/plain;charset=utf-8;base64,aGk=") == TextPart(text="hi")
    for broken in ("data:image/png;base64", "data:image/png;base64,%%%", "data:image/png;base64,"):
        with pytest.raises(InvalidRequest):
            attach(broken)


def test_open_files_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    with path.open("rb") as file:
        assert getattr(attach(file), "name", None) == "a.png"
    assert content(attach(io.BytesIO(PNG))) == PNG
    assert attach(io.StringIO("text")) == TextPart(text="text")
    closed = io.BytesIO(PNG)
    closed.close()
    with pytest.raises(LocalFileError, match="closed"):
        attach(closed)


class Picture:
    def __init__(self, format: str | None, broken: bool = False) -> None:
        self.format = format
        self.broken = broken

    def save(self, file: io.BytesIO, format: str, quality: int | None = None) -> None:
        if self.broken:
            raise OSError(f"cannot write mode CMYK as {format}")
        file.write({"PNG": PNG, "JPEG": MAGIC["image/jpeg"]}[format])


def test_images_save_themselves() -> None:
    assert getattr(attach(Picture("JPEG")), "mime_type", "") == "image/jpeg"
    assert getattr(attach(Picture(None)), "mime_type", "") == "image/png"
    assert getattr(attach(Picture("TIFF")), "mime_type", "") == "image/png"
    with pytest.raises(InvalidRequest, match="CMYK"):
        attach(Picture("PNG", broken=True))


def test_parts_are_returned_as_they_are() -> None:
    part = TextPart(text="x")
    assert attach(part) is part


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    missing = tmp_path / "missing.png"
    with pytest.raises(LocalFileError, match="No such file") as caught:
        attach(missing)
    assert caught.value.path == str(missing)
    with pytest.raises(LocalFileError, match="is a directory"):
        attach(tmp_path)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(LocalFileError, match="no regular file"):
        attach(pipe)
    for odd in ("null\0byte", "x" * 5_000, "~nobody-here/x"):
        with pytest.raises(LocalFileError):
            attach(odd)


def test_what_is_too_large_is_refused_with_its_size(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(PNG + bytes(3_000_000))
    with pytest.raises(LocalFileError, match=r"3\.0 MB.*at most 2 MB") as caught:
        attach(path, max_bytes=2_000_000)
    assert caught.value.path == str(path)
    for source in (path.read_bytes(), io.BytesIO(path.read_bytes())):
        with pytest.raises(LocalFileError, match="at most 2 MB"):
            attach(source, max_bytes=2_000_000)
    assert isinstance(attach(path), BlobPart)


def test_what_is_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").touch()
    with pytest.raises(InvalidRequest, match="empty"):
        attach(tmp_path / "empty.txt")


def test_what_is_nothing_of_the_kind_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="int cannot be attached"):
        attach(3)  # type: ignore[arg-type]  # what is tested


def test_one_alone_need_not_stand_in_a_list(tmp_path: Path) -> None:
    """A text is also a sequence of letters, each of which would else be taken for a path."""
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    alone: list[Any] = [str(path), path, PNG, io.BytesIO(PNG), attach(path)]
    assert [len(attach_all(source)) for source in alone] == [1] * len(alone)
    assert len(attach_all(alone[:3])) == 3
    assert attach_all(()) == ()


def test_names_and_texts_that_are_not_unicode_are_attached(tmp_path: Path) -> None:
    """Nothing in them could be sent as it is."""
    path = tmp_path / os.fsdecode(b"caf\xe9.txt")
    path.write_text("hello")
    part = attach(path)
    assert isinstance(part, TextPart)
    assert part.text == '<file name="caf\ufffd.txt">\nhello\n</file>'
    assert attach(io.StringIO("caf\udce9")) == TextPart(text="caf\ufffd")


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="no address"):
        attach("https://[bad/a.png")
