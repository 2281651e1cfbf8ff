"""Pages of print: of a newspaper, of a paper, of a slide full of text, of a memo on a printed head.

`training.compose` draws publications of every kind alike; here is what tells one from another.
"""

import numpy as np

from training.assembled import page, stack
from training.blocks import (
    Block,
    column_table,
    listing,
    logo,
    name_columns,
    picture,
    signed,
    text_block,
)
from training.ink import PRINTED
from training.sheet import FIRMS, NAMES, Sheet, pick, prose, title

_SIGNS = ("a", "x", "f(x)", "n", "k", "=", "+", "-", "2", "∑", "λ")


def newspaper_page(rng: np.random.Generator, dpi: float) -> Sheet:
    """Many narrow columns of small print, rules between, headlines over one column or several."""
    sheet = page(rng, dpi)
    sheet.face = pick(rng, ("tinos", "tinos", *PRINTED))
    margin, gap = rng.uniform(14, 40), rng.uniform(5, 12)
    columns, size = int(rng.integers(3, 9)), rng.uniform(4.5, 8)
    top = rng.uniform(20, 50)
    if rng.random() < 0.6:
        top = _masthead(sheet, rng, margin, top)
    width = (sheet.width - 2 * margin - gap * (columns - 1)) / columns
    between = rng.random() < 0.6
    first = 0
    while first < columns:
        span = min(int(rng.choice([1, 1, 2, 3])), columns - first)
        left = margin + first * (width + gap)
        y = _headline(sheet, rng, left, top, span * (width + gap) - gap)
        for i in range(first, first + span):
            x = margin + i * (width + gap)
            if between and i:
                sheet.rule(x - gap / 2, top, x - gap / 2, sheet.height - 25, 0.4)
            _newspaper_column(sheet, rng, x, y, width, size)
        first += span
    return sheet


def paper_page(rng: np.random.Generator, dpi: float) -> Sheet:
    """A page from a paper or a textbook: one column or two, formulas, numbered headings, a chart,
    a table with a caption, references; the first page with title, authors and abstract."""
    sheet = page(rng, dpi)
    sheet.face = pick(rng, ("tinos", "tinos", "tinos", *PRINTED))
    margin, size = rng.uniform(42, 95), rng.uniform(7.5, 11)
    columns, gap = int(rng.choice([1, 1, 2, 2, 2])), rng.uniform(12, 22)
    top = rng.uniform(45, 90)
    if rng.random() < 0.6:
        sheet.text(sheet.width / 2, top - 22, title(rng, 4), size * 0.85, align="centre")
    if rng.random() < 0.35:
        top = _paper_head(sheet, rng, margin, top, size)
    width = (sheet.width - 2 * margin - gap * (columns - 1)) / columns
    pool: list[Block] = [_lines_of_prose] * 6
    pool += [_formula] * int(rng.integers(0, 5)) + [_numbered_heading] * 2
    pool += [picture, column_table] * int(rng.random() < 0.5)
    references = rng.random() < 0.2
    for i in range(columns):
        order: list[Block] = [_reference] * 30
        if not references:
            order = [pool[k] for k in rng.integers(0, len(pool), 40)]
        left = margin + i * (width + gap)
        stack(sheet, rng, order, left, top, size, until=sheet.height - 60,
               right=sheet.width - left - width)  # fmt: skip
    sheet.text(sheet.width / 2, sheet.height - 28, str(rng.integers(1, 900)), size, align="centre")
    return sheet


def text_slide(rng: np.random.Generator, dpi: float) -> Sheet:
    """A slide with a title and text all over it, under headings in bold, perhaps in two halves."""
    sheet = Sheet(792.0, float(rng.choice([445, 594, 594])), dpi, face=pick(rng, PRINTED))
    big, size = rng.uniform(26, 42), rng.uniform(13, 25)
    y = big * rng.uniform(1.1, 1.8)
    for _ in range(int(rng.integers(1, 3))):
        centred = rng.random() < 0.7
        sheet.text(sheet.width / 2 if centred else 40, y, title(rng, int(rng.integers(2, 5))), big,
                   bold=True, align="centre" if centred else "left")  # fmt: skip
        y += big * 1.2
    halves = 2 if rng.random() < 0.3 else 1
    margin = rng.uniform(25, 70)
    for half in range(halves):
        left = margin if half == 0 else sheet.width / 2 + 15
        right = margin if halves == 1 or half else sheet.width / 2 + 15
        pool: list[Block] = [_bold_line, _short_prose, _short_prose, listing]
        order = [pool[k] for k in rng.integers(0, len(pool), 7)]
        stack(sheet, rng, order, left, y + size, size, until=sheet.height - 60, right=right)
    if rng.random() < 0.6:
        sheet.text(sheet.width - 30, sheet.height - 18, str(rng.integers(1, 90)), 10, align="right")
    return sheet


def headed_memo(rng: np.random.Generator, dpi: float) -> Sheet:
    """A memo on a printed head: heads in small print and typed values, in two columns between
    rules, then prose, a table of results, a signature, marks and copies."""
    sheet = page(rng, dpi)
    margin, size = rng.uniform(45, 100), rng.uniform(8.5, 12)
    y = rng.uniform(30, 70)
    if rng.random() < 0.6:
        logo(sheet, rng, margin, y, 150, size)
    sheet.text(sheet.width - margin, y + 12, pick(rng, ("Memorandum", "Inter-Office Memorandum")),
               size * rng.uniform(1, 1.8), bold=True, align="right")  # fmt: skip
    y += rng.uniform(30, 60)
    ruled, small = rng.random() < 0.6, size * rng.uniform(0.5, 1)
    if ruled:
        sheet.rule(margin, y - size, sheet.width - margin, y - size, rng.uniform(0.5, 2))
    for head in ("To", "From", "Subject"):
        sheet.text(margin, y, head, small)
        sheet.text(margin + 55, y, pick(rng, NAMES), size)
        if rng.random() < 0.4:
            sheet.text(sheet.width - margin - 130, y, "Date", small)
            sheet.text(sheet.width - margin - 90, y, f"{rng.integers(1, 28)} May 1981", size)
        if rng.random() < 0.5:
            sheet.text(margin + 55, y + size * 1.2, title(rng, 3), size)
        y += size * rng.uniform(2, 3.5)
    if ruled:
        sheet.rule(margin, y - size, sheet.width - margin, y - size, rng.uniform(0.5, 2))
    body: list[Block] = [text_block, text_block, text_block, column_table]
    order = [body[k] for k in rng.integers(0, len(body), int(rng.integers(1, 6)))]
    order += [signed] * int(rng.random() < 0.7) + [name_columns] * int(rng.random() < 0.6)
    stack(sheet, rng, order, margin, y + size * 2, size)
    return sheet


def _masthead(sheet: Sheet, rng: np.random.Generator, margin: float, y: float) -> float:
    big = rng.uniform(30, 60)
    sheet.text(sheet.width / 2, y + big, f"The {pick(rng, FIRMS)} Times", big, bold=True,
               align="centre")  # fmt: skip
    y += big * 1.35
    for _ in range(2):
        sheet.rule(margin, y, sheet.width - margin, y, rng.uniform(0.5, 1.5))
        y += 14
    sheet.text(sheet.width / 2, y - 18, prose(rng, 5), 7, align="centre")
    return y + 4


def _headline(sheet: Sheet, rng: np.random.Generator, x: float, y: float, width: float) -> float:
    big = float(np.clip(width / rng.uniform(7, 14), 7, 34))
    words = title(rng, int(rng.integers(2, 7)))
    words = words.upper() if rng.random() < 0.4 else words
    return sheet.paragraph(x, y + big, width, words, big, leading=1.1) + big * 0.3


def _newspaper_column(
    sheet: Sheet, rng: np.random.Generator, x: float, y: float, width: float, size: float
) -> None:
    end = sheet.height - 30
    while y < end - size * 6:
        way = rng.random()
        if way < 0.12:
            y = _headline(sheet, rng, x, y, width)
        elif way < 0.17 and y < end - 120:
            y = picture(sheet, rng, x, y, width, size)
        room = int((end - y) / (size * 1.15) * width / (size * 3.2))
        if room < 4:
            return
        words = prose(rng, min(int(rng.integers(25, 160)), room))
        y = sheet.paragraph(x, y, width, words, size, leading=1.15) + size * 0.2


def _paper_head(
    sheet: Sheet, rng: np.random.Generator, margin: float, y: float, size: float
) -> float:
    big = rng.uniform(13, 20)
    for _ in range(int(rng.integers(1, 3))):
        sheet.text(sheet.width / 2, y + big, title(rng, int(rng.integers(3, 6))), big, bold=True,
                   align="centre")  # fmt: skip
        y += big * 1.3
    for line in (", ".join(NAMES[:3]), title(rng, 4)):
        y += size * 1.5
        sheet.text(sheet.width / 2, y, line, size, align="centre")
    words = prose(rng, int(rng.integers(50, 140)))
    room = sheet.width - 2 * margin - 50
    return sheet.paragraph(margin + 25, y + size * 3, room, words, size * 0.9) + size * 2


def _lines_of_prose(
    sheet: Sheet, rng: np.random.Generator, x: float, y: float, width: float, size: float
) -> float:
    words = prose(rng, int(rng.integers(30, 130)))
    return sheet.paragraph(x, y, width, words, size, leading=1.15) + size * 0.1


def _formula(
    sheet: Sheet, rng: np.random.Generator, x: float, y: float, width: float, size: float
) -> float:
    """Letters, signs and a fraction in the middle, a number in brackets at the right."""
    signs = " ".join(pick(rng, _SIGNS) for _ in range(9))
    sheet.text(x + width * 0.45, y + size, signs, size * 1.1, align="centre")
    if rng.random() < 0.5:
        sheet.rule(x + width * 0.5, y + size * 1.4, x + width * 0.7, y + size * 1.4, 0.5)
        sheet.text(x + width * 0.6, y + size * 2.5, "x + n", size, align="centre")
    sheet.text(x + width, y + size, f"({rng.integers(1, 40)})", size, align="right")
    return y + size * 3.6


def _numbered_heading(
    sheet: Sheet,
    rng: np.random.Generator,
    x: float,
    y: float,
    width: float,  # noqa: ARG001  as every block
    size: float,
) -> float:
    words = f"{rng.integers(1, 7)}. {title(rng, 2)}"
    sheet.text(x, y + size * 0.8, words, size * rng.uniform(1, 1.3), bold=True)
    return y + size * 2.4


def _reference(
    sheet: Sheet, rng: np.random.Generator, x: float, y: float, width: float, size: float
) -> float:
    hang = size * 2
    sheet.text(x, y, f"[{rng.integers(1, 90)}]", size * 0.85)
    words = f"{pick(rng, NAMES)}. {prose(rng, int(rng.integers(8, 24)))}"
    return sheet.paragraph(x + hang, y, width - hang, words, size * 0.85)


def _short_prose(
    sheet: Sheet, rng: np.random.Generator, x: float, y: float, width: float, size: float
) -> float:
    words = prose(rng, int(rng.integers(6, 26)))
    return sheet.paragraph(x, y, width, words, size, leading=1.2) + size * 0.2


def _bold_line(
    sheet: Sheet,
    rng: np.random.Generator,
    x: float,
    y: float,
    width: float,  # noqa: ARG001  as every block
    size: float,
) -> float:
    words = title(rng, int(rng.integers(1, 4)))
    sheet.text(x, y, words.upper() if rng.random() < 0.5 else words, size, bold=True)
    return y + size * 1.25
