"""Blocks that pages are assembled from: logos, lines, lists, tables, codes, notes.

A block is written from baseline `y` down, between `x` and `x + width`, in letters of `size`; all in
points. It returns the next free baseline.
"""

from collections.abc import Callable
from itertools import pairwise

import cv2
import numpy as np

from training.ink import BLACK_PEN, HANDWRITTEN, Colour, draw_signature, draw_stroke, write_by_hand
from training.sheet import FIRMS, NAMES, TOWNS, Sheet, money, pick, prose, title

Block = Callable[[Sheet, np.random.Generator, float, float, float, float], float]

_KEYS = (
    "Invoice No",
    "Date",
    "Time",
    "Cashier",
    "Table",
    "Member",
    "Ref",
    "Order",
    "Bill",
    "Counter",
    "Account",
    "Period",
    "Branch",
    "Page",
    "Currency",
    "Tax ID",
    "Sales",
    "Terms",
    "Due",
)


def logo(
    sheet: Sheet, rng: np.random.Generator, x: float, y: float, width: float, size: float
) -> float:
    """A mark of random shapes, at the left, middle or right, perhaps with a firm's name."""
    reach = rng.uniform(1.5, 5) * size
    centre = x + pick_place(rng) * (width - 2 * reach) + reach
    for _ in range(int(rng.integers(1, 5))):
        points = rng.uniform(-reach, reach, (int(rng.integers(3, 7)), 2)) * 0.5
        points += np.array([centre, y + reach * 0.4])
        polygon = np.round(points * sheet.scale).astype(np.int32)
        tone = int(rng.integers(0, 160))
        if rng.random() < 0.6:
            cv2.fillPoly(sheet.image, [polygon], (tone, tone, tone), cv2.LINE_AA)
        else:
            cv2.polylines(sheet.image, [polygon], True, (tone, tone, tone), 1, cv2.LINE_AA)
    if rng.random() < 0.5:
        sheet.text(
            centre + reach * 1.1, y + reach * 0.5, pick(rng, FIRMS).upper(), size * 1.5, bold=True
        )
    return y + reach + size


def centred_lines(
    sheet: Sheet, rng: np.random.Generator, x: float, y: float, width: float, size: float
) -> float:
    """An address, a slogan, a thank-you: short lines about the middle."""
    upper = rng.random() < 0.5
    for _ in range(int(rng.integers(1, 6))):
        line = pick(rng, (title(rng, 3), pick(rng, TOWNS), f"Tel {rng.integers(10**6, 10**7)}"))
        text = line.upper() if upper else line
        sheet.text(x + width / 2, y, text, size, align="centre", bold=bool(rng.random() < 0.2))
        y += size * 1.3
    return y


def big_line(
    sheet: Sheet, rng: np.random.Generator, x: float, y: float, width: float, size: float
) -> float:
    """A heading."""
    big = size * rng.uniform(1.3, 2.4)
    text = title(rng, int(rng.integers(1, 4)))
    text = text.upper() if rng.random() < 0.4 else text
    centred = rng.random() < 0.5
    left = x + width / 2 if centred else x
    bold = bool(rng.random() < 0.7)
    sheet.text(left, y + big * 0.4, text, big, bold=bold, align="centre" if centred else "left")
    return y + big * 1.5


def key_lines(
    sheet: Sheet, rng: np.random.Generator, x: float, y: float, width: float, size: float
) -> float:
    """Printed keys with printed values: what a till or a mail program knows."""
    tab = x + width * rng.uniform(0.2, 0.5)
    colon = pick(rng, (" :", ":", ""))
    for _ in range(int(rng.integers(2, 7))):
        sheet.text(x, y, pick(rng, _KEYS) + colon, size)
        sheet.text(tab, y, _printed_value(rng), size)
        if rng.random() < 0.2:
            sheet.text(x + width, y, _printed_value(rng), size, align="right")
        y += size * rng.uniform(1.25, 1.5)
    return y


def priced_lines(
    sheet: Sheet, rng: np.random.Generator, x: float, y: float, width: float, size: float
) -> float:
    """Things sold: a name, perhaps a code and a quantity below, a price at the right."""
    two = rng.random() < 0.4
    for _ in range(int(rng.integers(1, 14))):
        name = title(rng, int(rng.integers(1, 5)))
        room = max(4, int(width * 0.7 / size / 0.6))
        sheet.text(x, y, (name.upper() if rng.random() < 0.6 else name)[:room], size)
        if two:
            y += size * 1.25
            sheet.text(x + width * 0.15, y, f"{rng.integers(1, 9)} x {money(rng, 90)}", size)
        sheet.text(x + width, y, money(rng, 90), size, align="right")
        y += size * 1.3
    return y


def totals(
    sheet: Sheet, rng: np.random.Generator, x: float, y: float, width: float, size: float
) -> float:
    """Sums at the right, one of them larger."""
    left = x + width * rng.uniform(0, 0.5)
    for head in ("Subtotal", "Discount", "Tax", "Rounding", "TOTAL", "Cash", "Change"):
        if rng.random() < 0.6:
            large = size * (1.5 if head == "TOTAL" and rng.random() < 0.5 else 1)
            sheet.text(left, y + large * 0.2, head, large, bold=head == "TOTAL")
            sheet.text(x + width, y + large * 0.2, money(rng, 400), large, align="right")
            y += large * 1.4
    return y


def ruling(
    sheet: Sheet, rng: np.random.Generator, x: float, y: float, width: float, size: float
) -> float:
    """A rule: solid, double, dashed or typed."""
    way = rng.random()
    if way < 0.35:
        sheet.rule(x, y - size * 0.4, x + width, y - size * 0.4, rng.uniform(0.4, 2.5))
    elif way < 0.5:
        for offset in (0.2, 0.5):
            sheet.rule(x, y - size * offset, x + width, y - size * offset, 0.5)
    else:
        mark = pick(rng, ("-", "=", "*", "_"))
        count = int(width / max(sheet.font(size).getlength(mark) / sheet.scale, 0.5))
        sheet.text(x, y, mark * count, size)
    return y + size


def column_table(
    sheet: Sheet, rng: np.random.Generator, x: float, y: float, width: float, size: float
) -> float:
    """A table of printed words and numbers, ruled or not."""
    columns, rows = int(rng.integers(2, 7)), int(rng.integers(2, 12))
    edges = np.concatenate([[0], np.sort(rng.uniform(0.2, 0.95, columns - 1)), [1]]) * width + x
    ruled = rng.random()
    step = size * rng.uniform(1.2, 1.8)
    top = y - size
    for row in range(rows):
        for a, b in pairwise(edges):
            room = int((b - a) / size / 0.62)
            if room < 2 or rng.random() < 0.08:
                continue
            text = title(rng, 2) if row == 0 or a == x else _printed_value(rng)
            sheet.text(a + 2, y, text[:room], size, bold=row == 0)
        if ruled < 0.3 or (ruled < 0.6 and row == 0):
            sheet.rule(x, y + size * 0.3, x + width, y + size * 0.3, 0.5)
        y += step
    if ruled < 0.2:
        for edge in edges:
            sheet.rule(edge, top, edge, y - step + size * 0.3, 0.5)
    return y + size * 0.5


def text_block(
    sheet: Sheet, rng: np.random.Generator, x: float, y: float, width: float, size: float
) -> float:
    """A paragraph, perhaps indented."""
    indent = width * (rng.uniform(0.05, 0.2) if rng.random() < 0.2 else 0)
    words = prose(rng, int(rng.integers(5, 90)))
    leading = rng.uniform(1.1, 1.5)
    return (
        sheet.paragraph(x + indent, y, width - 2 * indent, words, size, leading=leading)
        + size * 0.6
    )


def listing(
    sheet: Sheet, rng: np.random.Generator, x: float, y: float, width: float, size: float
) -> float:
    """Bullets or numbers with a line or two each."""
    mark = pick(rng, ("•", "-", "1", "o"))
    for number in range(int(rng.integers(2, 7))):
        sheet.text(x + size, y, f"{number + 1}." if mark == "1" else mark, size)
        words = prose(rng, int(rng.integers(2, 18)))
        y = sheet.paragraph(x + size * 3, y, width - size * 3, words, size) + size * 0.2
    return y + size * 0.4


def name_columns(
    sheet: Sheet, rng: np.random.Generator, x: float, y: float, width: float, size: float
) -> float:
    """Who else gets it: names in columns."""
    sheet.text(x, y, pick(rng, ("cc:", "Distribution:", "Present", "Attendees")), size)
    columns = int(rng.integers(1, 4))
    for _ in range(int(rng.integers(1, 6))):
        for i in range(columns):
            sheet.text(x + width * (0.1 + 0.3 * i), y, pick(rng, NAMES), size)
        y += size * 1.25
    return y + size


def barcode(
    sheet: Sheet, rng: np.random.Generator, x: float, y: float, width: float, size: float
) -> float:
    """Bars, with a number below."""
    span, height = min(width * rng.uniform(0.3, 0.8), 160), rng.uniform(1.5, 4) * size
    left = x + pick_place(rng) * (width - span)
    at = left
    while at < left + span:
        bar = rng.uniform(0.6, 2.4)
        sheet.fill((at, y, bar, height), (20, 20, 20))
        at += bar + rng.uniform(0.6, 2.4)
    sheet.text(left + span / 2, y + height + size, str(rng.integers(10**9, 10**10)), size * 0.8,
               align="centre")  # fmt: skip
    return y + height + size * 2


def pen_note(
    sheet: Sheet, rng: np.random.Generator, x: float, y: float, width: float, size: float
) -> float:
    """Something jotted down, underlined or ringed."""
    height = size * rng.uniform(1.5, 3)
    span = width * rng.uniform(0.25, 0.7)
    left = x + rng.uniform(0, 1) * (width - span)
    box = sheet.pixels((left, y, span, height))
    write_by_hand(sheet.image, prose(rng, 3), box, pick(rng, HANDWRITTEN), rng, BLACK_PEN)
    if rng.random() < 0.4:
        ring = np.linspace(0, 2 * np.pi, 9)
        oval = np.column_stack([np.cos(ring) * span, np.sin(ring) * height * 1.3]) / 2
        centre = (left + span / 2, y + height / 2)
        draw_stroke(sheet.image, (oval + centre) * sheet.scale, 1, BLACK_PEN)
    return y + height + size


def signed(
    sheet: Sheet, rng: np.random.Generator, x: float, y: float, width: float, size: float
) -> float:
    """A close, a signature, a name."""
    left = x + width * pick_place(rng) * 0.5
    sheet.text(left, y, pick(rng, ("Sincerely,", "Yours truly,", "Regards,", "")), size)
    area = sheet.pixels((left, y + size * 0.4, rng.uniform(80, 150), rng.uniform(24, 44)))
    sheet.signatures.append(draw_signature(sheet.image, area, rng, BLACK_PEN))
    sheet.text(left, y + size * 5, pick(rng, NAMES), size)
    return y + size * 6.5


def shaded_bar(
    sheet: Sheet, rng: np.random.Generator, x: float, y: float, width: float, size: float
) -> float:
    """A heading in a bar of tone."""
    tone = int(rng.integers(0, 235))
    colour: Colour = (250, 250, 250) if tone < 140 else (20, 20, 20)
    sheet.fill((x, y - size, width, size * 1.8), (tone, tone, tone))
    sheet.text(x + size * 0.5, y + size * 0.3, title(rng, 3), size * 1.1, bold=True, colour=colour)
    return y + size * 2.4


def picture(
    sheet: Sheet, rng: np.random.Generator, x: float, y: float, width: float, size: float
) -> float:
    """Smooth tones, or a line drawing."""
    span, height = width * rng.uniform(0.3, 1), rng.uniform(4, 16) * size
    left = x + pick_place(rng) * (width - span)
    px, py, w, h = (round(v) for v in sheet.pixels((left, y, span, height)))
    area = sheet.image[max(py, 0) : py + h, max(px, 0) : px + w]
    if area.size and rng.random() < 0.5:
        coarse = np.asarray(rng.uniform(20, 235, (5, 6)), np.float32)
        shape = (area.shape[1], area.shape[0])
        tones = cv2.resize(coarse, shape, interpolation=cv2.INTER_CUBIC)
        area[:] = np.clip(tones, 0, 255).astype(np.uint8)[..., None]
    else:
        for _ in range(int(rng.integers(2, 9))):
            points = rng.uniform(0, 1, (int(rng.integers(2, 9)), 2)) * (w, h) + (px, py)
            draw_stroke(sheet.image, points, 1, (40, 40, 40))
    return y + height + size * 1.6


def pick_place(rng: np.random.Generator) -> float:
    """Left, middle or right as 0, 0.5 or 1."""
    return float(rng.choice([0.0, 0.5, 1.0]))


def _printed_value(rng: np.random.Generator) -> str:
    way = rng.random()
    if way < 0.4:
        return money(rng)
    if way < 0.6:
        return str(rng.integers(1, 10**6))
    if way < 0.8:
        return f"{rng.integers(1, 28):02d}/{rng.integers(1, 12):02d}/{rng.integers(1980, 2025)}"
    return pick(rng, (pick(rng, NAMES), title(rng, 1), title(rng, 2)))
