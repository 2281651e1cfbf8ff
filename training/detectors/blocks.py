"""The parts that composed documents are made of, and whole documents.

A block is drawn from the height `y` of a sheet downwards and returns where the next may begin.
Half of them hold checkboxes or signatures; the others are there so that detectors learn what is
neither: text, table cells, comb fields, bullets, logos, stamps, barcodes, handwritten values.
"""

from collections.abc import Callable, Mapping
from itertools import pairwise

import cv2
import numpy as np
from faker import Faker

from training.detectors.faces import Faces
from training.detectors.sheet import LabelledPage, Rect, Sheet
from training.detectors.strokes import Mask, Random, scrawled_line, signature_ink

Block = Callable[[Sheet, float], float]

LONG_SIDE_PX = 2000
LOOKALIKES = "O0DQoau8B@GCe6cOI1l|[](){}HUn"
SIGN_WORDS = (
    "Signature",
    "Signature of applicant",
    "Signed",
    "Authorised signature",
    "Sign here",
    "Your signature",
    "By:",
    "Approved by",
)
QUESTIONS = ("Yes", "No", "N/A", "Other", "Male", "Female", "Single", "Married", "I agree", "None")


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


def _box_rect(sheet: Sheet, x: float, y: float, size: float, circle: bool) -> Rect:
    """A box's rectangle: mostly as wide as high, some wider."""
    wide = sheet.between(1.0, 1.75) if sheet.chance(0.15) else sheet.between(0.95, 1.08)
    return x, y, size * (max(1.0, wide) if circle else wide), size


def check_rows(sheet: Sheet, y: float) -> float:
    """Boxes in a row, each before or behind its word, the next row close below."""
    size = sheet.between(1.9, 6.5) * sheet.mm
    circle = sheet.chance(0.3)
    mark = sheet.choice((0.1, 0.4, 0.8))
    text_mm = float(np.clip(size / sheet.mm * sheet.between(0.6, 1.1), 2.2, 5))
    before = sheet.chance(0.8)
    for _ in range(int(sheet.rng.integers(1, 7))):
        x = sheet.between(8, 50) * sheet.mm
        if sheet.chance(0.4):
            _, _, w, _ = sheet.text(words(sheet, 5)[:45], x, y + size * 0.1, text_mm)
            x += w + sheet.between(2, 20) * sheet.mm
        while x < sheet.width - 25 * sheet.mm:
            label = sheet.choice(QUESTIONS) if sheet.chance(0.5) else words(sheet, 2)
            gap = sheet.between(0.5, 2.5) * sheet.mm
            if not before:
                _, _, w, _ = sheet.text(label, x, y + size * 0.1, text_mm)
                x += w + gap
            rect = _box_rect(sheet, x, y, size, circle)
            sheet.checkbox(rect, circle, mark=mark)
            x += rect[2] + gap
            if before:
                _, _, w, _ = sheet.text(label, x, y + size * 0.1, text_mm)
                x += w
            x += sheet.between(1.5, 30) * sheet.mm
        y += max(size, text_mm * sheet.mm) + sheet.between(0.6, 5) * sheet.mm
    return y + 2 * sheet.mm


def check_column(sheet: Sheet, y: float) -> float:
    """A column of boxes with their sentences, as in declarations and option lists."""
    size = sheet.between(1.9, 6) * sheet.mm
    circle = sheet.chance(0.25)
    x = sheet.between(8, 120) * sheet.mm
    step = size + sheet.between(0.3, 5) * sheet.mm
    leader = sheet.chance(0.25)
    for _ in range(int(sheet.rng.integers(2, 9))):
        rect = _box_rect(sheet, x, y, size, circle)
        sheet.checkbox(rect, circle)
        if leader:
            sheet.text("." * 20, x + size * 1.5, y + size * 0.3, 3)
        else:
            text = words(sheet, int(sheet.rng.integers(1, 8)))
            room = int((sheet.width - x) / (2 * sheet.mm)) - 6
            sheet.text(text[: max(4, room)], x + size * 1.5, y + size * 0.1, 3)
        y += step
    return y + 2 * sheet.mm


def likert_grid(sheet: Sheet, y: float) -> float:
    """Statements with a row of boxes each, in ruled cells or free, sometimes lettered inside."""
    size = sheet.between(2.2, 7) * sheet.mm
    circle = sheet.chance(0.35)
    letters = sheet.choice(("", "", "", "ABCDEFGH", "12345678"))
    ruled = sheet.chance(0.4)
    columns = int(sheet.rng.integers(2, 8))
    left = sheet.between(10, 90) * sheet.mm
    pitch = min(size * sheet.between(1.3, 4), (sheet.width - left - 5 * sheet.mm) / columns)
    size = min(size, pitch * 0.85)
    height = size * sheet.between(1.15, 2.2)
    for index in range(int(sheet.rng.integers(2, 9))):
        room = int(left / (2.2 * sheet.mm)) - 4
        text = f"{index + 1}. {words(sheet, 6)}"
        sheet.text(text[: max(2, room)], 6 * sheet.mm, y + height * 0.3, 2.8)
        chosen = int(sheet.rng.integers(columns))
        for column in range(columns):
            x = left + column * pitch
            if ruled:
                sheet.frame((x, y, pitch, height), 0.2)
            rect = _box_rect(
                sheet, x + (pitch - size) / 2, y + (height - size) / 2, size * 0.98, circle
            )
            letter = letters[column] if letters else ""
            sheet.checkbox(rect, circle, letter, 0.85 if column == chosen else 0.06)
        y += height
    return y + 4 * sheet.mm


def barcode(sheet: Sheet, y: float) -> float:
    """A bar code or a square code with finder squares."""
    x = sheet.between(10, 150) * sheet.mm
    if sheet.chance(0.5):
        bars = (sheet.rng.random(int(sheet.between(40, 90))) < 0.5).astype(np.uint8) * 255
        mask = np.repeat(bars[None], int(10 * sheet.mm), axis=0)
        mask = np.repeat(mask, 3, axis=1)
    else:
        cells = (sheet.rng.random((25, 25)) < 0.5).astype(np.uint8) * 255
        for row, column in ((0, 0), (0, 18), (18, 0)):
            cells[row : row + 7, column : column + 7] = 255
            cells[row + 1 : row + 6, column + 1 : column + 6] = 0
            cells[row + 2 : row + 5, column + 2 : column + 5] = 255
        side = int(sheet.between(14, 26) * sheet.mm)
        mask = np.asarray(
            cv2.resize(cells, (side, side), interpolation=cv2.INTER_NEAREST), np.uint8
        )
    sheet.ink(mask, x, y, 0.95)
    return y + float(mask.shape[0]) + 3 * sheet.mm


def logo(sheet: Sheet, y: float) -> float:
    """Nested outlines with big letters in them."""
    x = sheet.between(8, 150) * sheet.mm
    size = sheet.between(8, 25) * sheet.mm
    for step in range(int(sheet.rng.integers(1, 4))):
        inset = step * size * 0.12
        rect = (x + inset, y + inset, size - 2 * inset, size - 2 * inset)
        width = sheet.between(0.3, 1.5)
        if sheet.chance(0.5):
            sheet.oval(rect, width)
        else:
            sheet.frame(rect, width)
    initials = sheet.faker.bothify("??").upper()
    sheet.text(initials, x + size * 0.25, y + size * 0.3, size / sheet.mm * 0.4)
    return y + size + 3 * sheet.mm


def stamp(sheet: Sheet, y: float) -> float:
    """An office stamp: framed text or a ring of text, tilted and unevenly inked."""
    side = int(sheet.between(20, 45) * sheet.mm)
    mask = np.zeros((side, side), np.uint8)
    middle = side // 2
    thickness = max(2, side // 60)
    if sheet.chance(0.5):
        cv2.circle(mask, (middle, middle), middle - 4, 255, thickness, cv2.LINE_AA)
        cv2.circle(mask, (middle, middle), int(middle * 0.7), 255, thickness, cv2.LINE_AA)
    else:
        top = int(side * 0.3)
        cv2.rectangle(mask, (4, top), (side - 4, side - top), 255, thickness * 2)
    text = sheet.choice(("RECEIVED", "PAID", "APPROVED", "COPY", sheet.faker.date("%d %b %Y")))
    ink = sheet.lettering(text, side * 0.13)
    ink = ink[:, : side - 12]
    row, column = middle - ink.shape[0] // 2, middle - ink.shape[1] // 2
    mask[row : row + ink.shape[0], column : column + ink.shape[1]] |= ink
    mask = _tilt(mask, sheet.between(-25, 25))
    worn = cv2.resize(sheet.rng.random((12, 12)), (side, side), interpolation=cv2.INTER_LINEAR)
    mask = np.where(worn > 0.25, mask, mask // 3).astype(np.uint8)
    sheet.ink(mask, sheet.between(5, 150) * sheet.mm, y - side * 0.2, sheet.between(0.4, 0.9))
    return y + side * 0.7


def _tilt(mask: Mask, degrees: float) -> Mask:
    """The mask turned about its middle."""
    height, width = mask.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    return np.asarray(cv2.warpAffine(mask, matrix, (width, height)), np.uint8)


def handwritten_note(sheet: Sheet, y: float) -> float:
    """Lines written by hand that are no signature: notes, dates, scrawled sentences."""
    x = sheet.between(8, 110) * sheet.mm
    face = sheet.choice(sheet.faces.handwritten)
    size = sheet.between(4, 8)
    scrawled = sheet.chance(0.35)
    darkness = sheet.between(0.5, 0.95)
    for _ in range(int(sheet.rng.integers(2 if scrawled else 1, 5))):
        if scrawled:
            mask = scrawled_line(sheet.rng, int(sheet.rng.integers(3, 8)))
            scale = size * sheet.mm / 60
            mask = np.asarray(
                cv2.resize(mask, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8
            )
        else:
            text = value(sheet) if sheet.chance(0.5) else words(sheet, 4)
            mask = _tilt(sheet.lettering(text, size * sheet.mm, face), sheet.between(-1.5, 1.5))
        sheet.ink(mask, x, y, darkness)
        y += size * sheet.mm * 1.2
    return y + 3 * sheet.mm


def name_ink(sheet: Sheet) -> Mask:
    """A name in a flowing face, slanted and stretched until it looks signed."""
    fake = sheet.faker
    name = sheet.choice((fake.name(), f"{fake.random_letter().upper()}. {fake.last_name()}"))
    mask = sheet.lettering(name, 90, sheet.choice(sheet.faces.flowing))
    height, width = mask.shape
    shear = sheet.between(-0.1, 0.5)
    matrix = np.array([[sheet.between(0.7, 1.4), -shear, shear * height], [0, 1, 0]])
    room = int(width * 1.4 + shear * height) + 2
    return np.asarray(cv2.warpAffine(mask, matrix, (room, height)), np.uint8)


def sign(
    sheet: Sheet, ink: Mask, x: float, base: float, width_mm: float, height_mm: float = 38
) -> None:
    """Lay a signature with its foot near the height `base`, at most so wide and high."""
    scale = min(width_mm * sheet.mm / ink.shape[1], height_mm * sheet.mm / ink.shape[0])
    ink = np.asarray(
        cv2.resize(
            ink, None, fx=scale, fy=scale * sheet.between(0.8, 1.2), interpolation=cv2.INTER_AREA
        ),
        np.uint8,
    )
    if min(ink.shape) < 8:
        return
    ink = np.clip(ink.astype(np.float32) * sheet.between(1.0, 2.2), 0, 255).astype(np.uint8)
    if sheet.chance(0.4):
        ink = _cut(_tilt(np.pad(ink, ink.shape[1] // 8), sheet.between(-12, 12)))
    sheet.signature(ink, x, base - ink.shape[0] * sheet.between(0.6, 1.0), sheet.between(0.6, 1.0))


def _cut(mask: Mask) -> Mask:
    x, y, w, h = cv2.boundingRect((mask > 60).astype(np.uint8))
    return mask[y : y + h, x : x + w] if w and h else mask


def any_signature(sheet: Sheet, collected: list[Mask]) -> Mask:
    """Ink of a signature: collected from people, scrawled by the model, or a flowing name."""
    draw = sheet.rng.random()
    if collected and draw < 0.22:
        return sheet.choice(collected)
    return signature_ink(sheet.rng) if draw < 0.8 else _cut(name_ink(sheet))


def signature_block(collected: list[Mask], signed: float) -> Block:
    """Lines to sign on, beside a date; signed with the chance `signed`."""

    def block(sheet: Sheet, y: float) -> float:
        height = sheet.between(12, 26) * sheet.mm
        columns = int(sheet.rng.integers(1, 3))
        for column in range(columns):
            x = sheet.between(8, 25) * sheet.mm + column * sheet.width * 0.5
            width = sheet.between(45, 85) * sheet.mm
            line = y + height
            if sheet.chance(0.75):
                sheet.line(x, line, x + width, line, 0.25)
            caption = sheet.choice(SIGN_WORDS)
            above = sheet.chance(0.25)
            sheet.text(caption, x, y if above else line + sheet.mm, sheet.between(2.2, 3.4))
            if sheet.chance(signed):
                ink = any_signature(sheet, collected)
                indent = sheet.between(-3, 25) * sheet.mm
                sign(sheet, ink, x + indent, line, sheet.between(18, 90))
            elif sheet.chance(0.3):
                face = sheet.choice(sheet.faces.handwritten)
                sheet.text(value(sheet), x + 4 * sheet.mm, line - 6 * sheet.mm, 5, face)
            if sheet.chance(0.5):
                sheet.text(sheet.faker.name(), x, line + 5 * sheet.mm, 3.2)
        return y + height + 10 * sheet.mm

    return block


def signature_cells(collected: list[Mask], signed: float) -> Block:
    """A ruled row of captioned cells, some to sign in; those signed with the chance `signed`."""

    def block(sheet: Sheet, y: float) -> float:
        left, right = sheet.between(5, 45) * sheet.mm, sheet.between(160, 200) * sheet.mm
        columns = int(sheet.rng.integers(2, 6))
        edges = np.sort(sheet.rng.uniform(left, right, columns - 1))
        edges = np.concatenate([[left], edges, [min(right, sheet.width - 5)]])
        height = sheet.between(8, 15) * sheet.mm
        for _ in range(int(sheet.rng.integers(1, 4))):
            for start, end in pairwise(float(edge) for edge in edges):
                sheet.frame((start, y, end - start, height), sheet.between(0.15, 0.4))
                room = (end - start) / sheet.mm
                to_sign = room > 28 and sheet.chance(0.6)
                caption = sheet.choice(SIGN_WORDS) if to_sign else words(sheet, 2)
                caption = caption[: max(1, int(room / 1.8))]
                sheet.text(caption, start + sheet.mm, y + 0.5 * sheet.mm, 2.4)
                if to_sign and sheet.chance(signed):
                    ink = any_signature(sheet, collected)
                    x, foot = start + sheet.between(0, 8) * sheet.mm, y + height
                    high = height / sheet.mm * sheet.between(0.5, 1.1)
                    sign(sheet, ink, x, foot, sheet.between(20, 60), high)
                elif not to_sign and room > 12 and sheet.chance(0.6):
                    face = sheet.choice(sheet.faces.handwritten)
                    text = value(sheet)[: int(room / 3)]
                    sheet.text(text, start + 2 * sheet.mm, y + height * 0.45, 4.5, face)
            y += height
        return y + 4 * sheet.mm

    return block


def letter_close(collected: list[Mask], signed: float) -> Block:
    """A letter's end: regards, room to sign, the name; signed with the chance `signed`."""

    def block(sheet: Sheet, y: float) -> float:
        x = sheet.between(10, 130) * sheet.mm
        size = sheet.between(2.8, 4.4)
        regards = sheet.choice(("Sincerely,", "Yours truly,", "Kind regards,", "Respectfully,"))
        sheet.text(regards, x, y, size)
        room = sheet.between(10, 24) * sheet.mm
        foot = y + size * sheet.mm + room
        if sheet.chance(signed):
            ink = any_signature(sheet, collected)
            sign(sheet, ink, x + sheet.between(-8, 12) * sheet.mm, foot, sheet.between(22, 85))
        sheet.text(sheet.faker.name(), x, foot, size)
        sheet.text(sheet.faker.job()[:40], x, foot + 1.4 * size * sheet.mm, size)
        return foot + 4 * size * sheet.mm

    return block


TEXT_BLOCKS: Mapping[Block, float] = {
    heading: 1.6,
    paragraph: 2.0,
    bullet_list: 0.8,
    sideways_text: 0.5,
    solid_shapes: 0.25,
    lookalike_row: 0.5,
    number_table: 0.8,
    field_grid: 1.3,
    comb_row: 0.7,
    barcode: 0.25,
    logo: 0.3,
    stamp: 0.25,
    handwritten_note: 0.7,
}
CHECK_BLOCKS: Mapping[Block, float] = {check_rows: 2.0, check_column: 1.2, likert_grid: 1.4}


def compose(
    seed: int, faces: Faces, blocks: Mapping[Block, float], long_side: int = LONG_SIDE_PX
) -> LabelledPage:
    """A page filled from top to bottom with blocks drawn by weight, reproduced by its seed."""
    rng: Random = np.random.default_rng(seed)
    faker = Faker("en_US")
    faker.seed_instance(seed)
    width = round(long_side * float(rng.choice([210 / 297, 8.5 / 11])))
    page = LabelledPage(np.full((long_side, width), 255, np.uint8))
    sheet = Sheet(rng, faces, faker, page)
    kinds = list(blocks)
    weights = np.array([blocks[kind] for kind in kinds]) * rng.uniform(0.1, 1.0, len(kinds))
    y = sheet.between(6, 25) * sheet.mm
    while y < long_side - 25 * sheet.mm:
        y = kinds[int(rng.choice(len(kinds), p=weights / weights.sum()))](sheet, y)
        y += sheet.between(0, 4) * sheet.mm
    page.boxes = [box for box in page.boxes if box.rect[1] + box.rect[3] < long_side]
    return page
