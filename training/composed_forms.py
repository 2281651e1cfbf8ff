"""Forms that no office prints: labelled cells, rules to write on, questions, typed sheets.

They stand beside the government forms so that a classifier learns what makes a form, and not one
office's house style. Each function makes one page, different every time.
"""

from itertools import pairwise

import numpy as np

from training.ink import (
    BLACK_PEN,
    BLUE_PEN,
    HANDWRITTEN,
    PRINTED,
    TICK_STYLES,
    draw_signature,
    draw_tick,
    write_by_hand,
)
from training.sheet import FIRMS, NAMES, TOWNS, Sheet, pick, prose, title

_LABELS = [
    "Name",
    "First name",
    "Last name",
    "Date of birth",
    "Address",
    "City",
    "State",
    "ZIP code",
    "Telephone",
    "E-mail",
    "Employer",
    "Occupation",
    "Account number",
    "Date",
    "Amount",
    "Policy no.",
    "Relationship",
    "Department",
    "Project",
    "Brand",
    "Type",
    "Quantity",
    "Description",
    "Requested by",
    "Approved by",
    "Supplier",
    "Reason",
    "Region",
    "Sample no.",
    "Title",
    "Code",
]
_HEADINGS = [
    "APPLICATION FORM",
    "Registration Form",
    "Request for Approval",
    "ENROLLMENT APPLICATION",
    "Claim Form",
    "REPORT FORM",
    "Change Request",
    "Order Form",
    "Authorization",
    "Intake Sheet",
    "Survey",
    "Questionnaire",
]


class _Filler:
    """One hand, or one typewriter, that fills in a page, or leaves it blank."""

    def __init__(self, sheet: Sheet, rng: np.random.Generator) -> None:
        self._sheet, self._rng = sheet, rng
        self._way = pick(rng, ("hand", "hand", "typed", "typed", "blank"))
        self._hand = pick(rng, HANDWRITTEN)
        self._colour = BLUE_PEN if rng.random() < 0.5 else BLACK_PEN
        self._face = pick(rng, ("cousine", sheet.face))

    def value(self, x: float, y: float, width: float, height: float) -> None:
        """Write something into the box, in points; sometimes nothing."""
        if self._way == "blank" or self._rng.random() < 0.15 or width < 12:
            return
        text = _value(self._rng, width)
        if self._way == "hand":
            box = self._sheet.pixels((x, y, width, height))
            write_by_hand(self._sheet.image, text, box, self._hand, self._rng, self._colour)
        else:
            size = min(height * 0.7, 10.5)
            room = max(1, int(width / (size * 0.62)))
            self._sheet.text(x + 2, y + height * 0.8, text[:room], size, face=self._face)

    def box(self, x: float, y: float, size: float, *, round_: bool = False) -> None:
        """Print a box or circle with its bottom at `y`, and perhaps tick it."""
        if round_:
            self._sheet.circle(x + size / 2, y - size / 2, size / 2)
        else:
            self._sheet.frame((x, y - size, size, size))
        if self._way != "blank" and self._rng.random() < 0.35:
            style = str(self._rng.choice(TICK_STYLES))
            area = self._sheet.pixels((x, y - size, size, size))
            draw_tick(self._sheet.image, area, style, self._rng, self._colour)

    def signature(self, x: float, y: float, width: float) -> None:
        """Perhaps sign on the rule at `y`."""
        if self._way != "blank" and self._rng.random() < 0.7:
            area = self._sheet.pixels((x, y - 28, min(width, 130), 30))
            draw_signature(self._sheet.image, area, self._rng, self._colour)


def cell_form(rng: np.random.Generator, dpi: float) -> Sheet:
    """Rows of framed cells with small labels, section bars, boxes, a table."""
    sheet, filler, left, right, y = _begin(rng, dpi)
    height = rng.uniform(20, 36)
    label = rng.uniform(5.5, 8)
    end = sheet.height * rng.uniform(0.55, 0.97)
    while y < end - height:
        choice = rng.random()
        if choice < 0.14:
            y = _section_bar(sheet, rng, left, y, right)
        elif choice < 0.26:
            y = _tick_row(sheet, filler, rng, left, y + 12, right) + 4
        elif choice < 0.34:
            y = sheet.paragraph(left, y + 9, right - left, prose(rng, 40), label + 1) + 2
        elif choice < 0.42 and y < end - 120:
            y = _grid(sheet, filler, rng, left, y, right)
        else:
            _cells(sheet, filler, rng, (left, y, right - left, height), label)
            y += height
    _signature_lines(sheet, filler, rng, left, min(y + 40, sheet.height - 20), right)
    return sheet


def ruled_form(rng: np.random.Generator, dpi: float) -> Sheet:
    """Labels with rules to write on, in one to three columns; boxes; a line to sign on."""
    sheet, filler, left, right, y = _begin(rng, dpi)
    size = rng.uniform(8.5, 11.5)
    step = size * rng.uniform(1.6, 2.6)
    columns = int(rng.choice([1, 1, 2, 2, 3]))
    dotted = rng.random() < 0.2
    end = sheet.height * rng.uniform(0.45, 0.95)
    while y < end:
        choice = rng.random()
        if choice < 0.08:
            sheet.text(left, y, title(rng, 3).upper(), size, bold=True)
        elif choice < 0.2:
            _tick_row(sheet, filler, rng, left, y, right)
        elif choice < 0.26:
            y = sheet.paragraph(left, y, right - left, prose(rng, 35), size)
        else:
            edges = np.linspace(left, right, columns + 1)
            for a, b in pairwise(edges):
                start = a + sheet.text(a, y, _label(rng), size) + 4
                if not dotted:
                    sheet.rule(start, y + 2, b - 8, y + 2, 0.6)
                filler.value(start, y - size * 1.1, b - 8 - start, size * 1.4)
        y += step
    _signature_lines(sheet, filler, rng, left, min(y + 30, sheet.height - 20), right)
    return sheet


def questionnaire(rng: np.random.Generator, dpi: float) -> Sheet:
    """Numbered questions, each with boxes or circles to tick; scales; lines for remarks."""
    sheet, filler, left, right, y = _begin(rng, dpi)
    size = rng.uniform(8.5, 11)
    round_ = bool(rng.random() < 0.3)
    end = sheet.height * rng.uniform(0.6, 0.96)
    number = 1
    while y < end - 50:
        y = sheet.paragraph(left, y, right - left, f"{number}. {prose(rng, 14)}", size)
        number += 1
        way = rng.random()
        if way < 0.3:
            for _ in range(int(rng.integers(2, 6))):
                filler.box(left + 18, y + 1, size * 0.85, round_=round_)
                sheet.text(left + 36, y, prose(rng, int(rng.integers(1, 6))), size)
                y += size * 1.5
        elif way < 0.6:
            y = _scale(sheet, filler, rng, (left + 20, y, right), round_=round_)
        elif way < 0.85:
            y = _tick_row(sheet, filler, rng, left + 18, y, right)
        else:
            for _ in range(int(rng.integers(1, 4))):
                y += size * 1.6
                sheet.rule(left, y, right, y, 0.5)
                filler.value(left, y - size * 1.5, right - left, size * 1.5)
        y += size * rng.uniform(0.8, 2)
    return sheet


def typed_sheet(rng: np.random.Generator, dpi: float) -> Sheet:
    """A sheet of labels and values with hardly a rule, as typewriters made them."""
    sheet, filler, left, right, y = _begin(rng, dpi)
    sheet.face = pick(rng, ("cousine", "cousine", sheet.face))
    size = rng.uniform(8.5, 11)
    step = size * rng.uniform(1.35, 2.4)
    columns = int(rng.choice([1, 1, 2]))
    tab = rng.uniform(0.35, 0.6)
    end = sheet.height * rng.uniform(0.5, 0.95)
    underlined = rng.random() < 0.5
    while y < end:
        if rng.random() < 0.12:
            sheet.text(left, y, title(rng, 2).upper(), size, bold=True)
            y += step
        edges = np.linspace(left, right, columns + 1)
        for a, b in pairwise(edges):
            sheet.text(a, y, _label(rng).upper() + ":", size)
            start = a + (b - a) * tab
            filler.value(start, y - size * 1.1, b - start - 8, size * 1.35)
            if underlined and rng.random() < 0.7:
                sheet.rule(start, y + 2, b - 8, y + 2, 0.6)
        if rng.random() < 0.1:
            y = sheet.paragraph(left, y + step, right - left, prose(rng, 30), size)
        y += step * (1.8 if rng.random() < 0.1 else 1)
    _signature_lines(sheet, filler, rng, left, min(y + 30, sheet.height - 20), right)
    return sheet


def consent_form(rng: np.random.Generator, dpi: float) -> Sheet:
    """Mostly prose, ending in framed or ruled places to sign and date."""
    sheet, filler, left, right, y = _begin(rng, dpi)
    size = rng.uniform(8, 11)
    end = sheet.height * rng.uniform(0.35, 0.75)
    while y < end:
        if rng.random() < 0.3:
            sheet.text(left, y, title(rng, 2) + ":", size, bold=True)
            y += size * 1.5
        if rng.random() < 0.25:
            filler.box(left, y + 1, size)
        y = sheet.paragraph(left + 16, y, right - left - 16, prose(rng, 50), size) + size * 0.7
    for _ in range(int(rng.integers(1, 4))):
        if y > sheet.height - 60:
            break
        _cells(sheet, filler, rng, (left, y, right - left, 34), 8)
        y += 34
    _signature_lines(sheet, filler, rng, left, min(y + 45, sheet.height - 20), right)
    return sheet


FORMS = [cell_form, cell_form, ruled_form, ruled_form, questionnaire, typed_sheet, consent_form]


def _begin(rng: np.random.Generator, dpi: float) -> tuple[Sheet, _Filler, float, float, float]:
    """Paper, filler, left and right margin, and the first free baseline under the heading."""
    size = (595, 842) if rng.random() < 0.4 else (612, 792)
    if rng.random() < 0.12:
        size = (size[1], size[0])
    sheet = Sheet(*size, dpi, face=pick(rng, PRINTED))
    left, right = rng.uniform(24, 70), sheet.width - rng.uniform(24, 70)
    y = rng.uniform(40, 80)
    if rng.random() < 0.85:
        big = rng.uniform(11, 20)
        centred = rng.random() < 0.6
        x, align = (sheet.width / 2, "centre") if centred else (left, "left")
        if rng.random() < 0.5:
            sheet.text(x, y, f"{pick(rng, FIRMS)} {pick(rng, TOWNS)}", big * 0.7, align=align)
            y += big
        sheet.text(x, y, pick(rng, _HEADINGS), big, bold=True, align=align)
        y += big * 1.2
    if rng.random() < 0.4:
        y = sheet.paragraph(left, y, right - left, prose(rng, int(rng.integers(15, 60))), 8.5)
    return sheet, _Filler(sheet, rng), left, right, y + 14


def _label(rng: np.random.Generator) -> str:
    return pick(rng, _LABELS) if rng.random() < 0.6 else title(rng, int(rng.integers(1, 4)))


def _value(rng: np.random.Generator, width: float) -> str:
    kind = rng.random()
    if width < 60 or kind < 0.3:
        return str(rng.integers(1, 99999))
    if kind < 0.5:
        return f"{rng.integers(1, 12):02d}/{rng.integers(1, 28):02d}/{rng.integers(1970, 2024)}"
    return pick(rng, NAMES) if kind < 0.8 or width < 130 else title(rng, 3)


def _section_bar(
    sheet: Sheet, rng: np.random.Generator, left: float, y: float, right: float
) -> float:
    height = rng.uniform(11, 18)
    dark = rng.random() < 0.4
    tone = int(rng.integers(0, 90)) if dark else int(rng.integers(190, 240))
    sheet.fill((left, y, right - left, height), (tone, tone, tone))
    ink = (250, 250, 250) if dark else (25, 25, 25)
    sheet.text(
        left + 4, y + height * 0.75, title(rng, 3).upper(), height * 0.6, bold=True, colour=ink
    )
    return y + height


def _cells(
    sheet: Sheet,
    filler: _Filler,
    rng: np.random.Generator,
    box: tuple[float, float, float, float],
    label: float,
) -> None:
    x, y, width, height = box
    cuts = np.sort(rng.uniform(0.12, 0.88, int(rng.integers(0, 4))))
    edges = x + width * np.concatenate([[0], cuts, [1]])
    sheet.frame(box)
    for a, b in pairwise(edges):
        if b - a < 25:
            continue
        sheet.rule(a, y, a, y + height)
        room = max(2, int((b - a) / label / 0.55))
        sheet.text(a + 3, y + label * 1.15, _label(rng)[:room], label)
        filler.value(a + 3, y + height * 0.42, b - a - 6, height * 0.55)


def _tick_row(
    sheet: Sheet, filler: _Filler, rng: np.random.Generator, left: float, y: float, right: float
) -> float:
    size = rng.uniform(7, 10)
    x = left
    if rng.random() < 0.6:
        x += sheet.text(x, y, title(rng, int(rng.integers(1, 5))) + "?", size) + 10
    round_ = bool(rng.random() < 0.2)
    for _ in range(int(rng.integers(2, 7))):
        word = pick(rng, ("Yes", "No", "N/A", title(rng, 1)))
        if x > right - 60:
            break
        filler.box(x, y + 1, size * 0.95, round_=round_)
        x += size * 1.4
        x += sheet.text(x, y, word, size) + rng.uniform(8, 30)
    return y + size * 1.7


def _scale(
    sheet: Sheet,
    filler: _Filler,
    rng: np.random.Generator,
    place: tuple[float, float, float],
    *,
    round_: bool,
) -> float:
    """Statements down, answers across."""
    left, y, right = place
    columns, size = int(rng.integers(3, 8)), rng.uniform(7.5, 9.5)
    start = left + (right - left) * rng.uniform(0.3, 0.6)
    for _ in range(int(rng.integers(1, 7))):
        sheet.text(left, y, prose(rng, 3)[: int((start - left) / size / 0.55)], size)
        for x in np.linspace(start, right - 14, columns):
            filler.box(x, y + 1, size, round_=round_)
        y += size * 1.7
    return y


def _grid(
    sheet: Sheet, filler: _Filler, rng: np.random.Generator, left: float, y: float, right: float
) -> float:
    """An empty or partly filled table to enter things into."""
    columns, rows = int(rng.integers(3, 9)), int(rng.integers(2, 7))
    step = rng.uniform(13, 22)
    edges = np.linspace(left, right, columns + 1)
    for a, b in pairwise(edges):
        sheet.text(a + 2, y + 9, _label(rng)[: int((b - a) / 4)], 6.5)
    y += 12
    for _ in range(rows):
        sheet.rule(left, y, right, y, 0.5)
        for a, b in pairwise(edges):
            filler.value(a + 2, y + 2, b - a - 4, step - 3)
        y += step
    for edge in edges:
        sheet.rule(edge, y - rows * step - 12, edge, y, 0.5)
    sheet.rule(left, y, right, y, 0.5)
    return y + 4


def _signature_lines(
    sheet: Sheet, filler: _Filler, rng: np.random.Generator, left: float, y: float, right: float
) -> None:
    if rng.random() < 0.35:
        return
    middle = left + (right - left) * rng.uniform(0.5, 0.7)
    for a, b, label in ((left, middle - 15, "Signature"), (middle, right, "Date")):
        sheet.rule(a, y, b, y, 0.7)
        sheet.text(a, y + 9, label, 7.5)
        if label == "Signature":
            filler.signature(a + 10, y, b - a - 20)
        else:
            filler.value(a, y - 16, b - a, 15)
