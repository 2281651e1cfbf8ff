"""Plain text: what a person would type off the pages."""

from typing import BinaryIO

from pagemesh.exports.characters import printable
from pagemesh.exports.result import Analysis, note_on


def write_text(analysis: Analysis, out: BinaryIO) -> None:
    """Write UTF-8 lines in reading order; a form feed stands between pages.

    A page that is not ok begins with its reason in square brackets.
    """
    for index, page in enumerate(analysis.pages):
        if index:
            out.write(b"\f")
        note = note_on(page)
        lines = ([f"[{note}]"] if note else []) + [line.text for line in page.ocr.lines]
        out.write("".join(f"{_one_line(text)}\n" for text in lines).encode())


def _one_line(text: str) -> str:
    return printable(" ".join(text.splitlines()))
