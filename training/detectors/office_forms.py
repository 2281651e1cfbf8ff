"""Forms that an office types: captions and rules filled on a typewriter or by hand, and a foot
where people sign, initial and date in little room. Some are blank, many are not signed.
"""

from training.detectors.annotations import Hand, date_ink, initials_ink, note_text, sized
from training.detectors.blocks import number_table, value, words
from training.detectors.emblems import formula
from training.detectors.letters import Kind, letter_close, letterhead, person_ink
from training.detectors.sheet import Sheet
from training.detectors.signing_blocks import sign
from training.detectors.strokes import Mask

SIGN_OFFS = (
    "Submitted By:",
    "Requested by",
    "Approved By:",
    "Approved",
    "Prepared by:",
    "Authorized by",
    "Supervised by:",
    "Budget Check:",
    "Manager",
    "Director",
    "Originator",
    "Signed",
)
DATED = 0.6


def office_form(sheet: Sheet, collected: list[Mask]) -> None:
    """A form of one page, its fields filled by one typewriter or one hand, or left empty."""
    size, x = sheet.between(2.4, 3.6), sheet.between(10, 28) * sheet.mm
    y = letterhead(sheet) if sheet.chance(0.35) else sheet.between(8, 25) * sheet.mm
    y = title(sheet, y, size)
    hand = Hand(sheet)
    hand.size = sheet.between(3, 6.5) * sheet.mm
    typed, written = sheet.choice(((0.8, 0.0), (0.8, 0.0), (0.7, 0.15), (0.2, 0.6), (0.05, 0.0)))
    foot = sheet.between(0.35, 0.85) * sheet.height
    while y < foot:
        if sheet.chance(0.06):
            y = sheet.choice((number_table, formula))(sheet, y)
        elif sheet.chance(0.1):
            y = remarks(sheet, x, y, size, hand if sheet.chance(written) else None)
        else:
            y = field_row(sheet, x, y, size, hand, (typed, written))
    ending = sheet.rng.random()
    if ending < 0.6:
        y = sign_off(sheet, x, y, size, hand, collected)
    elif ending < 0.7 and y < 0.75 * sheet.height:
        letter_close(sheet, x, y, size, collected)
    if sheet.chance(0.3):
        for _ in range(int(sheet.rng.integers(1, 6))):
            y += size * sheet.mm * 1.4
            sheet.text(f"cc: {sheet.faker.name()}", x, y, size)


def title(sheet: Sheet, y: float, size: float) -> float:
    """What the form is called, in capitals in the middle, underlined at times."""
    for _ in range(int(sheet.rng.integers(1, 3))):
        ink = sheet.lettering(words(sheet, 3).upper(), size * sheet.between(1.0, 1.6) * sheet.mm)
        left = (sheet.width - ink.shape[1]) / 2
        sheet.ink(ink, left, y, sheet.between(0.8, 1.0))
        y += float(ink.shape[0]) + sheet.mm
        if sheet.chance(0.5):
            sheet.line(left, y, left + ink.shape[1], y, 0.3)
        y += 2 * sheet.mm
    return y + sheet.between(4, 12) * sheet.mm


def field_row(
    sheet: Sheet, x: float, y: float, size: float, hand: Hand, shares: tuple[float, float]
) -> float:
    """One to three captions, each with a rule; `shares` of them are typed on, or written on."""
    columns = int(sheet.rng.integers(1, 4))
    wide = (sheet.width - 2 * x) / columns
    line = y + sheet.between(5, 9) * sheet.mm
    for column in range(columns):
        left = x + column * wide
        caption = f"{words(sheet, int(sheet.rng.integers(1, 3)))[:16]}{sheet.choice((':', ''))}"
        _, _, w, _ = sheet.text(caption, left, line - size * sheet.mm, size)
        start, end = left + w + 2 * sheet.mm, left + wide * 0.94
        if end - start < 8 * sheet.mm:
            continue
        sheet.line(start, line, end, line, 0.25)
        draw = sheet.rng.random()
        if draw < shares[0]:
            room = max(1, int((end - start) / (size * sheet.mm * 0.6)))
            top = line - 1.1 * size * sheet.mm
            sheet.text(value(sheet)[:room], start + 2 * sheet.mm, top, size)
        elif draw < sum(shares):
            ink = _written(sheet, hand)[:, : max(8, int(end - start))]
            sheet.ink(ink, start + sheet.mm, line - ink.shape[0] * 0.9, hand.darkness)
    return line + sheet.between(0.5, 4) * sheet.mm


def _written(sheet: Sheet, hand: Hand) -> Mask:
    return date_ink(sheet, hand.size * 0.8) if sheet.chance(0.3) else hand.line(note_text(sheet))


def remarks(sheet: Sheet, x: float, y: float, size: float, hand: Hand | None) -> float:
    """Rules one below the other with a text typed over them, or written when there is a hand."""
    sheet.text(words(sheet, 2), x, y, size)
    step = max(size * 1.6 * sheet.mm, hand.size * 1.1 if hand else 0.0)
    y += size * sheet.mm
    filled = int(sheet.rng.integers(0, 4))
    for index in range(int(sheet.rng.integers(1, 6))):
        y += step
        sheet.line(x, y, sheet.width - x, y, 0.25)
        if index >= filled:
            continue
        if hand is None:
            sheet.text(words(sheet, 8)[:60], x + 3 * sheet.mm, y - 1.1 * size * sheet.mm, size)
        else:
            ink = hand.line(words(sheet, int(sheet.rng.integers(1, 6))))
            ink = ink[:, : int(sheet.width - 2 * x)]
            sheet.ink(ink, x + sheet.between(0, 20) * sheet.mm, y - ink.shape[0] * 0.9, 0.9)
    return y + 2 * sheet.mm


def sign_off(
    sheet: Sheet, x: float, y: float, size: float, hand: Hand, collected: list[Mask]
) -> float:
    """Rules to sign on below each other: who is to sign before them, or in a head over them; a
    typed name below, a date behind. Signed, initialled, dated alone, typed on or empty."""
    signed = sheet.choice((0.0, 0.0, 0.5, 0.8, 1.0))
    left = x + sheet.between(26, 42) * sheet.mm
    wide = min(sheet.between(42, 80) * sheet.mm, sheet.width - left - 65 * sheet.mm)
    dates = left + wide + sheet.between(3, 20) * sheet.mm
    headed, dated = sheet.chance(0.3), sheet.chance(DATED)
    y += sheet.between(2, 12) * sheet.mm
    if sheet.chance(0.12):
        screen(sheet, round(y), round(y + sheet.between(15, 60) * sheet.mm))
    if headed:
        for text, place in (("SIGNATURE", left), ("DATE", dates)):
            sheet.text(text, place, y, size)
        y += size * sheet.mm
    for _ in range(int(sheet.rng.integers(1, 6))):
        y += sheet.between(7, 13) * sheet.mm
        sheet.text(sheet.choice(SIGN_OFFS), x, y - size * sheet.mm, size)
        sheet.line(left, y, left + wide, y, 0.25)
        is_signed = sheet.chance(signed)
        if is_signed:
            sign_small(sheet, collected, left, y, wide)
        elif sheet.chance(0.25):
            sheet.text(sheet.faker.name(), left + 2 * sheet.mm, y - 1.1 * size * sheet.mm, size)
        if sheet.chance(0.35):
            sheet.text(sheet.faker.name(), left + sheet.mm, y + 0.3 * sheet.mm, size)
        if dated:
            start = dates
            if not headed:
                sheet.text("Date", dates, y - size * sheet.mm, size)
                start += 3.2 * size * sheet.mm
            date_rule(sheet, start, y, hand, 0.7 if is_signed else 0.15)
    return y + 4 * sheet.mm


def date_rule(sheet: Sheet, x: float, y: float, hand: Hand, filled: float) -> None:
    """A rule for a date, written with the chance `filled`."""
    sheet.line(x, y, x + 32 * sheet.mm, y, 0.25)
    if sheet.chance(filled):
        ink = date_ink(sheet, hand.size * 0.9)
        sheet.ink(ink, x + sheet.mm, y - ink.shape[0] * 0.85, hand.darkness)


def sign_small(sheet: Sheet, collected: list[Mask], x: float, foot: float, wide: float) -> None:
    """A signature on a typed rule, or initials now and then."""
    start = x + sheet.between(-0.05, 0.4) * wide
    foot += sheet.between(0, 3) * sheet.mm
    if sheet.chance(0.15):
        ink = sized(initials_ink(sheet), sheet.between(6, 13) * sheet.mm)
        sheet.signature(ink, start, foot - ink.shape[0] * 0.85, sheet.between(0.7, 1.0))
        return
    width = sheet.between(0.35, 1.0) * wide / sheet.mm
    sign(sheet, person_ink(sheet, collected), start, foot, width, sheet.between(6, 17))


def screen(sheet: Sheet, top: int, bottom: int) -> None:
    """A band of dots across the page, as printers make grey of."""
    step, size = int(sheet.rng.integers(4, 8)), int(sheet.rng.integers(1, 3))
    band = sheet.page.image[top:bottom, round(6 * sheet.mm) : -round(6 * sheet.mm)]
    for shift in (0, step // 2):
        for row in range(size):
            for column in range(size):
                band[shift + row :: step, shift + column :: step] = 40


OFFICE_FORMS: tuple[tuple[Kind, float], ...] = ((office_form, 1.0),)
