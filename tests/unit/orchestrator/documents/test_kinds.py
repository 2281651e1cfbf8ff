import pytest

from orchestrator.documents import kinds


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b"%PDF-1.7\n", kinds.PDF),
        (b"\n\nsome mail header\n%PDF-1.4\n", kinds.PDF),
        (b"II*\0\x08\0\0\0", kinds.TIFF),
        (b"MM\0*\0\0\0\x08", kinds.TIFF),
        (b"II+\0\x08\0\0\0", kinds.TIFF),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", kinds.PNG),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", kinds.JPEG),
        (b"RIFF\x24\0\0\0WEBPVP8 ", kinds.WEBP),
        (b"RIFF\x24\0\0\0WAVEfmt ", None),
        (b"hello", None),
        (b"", None),
    ],
)
def test_kind_is_found_from_the_first_bytes(head: bytes, found: str | None) -> None:
    assert kinds.media_type(head) == found


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"Dear Sir or Madam,\r\n", "plain text"),
        ("Grüße".encode(), "plain text"),
        (b"<!DOCTYPE html><html>", "an HTML page"),
        (b"<?xml version='1.0'?>", "an XML file"),
        (b"PK\x03\x04\x14\0", "a ZIP archive (an Office file, perhaps)"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "an old Office file"),
        (b"GIF89a", "a GIF image"),
        (b"\0\0\0\x18ftypheic", "a HEIC, AVIF or video file"),
        (b"\x00\x01\x02\x03", "unknown binary data"),
    ],
)
def test_other_files_are_named_for_a_person(head: bytes, words: str) -> None:
    assert kinds.media_type(head) is None
    assert kinds.describe(head) == words
