"""What people write on a page without signing it: notes, jottings, dates, rings, ticks, braces."""

import cv2
import numpy as np

from training.detectors.blocks import value, words
from training.detectors.sheet import Rect, Sheet
from training.detectors.strokes import Mask, draw_path, glide, scrawled_line, trim

NOTE_WORDS = ("File", "OK", "Copy to", "See me", "FYI", "Please handle", "cc:", "Attn.", "Rec'd")


def tilted(mask: Mask, degrees: float) -> Mask:
    """The mask turned about its middle, nothing of it lost."""
    height, width = mask.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    cosine, sine = abs(turn[0, 0]), abs(turn[0, 1])
    size = round(height * sine + width * cosine), round(height * cosine + width * sine)
    turn[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2
    return np.asarray(cv2.warpAffine(mask, turn, size), np.uint8)


def thickened(mask: Mask, pixels: int) -> Mask:
    """Ink of a broader pen."""
    if pixels < 2:
        return mask
    return np.asarray(cv2.dilate(mask, np.ones((pixels, pixels), np.uint8)), np.uint8)


def sized(mask: Mask, height: float) -> Mask:
    """The mask scaled to a height in pixels."""
    scale = height / mask.shape[0]
    return np.asarray(
        cv2.resize(mask, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8
    )


def bent(sheet: Sheet, mask: Mask) -> Mask:
    """Lettering pushed about until it no longer looks printed: waves, and sizes that fade."""
    height = mask.shape[0]
    padded = np.pad(mask, ((height // 2, height // 2), (height // 4, height // 4)))
    rows, columns = np.indices(padded.shape, np.float32)
    along = columns / padded.shape[1]
    phase = sheet.rng.uniform(0, 6, 2)
    wave = height * sheet.between(0.02, 0.09) * np.sin(along * sheet.between(3, 14) + phase[0])
    sway = height * sheet.between(0.02, 0.12) * np.sin(along * sheet.between(5, 25) + phase[1])
    fade = 1 + sheet.between(-0.1, 0.7) * along
    middle = padded.shape[0] * 0.6
    rows = middle + (rows - middle) * fade + wave
    warped = cv2.remap(
        padded, (columns + sway).astype(np.float32), rows.astype(np.float32), cv2.INTER_LINEAR
    )
    return trim(np.asarray(warped, np.uint8))


def date_ink(sheet: Sheet, height: float) -> Mask:
    """A date or an amount, its figures written one by one, `height` pixels high."""
    text = sheet.choice((date_text(sheet), date_text(sheet), sheet.faker.numerify("%#.##")))
    text = text if sheet.chance(0.8) else sheet.faker.numerify("##%/-")
    face = sheet.choice(sheet.faces.handwritten)
    pen = int(sheet.rng.integers(1, 4))
    inks, thick = [], max(2, round(height * 0.05) + pen)
    for letter in text:
        if letter in "/-":
            lean = sheet.between(0.3, 0.8) if letter == "/" else sheet.between(0.4, 0.9)
            size = round(height * 1.3), round(height * lean) + 4
            mask = np.zeros(size, np.uint8)
            foot, head = (size[0] - 4, 4) if letter == "/" else (size[0] // 2, size[0] // 2)
            draw_path(mask, glide(sheet.rng, np.array([(2.0, foot), (size[1] - 2.0, head)])), thick)
        else:
            mask = sheet.lettering(letter, height, face)
            mask = tilted(thickened(mask, pen), float(sheet.rng.normal(0, 5)))
        inks.append(mask)
    tall = max(ink.shape[0] for ink in inks) + round(height * 0.3)
    gap = round(height * sheet.between(-0.05, 0.2))
    line = np.zeros((tall, sum(ink.shape[1] + max(gap, 0) for ink in inks) + 4), np.uint8)
    x = 0
    for ink in inks:
        y = round((tall - ink.shape[0]) * sheet.between(0.35, 0.65))
        part = line[y : y + ink.shape[0], x : x + ink.shape[1]]
        np.maximum(part, ink[: part.shape[0], : part.shape[1]], out=part)
        x = max(0, x + ink.shape[1] + gap)
    return trim(line)


class Hand:
    """One person's writing on a sheet: always the same face or scrawl, size and pen."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.face = None if sheet.chance(0.4) else sheet.choice(sheet.faces.handwritten)
        self.size = sheet.between(4, 10) * sheet.mm
        self.swing = sheet.between(0.8, 1.6)
        self.pen = int(sheet.rng.integers(1, 4))
        self.darkness = sheet.between(0.6, 1.0)
        self.shaky = sheet.chance(0.5)

    def line(self, text: str) -> Mask:
        """Ink of a line; of `text` only the number of its words counts when the hand scrawls."""
        if self.face is None:
            count = max(1, len(text.split()))
            return sized(scrawled_line(self.sheet.rng, count), self.size * self.swing)
        ink = thickened(self.sheet.lettering(text, self.size, self.face), self.pen)
        return bent(self.sheet, ink) if self.shaky else ink

    def write(self, lines: list[str], x: float, y: float, degrees: float = 0.0) -> Rect | None:
        """Lines below each other, turned together. Returns their rectangle."""
        inks = [self.line(text) for text in lines]
        step = int(self.size * self.sheet.between(0.95, 1.4))
        height = step * (len(inks) - 1) + max(ink.shape[0] for ink in inks)
        indents = [int(self.sheet.between(0, 0.7) * self.size) for _ in inks]
        width = max(ink.shape[1] + indent for ink, indent in zip(inks, indents, strict=True))
        mask = np.zeros((height, width), np.uint8)
        for index, (ink, indent) in enumerate(zip(inks, indents, strict=True)):
            part = mask[index * step : index * step + ink.shape[0], indent : indent + ink.shape[1]]
            np.maximum(part, ink[: part.shape[0], : part.shape[1]], out=part)
        return self.sheet.ink(tilted(mask, degrees), x, y, self.darkness)


def note_text(sheet: Sheet) -> str:
    """A line of a note."""
    draw = sheet.rng.random()
    if draw < 0.3:
        return value(sheet)
    if draw < 0.45:
        return f"{sheet.choice(NOTE_WORDS)} {sheet.faker.last_name()}"
    return words(sheet, int(sheet.rng.integers(1, 5)))


def date_text(sheet: Sheet) -> str:
    """A date as people jot it down."""
    return str(sheet.faker.date(sheet.choice(("%m/%d/%y", "%-m/%-d/%y", "%d %b %y", "%-m-%-d-%Y"))))


def margin_note(sheet: Sheet) -> None:
    """One to six lines anywhere on the page, sometimes aslant or up the side."""
    hand = Hand(sheet)
    lines = [note_text(sheet) for _ in range(int(sheet.rng.integers(1, 7)))]
    steep = sheet.chance(0.12)
    degrees = sheet.choice((90.0, -90.0)) if steep else float(sheet.rng.normal(0, 7))
    x = sheet.choice((sheet.between(2, 25), sheet.between(80, 170))) * sheet.mm
    hand.write(lines, x, sheet.between(2, 260) * sheet.mm, degrees)


def jotting(sheet: Sheet) -> None:
    """A word, name, number or date near an edge of the page, mostly the top."""
    hand = Hand(sheet)
    if sheet.chance(0.3):
        date = tilted(date_ink(sheet, hand.size), float(sheet.rng.normal(0, 6)))
        left, top = sheet.between(3, 170), sheet.between(3, 285)
        sheet.ink(date, left * sheet.mm, top * sheet.mm, hand.darkness)
        return
    text = note_text(sheet)
    top = sheet.between(2, 45) if sheet.chance(0.65) else sheet.between(45, 285)
    where = sheet.between(3, 60) if sheet.chance(0.35) else sheet.between(100, 195)
    ink = hand.write([text[:18]], where * sheet.mm, top * sheet.mm, float(sheet.rng.normal(0, 6)))
    if ink is not None and sheet.chance(0.25):
        x, y, w, h = ink
        stroke(sheet, [(x, y + h), (x + w, y + h + sheet.between(-5, 5))])


def hand_fields(sheet: Sheet, y: float) -> float:
    """Captions with lines or cells, filled by one hand in cursive, figures and dates; a block."""
    hand = Hand(sheet)
    hand.size = sheet.between(3.5, 8) * sheet.mm
    columns = int(sheet.rng.integers(1, 4))
    left = sheet.between(6, 25) * sheet.mm
    wide = (sheet.width - 2 * left) / columns
    high = max(hand.size * sheet.between(1.0, 1.6), 7 * sheet.mm)
    ruled, framed = sheet.chance(0.7), sheet.chance(0.35)
    for _ in range(int(sheet.rng.integers(1, 7))):
        for column in range(columns):
            x = left + column * wide
            if framed:
                sheet.frame((x, y, wide, high), 0.2)
            caption = "Date" if sheet.chance(0.25) else words(sheet, int(sheet.rng.integers(1, 3)))
            _, _, w, _ = sheet.text(caption, x + 4, y + 2, sheet.between(2.2, 3.2))
            start = x + (w if w < wide * 0.45 and not framed else 0) + 2 * sheet.mm
            if ruled and not framed:
                sheet.line(start, y + high * 0.95, x + wide * 0.94, y + high * 0.95, 0.2)
            if sheet.chance(0.75):
                dated = caption == "Date" or sheet.chance(0.15)
                text = note_text(sheet) if sheet.chance(0.85) else f"({words(sheet, 1)})"
                ink = date_ink(sheet, hand.size * 0.8) if dated else hand.line(text)
                ink = ink[:, : max(8, int(x + wide - start - sheet.mm))]
                sheet.ink(ink, start, y + high * 0.95 - ink.shape[0] * 0.9, hand.darkness)
        y += high
    return y + 3 * sheet.mm


def stroke(sheet: Sheet, points: list[tuple[float, float]]) -> None:
    """A free pen stroke through points of the page."""
    path = glide(sheet.rng, np.array(points, np.float64))
    low = np.floor(path.min(axis=0)) - 6
    size = np.ceil(path.max(axis=0) - low).astype(int) + 12
    mask = np.zeros((min(int(size[1]), 3000), min(int(size[0]), 3000)), np.uint8)
    draw_path(mask, path - low, int(sheet.rng.integers(2, 7)))
    sheet.ink(mask, float(low[0]), float(low[1]), sheet.between(0.6, 1.0))


def pen_mark(sheet: Sheet) -> None:
    """A ring around words, an underline, a tick, an arrow, a brace or a wave."""
    x, y = sheet.between(8, 170) * sheet.mm, sheet.between(10, 270) * sheet.mm
    w, h = sheet.between(8, 50) * sheet.mm, sheet.between(4, 16) * sheet.mm
    kind = sheet.choice(("ring", "underline", "tick", "arrow", "brace", "wave"))
    if kind == "ring":
        turns = np.linspace(0, 2 * np.pi * sheet.between(0.95, 1.2), 12)
        stroke(sheet, [(x + w * np.cos(t) / 2, y + h * np.sin(t) / 2) for t in turns])
    elif kind == "underline":
        for _ in range(int(sheet.rng.integers(1, 3))):
            stroke(sheet, [(x, y), (x + w, y + sheet.between(-8, 8))])
            y += sheet.between(4, 12)
    elif kind == "tick":
        size = sheet.between(3, 9) * sheet.mm
        stroke(sheet, [(x, y), (x + size * 0.35, y + size * 0.5), (x + size, y - size)])
    elif kind == "arrow":
        end = (x + w, y + sheet.between(-2, 2) * h)
        stroke(sheet, [(x, y), end])
        stroke(sheet, [(end[0] - h / 2, end[1] - h / 3), end, (end[0] - h / 2, end[1] + h / 3)])
    elif kind == "brace":
        side = sheet.choice((-1, 1)) * sheet.between(2, 5) * sheet.mm
        tall = sheet.between(10, 45) * sheet.mm
        points = [(0.0, 0.0), (1.0, 0.1), (1.0, 0.45), (2.0, 0.5), (1.0, 0.55), (1.0, 0.9), (0, 1)]
        stroke(sheet, [(x + side * across, y + tall * down) for across, down in points])
    else:
        count = int(sheet.rng.integers(4, 14))
        points = [(x + w * i / count, y + (h / 5 if i % 2 else 0.0)) for i in range(count)]
        stroke(sheet, points)


def initials_ink(sheet: Sheet) -> Mask:
    """Two or three loose loops."""
    path = glide(sheet.rng, sheet.rng.uniform(0, 60, (int(sheet.rng.integers(4, 8)), 2)))
    low = path.min(axis=0) - 8
    size = np.ceil(path.max(axis=0) - low).astype(int) + 8
    mask = np.zeros((int(size[1]), int(size[0])), np.uint8)
    draw_path(mask, path - low, int(sheet.rng.integers(3, 6)))
    return trim(mask)


def initials(sheet: Sheet) -> None:
    """Initials somewhere, which some take for a signature: nothing is known of them."""
    ink = sized(initials_ink(sheet), sheet.between(4, 9) * sheet.mm)
    x, y = sheet.between(5, 195) * sheet.mm, sheet.between(5, 280) * sheet.mm
    rect = sheet.ink(ink, x, y, sheet.between(0.6, 1.0))
    if rect is not None:
        sheet.page.ignore.append(rect)
