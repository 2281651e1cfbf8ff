"""The formats that one file can hold, by name."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from pagemesh.exports.alto import write_alto
from pagemesh.exports.hocr import write_hocr
from pagemesh.exports.jsonform import write_json
from pagemesh.exports.markdown import write_markdown
from pagemesh.exports.pdf import write_pdf
from pagemesh.exports.plaintext import write_text
from pagemesh.exports.result import Analysis


@dataclass(frozen=True, slots=True)
class Format:
    """One way to write a result.

    Attributes:
        name: what a user asks for.
        suffix: of the file's name, with its dot.
        write: writes the whole result into an open binary file; the file need not be seekable.
        binary: True when the bytes are not for a terminal.
        needs_images: True when `Analysis.image_of` must be set.
    """

    name: str
    suffix: str
    write: Callable[[Analysis, BinaryIO], None]
    binary: bool = False
    needs_images: bool = False


FORMATS = {
    form.name: form
    for form in (
        Format("json", ".json", write_json),
        Format("text", ".txt", write_text),
        Format("markdown", ".md", write_markdown),
        Format("hocr", ".hocr", write_hocr),
        Format("alto", ".alto.xml", write_alto),
        Format("pdf", ".searchable.pdf", write_pdf, binary=True, needs_images=True),
    )
}
