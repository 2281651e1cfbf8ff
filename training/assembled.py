"""Pages assembled from blocks in ever different orders: the untidy side of each kind.

`training.compose` draws the tidy pages of a kind, this module what offices and tills make of it.
"""

from collections.abc import Sequence

import numpy as np

from training.blocks import (
    Block,
    barcode,
    big_line,
    centred_lines,
    column_table,
    key_lines,
    listing,
    logo,
    name_columns,
    pen_note,
    picture,
    priced_lines,
    ruling,
    shaded_bar,
    signed,
    text_block,
    totals,
)
from training.ink import HANDWRITTEN, PRINTED, draw_stroke
from training.sheet import Sheet, money, pick, prose

_TILL_FACES = ("cousine", "cousine", "arimo", "barlow-condensed", "tinos")


def till_slip(rng: np.random.Generator, dpi: float) -> Sheet:
    """A receipt: narrow or wide, long or short, printed from edge to edge or not."""
    width = rng.uniform(150, 420)
    size = width / rng.uniform(24, 48)
    sheet = Sheet(width, width * rng.uniform(1.1, 3.2), dpi * 1.3, face=pick(rng, _TILL_FACES))
    margin = width * rng.uniform(0.02, 0.16)
    head = [logo] * int(rng.random() < 0.35) + [big_line] * int(rng.random() < 0.6)
    order = [*head, centred_lines, ruling, key_lines, ruling, priced_lines, ruling, totals]
    tail = [ruling, column_table, centred_lines, pen_note, barcode, text_block, key_lines]
    order += [tail[i] for i in rng.integers(0, len(tail), int(rng.integers(0, 5)))]
    order = [block for block in order if rng.random() < 0.88]
    stack(sheet, rng, order, margin, width * rng.uniform(0.05, 0.2), size)
    return sheet


def office_letter(rng: np.random.Generator, dpi: float) -> Sheet:
    """A letter or memo with what offices add: marks, rules, tables, lists, copies, notes."""
    sheet = page(rng, dpi)
    margin, size = rng.uniform(45, 100), rng.uniform(8.5, 12.5)
    memo = rng.random() < 0.4
    order: list[Block] = []
    order += [logo] * int(rng.random() < 0.5) + [big_line] * int(rng.random() < 0.5)
    order += [centred_lines] * int(rng.random() < 0.3) + [ruling] * int(rng.random() < 0.4)
    order += [_heads, ruling] if memo else [_addressee]
    body: list[Block] = [text_block, text_block, text_block, text_block, listing, column_table]
    order += [body[i] for i in rng.integers(0, len(body), int(rng.integers(1, 7)))]
    order += [signed] * int(rng.random() < 0.75) + [name_columns] * int(rng.random() < 0.45)
    order += [pen_note] * int(rng.random() < 0.2)
    stack(sheet, rng, order, margin, rng.uniform(35, 130), size)
    if rng.random() < 0.4:
        sheet.text(sheet.width / 2, sheet.height - 26, prose(rng, 9), 7, align="centre")
    if rng.random() < 0.15:
        pen_note(sheet, rng, margin, rng.uniform(20, 500), sheet.width - margin, size * 1.4)
    return sheet


def report_page(rng: np.random.Generator, dpi: float) -> Sheet:
    """A page of a report or journal: prose with headings, lists, tables, pictures, in columns."""
    sheet = page(rng, dpi)
    margin, size = rng.uniform(36, 85), rng.uniform(7, 11)
    columns = int(rng.choice([1, 1, 2, 2, 3]))
    top = rng.uniform(35, 80)
    if rng.random() < 0.5:
        order: list[Block] = [big_line, centred_lines, text_block, picture, ruling, logo]
        head = [order[i] for i in rng.integers(0, len(order), int(rng.integers(1, 4)))]
        top = stack(sheet, rng, head, margin, top, size, until=sheet.height * 0.5)
    gap = rng.uniform(10, 24)
    width = (sheet.width - 2 * margin - gap * (columns - 1)) / columns
    pool: list[Block] = []
    pool += [text_block] * 9 + [big_line, listing, column_table, picture]
    for i in range(columns):
        order = [pool[k] for k in rng.integers(0, len(pool), 24)]
        left = margin + i * (width + gap)
        right = sheet.width - left - width
        end = sheet.height * (1 if rng.random() < 0.8 else rng.uniform(0.3, 1))
        stack(sheet, rng, order, left, top, size, until=end - 45, right=right)
    return sheet


def account_page(rng: np.random.Generator, dpi: float) -> Sheet:
    """A statement or pay stub: bars, tables, keys, sums and small print."""
    sheet = page(rng, dpi)
    margin, size = rng.uniform(24, 60), rng.uniform(7, 10)
    pool: list[Block] = [shaded_bar, shaded_bar, column_table, column_table, column_table]
    pool += [key_lines, totals, text_block, big_line, ruling, priced_lines]
    order = [logo, key_lines, *[pool[k] for k in rng.integers(0, len(pool), 14)]]
    end = sheet.height * rng.uniform(0.5, 0.96)
    stack(sheet, rng, order, margin, rng.uniform(30, 70), size, until=end)
    return sheet


def bill(rng: np.random.Generator, dpi: float) -> Sheet:
    """An invoice: who, to whom, what for, how much, how to pay."""
    sheet = page(rng, dpi)
    margin, size = rng.uniform(30, 70), rng.uniform(8, 11)
    order: list[Block] = []
    order += [logo] * int(rng.random() < 0.5) + [big_line, key_lines, _addressee]
    order += [shaded_bar] * int(rng.random() < 0.4)
    order += [column_table] if rng.random() < 0.5 else [priced_lines]
    order += [ruling, totals, text_block] + [centred_lines] * int(rng.random() < 0.4)
    stack(sheet, rng, order, margin, rng.uniform(35, 80), size)
    return sheet


def slide(rng: np.random.Generator, dpi: float) -> Sheet:
    """A slide in large letters, light, with a mark in a corner and small print below."""
    size = (792.0, float(rng.choice([445, 594, 612])))
    sheet = Sheet(*size, dpi, face=pick(rng, PRINTED))
    margin, letters = rng.uniform(30, 90), rng.uniform(17, 32)
    if rng.random() < 0.5:
        tone = int(rng.integers(0, 200))
        sheet.fill((0, 0, sheet.width, rng.uniform(8, 90)), (tone, tone, tone))
    if rng.random() < 0.5:
        logo(sheet, rng, sheet.width - 130, 25, 110, rng.uniform(8, 14))
    pool: list[Block] = [text_block, listing, listing, picture, column_table, centred_lines]
    order = [big_line, *[pool[k] for k in rng.integers(0, len(pool), int(rng.integers(0, 3)))]]
    y = rng.uniform(40, 200)
    stack(sheet, rng, order, margin, y, letters, until=sheet.height - 70)
    if rng.random() < 0.6:
        sheet.text(margin, sheet.height - 24, prose(rng, 8), 9)
        sheet.text(sheet.width - 40, sheet.height - 24, str(rng.integers(1, 90)), 9)
    return sheet


def jotting(rng: np.random.Generator, dpi: float) -> Sheet:
    """Handwriting in one or two sizes: a list, a sum, a sketch, underlined words."""
    sheet = page(rng, dpi)
    sheet.face = pick(rng, HANDWRITTEN)
    size = rng.uniform(14, 46)
    y, end = rng.uniform(30, 130), sheet.height * rng.uniform(0.35, 0.98)
    left = rng.uniform(20, 110)
    while y < end:
        line = prose(rng, int(rng.integers(1, 9)))
        line = f"{line} {money(rng)}" if rng.random() < 0.25 else line
        room = sheet.width - left - 10
        x = left + rng.uniform(-8, 8)
        y = sheet.paragraph(x, y, room, line, size, face=sheet.face) + size * rng.uniform(0, 0.6)
        if rng.random() < 0.1:
            ends = np.array(
                [[x, y - size], [x + room * 0.3, y - size * 1.05], [x + room * 0.5, y - size]]
            )
            draw_stroke(sheet.image, ends * sheet.scale, 2, (50, 40, 40))
    return sheet


def page(rng: np.random.Generator, dpi: float) -> Sheet:
    size = (595, 842) if rng.random() < 0.4 else (612, 792)
    return Sheet(*size, dpi, face=pick(rng, (*PRINTED, "cousine", "tinos")))


def stack(
    sheet: Sheet,
    rng: np.random.Generator,
    order: Sequence[Block],
    left: float,
    y: float,
    size: float,
    *,
    until: float | None = None,
    right: float | None = None,
) -> float:
    """Write blocks one below the other until the page ends; return the next free baseline."""
    width = sheet.width - left - (left if right is None else right)
    end = sheet.height - 3 * size if until is None else until
    for block in order:
        if y > end:
            break
        y = block(sheet, rng, left, y, width, size) + size * rng.uniform(0, 1.4)
    return y


def _addressee(
    sheet: Sheet, rng: np.random.Generator, x: float, y: float, width: float, size: float
) -> float:
    """Short lines at the left, a date somewhere, a greeting."""
    date = (
        f"{rng.integers(1, 28)} {pick(rng, ('May', 'June', 'October'))} {rng.integers(1975, 2025)}"
    )
    sheet.text(x + width * float(rng.choice([0, 0.5, 0.75])), y, date, size)
    y += size * rng.uniform(1.5, 4)
    for _ in range(int(rng.integers(2, 6))):
        sheet.text(x, y, prose(rng, int(rng.integers(1, 4))), size)
        y += size * 1.25
    if rng.random() < 0.7:
        y += size
        sheet.text(x, y, "Dear " + prose(rng, 2), size)
        y += size * 1.5
    return y


def _heads(
    sheet: Sheet, rng: np.random.Generator, x: float, y: float, width: float, size: float
) -> float:
    """To, from, date, subject, each perhaps on a rule."""
    ruled = rng.random() < 0.3
    two = rng.random() < 0.3
    for head in ("TO", "FROM", "DATE", "SUBJECT", "cc")[: int(rng.integers(3, 6))]:
        sheet.text(x, y, head + ":", size, bold=bool(rng.random() < 0.5))
        sheet.text(x + size * 7, y, prose(rng, int(rng.integers(1, 6))), size)
        if two and rng.random() < 0.5:
            sheet.text(x + width * 0.7, y, "Date: " + prose(rng, 1), size)
        if ruled:
            sheet.rule(x, y + size * 0.4, x + width, y + size * 0.4, 0.5)
        y += size * rng.uniform(1.3, 2.2)
    return y
