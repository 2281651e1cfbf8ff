"""Finds what a file is from its first bytes, never from its name."""

PDF = "application/pdf"
TIFF = "image/tiff"
PNG = "image/png"
JPEG = "image/jpeg"
WEBP = "image/webp"

HEAD_BYTES = 1024
"""How many bytes of a file `media_type` and `describe` want to see."""

TAKEN = "PDF, TIFF, PNG, JPEG or WebP"

_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_FOREIGN_STARTS = (
    (b"PK\x03\x04", "a ZIP archive (an Office file, perhaps)"),
    (b"\xd0\xcf\x11\xe0", "an old Office file"),
    (b"GIF8", "a GIF image"),
    (b"BM", "a BMP image"),
    (b"\0\0\0\x0cjP", "a JPEG 2000 image"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 image"),
    (b"%!PS", "a PostScript file"),
    (b"{\\rtf", "an RTF file"),
    (b"\x1f\x8b", "a gzip file"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"DDS ", "a DDS texture"),
)


def media_type(head: bytes) -> str | None:
    """The media type of a file that begins with `head`; None when it is none that is read.

    A PDF's header may stand anywhere in the first 1024 bytes, as readers have it.
    """
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    if head.startswith(_TIFF_STARTS):
        return TIFF
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return WEBP
    if b"%PDF-" in head[:1024]:
        return PDF
    return None


def describe(head: bytes) -> str:
    """What a file that is not read seems to be, in words for a person."""
    for start, words in _FOREIGN_STARTS:
        if head.startswith(start):
            return words
    if head[4:8] == b"ftyp":
        return "a HEIC, AVIF or video file"
    lower = head.lstrip().lower()
    if lower.startswith((b"<!doctype html", b"<html")):
        return "an HTML page"
    if lower.startswith(b"<?xml"):
        return "an XML file"
    if _is_text(head):
        return "plain text"
    return "unknown binary data"


def _is_text(head: bytes) -> bool:
    if b"\0" in head:
        return False
    control = sum(byte < 32 and byte not in b"\t\n\r\f" for byte in head)
    return control == 0
