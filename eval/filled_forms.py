"""Fillable PDF forms filled in print and scanned by program, with the values that were written.

A form's definition is drafted from the PDF's own fields (`orchestrator.forms.draft`), as a business
unit would begin; the truth is what was written, in the notation of the field's type.
"""

import datetime
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from orchestrator.forms.definition import (
    FieldDefinition,
    FormDefinition,
    IdKind,
    ValueType,
    read_definition,
)
from orchestrator.forms.draft import DraftField, draft_fields
from orchestrator.forms.draft_text import definition_text
from orchestrator.forms.frame import POINTS_PER_INCH, Rect
from orchestrator.forms.pdf_form import read_pages, read_widgets
from training.forms import open_form
from training.ink import (
    BLACK,
    BLACK_PEN,
    BLUE_PEN,
    TICK_STYLES,
    Page,
    draw_signature,
    draw_tick,
    write,
)
from training.ink import font as font_of

FACES = ("arimo", "tinos", "cousine", "roboto-slab")
FILLED_SHARE, TICKED_SHARE, SIGNED_SHARE = 0.7, 0.35, 0.6
_SMALLEST = 6.5
_NAMES = ("Amara", "Jonas", "Grace", "Lindqvist", "Okafor", "Tanaka", "Maria", "Peter", "Hughes")
_PLACES = ("Fairhaven", "Springfield", "Oak Street", "Mill Road", "Harbor", "Northbridge", "Nurse")


@dataclass(frozen=True)
class Form:
    """A form to fill.

    Attributes:
        folder: where its definition and blank lie.
        cells: by field name, the places of letters that are fields of their own in the PDF.
    """

    folder: Path
    definition: FormDefinition
    cells: dict[str, tuple[Rect, ...]]

    @property
    def blank(self) -> Path:
        return self.folder / self.definition.blank


@dataclass(slots=True)
class Filled:
    """A filled page.

    Attributes:
        image: BGR.
        truth: value by field name, empty for what was left empty.
    """

    image: Page
    truth: dict[str, str] = field(default_factory=dict)


def register(pdf: Path, name: str, folder: Path) -> Form:
    """Draft the definition of a fillable PDF into `folder/name`, as `pagemesh form init` does."""
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    (place / "blank.pdf").write_bytes(pdf.read_bytes())
    drafted = draft_fields(read_pages(pdf), read_widgets(pdf))
    text = definition_text(name, name, "blank.pdf", drafted)
    (place / "definition.yaml").write_text(text, encoding="utf-8")
    definition = read_definition("definition.yaml", text.encode())
    return Form(place, definition, {d.name: _cells(d) for d in drafted if d.comb})


def _cells(drafted: DraftField) -> tuple[Rect, ...]:
    if drafted.cells:
        return drafted.cells
    box, width = drafted.box, drafted.box.width / drafted.comb
    lefts = [box.left + place * width for place in range(drafted.comb)]
    return tuple(Rect(left, box.top, left + width, box.bottom) for left in lefts)


def fill_page(form: Form, number: int, dpi: float, rng: np.random.Generator) -> Filled:
    """Fill page `number`, from 1: some fields stay empty."""
    blank = open_form(form.blank, number, dpi)
    filled = Filled(blank.image)
    face = str(rng.choice(FACES))
    for item in form.definition.fields:
        if item.page == number:
            filled.truth[item.name] = _fill(filled.image, form, item, dpi, face, rng)
    return filled


def _fill(
    image: Page, form: Form, item: FieldDefinition, dpi: float, face: str, rng: np.random.Generator
) -> str:
    """Write into one field; returns its value."""
    scale = dpi / POINTS_PER_INCH
    if item.type is ValueType.CHECKBOX and item.rect:
        return "true" if _tick(image, item.rect, scale, rng, TICKED_SHARE) else "false"
    if item.options and item.options[0].rect is not None:
        chosen = item.options[int(rng.integers(len(item.options)))]
        is_ticked = chosen.rect and _tick(image, chosen.rect, scale, rng, FILLED_SHARE)
        return chosen.value if is_ticked else ""
    rect = item.rect
    if rect is None:
        raise ValueError(f"{item.name} has no place")
    if item.type is ValueType.SIGNATURE:
        return "true" if _sign(image, rect, scale, rng) else "false"
    if rng.random() > FILLED_SHARE:
        return ""
    cells = form.cells.get(item.name, ())
    text, value = _invented(item, rect, len(cells), rng)
    if cells:
        for letter, cell in zip(text, cells, strict=False):
            _letter(image, letter, cell, scale, face)
    else:
        text, value = _fitting(text, value, rect, face)
        _line(image, text, rect, scale, face, is_right=item.type is ValueType.MONEY)
    return value


def _tick(image: Page, rect: Rect, scale: float, rng: np.random.Generator, share: float) -> bool:
    if rng.random() > share:
        return False
    box = (rect.left * scale, rect.top * scale, rect.width * scale, rect.height * scale)
    draw_tick(image, box, str(rng.choice(TICK_STYLES)), rng, _pen(rng))
    return True


def _sign(image: Page, rect: Rect, scale: float, rng: np.random.Generator) -> bool:
    if rng.random() > SIGNED_SHARE:
        return False
    height = max(rect.height, 18.0)
    width = min(rect.width * 0.9, 5 * height)
    box = (rect.left * scale, (rect.bottom - height) * scale, width * scale, height * scale)
    draw_signature(image, box, rng, _pen(rng))
    return True


def _pen(rng: np.random.Generator) -> tuple[int, int, int]:
    return BLUE_PEN if rng.random() < 0.5 else BLACK_PEN


def _invented(
    item: FieldDefinition, rect: Rect, cells: int, rng: np.random.Generator
) -> tuple[str, str]:
    """What is written, and the value that it is."""
    if cells:
        return _in_cells(item, cells, rng)
    match item.type:
        case ValueType.DATE:
            return _date(rng, is_narrow=rect.width < 48)
        case ValueType.MONEY | ValueType.NUMBER:
            return _amount(item, rect, rng)
        case ValueType.PHONE:
            digits = f"555{rng.integers(10**6, 10**7)}"
            return f"({digits[:3]}) {digits[3:6]}-{digits[6:]}", digits
        case ValueType.ID:
            return _identifier(item.id, rng)
        case _:
            words = _words(item, rect, rng)
            return words, words


def _words(item: FieldDefinition, rect: Rect, rng: np.random.Generator) -> str:
    if item.type is ValueType.INTEGER:
        return str(rng.integers(1, 10 ** int(np.clip(rect.width / 10, 1, 4))))
    if item.type is ValueType.CHOICE:
        return item.options[int(rng.integers(len(item.options)))].value
    if item.type is ValueType.NAME:
        return " ".join(map(str, rng.choice(_NAMES, 2, replace=False)))
    if rect.width < 26:
        return str(rng.choice(list("ABCDEFHKMNPRTY")))
    return f"{rng.integers(2, 99)} {rng.choice(_PLACES)}"


def _amount(item: FieldDefinition, rect: Rect, rng: np.random.Generator) -> tuple[str, str]:
    whole = int(rng.integers(1, 10 ** int(np.clip(rect.width / 12, 1, 6))))
    is_exact = rect.width > 60 and rng.random() < 0.5
    cents = int(rng.integers(1, 100)) if is_exact else 0
    text = f"{whole:,}" + (f".{cents:02d}" if is_exact else "")
    value = f"{whole}.{cents:02d}"
    return text, value if item.type is ValueType.MONEY else value.rstrip("0").rstrip(".")


def _in_cells(item: FieldDefinition, cells: int, rng: np.random.Generator) -> tuple[str, str]:
    if item.type is ValueType.ID and item.id in (IdKind.SSN, IdKind.EIN, IdKind.ABA, IdKind.ZIP):
        _, value = _identifier(item.id, rng)
        return value[:cells], value[:cells]
    if item.type is ValueType.DATE:
        day = _day(rng)
        return day.strftime("%m%d%Y" if cells >= 8 else "%m%d%y"), day.isoformat()
    if item.type in (ValueType.TEXT, ValueType.NAME):
        text = "".join(map(str, rng.choice(list("ABCDEFGHKLMNOPRSTUVWY"), cells)))
        return text, text
    digits = "".join(map(str, rng.integers(1, 10, cells)))
    return digits, f"{digits}.00" if item.type is ValueType.MONEY else digits


def _identifier(kind: IdKind | None, rng: np.random.Generator) -> tuple[str, str]:
    match kind:
        case IdKind.SSN:
            digits = f"{rng.integers(100, 665)}{rng.integers(10, 99)}{rng.integers(1000, 9999)}"
            return f"{digits[:3]}-{digits[3:5]}-{digits[5:]}", digits
        case IdKind.EIN:
            digits = f"{rng.integers(10, 99)}{rng.integers(10**6, 10**7)}"
            return f"{digits[:2]}-{digits[2:]}", digits
        case IdKind.ZIP:
            digits = f"{rng.integers(10000, 99999)}"
            return digits, digits
        case IdKind.ABA:
            head = [int(d) for d in f"{rng.integers(10**7, 10**8)}"]
            weighed = sum(d * (3, 7, 1)[place % 3] for place, d in enumerate(head))
            digits = "".join(map(str, head)) + str(-weighed % 10)
            return digits, digits
        case _:
            digits = f"{rng.integers(10**7, 10**9)}"
            return digits, digits


def _day(rng: np.random.Generator) -> datetime.date:
    return datetime.date(1955, 1, 1) + datetime.timedelta(days=int(rng.integers(25_000)))


def _date(rng: np.random.Generator, *, is_narrow: bool) -> tuple[str, str]:
    day = _day(rng)
    formats = ["%m/%d/%y"] if is_narrow else ["%m/%d/%Y", "%m-%d-%Y", "%m/%d/%y", "%b %d, %Y"]
    written = day.strftime(str(rng.choice(formats)))
    return written, day.isoformat()


def _size(rect: Rect) -> float:
    return float(np.clip(rect.height * 0.72, 6.5, 10.5))


def _fitting(text: str, value: str, rect: Rect, face: str) -> tuple[str, str]:
    """Words are left out until the text fits at its smallest; a text is its own value."""
    while text == value and " " in text and _width(text, _SMALLEST, face) > rect.width - 4:
        text = value = text.rsplit(" ", 1)[0]
    return text, value


def _width(text: str, size: float, face: str) -> float:
    return float(font_of(face, 100).getlength(text)) * size / 100


def _line(image: Page, text: str, rect: Rect, scale: float, face: str, *, is_right: bool) -> None:
    """One line inside the field, shrunk until it fits as PDF viewers do."""
    size = _size(rect)
    size = min(size, size * (rect.width - 4) / max(_width(text, size, face), 1.0))
    face_font = font_of(face, max(6, int(size * scale)))
    length = face_font.getlength(text)
    left = rect.right * scale - length - 2 * scale if is_right else (rect.left + 2) * scale
    tall = min(rect.height, 16.0)
    baseline = (rect.top + tall / 2 + 0.35 * size) * scale
    write(image, text, left, baseline, face_font, BLACK)


def _letter(image: Page, letter: str, cell: Rect, scale: float, face: str) -> None:
    size = _size(cell)
    face_font = font_of(face, max(6, round(size * scale)))
    left = cell.centre[0] * scale - face_font.getlength(letter) / 2
    write(image, letter, left, (cell.centre[1] + 0.35 * size) * scale, face_font, BLACK)
