"""Signed documents of offices: letters, memos, fax covers, certificates; and their second pages.

`compose_document` draws a page as `blocks.compose` does, but with the order that documents have:
letterhead, addressee, text, close. What an office leaves on its paper comes on top (`clutter`).
"""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from faker import Faker

from training.detectors.annotations import (
    Hand,
    bent,
    date_ink,
    initials,
    jotting,
    margin_note,
    note_text,
    pen_mark,
    thickened,
    tilted,
)
from training.detectors.blocks import number_table, value, words
from training.detectors.emblems import (
    archive_number,
    chart,
    crest,
    figures_band,
    monogram,
    picture,
    rubber_stamp,
    script_logo,
    seal,
)
from training.detectors.faces import Faces
from training.detectors.sheet import LabelledPage, Sheet
from training.detectors.signing_blocks import sign
from training.detectors.strokes import Mask, Random, draw_path, glide, signature_ink, trim

TYPEWRITERS = ("LiberationMono-Regular", "FreeMono", "NimbusMonoPS-Regular", "DejaVuSansMono")
CURSIVE = (
    "Kristi",
    "dkg",
    "dkgIt",
    "DancingScript-Regular",
    "SteveHand",
    "Delphine",
    "Rufscript010",
    "Havana-Regular",
    "Joscelyn-Regular",
)
REGARDS = (
    "Sincerely,",
    "Sincerely yours,",
    "Very truly yours,",
    "Yours truly,",
    "Cordially,",
    "Kind regards,",
    "Respectfully,",
    "With best wishes,",
    "Best regards,",
)
SIGN_CAPTIONS = (
    "Signature",
    "Authorized Signature",
    "Signed",
    "By:",
    "Approved",
    "Approved by:",
    "President",
    "Secretary",
    "Director",
    "Manager",
    "Sponsor Signature",
    "Witness",
)


def name_ink(sheet: Sheet) -> Mask:
    """A name in a cursive face, slanted: the surname, initials before it, or the whole name."""
    fake = sheet.faker
    initial = fake.random_letter().upper()
    names = fake.name(), f"{initial}. {fake.last_name()}", f"{initial}{fake.last_name()}"
    hands = sheet.faces.flowing + sheet.faces.handwritten + sheet.faces.script
    cursive = [face for face in hands if face.stem in CURSIVE] or sheet.faces.flowing
    mask = sheet.lettering(sheet.choice(names), 90, sheet.choice(cursive))
    height, width = mask.shape
    slant = sheet.between(-0.1, 0.6)
    matrix = np.array([[sheet.between(0.7, 1.4), -slant, slant * height], [0, 1, 0]])
    room = int(width * 1.4 + slant * height) + 2
    return np.asarray(cv2.warpAffine(mask, matrix, (room, height)), np.uint8)


def swashed(sheet: Sheet, mask: Mask) -> Mask:
    """The ink with a long stroke out of it: far under, over or beyond the name, or a loop."""
    height, width = mask.shape
    pad = round(height * sheet.between(0.5, 1.5))
    reach = np.array([width, height])
    padded = np.pad(mask, pad)
    start = np.array([sheet.between(0.6, 1.0), sheet.between(0.3, 0.9)])
    kind = sheet.choice(("under", "beyond", "tail", "loop"))
    if kind == "under":
        ends = [[sheet.between(0, 0.3), sheet.between(0.9, 1.3)]]
        ends += [[sheet.between(0.8, 1.3), sheet.between(0.9, 1.4)]]
    elif kind == "beyond":
        ends = [[sheet.between(1.1, 1.7), sheet.between(-0.6, 0.6)]]
    elif kind == "tail":
        start[0] = sheet.between(0.1, 1.0)
        ends = [[start[0] + sheet.between(-0.3, 0.2), sheet.between(1.3, 2.2)]]
    else:
        around = np.linspace(0.3, 5.5, 7)
        wide, tall = sheet.between(0.35, 0.65), sheet.between(0.4, 0.9)
        ends = [[0.5 + wide * np.cos(turn), 0.5 + tall * np.sin(turn)] for turn in around]
    path = glide(sheet.rng, pad + np.array([start, *ends]) * reach)
    draw_path(padded, path, max(2, round(height * sheet.between(0.015, 0.05))))
    return trim(padded)


def person_ink(sheet: Sheet, collected: list[Mask]) -> Mask:
    """Ink of a signature: scrawled by the model, a bent flowing name, or collected from people."""
    draw = sheet.rng.random()
    if collected and draw < 0.1:
        return sheet.choice(collected)
    ink = bent(sheet, name_ink(sheet)) if draw < 0.42 else signature_ink(sheet.rng)
    if min(ink.shape) < 12:
        return signature_ink(sheet.rng)
    if draw < 0.42 and sheet.chance(0.6):
        ink = thickened(ink, int(sheet.rng.integers(1, 5)))
    if sheet.chance(0.25):
        ink = swashed(sheet, ink)
    return trim(tilted(ink, sheet.between(-35, 20))) if sheet.chance(0.1) else ink


def sign_here(sheet: Sheet, collected: list[Mask], x: float, foot: float, high: float = 30) -> None:
    """A signature of a usual size with its foot near a height."""
    width = float(np.clip(sheet.rng.normal(52, 18), 16, 105))
    sign(sheet, person_ink(sheet, collected), x, foot, width, sheet.between(0.5, 1) * high)


def letterhead(sheet: Sheet) -> float:
    """Name and address of an office with a crest, a script logo or neither. Returns its foot."""
    y = sheet.between(7, 22) * sheet.mm
    middle = sheet.chance(0.55)
    x = sheet.between(70, 95) * sheet.mm if middle else sheet.between(8, 30) * sheet.mm
    kind = sheet.choice(("crest", "crest", "script", "script", "script", "monogram", "row", "none"))
    if kind == "crest":
        y = crest(sheet, x, y, sheet.between(9, 24))
    elif kind == "script":
        y = script_logo(sheet, x if not middle else sheet.between(8, 70) * sheet.mm, y)
    elif kind == "monogram":
        y = monogram(sheet, x, y)
    elif kind == "row":
        size = sheet.between(12, 22)
        step = size * sheet.between(1.4, 2.2) * sheet.mm
        for index in range(int(sheet.rng.integers(2, 6))):
            foot = crest(sheet, sheet.between(8, 12) * sheet.mm + index * step, y, size)
        y = foot
    y += sheet.between(0, 4) * sheet.mm
    face = sheet.choice(sheet.faces.script) if sheet.chance(0.12) else None
    face = face or sheet.choice(sheet.faces.printed)
    name = sheet.faker.company()
    for text, size in ((name.upper(), sheet.between(3, 6.5)), (address(sheet), 2.2)):
        ink = sheet.lettering(text, size * sheet.mm, face)
        left = (sheet.width - ink.shape[1]) / 2 if middle else x
        sheet.ink(ink, left, y, sheet.between(0.7, 1.0))
        y += float(ink.shape[0]) + sheet.between(1, 3) * sheet.mm
    if sheet.chance(0.3):
        sheet.line(10 * sheet.mm, y, sheet.width - 10 * sheet.mm, y, sheet.between(0.2, 1))
    return y + sheet.between(4, 12) * sheet.mm


def address(sheet: Sheet) -> str:
    """One line of an address."""
    return f"{sheet.faker.street_address()}, {sheet.faker.city()} {sheet.faker.postcode()}"


def typed_lines(sheet: Sheet, x: float, y: float, size: float, lines: list[str]) -> float:
    """Lines below each other. Returns where the next would begin."""
    for line in lines:
        sheet.text(line, x, y, size)
        y += size * sheet.mm * 1.45
    return y


def body(sheet: Sheet, x: float, y: float, size: float, foot: float) -> float:
    """Paragraphs of running text down to about `foot`; tables, charts and pictures among them."""
    room = sheet.width - 2 * x
    letters = max(20, int(room / (size * sheet.mm * 0.58)))
    leading = size * sheet.mm * sheet.between(1.2, 1.9)
    while y < foot:
        if sheet.chance(0.06):
            y = sheet.choice((number_table, chart, picture))(sheet, y)
            continue
        for index in range(int(sheet.rng.integers(2, 8))):
            text = " ".join(sheet.faker.words(letters // 5))
            text = (text.capitalize() if not index else text)[:letters]
            sheet.text(text, x, y, size)
            y += leading
        sheet.text(words(sheet, 5)[: letters // 2], x, y, size)
        y += leading * sheet.between(1.5, 2.4)
    return y


def letter_close(sheet: Sheet, x: float, y: float, size: float, collected: list[Mask]) -> float:
    """Regards, one or two signatures, typed names and titles below, who typed it and who reads it.

    Returns where it ends. The ink reaches over the regards and the name, as it does in life.
    """
    right = x if sheet.chance(0.35) else sheet.between(85, 125) * sheet.mm
    if sheet.chance(0.9):
        sheet.text(sheet.choice(REGARDS), right, y, size)
    foot = y + sheet.between(9, 22) * sheet.mm
    places = [right]
    if sheet.chance(0.14):
        places = [x, max(right, sheet.between(100, 125) * sheet.mm)]
    for place in places:
        if sheet.chance(0.93):
            start = place + sheet.between(-10, 14) * sheet.mm
            sign_here(sheet, collected, start, foot + sheet.between(0, 4) * sheet.mm)
        if sheet.chance(0.12):
            sheet.line(place, foot, place + sheet.between(45, 70) * sheet.mm, foot)
        if sheet.chance(0.9):
            lines = [sheet.faker.name(), sheet.faker.job()[:34], sheet.faker.company()]
            typed_lines(sheet, place, foot + sheet.mm, size, lines[: int(sheet.rng.integers(1, 4))])
    y = foot + sheet.between(3, 5) * size * sheet.mm
    if sheet.chance(0.7):
        text = f"{sheet.faker.bothify('???').upper()}/{sheet.faker.bothify('??').lower()}"
        lines = [text, *sheet.choice(((), ("Enclosure",), ("Attachments",)))]
        copies = [f"cc: {sheet.faker.name()}" for _ in range(int(sheet.rng.integers(0, 5)))]
        y = typed_lines(sheet, x, y, size, lines + copies)
        if sheet.chance(0.25):
            for _ in range(int(sheet.rng.integers(1, 3))):
                pen_mark(sheet)
    return y


def approvals(sheet: Sheet, x: float, y: float, size: float, collected: list[Mask]) -> float:
    """Lines to sign on in one or two columns, each with a caption, and dates beside them."""
    columns = int(sheet.rng.integers(1, 3))
    wide = (sheet.width - 2 * x) / columns
    hand = Hand(sheet)
    hand.size = sheet.between(3, 6) * sheet.mm
    signed = sheet.choice((1.0, 0.9, 0.6))
    for _ in range(int(sheet.rng.integers(1, 5))):
        y += sheet.between(11, 20) * sheet.mm
        for column in range(columns):
            left = x + column * wide
            caption = sheet.choice(SIGN_CAPTIONS)
            before = sheet.chance(0.35)
            start = left
            if before:
                _, _, w, _ = sheet.text(caption, left, y - size * sheet.mm, size)
                start = left + w + 2 * sheet.mm
            line = start + wide * sheet.between(0.4, 0.65)
            sheet.line(start, y, line, y)
            if not before:
                sheet.text(caption, start, y + sheet.mm, size * 0.85)
            if sheet.chance(signed):
                sign_here(sheet, collected, start + sheet.between(-2, 8) * sheet.mm, y + 8, 22)
            if sheet.chance(0.5):
                end = left + wide * sheet.between(0.85, 0.95)
                sheet.line(line + 4 * sheet.mm, y, end, y)
                ink = date_ink(sheet, hand.size)
                sheet.ink(ink, line + 4 * sheet.mm, y - ink.shape[0] * 0.9, hand.darkness)
            if sheet.chance(0.4):
                sheet.text(sheet.faker.name(), start, y + 1.2 * size * sheet.mm, size)
        if sheet.chance(0.2):
            y = filled_lines(sheet, x, y + 2 * sheet.mm, size, hand)
    return y + 5 * sheet.mm


def filled_lines(sheet: Sheet, x: float, y: float, size: float, hand: Hand) -> float:
    """Title, name and date below a signature, each written by hand on a line."""
    for caption in ("Name:", "Title:", "Date:")[int(sheet.rng.integers(0, 3)) :]:
        y += sheet.between(6, 10) * sheet.mm
        _, _, w, _ = sheet.text(caption, x, y - size * sheet.mm, size)
        start = x + w + 2 * sheet.mm
        sheet.line(start, y, start + sheet.between(35, 60) * sheet.mm, y)
        if caption == "Date:":
            ink = date_ink(sheet, hand.size)
        else:
            titles = "President", "Vice President", "Director"
            ink = hand.line(sheet.faker.name() if caption == "Name:" else sheet.choice(titles))
        sheet.ink(ink, start + sheet.mm, y - ink.shape[0] * 0.9, hand.darkness)
    return y


def letter(sheet: Sheet, collected: list[Mask]) -> None:
    """A letter of one page, signed at its end."""
    size = sheet.between(2.7, 4)
    x = sheet.between(14, 34) * sheet.mm
    y = letterhead(sheet) if sheet.chance(0.85) else sheet.between(15, 40) * sheet.mm
    date = sheet.faker.date("%B %d, %Y")
    sheet.text(date, sheet.choice((x, sheet.between(95, 130) * sheet.mm)), y, size)
    y += sheet.between(6, 20) * sheet.mm
    lines = [sheet.faker.name(), sheet.faker.company(), sheet.faker.street_address()]
    y = typed_lines(sheet, x, y, size, [*lines, f"Dear {sheet.faker.last_name()}:"])
    foot = sheet.between(0.3, 0.78) * sheet.height
    y = body(sheet, x, y + 3 * sheet.mm, size, foot)
    if sheet.chance(0.8):
        letter_close(sheet, x, y, size, collected)
    else:
        approvals(sheet, x, y, size, collected)


def second_page(sheet: Sheet, collected: list[Mask]) -> None:
    """A page from inside a document; a quarter of them end it."""
    size, x = sheet.between(2.7, 4), sheet.between(12, 32) * sheet.mm
    y = sheet.between(8, 25) * sheet.mm
    if sheet.chance(0.5):
        lines = [sheet.faker.name(), f"Page {sheet.faker.random_digit()}"]
        y = typed_lines(sheet, x, y, size, lines)
    end = sheet.chance(0.25)
    y = body(sheet, x, y, size, sheet.height * (sheet.between(0.1, 0.7) if end else 0.85))
    if end:
        letter_close(sheet, x, y, size, collected)


def memo(sheet: Sheet, collected: list[Mask]) -> None:
    """To, from, date, subject over a rule, then text; unsigned, or initialled at the name."""
    size, x = sheet.between(2.7, 4), sheet.between(12, 30) * sheet.mm
    y = letterhead(sheet)
    hand = Hand(sheet) if sheet.chance(0.25) else None
    for caption in ("TO:", "FROM:", "DATE:", "SUBJECT:"):
        sheet.text(caption, x, y, size)
        start = x + sheet.between(24, 30) * sheet.mm
        if hand:
            hand.write([note_text(sheet)], start, y - hand.size * 0.4)
        else:
            sheet.text(sheet.faker.name(), start, y, size)
        y += size * sheet.mm * sheet.between(1.5, 2.4)
    sheet.line(x, y, sheet.width - x, y, sheet.between(0.2, 1))
    y = body(sheet, x, y + 5 * sheet.mm, size, sheet.between(0.3, 0.75) * sheet.height)
    if sheet.chance(0.55):
        letter_close(sheet, x, y, size, collected)


def handwritten_page(sheet: Sheet, collected: list[Mask]) -> None:
    """A fax cover or a sheet of notes: ruled lines filled by hand, signed now and then."""
    size, x = sheet.between(2.7, 4), sheet.between(12, 30) * sheet.mm
    y = letterhead(sheet) if sheet.chance(0.6) else sheet.between(10, 30) * sheet.mm
    hand = Hand(sheet)
    ruled = sheet.chance(0.6)
    for _ in range(int(sheet.rng.integers(0, 7))):
        _, _, w, _ = sheet.text(f"{words(sheet, 1).upper()}:", x, y, size)
        if ruled:
            sheet.line(x + w + 2 * sheet.mm, y + size * sheet.mm, sheet.width / 2, y + 12)
        hand.write([note_text(sheet)], x + w + 4 * sheet.mm, y - hand.size * 0.5)
        y += sheet.between(8, 13) * sheet.mm
    end = y + sheet.between(10, 150) * sheet.mm
    step = max(hand.size * 1.3, 8 * sheet.mm)
    while y < min(end, sheet.height - 60 * sheet.mm):
        if ruled:
            sheet.line(x, y + hand.size, sheet.width - x, y + hand.size)
        ink = hand.line(sheet.faker.sentence(int(sheet.rng.integers(3, 8))))
        sheet.ink(ink[:, : int(sheet.width - 2 * x)], x, y, hand.darkness)
        y += step
    if sheet.chance(0.5):
        place = sheet.between(60, 110) * sheet.mm
        sign_here(sheet, collected, place, y + sheet.between(18, 26) * sheet.mm)


def certificate(sheet: Sheet, collected: list[Mask]) -> None:
    """Border, title and name in flowing or black letters, a seal, signatures at the foot."""
    for inset in sheet.rng.uniform(3, 12, int(sheet.rng.integers(0, 4))) * sheet.mm:
        rect = inset, inset, sheet.width - 2 * inset, sheet.height - 2 * inset
        sheet.frame(rect, sheet.between(0.3, 2.5), int(sheet.between(20, 160)))
    y = sheet.between(18, 45) * sheet.mm
    seals = int(sheet.rng.integers(0, 3))
    for _ in range(int(sheet.rng.integers(4, 10))):
        flowing = sheet.chance(0.4)
        face = sheet.choice(sheet.faces.script if flowing else sheet.faces.printed)
        text = sheet.choice((words(sheet, 4), sheet.faker.name(), sheet.faker.company()))
        ink = sheet.lettering(text[:40], sheet.between(4, 14) * sheet.mm, face)
        ink = thickened(ink, int(sheet.rng.integers(1, 4)))[:, : sheet.width - 40]
        sheet.ink(ink, (sheet.width - ink.shape[1]) / 2, y, sheet.between(0.6, 1.0))
        y += float(ink.shape[0]) + sheet.between(4, 14) * sheet.mm
    for _ in range(seals):
        x = sheet.between(10, 150) * sheet.mm
        seal(sheet, x, min(sheet.between(0.1, 0.8) * sheet.height, sheet.height - 50 * sheet.mm))
    y = min(y, sheet.height - 75 * sheet.mm)
    approvals(sheet, sheet.between(12, 30) * sheet.mm, y, sheet.between(2.2, 3.4), collected)


Kind = Callable[[Sheet, list[Mask]], None]
KINDS: tuple[tuple[Kind, float], ...] = (
    (letter, 0.46),
    (memo, 0.14),
    (second_page, 0.18),
    (handwritten_page, 0.11),
    (certificate, 0.11),
)
CLUTTER: tuple[tuple[Callable[[Sheet], None], float, int], ...] = (
    (jotting, 0.45, 3),
    (margin_note, 0.35, 3),
    (pen_mark, 0.35, 5),
    (initials, 0.12, 2),
    (rubber_stamp, 0.25, 2),
    (archive_number, 0.45, 2),
    (figures_band, 0.12, 1),
)
"""What is laid over a page, with which chance, and at most how often."""


def clutter(sheet: Sheet) -> None:
    """Notes, stamps and numbers over a page, clear of its signatures for the most part."""
    for lay, chance, most in CLUTTER:
        if sheet.chance(chance):
            for _ in range(int(sheet.rng.integers(1, most + 1))):
                lay(sheet)
    if sheet.chance(0.3):
        sheet.text(f"{value(sheet)}  FAX {sheet.faker.phone_number()}  P.0{1}", 40, 8, 3)
    if sheet.chance(0.25):
        x, size = sheet.between(4, 12) * sheet.mm, sheet.between(4, 7) * sheet.mm
        for share in (0.12, 0.5, 0.88):
            sheet.oval((x, share * sheet.height, size, size), grey=10, filled=True)


def compose_document(
    seed: int,
    faces: Faces,
    collected: list[Mask],
    long_side: int,
    weighted: Sequence[tuple[Kind, float]] = KINDS,
) -> LabelledPage:
    """A document's page of one of the weighted kinds, reproduced by its seed."""
    rng: Random = np.random.default_rng(seed)
    faker = Faker("en_US")
    faker.seed_instance(seed)
    width = round(long_side * float(rng.choice([210 / 297, 8.5 / 11])))
    sheet = Sheet(rng, faces, faker, LabelledPage(np.full((long_side, width), 255, np.uint8)))
    typed = [face for face in faces.printed if face.stem in TYPEWRITERS]
    if typed and sheet.chance(0.55):
        sheet.face = sheet.choice(typed)
    kinds, weights = zip(*weighted, strict=True)
    chosen = kinds[int(rng.choice(len(kinds), p=weights))]
    chosen(sheet, collected)
    clutter(sheet)
    return sheet.page
