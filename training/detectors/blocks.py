"""Parts of composed documents in print: text, table cells, comb fields, bullets, lookalikes.

A block is drawn from the height `y` of a sheet downwards and returns where the next may begin.
Neighbouring modules hold those with boxes (`check_blocks`), with signatures (`signing_blocks`) and
what offices add (`office_blocks`); `composing` makes pages of them.
"""

from collections.abc import Callable

import numpy as np

from training.detectors.sheet import Sheet

Block = Callable[[Sheet, float], float]

LOOKALIKES = "O0DQoau8B@GCe6cOI1l|[](){}HUn"


def words(sheet: Sheet, count: int) -> str:
    """Running words, now and then with figures and capitals among them."""
    text = " ".join(sheet.faker.words(max(1, count)))
    if sheet.chance(0.15):
        text = text.upper()
    elif sheet.chance(0.5):
        text = text.capitalize()
    return text


def value(sheet: Sheet) -> str:
    """What people fill into a field."""
    fake = sheet.faker
    makers: list[Callable[[], str]] = [
        fake.name,
        fake.city,
        fake.street_address,
        fake.phone_number,
        fake.email,
        fake.company,
        lambda: fake.date("%m/%d/%Y"),
        lambda: fake.numerify("%##,###.##"),
        lambda: fake.bothify("??-######").upper(),
        lambda: "X",
        lambda: fake.numerify("##"),
    ]
    return sheet.choice(makers)()


def heading(sheet: Sheet, y: float) -> float:
    """A title, sometimes in a frame or white on black."""
    size = sheet.between(3.5, 7) if sheet.chance(0.6) else sheet.between(7, 14)
    x = sheet.between(8, 60) * sheet.mm
    face = sheet.choice(sheet.faces.printed) if sheet.chance(0.5) else sheet.face
    title = words(sheet, 4).title()
    if sheet.chance(0.3):
        title = f"{title} ({''.join(word[0] for word in title.split())})".upper()
    _, _, w, h = sheet.text(title, x, y, size, face)
    if sheet.chance(0.3):
        pad = 1.5 * sheet.mm
        sheet.frame((x - pad, y - pad, w + 2 * pad, h + 2 * pad), sheet.between(0.2, 0.8))
    elif sheet.chance(0.15):
        top, bottom = round(y), min(round(y + h), sheet.height)
        sheet.page.image[top:bottom] = 255 - sheet.page.image[top:bottom]
    return y + h + 3 * sheet.mm


def paragraph(sheet: Sheet, y: float) -> float:
    """Lines of running text."""
    size = sheet.between(2.2, 4.2)
    left = sheet.between(8, 30) * sheet.mm
    for _ in range(int(sheet.rng.integers(2, 9))):
        line = words(sheet, int((sheet.width - left) / (size * sheet.mm) / 4.2))
        sheet.text(line[:120], left, y, size)
        y += size * sheet.mm * sheet.between(1.15, 1.4)
    return y + 2 * sheet.mm


def bullet_list(sheet: Sheet, y: float) -> float:
    """Items behind bullets, numbers in rings, or letters in brackets: no boxes to tick."""
    size = sheet.between(2.4, 4)
    left = sheet.between(10, 40) * sheet.mm
    kind = sheet.choice(("dot", "ring-number", "bracket", "square", "dash"))
    for index in range(int(sheet.rng.integers(2, 6))):
        em = size * sheet.mm
        if kind == "dot":
            sheet.oval((left, y + em * 0.25, em * 0.35, em * 0.35), filled=True)
        elif kind == "square":
            side = int(em * 0.3)
            top, edge = round(y + em * 0.25), round(left)
            sheet.page.image[top : top + side, edge : edge + side] = 20
        elif kind == "ring-number":
            sheet.oval((left - em * 0.2, y - em * 0.2, em * 1.2, em * 1.2), 0.2)
            sheet.text(str(index + 1), left + em * 0.2, y + em * 0.05, size * 0.8)
        else:
            sheet.text(f"({chr(97 + index)})" if kind == "bracket" else "-", left, y, size)
        sheet.text(words(sheet, 7), left + em * 1.8, y, size)
        y += em * sheet.between(1.3, 1.9)
    return y + 2 * sheet.mm


def sideways_text(sheet: Sheet, y: float) -> float:
    """Lines that run up or down the page, as captions of forms and archive numbers do."""
    size = sheet.between(2.5, 6) * sheet.mm
    text = sheet.faker.numerify("########") if sheet.chance(0.3) else words(sheet, 3).upper()
    mask = np.ascontiguousarray(np.rot90(sheet.lettering(text, size), sheet.choice((1, 3))))
    x = sheet.between(2, 195) * sheet.mm
    for _ in range(int(sheet.rng.integers(1, 4))):
        sheet.ink(mask, x, y, sheet.between(0.7, 1.0))
        x += sheet.between(1.2, 6) * size
    return y + float(mask.shape[0]) * sheet.between(0.2, 1.0)


def solid_shapes(sheet: Sheet, y: float) -> float:
    """Punch holes, discs, bars and wedges of ink."""
    size = sheet.between(2, 9) * sheet.mm
    for _ in range(int(sheet.rng.integers(1, 4))):
        x = sheet.between(3, 190) * sheet.mm
        if sheet.chance(0.6):
            sheet.oval((x, y, size, size), grey=int(sheet.between(0, 90)), filled=True)
        else:
            wide = size * sheet.between(2, 8)
            sheet.ink(np.full((int(size * 0.6), int(wide)), 255, np.uint8), x, y, 0.9)
    return y + size + sheet.mm


def lookalike_row(sheet: Sheet, y: float) -> float:
    """Single letters and figures with wide gaps: the shapes most often taken for boxes."""
    size = sheet.between(2.5, 7)
    x = sheet.between(8, 20) * sheet.mm
    while x < sheet.width - 15 * sheet.mm:
        _, _, w, _ = sheet.text(sheet.choice(LOOKALIKES), x, y, size)
        x += w + sheet.between(1, 25) * sheet.mm
    return y + size * 1.4 * sheet.mm


def number_table(sheet: Sheet, y: float) -> float:
    """A ruled table of figures, with some cells empty and some nearly square."""
    columns, rows = int(sheet.rng.integers(3, 9)), int(sheet.rng.integers(2, 8))
    left = sheet.between(8, 25) * sheet.mm
    cell_w = min(sheet.between(5, 34) * sheet.mm, (sheet.width - 2 * left) / columns)
    cell_h = sheet.between(4, 9) * sheet.mm
    for row in range(rows):
        for column in range(columns):
            x, top = left + column * cell_w, y + row * cell_h
            sheet.frame((x, top, cell_w, cell_h), 0.2)
            if sheet.chance(0.6):
                text = value(sheet) if cell_w > 20 * sheet.mm else sheet.faker.numerify("##")
                sheet.text(text[: int(cell_w / (2 * sheet.mm))], x + 4, top + 3, 2.6)
    return y + rows * cell_h + 4 * sheet.mm


def field_grid(sheet: Sheet, y: float) -> float:
    """Framed or underlined fields with small captions and typed or handwritten values."""
    columns = int(sheet.rng.integers(1, 4))
    left = sheet.between(6, 14) * sheet.mm
    width = (sheet.width - 2 * left) / columns
    height = sheet.between(7, 13) * sheet.mm
    hand = sheet.choice(sheet.faces.handwritten) if sheet.chance(0.5) else None
    for _ in range(int(sheet.rng.integers(1, 5))):
        for column in range(columns):
            x = left + column * width
            if sheet.chance(0.6):
                sheet.frame((x, y, width, height), 0.2)
            else:
                sheet.line(x + 2, y + height * 0.95, x + width * 0.9, y + height * 0.95, 0.2)
            sheet.text(words(sheet, 2), x + sheet.mm, y + 0.6 * sheet.mm, 2.2)
            if sheet.chance(0.7):
                size = sheet.between(3, 6) if hand else 3.2
                top = y + height * sheet.between(0.3, 0.5)
                sheet.text(value(sheet), x + 3 * sheet.mm, top, size, hand)
        y += height
    return y + 3 * sheet.mm


def comb_row(sheet: Sheet, y: float) -> float:
    """Square cells for one character each: fields to write in, not to tick."""
    size = sheet.between(3.5, 7.5) * sheet.mm
    x = sheet.between(8, 40) * sheet.mm
    sheet.text(words(sheet, 2), x, y, 2.4)
    y += 3.5 * sheet.mm
    text = sheet.faker.bothify("??######").upper() if sheet.chance(0.6) else " " * 12
    gap = size * sheet.choice((1.0, 1.0, 1.12))
    for index in range(int(sheet.rng.integers(3, 14))):
        sheet.frame((x + index * gap, y, size, size), 0.2)
        if index < len(text) and text[index] != " ":
            face = sheet.choice(sheet.faces.handwritten) if sheet.chance(0.5) else None
            sheet.text(text[index], x + index * gap + size * 0.25, y + size * 0.15, 3.5, face)
    return y + size + 3 * sheet.mm
