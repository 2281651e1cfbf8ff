"""Parts of composed documents that are neither print, boxes nor signatures: bar codes, logos,
stamps, notes by hand. Detectors learn from them what not to find.
"""

import cv2
import numpy as np

from training.detectors.blocks import value, words
from training.detectors.sheet import Sheet
from training.detectors.strokes import Mask, scrawled_line


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
    mask = tilt(mask, sheet.between(-25, 25))
    worn = cv2.resize(sheet.rng.random((12, 12)), (side, side), interpolation=cv2.INTER_LINEAR)
    mask = np.where(worn > 0.25, mask, mask // 3).astype(np.uint8)
    sheet.ink(mask, sheet.between(5, 150) * sheet.mm, y - side * 0.2, sheet.between(0.4, 0.9))
    return y + side * 0.7


def tilt(mask: Mask, degrees: float) -> Mask:
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
            mask = tilt(sheet.lettering(text, size * sheet.mm, face), sheet.between(-1.5, 1.5))
        sheet.ink(mask, x, y, darkness)
        y += size * sheet.mm * 1.2
    return y + 3 * sheet.mm
