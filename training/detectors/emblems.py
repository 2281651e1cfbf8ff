"""Printed things that look drawn by hand: crests, script logos, seals, pictures, charts, bands."""

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from training.detectors.annotations import sized, thickened, tilted
from training.detectors.sheet import Sheet
from training.detectors.strokes import Mask

FAR_BELOW = 9e9


def smooth_noise(sheet: Sheet, height: int, width: int, cells: float) -> NDArray[np.float32]:
    """Noise in 0 to 1 with about `cells` bumps along the longer side."""
    longer = max(height, width)
    rows, columns = (max(2, round(side / longer * cells)) for side in (height, width))
    coarse = sheet.rng.random((rows, columns), np.float32)
    noise = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(noise, 0, 1), np.float32)


def engraving(sheet: Sheet, height: int, width: int) -> Mask:
    """A small picture in lines and dots; mostly its own mirror image, as crests are."""
    tone = 0.6 * smooth_noise(sheet, height, width, sheet.between(4, 9))
    tone = tone + 0.4 * smooth_noise(sheet, height, width, sheet.between(10, 24))
    if sheet.chance(0.65):
        half = tone[:, : (width + 1) // 2]
        tone = np.concatenate([half, half[:, ::-1]], axis=1)[:, :width]
    rows, columns = np.mgrid[0:height, 0:width]
    across, down = 2 * columns / width - 1, 2 * rows / height - 1
    reach = np.abs(across) ** sheet.choice((1.2, 2, 2, 8)) + np.abs(down) ** sheet.choice((2, 2, 8))
    screen = sheet.choice(("lines", "dots", "none", "none"))
    if screen == "lines":
        along = columns * sheet.between(-1, 1) + rows
        tone = tone + 0.35 * np.sin(along * 2 * np.pi / sheet.between(4, 11))
    elif screen == "dots":
        tone = tone + sheet.rng.uniform(-0.4, 0.4, tone.shape)
    inside = reach < 0.75 + 0.5 * smooth_noise(sheet, height, width, 8)
    contour = np.abs(tone - 0.5) < sheet.between(0.03, 0.1)
    ink = contour if sheet.chance(0.35) else tone > sheet.between(0.42, 0.6)
    return np.where(ink & inside, 255, 0).astype(np.uint8)


def crest(sheet: Sheet, x: float, y: float, size_mm: float) -> float:
    """An engraving, sometimes framed or lettered. Returns where it ends."""
    height = int(size_mm * sheet.mm)
    width = int(height * sheet.between(0.7, 1.8))
    mask = engraving(sheet, height, width)
    sheet.ink(mask, x, y, sheet.between(0.7, 1.0))
    if sheet.chance(0.3):
        sheet.frame((x, y, width, height), sheet.between(0.2, 0.8))
    if sheet.chance(0.3):
        text = sheet.faker.bothify("????")[: int(sheet.rng.integers(2, 5))].upper()
        ink = thickened(sheet.lettering(text, height * 0.4), int(sheet.rng.integers(1, 4)))
        sheet.ink(ink, x + (width - ink.shape[1]) / 2, y + height * 0.3, 1.0)
    return y + height


def script_logo(sheet: Sheet, x: float, y: float) -> float:
    """A firm's name in a flowing face, heavy and large. Returns where it ends."""
    text = sheet.choice((sheet.faker.last_name(), sheet.faker.company(), sheet.faker.city()))[:22]
    ink = sheet.lettering(text, sheet.between(7, 20) * sheet.mm, sheet.choice(sheet.faces.script))
    ink = thickened(ink, int(sheet.rng.integers(1, 8)))
    if sheet.chance(0.3):
        ink = tilted(ink, sheet.between(-2, 8))
    sheet.ink(ink, x, y, sheet.between(0.8, 1.0))
    foot = y + float(ink.shape[0])
    if sheet.chance(0.35):
        thick = sheet.between(0.4, 1.4)
        sheet.line(x + sheet.between(0, 50), foot, x + ink.shape[1], foot, thick)
    return foot


def monogram(sheet: Sheet, x: float, y: float) -> float:
    """Letters over each other, ringed or framed. Returns where it ends."""
    size = sheet.between(8, 20) * sheet.mm
    face = sheet.choice(sheet.faces.script + sheet.faces.printed)
    for index, letter in enumerate(sheet.faker.bothify("???")[: int(sheet.rng.integers(1, 4))]):
        ink = thickened(sheet.lettering(letter.upper(), size, face), int(sheet.rng.integers(1, 6)))
        sheet.ink(ink, x + index * size * sheet.between(0.25, 0.5), y + index * 4, 1.0)
    if sheet.chance(0.5):
        pad = size * 0.2
        sheet.oval((x - pad, y - pad, size * 1.8, size * 1.5), sheet.between(0.3, 1.2))
    return y + size * 1.2


def seal(sheet: Sheet, x: float, y: float) -> None:
    """A rosette of a certificate: jagged rim, rings, a picture, now and then ribbons."""
    side = int(sheet.between(22, 46) * sheet.mm)
    mask = np.zeros((side, side), np.uint8)
    teeth = int(sheet.rng.integers(20, 60))
    turns = np.linspace(0, 2 * np.pi, 2 * teeth, endpoint=False)
    radius = side / 2 - 3 - np.where(np.arange(2 * teeth) % 2, side * sheet.between(0.02, 0.06), 0)
    rim = np.column_stack([np.cos(turns), np.sin(turns)]) * radius[:, None] + side / 2
    cv2.polylines(mask, [rim.astype(np.int32)], True, 255, int(sheet.rng.integers(2, 6)))
    for share in sheet.rng.uniform(0.45, 0.9, 3):
        radius_px = int(side / 2 * share)
        cv2.circle(mask, (side // 2, side // 2), radius_px, 255, int(sheet.rng.integers(1, 5)))
    inner = int(side * 0.55)
    start = (side - inner) // 2
    mask[start : start + inner, start : start + inner] |= engraving(sheet, inner, inner)
    if sheet.chance(0.3):
        cv2.circle(mask, (side // 2, side // 2), side // 2 - 6, 160, -1)
    sheet.ink(mask, x, y, sheet.between(0.3, 1.0))


def chart(sheet: Sheet, y: float) -> float:
    """Axes with curves, points or bars, as a block of a page."""
    x, w = sheet.between(12, 60) * sheet.mm, sheet.between(50, 130) * sheet.mm
    h = sheet.between(30, 75) * sheet.mm
    if sheet.chance(0.8):
        sheet.line(x, y, x, y + h)
        sheet.line(x, y + h, x + w, y + h)
    for _ in range(int(sheet.rng.integers(1, 5))):
        knots = np.cumsum(sheet.rng.normal(0, 1, int(sheet.rng.integers(4, 30))))
        spread = float(np.ptp(knots)) or 1.0
        smooth = np.interp(np.linspace(0, len(knots) - 1, 200), np.arange(len(knots)), knots)
        smooth = np.convolve(np.pad(smooth, 6, mode="edge"), np.ones(13) / 13, "valid")
        heights = y + h - (smooth - knots.min()) / spread * h * sheet.between(0.4, 1)
        line = np.column_stack([np.linspace(x, x + w, 200), heights]).astype(np.int32)
        cv2.polylines(sheet.page.image, [line], False, 20, int(sheet.rng.integers(1, 5)))
    for step in range(int(sheet.rng.integers(0, 7))):
        sheet.text(str(step * 10), x - 8 * sheet.mm, y + h - step * h / 7, 2.6)
    return y + h + 8 * sheet.mm


def picture(sheet: Sheet, y: float) -> float:
    """One engraving, or a row of them, as a block of a page."""
    size = sheet.between(12, 55)
    x = sheet.between(8, 60) * sheet.mm
    foot = y
    for _ in range(int(sheet.rng.integers(1, 4)) if size < 28 else 1):
        foot = max(foot, crest(sheet, x, y, size))
        x += size * sheet.between(1.3, 2) * sheet.mm
    return foot + 4 * sheet.mm


def formula(sheet: Sheet, y: float) -> float:
    """A structural formula of chemistry: rings or a chain of straight bonds, letters at ends."""
    bond = sheet.between(4, 10) * sheet.mm
    x = sheet.between(25, 130) * sheet.mm
    middle = y + 2.5 * bond
    if sheet.chance(0.25):
        chain = [(x + step * 0.87 * bond, middle - step % 2 * bond / 2) for step in range(7)]
        _bonds(sheet, chain[: int(sheet.rng.integers(3, 8))], bond, (x, FAR_BELOW))
    else:
        sides, turn = int(sheet.choice((5, 6, 6, 6))), sheet.choice((0.0, np.pi / 6))
        for ring in range(int(sheet.rng.integers(1, 4))):
            centre = x + ring * 2 * bond * np.cos(np.pi / sides), middle
            around = np.arange(sides + 1) * 2 * np.pi / sides + turn
            corners = [(centre[0] + bond * np.cos(t), middle + bond * np.sin(t)) for t in around]
            _bonds(sheet, corners, bond, centre)
    return y + 5 * bond


def _bonds(
    sheet: Sheet, ends: list[tuple[float, float]], bond: float, centre: tuple[float, float]
) -> None:
    """Bonds from end to end, some of them double towards the centre, some with a group outwards."""
    groups = "OH", "O", "CH3", "N", "COOH", "NH2", "Cl", "OCH3"
    for (x0, y0), (x1, y1) in pairwise(ends):
        sheet.line(x0, y0, x1, y1, 0.3)
        out = np.array([x0 - centre[0], y0 - centre[1]])
        out = out / np.hypot(*out)
        if sheet.chance(0.4):
            dx, dy = -out * 0.18 * bond
            sheet.line(x0 + dx, y0 + dy, x1 + dx, y1 + dy, 0.3)
        if sheet.chance(0.3):
            x, y = x0 + out[0] * bond, y0 + out[1] * bond
            sheet.line(x0, y0, x, y, 0.3)
            if sheet.chance(0.8):
                sheet.text(sheet.choice(groups), x + out[0] * 6 - 8, y + out[1] * 14 - 10, 3.2)


def figures_band(sheet: Sheet) -> None:
    """White figures on a black band, as an archive's camera counts pages."""
    w, h = sheet.between(40, 130) * sheet.mm, sheet.between(8, 20) * sheet.mm
    mask = np.full((int(h), int(w)), 255, np.uint8)
    size = h * sheet.between(0.5, 0.9)
    digits = sheet.lettering(sheet.faker.numerify("##### ####"), size)
    if sheet.chance(0.6):
        digits = thickened(digits, int(sheet.rng.integers(2, 5)))
    part = digits[: mask.shape[0] - 4, : mask.shape[1] - 8]
    mask[2 : 2 + part.shape[0], 4 : 4 + part.shape[1]] -= part
    bottom = sheet.chance(0.8)
    y = sheet.height - h - sheet.between(0, 12) * sheet.mm if bottom else sheet.between(0, 20)
    sheet.ink(mask, sheet.between(0, 120) * sheet.mm, y, 1.0)


def archive_number(sheet: Sheet) -> None:
    """A heavy number along a side or at the foot of the page."""
    digits = sheet.lettering(sheet.faker.numerify("########"), sheet.between(4, 7) * sheet.mm)
    digits = thickened(digits, int(sheet.rng.integers(1, 4)))
    if sheet.chance(0.65):
        digits = np.ascontiguousarray(np.rot90(digits, sheet.choice((1, 3))))
        x, y = sheet.between(190, 203) * sheet.mm, sheet.between(80, 260) * sheet.mm
    else:
        x, y = sheet.between(20, 160) * sheet.mm, sheet.between(270, 288) * sheet.mm
    sheet.ink(digits, x, y, sheet.between(0.8, 1.0))


def rubber_stamp(sheet: Sheet) -> None:
    """RECEIVED and a date in heavy letters, framed or not, tilted, unevenly inked."""
    text = sheet.choice(("RECEIVED", "COPY", "CONFIDENTIAL", "FILED", "APPROVED", "RUSH"))
    top = thickened(sheet.lettering(text, sheet.between(5, 9) * sheet.mm), 3)
    date = sized(sheet.lettering(sheet.faker.date("%b %d %Y").upper(), 60), top.shape[0] * 0.8)
    width = max(top.shape[1], date.shape[1]) + 24
    mask = np.zeros((top.shape[0] + date.shape[0] + 40, width), np.uint8)
    mask[10 : 10 + top.shape[0], 12 : 12 + top.shape[1]] = top
    row = 25 + top.shape[0]
    mask[row : row + date.shape[0], 12 : 12 + date.shape[1]] = date
    if sheet.chance(0.4):
        cv2.rectangle(mask, (2, 2), (width - 3, mask.shape[0] - 3), 255, 3)
    worn = smooth_noise(sheet, mask.shape[0], mask.shape[1], 12)
    mask = np.where(worn > sheet.between(0, 0.45), mask, mask // 3).astype(np.uint8)
    ink = tilted(mask, float(sheet.rng.normal(0, 6)))
    sheet.ink(ink, sheet.between(5, 150) * sheet.mm, sheet.between(5, 250) * sheet.mm, 0.9)
