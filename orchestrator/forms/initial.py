"""A new form's folder, from its blank: definition, blank, words and a preview of each page."""

import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from meshkit.errors import InvalidInput
from meshkit.model import Image
from orchestrator.forms.blank import MIN_WORDS, write_words
from orchestrator.forms.definition import FILE_NAME, ValueType
from orchestrator.forms.draft import DraftField, draft_fields, snake
from orchestrator.forms.draft_text import definition_text
from orchestrator.forms.flat import draft_flat
from orchestrator.forms.frame import POINTS_PER_INCH, rect_around
from orchestrator.forms.pdf_form import PdfPage, PrintedWord, read_pages, read_widgets, render_page
from orchestrator.forms.words import page_words
from pagemesh.orchestrator.v1.document_pb2 import PageResult

_PREVIEW_DPI = 110.0
_COLOURS: dict[ValueType, tuple[int, int, int]] = {
    ValueType.CHECKBOX: (0, 130, 230),
    ValueType.CHOICE: (150, 60, 170),
    ValueType.SIGNATURE: (60, 60, 210),
}
_OTHER = (150, 110, 0)

ReadPages = Callable[[Path], Sequence[PageResult]]
"""Reads the text of a document that has none of its own."""


@dataclass(frozen=True)
class NewForm:
    """What was drafted.

    Attributes:
        folder: where it lies.
        definition: the file to edit.
        previews: a picture of each page with its fields.
        fields: how many, by type.
        is_fillable: whether they come from the PDF's own fields; else they were guessed.
    """

    folder: Path
    definition: Path
    previews: tuple[Path, ...]
    fields: tuple[DraftField, ...]
    is_fillable: bool


def init_form(blank: Path, folder: Path, name: str, read: ReadPages) -> NewForm:
    """Draft a form.

    Args:
        blank: PDF or picture of the blank form.
        folder: to be made.
        name: of the form; empty: the folder's.
        read: reads pages that have no text of their own.

    Raises:
        InvalidInput: the folder has a definition already, or the blank has no field and no place
            to write.
        InvalidDocument: the blank cannot be read.
    """
    if (folder / FILE_NAME).exists():
        raise InvalidInput(
            f"{folder / FILE_NAME} is there already: remove it, or name another folder with --out"
        )
    is_pdf = blank.suffix.lower() == ".pdf"
    pages = read_pages(blank) if is_pdf else []
    if not pages or all(len(page.words) < MIN_WORDS for page in pages):
        pages = pages_of(read(blank))
    pictures = [_picture(blank, number, page) for number, page in enumerate(pages, 1)]
    widgets = read_widgets(blank) if is_pdf else []
    fields = draft_fields(pages, widgets) if widgets else draft_flat(pages, pictures)
    if not fields:
        raise InvalidInput(f"{blank.name}: no field, rule, cell or box to fill in was found")
    folder.mkdir(parents=True, exist_ok=True)
    file = "blank.pdf" if is_pdf else f"blank{blank.suffix.lower()}"
    shutil.copyfile(blank, folder / file)
    form_name = snake(name or folder.name) or "form"
    title = re.sub(r"[_-]+", " ", blank.stem)
    definition = folder / FILE_NAME
    definition.write_text(definition_text(form_name, title, file, fields), encoding="utf-8")
    write_words(folder, file, pages)
    previews = _write_previews(folder, pictures, pages, fields)
    return NewForm(folder, definition, previews, tuple(fields), bool(widgets))


def _picture(blank: Path, number: int, page: PdfPage) -> Image:
    """A page in grey at the preview's resolution."""
    if blank.suffix.lower() == ".pdf":
        return render_page(blank, number, _PREVIEW_DPI)
    grey = cv2.imread(str(blank), cv2.IMREAD_GRAYSCALE)
    if grey is None:
        raise InvalidInput(f"{blank.name}: not a picture that can be read")
    size = tuple(round(s * _PREVIEW_DPI / POINTS_PER_INCH) for s in (page.width, page.height))
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)


def _write_previews(
    folder: Path, pictures: Sequence[Image], pages: Sequence[PdfPage], fields: Sequence[DraftField]
) -> tuple[Path, ...]:
    """The pages that have fields, with every field's place, name and type."""
    made = []
    for number, (picture, page) in enumerate(zip(pictures, pages, strict=True), 1):
        here = [field for field in fields if field.page == number]
        if not here:
            continue
        pale = cv2.convertScaleAbs(picture, alpha=0.6, beta=102)
        drawn = np.asarray(cv2.cvtColor(pale, cv2.COLOR_GRAY2BGR), np.uint8)
        scale = picture.shape[1] / page.width
        for field in here:
            _draw(drawn, field, scale)
        path = folder / f"preview-{number}.png"
        cv2.imwrite(str(path), drawn)
        made.append(path)
    return tuple(made)


def _draw(picture: Image, field: DraftField, scale: float) -> None:
    colour = _COLOURS.get(field.type, _OTHER)
    boxed = [place for _, place in field.options if place is not None]
    for box in boxed or [field.box]:
        low = (round(box.left * scale), round(box.top * scale))
        high = (round(box.right * scale), round(box.bottom * scale))
        cv2.rectangle(picture, low, high, colour, 1, cv2.LINE_AA)
    text = field.name if field.type is ValueType.CHECKBOX else f"{field.name}: {field.type}"
    place = boxed[0] if boxed else field.box
    at = (round(place.left * scale) + 2, round(place.bottom * scale) - 2)
    cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.32, colour, 1, cv2.LINE_AA)


def pages_of(results: Sequence[PageResult]) -> list[PdfPage]:
    """The words of a scanned blank, as the OCR model read them. A page of unknown resolution is
    taken for Letter paper."""
    pages = []
    for page in results:
        long, short = 792.0, 612.0
        assumed = (long if page.width > page.height else short) / max(1, page.width)
        scale = POINTS_PER_INCH / page.dpi if page.dpi else assumed
        words = tuple(
            PrintedWord(word.text, rect_around((word.corners + 0.5) * scale))
            for word in page_words(page.ocr)
        )
        pages.append(PdfPage(page.width * scale, page.height * scale, words))
    return pages
