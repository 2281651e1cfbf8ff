"""What a blank PDF says of itself: its words, its fillable fields, its pictures. By pdfium.

Everything is in the frame of `orchestrator.forms.frame`, whatever the page's rotation and crop.
"""

import contextlib
import ctypes
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
import pypdfium2.raw as pdfium

from meshkit.errors import InvalidDocument
from meshkit.model import Image
from orchestrator.forms.frame import POINTS_PER_INCH, Rect, rect_around

_FINE = 64
"""Device units a point, for coordinates that pdfium gives in whole device units."""
_WORD_HOLE = 0.45
"""A hole wider than this share of the letters' height ends a word, also without a space."""
_KINDS = {
    pdfium.FPDF_FORMFIELD_CHECKBOX: "checkbox",
    pdfium.FPDF_FORMFIELD_RADIOBUTTON: "radio",
    pdfium.FPDF_FORMFIELD_TEXTFIELD: "text",
    pdfium.FPDF_FORMFIELD_COMBOBOX: "list",
    pdfium.FPDF_FORMFIELD_LISTBOX: "list",
    pdfium.FPDF_FORMFIELD_SIGNATURE: "signature",
}
_FLAG_REQUIRED, _FLAG_MULTILINE, _FLAG_COMB = 1 << 1, 1 << 12, 1 << 24
_ACTION_FORMAT, _ACTION_KEYSTROKE = 13, 12
_pdfium_lock = threading.RLock()
"""pdfium is not safe for threads."""


@dataclass(frozen=True, slots=True)
class PrintedWord:
    """A word printed on the blank page."""

    text: str
    box: Rect


@dataclass(frozen=True, slots=True)
class Widget:
    """One fillable field on a page.

    Attributes:
        page: from 1.
        name: its full name in the PDF: `topmostSubform[0].Page1[0].f1_02[0]`.
        tip: its tool tip; may be empty.
        kind: `text`, `list`, `checkbox`, `radio` or `signature`.
        box: where it is.
        export: what a ticked box stands for: `Yes`, `2`.
        options: of a list.
        cells: letters of a comb; 0 when it is none.
        length: at most so many letters; 0 without a limit.
        scripts: its JavaScript for format and keystrokes, which tells dates and numbers.
    """

    page: int
    name: str
    tip: str
    kind: str
    box: Rect
    export: str
    options: tuple[str, ...]
    is_required: bool
    is_multiline: bool
    cells: int
    length: int
    scripts: str


@dataclass(frozen=True, slots=True)
class PdfPage:
    """A page: its size in points, and its printed words in the order of the file."""

    width: float
    height: float
    words: tuple[PrintedWord, ...]


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[pypdfium2.PdfDocument]:
    with _pdfium_lock:
        try:
            document = pypdfium2.PdfDocument(path)
        except pypdfium2.PdfiumError as error:
            raise InvalidDocument(
                f"{path.name}: pdfium cannot open it: {error}. Save the blank form as a plain, "
                "unprotected PDF",
                metadata={"file": path.name},
            ) from error
        try:
            document.init_forms()
            yield document
        finally:
            document.close()


def read_pages(path: Path) -> list[PdfPage]:
    """Every page's size and words. Raises InvalidDocument."""
    with _opened(path) as document:
        return [_read_page(page) for page in document]


def read_widgets(path: Path) -> list[Widget]:
    """Every fillable field, page by page, from top to bottom. Raises InvalidDocument."""
    found = []
    with _opened(path) as document:
        if document.formenv is None:
            return []
        for number, page in enumerate(document, 1):
            found += list(_page_widgets(document.formenv.raw, page, number))
    return sorted(found, key=lambda w: (w.page, round(w.box.top / 4), w.box.left))


def render_page(path: Path, number: int, dpi: float) -> Image:
    """Page `number`, from 1, without the content of its fields: grey (height, width)."""
    with _opened(path) as document:
        page = document[number - 1]
        bitmap = page.render(scale=dpi / POINTS_PER_INCH, may_draw_forms=False, grayscale=True)
        pixels = bitmap.to_numpy()
        return np.array(pixels.reshape(pixels.shape[:2]), np.uint8)


def _read_page(page: pypdfium2.PdfPage) -> PdfPage:
    width, height = page.get_size()
    text = page.get_textpage()
    try:
        return PdfPage(width, height, tuple(_words(page, text)))
    finally:
        text.close()


def _words(page: pypdfium2.PdfPage, text: pypdfium2.PdfTextPage) -> Iterator[PrintedWord]:
    letters: list[str] = []
    box: Rect | None = None
    for index in range(pdfium.FPDFText_CountChars(text.raw)):
        letter = chr(pdfium.FPDFText_GetUnicode(text.raw, index))
        is_word = not letter.isspace() and letter.isprintable()
        here = _letter_box(page, text, index) if is_word else None
        if box is not None and (here is None or not _continues(box, here)):
            yield PrintedWord("".join(letters), box)
            letters, box = [], None
        if here is not None:
            letters.append(letter)
            box = here if box is None else _joined(box, here)
    if box is not None:
        yield PrintedWord("".join(letters), box)


def _letter_box(page: pypdfium2.PdfPage, text: pypdfium2.PdfTextPage, index: int) -> Rect | None:
    rect = pdfium.FS_RECTF()
    if not pdfium.FPDFText_GetLooseCharBox(text.raw, index, ctypes.byref(rect)):
        return None
    return _to_frame(page, rect)


def _continues(box: Rect, letter: Rect) -> bool:
    hole = letter.left - box.right
    is_level = box.shared_height(letter) > 0.5 * min(box.height, letter.height)
    return is_level and -0.6 * letter.height <= hole <= _WORD_HOLE * letter.height


def _joined(one: Rect, other: Rect) -> Rect:
    return rect_around(np.concatenate([one.corners, other.corners]))


def _to_frame(page: pypdfium2.PdfPage, rect: Any) -> Rect:
    width, height = (round(side * _FINE) for side in page.get_size())
    xs, ys = [], []
    for px, py in ((rect.left, rect.top), (rect.right, rect.bottom)):
        x, y = ctypes.c_int(), ctypes.c_int()
        pdfium.FPDF_PageToDevice(page.raw, 0, 0, width, height, 0, px, py, x, y)
        xs.append(x.value / _FINE)
        ys.append(y.value / _FINE)
    return Rect(min(xs), min(ys), max(xs), max(ys))


def _page_widgets(form: Any, page: pypdfium2.PdfPage, number: int) -> Iterator[Widget]:
    for index in range(pdfium.FPDFPage_GetAnnotCount(page.raw)):
        annotation = pdfium.FPDFPage_GetAnnot(page.raw, index)
        try:
            kind = _KINDS.get(pdfium.FPDFAnnot_GetFormFieldType(form, annotation))
            hidden = pdfium.FPDFAnnot_GetFlags(annotation) & (
                pdfium.FPDF_ANNOT_FLAG_HIDDEN | pdfium.FPDF_ANNOT_FLAG_NOVIEW
            )
            if kind is not None and not hidden:
                yield _widget(form, page, number, annotation, kind)
        finally:
            pdfium.FPDFPage_CloseAnnot(annotation)


def _widget(form: Any, page: pypdfium2.PdfPage, number: int, annotation: Any, kind: str) -> Widget:
    rect = pdfium.FS_RECTF()
    pdfium.FPDFAnnot_GetRect(annotation, ctypes.byref(rect))
    flags = pdfium.FPDFAnnot_GetFormFieldFlags(form, annotation)
    length = ctypes.c_float()
    pdfium.FPDFAnnot_GetNumberValue(annotation, b"MaxLen", ctypes.byref(length))
    limit = max(0, round(length.value))
    is_text = kind == "text"
    scripts = [
        _text(pdfium.FPDFAnnot_GetFormAdditionalActionJavaScript, form, annotation, event)
        for event in (_ACTION_FORMAT, _ACTION_KEYSTROKE)
    ]
    count = pdfium.FPDFAnnot_GetOptionCount(form, annotation) if kind == "list" else 0
    options = [
        _text(pdfium.FPDFAnnot_GetOptionLabel, form, annotation, place)
        for place in range(max(count, 0))
    ]
    return Widget(
        page=number,
        name=_text(pdfium.FPDFAnnot_GetFormFieldName, form, annotation),
        tip=" ".join(_text(pdfium.FPDFAnnot_GetFormFieldAlternateName, form, annotation).split()),
        kind=kind,
        box=_to_frame(page, rect),
        export=_text(pdfium.FPDFAnnot_GetFormFieldExportValue, form, annotation),
        options=tuple(options),
        is_required=bool(flags & _FLAG_REQUIRED),
        is_multiline=is_text and bool(flags & _FLAG_MULTILINE),
        cells=limit if is_text and flags & _FLAG_COMB else 0,
        length=limit,
        scripts=" ".join(scripts),
    )


def _text(getter: Callable[..., int], *arguments: Any) -> str:
    """A UTF-16 text that pdfium writes into a buffer of the size that it asks for."""
    length = getter(*arguments, None, 0)
    if length <= 2:
        return ""
    buffer = ctypes.create_string_buffer(length)
    getter(*arguments, ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort)), length)
    return buffer.raw.decode("utf-16-le", errors="replace").rstrip("\0")
