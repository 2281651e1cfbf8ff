"""Parts of composed documents to sign, and the ink that signs them."""

from itertools import pairwise

import cv2
import numpy as np

from training.detectors.blocks import Block, value, words
from training.detectors.office_blocks import tilt
from training.detectors.sheet import Sheet
from training.detectors.strokes import Mask, signature_ink

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
        ink = _cut(tilt(np.pad(ink, ink.shape[1] // 8), sheet.between(-12, 12)))
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
