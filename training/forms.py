"""Fillable PDF forms as ground for training pages: their fields, and pages filled in by hand.

Field boxes come from the PDF's widget annotations, so the truth is exact. Page coordinates are
pixels of the rendered page.
"""

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pypdfium2
import pypdfium2.raw as pdfium

from training.ink import (
    BLACK_PEN,
    BLUE_PEN,
    HANDWRITTEN,
    TICK_STYLES,
    Box,
    Colour,
    Page,
    Word,
    draw_signature,
    draw_tick,
    write_by_hand,
)

_KINDS = {
    pdfium.FPDF_FORMFIELD_CHECKBOX: "checkbox",
    pdfium.FPDF_FORMFIELD_RADIOBUTTON: "radio",
    pdfium.FPDF_FORMFIELD_TEXTFIELD: "text",
    pdfium.FPDF_FORMFIELD_COMBOBOX: "text",
    pdfium.FPDF_FORMFIELD_SIGNATURE: "signature",
}


@dataclass(frozen=True, slots=True)
class FormField:
    """One field of a form.

    Attributes:
        name: the PDF's own name of it, last part, without the index 0: `yourFirstName`, or with
            its table row: `Row2.dateOfBirth`.
        kind: `text`, `checkbox`, `radio` or `signature`.
        box: where it is on the page.
    """

    name: str
    kind: str
    box: Box


@dataclass(frozen=True, slots=True)
class BlankForm:
    """A rendered page of a blank form, and its fields."""

    image: Page
    dpi: float
    fields: list[FormField]


@dataclass(slots=True)
class FilledForm:
    """A page filled in by hand, and the truth about what was written.

    Attributes:
        words: handwritten words.
        checkboxes: (field, checked) for every box on the page.
        signatures: boxes around the ink.
        boxes_complete: whether every printed box is among `checkboxes`.
    """

    image: Page
    dpi: float
    values: dict[str, str] = field(default_factory=dict)
    words: list[Word] = field(default_factory=list)
    checkboxes: list[tuple[FormField, bool]] = field(default_factory=list)
    signatures: list[Box] = field(default_factory=list)
    boxes_complete: bool = True


def open_form(path: Path, number: int, dpi: float) -> BlankForm:
    """Render page `number` (from 1) of a PDF form without its widgets, and read its fields.

    Raises:
        pypdfium2.PdfiumError: the file cannot be opened.
        IndexError: it has no such page.
    """
    document = pypdfium2.PdfDocument(path)
    try:
        document.init_forms()
        page = document[number - 1]
        bitmap = page.render(scale=dpi / 72, may_draw_forms=False)
        image = np.ascontiguousarray(bitmap.to_numpy()[..., :3])
        fields = _read_fields(document, page, image.shape[1], image.shape[0])
        return BlankForm(image, dpi, fields)
    finally:
        document.close()


def page_count(path: Path) -> int:
    """Pages of a PDF."""
    document = pypdfium2.PdfDocument(path)
    try:
        return len(document)
    finally:
        document.close()


def fill_form(
    blank: BlankForm,
    values: Mapping[str, str],
    ticked: Mapping[str, str],
    signed: Mapping[str, str],
    rng: np.random.Generator,
    *,
    hand: str = "caveat",
    colour: Colour = BLUE_PEN,
) -> FilledForm:
    """Fill a form by hand.

    Args:
        blank: the page.
        values: field name to text.
        ticked: box name to one of `training.ink.TICK_STYLES`; all other boxes stay empty.
        signed: field name to the printed name beside the signature (may be empty).
        rng: decides the hand's unevenness.
        hand: one of `training.ink.HANDWRITTEN`.
        colour: of the pen.

    Raises:
        KeyError: a name is no field of this page.
    """
    unknown = {*values, *ticked, *signed} - {f.name for f in blank.fields}
    if unknown:
        raise KeyError(f"no such fields on this page: {sorted(unknown)}")
    filled = FilledForm(blank.image.copy(), blank.dpi, dict(values))
    for item in blank.fields:
        if item.kind in {"checkbox", "radio"}:
            filled.checkboxes.append((item, item.name in ticked))
            if item.name in ticked:
                draw_tick(filled.image, item.box, ticked[item.name], rng, colour)
        elif item.name in signed:
            _sign(filled, item, signed[item.name], rng, hand, colour)
        elif item.name in values:
            filled.words += write_by_hand(
                filled.image, values[item.name], item.box, hand, rng, colour
            )
    return filled


def fill_at_random(blank: BlankForm, rng: np.random.Generator, fullness: float) -> FilledForm:
    """Fill about `fullness` (0 to 1) of a form's fields with invented things in one hand."""
    values, ticked, signed = {}, {}, {}
    for item in blank.fields:
        if rng.random() > fullness:
            continue
        if item.kind in {"checkbox", "radio"}:
            if rng.random() < 0.45:
                ticked[item.name] = str(rng.choice(TICK_STYLES))
        elif item.kind == "signature" or "signature" in item.name.lower():
            signed[item.name] = ""
        else:
            values[item.name] = invent_value(item, blank.dpi, rng)
    hand = str(rng.choice(HANDWRITTEN))
    colour = BLUE_PEN if rng.random() < 0.5 else BLACK_PEN
    return fill_form(blank, values, ticked, signed, rng, hand=hand, colour=colour)


def invent_value(item: FormField, dpi: float, rng: np.random.Generator) -> str:
    """Something that fits a text field: a number in a narrow one, words in a wide one."""
    inches = item.box[2] / dpi
    if inches < 0.5:
        return str(rng.integers(0, 99))
    if inches < 1.3:
        return f"{rng.integers(10, 9999):,}"
    names = ("Amara", "Jonas", "Wei", "Noor", "Ivan", "Grace", "Lindqvist", "Okafor", "Tanaka")
    return " ".join(str(rng.choice(names)) for _ in range(2 if inches < 3 else 3))


def _sign(
    filled: FilledForm,
    item: FormField,
    printed: str,
    rng: np.random.Generator,
    hand: str,
    colour: Colour,
) -> None:
    x, y, width, height = item.box
    if printed:
        filled.words += write_by_hand(
            filled.image,
            printed,
            (x, y + 0.3 * height, width * 0.4, height * 0.6),
            hand,
            rng,
            colour,
        )
        x, width = x + width * 0.5, width * 0.45
    tall = max(height * 1.1, filled.dpi * 0.24)
    area = (x, y + height - tall, min(width, tall * 5), tall)
    filled.signatures.append(draw_signature(filled.image, area, rng, colour))


def _read_fields(
    document: pypdfium2.PdfDocument, page: pypdfium2.PdfPage, width: int, height: int
) -> list[FormField]:
    if document.formenv is None:
        return []
    fields = []
    for index in range(pdfium.FPDFPage_GetAnnotCount(page.raw)):
        annotation = pdfium.FPDFPage_GetAnnot(page.raw, index)
        kind = _KINDS.get(pdfium.FPDFAnnot_GetFormFieldType(document.formenv.raw, annotation))
        if kind is not None:
            name = _field_name(document.formenv.raw, annotation)
            fields.append(FormField(name, kind, _field_box(page, annotation, width, height)))
        pdfium.FPDFPage_CloseAnnot(annotation)
    return fields


def _field_name(environment: object, annotation: object) -> str:
    length = pdfium.FPDFAnnot_GetFormFieldName(environment, annotation, None, 0)
    buffer = ctypes.create_string_buffer(length)
    characters = ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort))
    pdfium.FPDFAnnot_GetFormFieldName(environment, annotation, characters, length)
    full = buffer.raw.decode("utf-16-le").rstrip("\0")
    parts = [part.removesuffix("[0]") for part in full.split(".")]
    row = next((part for part in parts[:-1] if part.startswith("Row")), "")
    return f"{row}.{parts[-1]}" if row else parts[-1]


def _field_box(page: pypdfium2.PdfPage, annotation: object, width: int, height: int) -> Box:
    rect = pdfium.FS_RECTF()
    pdfium.FPDFAnnot_GetRect(annotation, ctypes.byref(rect))
    xs, ys = [], []
    for px, py in ((rect.left, rect.top), (rect.right, rect.bottom)):
        x, y = ctypes.c_int(), ctypes.c_int()
        pdfium.FPDF_PageToDevice(page.raw, 0, 0, width, height, 0, px, py, x, y)
        xs.append(x.value)
        ys.append(y.value)
    return (min(xs), min(ys), abs(xs[1] - xs[0]), abs(ys[1] - ys[0]))
