"""Pages of kinds other than government forms, composed from scratch.

Each function makes one page of its kind, different every time, with no meaning in the words.
`training.kinds` names them by class.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from training.ink import BLACK_PEN, BLUE_PEN, HANDWRITTEN, PRINTED, Colour, draw_signature
from training.sheet import FIRMS, NAMES, TOWNS, Sheet, money, pick, prose, title

Composer = Callable[[np.random.Generator, float], Sheet]


def letter(rng: np.random.Generator, dpi: float) -> Sheet:
    """A business letter, signed or not; sometimes its second page."""
    sheet = _paper(rng, dpi)
    left, right = rng.uniform(55, 95), sheet.width - rng.uniform(55, 95)
    size = rng.uniform(9, 12.5)
    leading = pick_float(rng, 1.15, 1.3, 2.0)
    y = rng.uniform(40, 110)
    if rng.random() < 0.8:
        y = _letter_head(sheet, rng, left, right, y, size)
    for _ in range(int(rng.integers(1, 8))):
        y = sheet.paragraph(
            left, y, right - left, prose(rng, int(rng.integers(15, 110))), size, leading=leading
        )
        y += size * 0.9
        if y > sheet.height - 150:
            break
    if rng.random() < 0.8 and y < sheet.height - 100:
        _close_letter(sheet, rng, left if rng.random() < 0.6 else 330, y, size)
    if rng.random() < 0.4:
        sheet.text(sheet.width / 2, sheet.height - 30, prose(rng, 6), 7, align="centre")
    return sheet


def memo(rng: np.random.Generator, dpi: float) -> Sheet:
    """A memo, a fax or a printed e-mail: heads with colons, a rule, then prose."""
    sheet = _paper(rng, dpi)
    left, right = rng.uniform(50, 90), sheet.width - rng.uniform(50, 90)
    size = rng.uniform(9, 12)
    y = rng.uniform(50, 120)
    if rng.random() < 0.7:
        heading = pick(rng, ("MEMORANDUM", "Interoffice Memo", "M E M O", "MESSAGE", title(rng, 2)))
        centred = rng.random() < 0.5
        x = sheet.width / 2 if centred else left
        sheet.text(
            x, y, heading, rng.uniform(12, 22), bold=True, align="centre" if centred else "left"
        )
        y += rng.uniform(24, 50)
    tab = left + rng.uniform(50, 90)
    heads = ("To:", "From:", "Cc:", "Date:", "Subject:", "Sent:", "Re:")
    for head in heads[: int(rng.integers(3, 7))]:
        sheet.text(left, y, head, size, bold=bool(rng.random() < 0.5))
        sheet.text(tab, y, pick(rng, NAMES) if head != "Subject:" else title(rng, 4), size)
        y += size * rng.uniform(1.3, 2.0)
    if rng.random() < 0.6:
        sheet.rule(left, y, right, y, rng.uniform(0.5, 2))
    y += size * 2
    while y < sheet.height * rng.uniform(0.4, 0.95):
        y = sheet.paragraph(left, y, right - left, prose(rng, int(rng.integers(10, 80))), size)
        y += size
    return sheet


def article(rng: np.random.Generator, dpi: float) -> Sheet:
    """A page of a publication or newspaper: one to four columns, headings, figures, captions."""
    sheet = _paper(rng, dpi)
    columns = int(rng.choice([1, 2, 2, 2, 3, 4]))
    size = rng.uniform(7, 10.5)
    margin, gap = rng.uniform(36, 75), rng.uniform(10, 22)
    y = margin
    if rng.random() < 0.6:
        big = rng.uniform(14, 26)
        for _ in range(int(rng.integers(1, 3))):
            sheet.text(sheet.width / 2, y + big, title(rng, 4), big, bold=True, align="centre")
            y += big * 1.3
        sheet.text(sheet.width / 2, y + 14, ", ".join(NAMES[:3]), 10, align="centre")
        y += 40
        if rng.random() < 0.5:
            y = sheet.paragraph(margin + 30, y, sheet.width - 2 * margin - 60, prose(rng, 90), size)
            y += 14
    width = (sheet.width - 2 * margin - gap * (columns - 1)) / columns
    for i in range(columns):
        _column(sheet, rng, margin + i * (width + gap), y, width, size)
    return sheet


def invoice(rng: np.random.Generator, dpi: float) -> Sheet:
    """An invoice or purchase order: head, parties, a table of lines, totals."""
    sheet = _paper(rng, dpi)
    left, right = rng.uniform(36, 65), sheet.width - rng.uniform(36, 65)
    accent = _accent(rng)
    sheet.text(left, 70, f"{pick(rng, FIRMS)} {pick(rng, ('Ltd', 'Inc', 'Supply'))}", 18, bold=True)
    sheet.text(right, 70, pick(rng, ("INVOICE", "Invoice", "TAX INVOICE")), 22, bold=True,
               align="right", colour=accent)  # fmt: skip
    y = 95.0
    for head in ("Invoice no.", "Date", "Due date", "Customer")[: int(rng.integers(2, 5))]:
        sheet.text(right - 110, y, head, 9, align="right")
        sheet.text(right, y, str(rng.integers(10000, 99999)), 9, align="right")
        y += 14
    for head, x in (("Bill to", left), ("Ship to", left + 190))[: int(rng.integers(1, 3))]:
        block = 120.0
        for line in (head, pick(rng, NAMES), f"{rng.integers(1, 99)} Mill Road", pick(rng, TOWNS)):
            sheet.text(x, block, line, 9.5, bold=line == head)
            block += 13
    rows = int(rng.integers(3, 22))
    y = _table(sheet, rng, left, rng.uniform(190, 240), right, rows, accent)
    for head in ("Subtotal", "Tax", "Total"):
        y += 16
        sheet.text(right - 90, y, head, 10, bold=head == "Total", align="right")
        sheet.text(right - 4, y, money(rng), 10, bold=head == "Total", align="right")
    sheet.paragraph(left, min(y + 50, 720), 300, prose(rng, int(rng.integers(8, 40))), 8.5)
    return sheet


def statement(rng: np.random.Generator, dpi: float) -> Sheet:
    """A bank statement, pay stub or other table: heads, boxes of sums, long tables."""
    sheet = _paper(rng, dpi)
    left, right = rng.uniform(30, 60), sheet.width - rng.uniform(30, 60)
    accent = _accent(rng)
    if rng.random() < 0.5:
        sheet.fill((left, 30, right - left, 34), accent)
        sheet.text(left + 8, 54, f"{pick(rng, FIRMS)} Bank", 18, bold=True, colour=(255, 255, 255))
    else:
        sheet.text(left, 54, f"{pick(rng, FIRMS)} Savings", 18, bold=True)
    sheet.text(right, 80, "Account " + str(rng.integers(10**8, 10**9)), 9, align="right")
    y = 95.0
    for line in (pick(rng, NAMES), f"{rng.integers(1, 99)} Mill Road", pick(rng, TOWNS)):
        sheet.text(left, y, line, 10)
        y += 13
    while y < sheet.height - 170:
        sheet.text(left, y + 24, title(rng, 2), 12, bold=True)
        y = _table(sheet, rng, left, y + 34, right, int(rng.integers(3, 26)), accent)
        if rng.random() < 0.35:
            y = sheet.paragraph(left, y + 20, right - left, prose(rng, 40), 8)
        y += 8
    return sheet


def receipt(rng: np.random.Generator, dpi: float) -> Sheet:
    """A till receipt: a narrow strip, centred head, items with prices, a total."""
    width = rng.uniform(170, 290)
    rows = int(rng.integers(3, 28))
    sheet = Sheet(width, 230 + rows * 13 + rng.uniform(0, 140), dpi)
    sheet.face = pick(rng, ("cousine", "arimo", "barlow-condensed"))
    y, size = 28.0, rng.uniform(7.5, 10)
    middle = width / 2
    sheet.text(middle, y, f"{pick(rng, FIRMS)} Mart".upper(), size * 1.5, bold=True, align="centre")
    for line in (
        f"{rng.integers(1, 99)} Mill Road",
        pick(rng, TOWNS),
        "Tel 555 0142",
        "CASH RECEIPT",
    ):
        y += size * 1.35
        sheet.text(middle, y, line, size, align="centre")
    y += 14
    _dashes(sheet, 10, y, width - 10)
    for _ in range(rows):
        y += size * 1.35
        sheet.text(12, y, title(rng, int(rng.integers(1, 3))).upper()[:22], size)
        sheet.text(width - 12, y, money(rng, 60), size, align="right")
    y += 10
    _dashes(sheet, 10, y, width - 10)
    for head in ("SUBTOTAL", "TAX", "TOTAL", "CASH", "CHANGE")[: int(rng.integers(2, 6))]:
        y += size * 1.6
        sheet.text(12, y, head, size, bold=True)
        sheet.text(width - 12, y, money(rng, 300), size, bold=True, align="right")
    sheet.text(middle, y + 34, "THANK YOU", size, align="centre")
    return _on_a_platen(sheet, rng) if rng.random() < 0.3 else sheet


def handwritten(rng: np.random.Generator, dpi: float) -> Sheet:
    """A handwritten note or letter, on plain or ruled paper."""
    sheet = _paper(rng, dpi)
    size = rng.uniform(13, 24)
    step = size * rng.uniform(1.2, 1.8)
    colour = BLUE_PEN if rng.random() < 0.5 else BLACK_PEN
    if rng.random() < 0.4:
        for i in range(int(sheet.height / step)):
            sheet.rule(0, 60 + i * step, sheet.width, 60 + i * step, 0.4, (210, 190, 170))
    face = pick(rng, HANDWRITTEN)
    y = rng.uniform(50, 120)
    end = sheet.height * rng.uniform(0.3, 0.97)
    while y < end:
        left = rng.uniform(35, 75)
        line = prose(rng, int(rng.integers(2, 12)))
        width = sheet.width - left - rng.uniform(20, 120)
        y = sheet.paragraph(
            left, y, width, line, size, leading=step / size, colour=colour, face=face
        )
        y += step * float(rng.random() < 0.2)
    return sheet


def presentation(rng: np.random.Generator, dpi: float) -> Sheet:
    """A slide: landscape, a big title, few bullets, a chart or a picture."""
    wide = rng.random() < 0.5
    sheet = Sheet(792, 445 if wide else 594, dpi, face=pick(rng, PRINTED))
    accent = _accent(rng)
    dark = rng.random() < 0.25
    if dark:
        sheet.fill((0, 0, sheet.width, sheet.height), accent)
    ink: Colour = (245, 245, 245) if dark else (30, 30, 30)
    if rng.random() < 0.5:
        sheet.fill((0, 0, sheet.width, rng.uniform(20, 80)), accent)
    sheet.text(
        50, 75, title(rng, int(rng.integers(2, 5))), rng.uniform(24, 38), bold=True, colour=ink
    )
    y = 140.0
    width = rng.uniform(280, 660)
    for _ in range(int(rng.integers(0, 7))):
        sheet.text(56, y, "•", 18, colour=ink)
        words = prose(rng, int(rng.integers(3, 14)))
        y = sheet.paragraph(76, y, width, words, rng.uniform(14, 20), colour=ink) + 12
    if width < 420 or y < 220:
        _figure(sheet, rng, (460, 130, 290, sheet.height - 190))
    return sheet


def id_card(rng: np.random.Generator, dpi: float) -> Sheet:
    """An identity card or passport page: a portrait and few lines, as a card or on a platen."""
    sheet = Sheet(*((243, 153) if rng.random() < 0.5 else (354, 250)), dpi * 2)
    sheet.fill((0, 0, sheet.width, sheet.height), _tone(rng, 190, 250))
    sheet.fill((0, 0, sheet.width, 24), _accent(rng))
    sheet.text(10, 17, "IDENTITY CARD", 12, bold=True, colour=(250, 250, 250))
    _portrait(sheet, rng, (12, 36, sheet.width * 0.27, sheet.height * 0.5))
    y = 45.0
    for head in ("Surname", "Given names", "Nationality", "Date of birth", "No."):
        sheet.text(sheet.width * 0.36, y, head, 5.5, colour=(120, 90, 60))
        sheet.text(sheet.width * 0.36, y + 9, pick(rng, NAMES).upper(), 8.5, bold=True)
        y += sheet.height * 0.13
    if rng.random() < 0.5:
        for i in range(2):
            line = "P<UTO" + "".join(rng.choice(list("ABCDEF<<<<0123456789"), 30))
            sheet.text(8, sheet.height - 16 + i * 11, line, 8, face="cousine")
    return _on_a_platen(sheet, rng) if rng.random() < 0.4 else sheet


def _paper(rng: np.random.Generator, dpi: float) -> Sheet:
    size = (595, 842) if rng.random() < 0.4 else (612, 792)
    faces = (*PRINTED, "cousine", "tinos")
    return Sheet(*size, dpi, face=pick(rng, faces))


def pick_float(rng: np.random.Generator, *values: float) -> float:
    """One of them."""
    return values[int(rng.integers(len(values)))]


def _accent(rng: np.random.Generator) -> Colour:
    return _tone(rng, 20, 150)


def _tone(rng: np.random.Generator, low: int, high: int) -> Colour:
    blue, green, red = (int(v) for v in rng.integers(low, high, 3))
    return (blue, green, red)


def _letter_head(
    sheet: Sheet, rng: np.random.Generator, left: float, right: float, y: float, size: float
) -> float:
    if rng.random() < 0.7:
        sheet.text(left, y, f"{pick(rng, FIRMS)} {pick(rng, ('Partners', 'Institute'))}",
                   rng.uniform(13, 24), bold=True)  # fmt: skip
        if rng.random() < 0.5:
            sheet.rule(left, y + 8, right, y + 8, 1)
        if rng.random() < 0.5:
            sheet.text(right, y, f"{pick(rng, TOWNS)} - Tel 555 0117", 8, align="right")
        y += rng.uniform(30, 60)
    month = pick(rng, ("March", "June", "October"))
    date = f"{month} {rng.integers(1, 28)}, {rng.integers(1975, 2025)}"
    sheet.text(left if rng.random() < 0.6 else 380, y, date, size)
    y += size * 2.4
    for line in (pick(rng, NAMES), f"{rng.integers(1, 99)} Mill Road", pick(rng, TOWNS)):
        sheet.text(left, y, line, size)
        y += size * 1.3
    y += size * 1.5
    if rng.random() < 0.4:
        sheet.text(left, y, "Re: " + title(rng, 4), size, bold=True)
        y += size * 2
    sheet.text(left, y, f"Dear {pick(rng, NAMES)}:", size)
    return y + size * 2


def _close_letter(sheet: Sheet, rng: np.random.Generator, x: float, y: float, size: float) -> None:
    sheet.text(x, y, pick(rng, ("Sincerely,", "Yours truly,", "With best regards,")), size)
    if rng.random() < 0.75:
        area = sheet.pixels((x, y + 6, 130, 36))
        sheet.signatures.append(draw_signature(sheet.image, area, rng, BLACK_PEN))
    sheet.text(x, y + 54, pick(rng, NAMES), size)
    sheet.text(x, y + 54 + size * 1.2, title(rng, 2), size)


def _column(
    sheet: Sheet, rng: np.random.Generator, x: float, y: float, width: float, size: float
) -> None:
    while y < sheet.height - 60:
        choice = rng.random()
        if choice < 0.1 and y < sheet.height - 240:
            height = rng.uniform(70, 180)
            _figure(sheet, rng, (x, y, width, height))
            y = sheet.paragraph(x, y + height + 12, width, prose(rng, 18), size * 0.85) + 10
        elif choice < 0.16 and y < sheet.height - 220:
            y = _table(sheet, rng, x, y, x + width, int(rng.integers(3, 9)), (90, 90, 90)) + 12
        elif choice < 0.35:
            sheet.text(x, y + 8, title(rng, 3), size * 1.25, bold=True)
            y += 8 + size * 1.8
        room = int((sheet.height - 50 - y) / (size * 1.25) * width / (size * 3.1))
        if room <= 2:
            return
        words = prose(rng, min(int(rng.integers(25, 130)), room))
        y = sheet.paragraph(x, y, width, words, size) + size * 0.5


def _table(
    sheet: Sheet,
    rng: np.random.Generator,
    left: float,
    top: float,
    right: float,
    rows: int,
    accent: Colour,
) -> float:
    """Rows of words and amounts, ruled in one of several ways; return the bottom."""
    columns = int(rng.integers(3, 7))
    step = rng.uniform(11, 20)
    share = 1 / columns + 0.08
    edges = np.array([left, *np.linspace(left + share * (right - left), right, columns)])
    ruling = pick(rng, ("grid", "rows", "none", "head"))
    size = step * 0.58
    filled_head = rng.random() < 0.5
    if filled_head:
        sheet.fill((left, top, right - left, step), accent)
    for row in range(rows + 1):
        y = top + row * step
        if y > sheet.height - 60:
            rows = row - 1
            break
        ink = (250, 250, 250) if filled_head and row == 0 else (25, 25, 25)
        _table_row(sheet, rng, edges, y + step * 0.72, size, head=row == 0, colour=ink)
        if ruling in {"grid", "rows"} or (ruling == "head" and row < 2):
            sheet.rule(left, y, right, y, 0.5)
    bottom = top + (rows + 1) * step
    if ruling == "grid":
        for edge in edges:
            sheet.rule(edge, top, edge, bottom, 0.5)
    if ruling != "none":
        sheet.rule(left, bottom, right, bottom, 0.5)
    return bottom


def _table_row(
    sheet: Sheet,
    rng: np.random.Generator,
    edges: NDArray[np.float64],
    y: float,
    size: float,
    *,
    head: bool,
    colour: Colour,
) -> None:
    """Words in the first cell, amounts in the others; words only in the head."""
    columns = len(edges) - 1
    for i in range(columns):
        if i == 0 or head:
            cell = title(rng, 1 if head or columns > 4 else 2)
            sheet.text(edges[i] + 3, y, cell, size, bold=head, colour=colour)
        elif rng.random() < 0.9:
            sheet.text(edges[i + 1] - 3, y, money(rng), size, align="right")


def _figure(sheet: Sheet, rng: np.random.Generator, box: tuple[float, float, float, float]) -> None:
    """A chart or a picture."""
    x, y, width, height = box
    if rng.random() < 0.4:
        _picture(sheet, rng, box)
        return
    sheet.rule(x, y + height, x + width, y + height)
    sheet.rule(x, y, x, y + height)
    count = int(rng.integers(4, 10))
    levels = rng.uniform(0.15, 0.95, count) * height
    for i, level in enumerate(levels):
        left = x + (i + 0.2) * width / count
        sheet.fill((left, y + height - level, width / count * 0.6, level), _accent(rng))


def _picture(
    sheet: Sheet, rng: np.random.Generator, box: tuple[float, float, float, float]
) -> None:
    """Something photographic: smooth random tones."""
    x, y, w, h = (round(v) for v in sheet.pixels(box))
    area = sheet.image[max(y, 0) : y + h, max(x, 0) : x + w]
    if area.size:
        size = (int(rng.integers(3, 9)), int(rng.integers(3, 9)))
        coarse = np.asarray(rng.uniform(20, 235, size), np.float32)
        shape = (area.shape[1], area.shape[0])
        tones = np.asarray(cv2.resize(coarse, shape, interpolation=cv2.INTER_CUBIC), np.float32)
        tones += rng.normal(0, 9, tones.shape).astype(np.float32)
        area[:] = np.clip(tones, 0, 255).astype(np.uint8)[..., None]


def _portrait(
    sheet: Sheet, rng: np.random.Generator, box: tuple[float, float, float, float]
) -> None:
    x, y, w, h = sheet.pixels(box)
    sheet.fill(box, (225, 215, 205))
    skin = _tone(rng, 70, 200)
    head = (round(x + w / 2), round(y + h * 0.42))
    shoulders = (round(x + w / 2), round(y + h))
    cv2.ellipse(
        sheet.image, shoulders, (round(w * 0.42), round(h * 0.3)), 0, 180, 360, _accent(rng), -1
    )
    cv2.ellipse(sheet.image, head, (round(w * 0.2), round(h * 0.25)), 0, 0, 360, skin, -1)
    cv2.ellipse(
        sheet.image, head, (round(w * 0.22), round(h * 0.27)), 0, 180, 360, (30, 30, 30), -1
    )


def _dashes(sheet: Sheet, left: float, y: float, right: float) -> None:
    for x in np.arange(left, right, 6):
        sheet.rule(x, y, min(x + 3, right), y, 0.6)


def _on_a_platen(sheet: Sheet, rng: np.random.Generator) -> Sheet:
    """The same, small, on a white page."""
    page = Sheet(612, 792, sheet.dpi)
    height, width = sheet.image.shape[:2]
    shrink = min(1.0, 0.9 * page.image.shape[0] / height, 0.9 * page.image.shape[1] / width)
    small = cv2.resize(sheet.image, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    rows, columns = small.shape[:2]
    top = int(rng.integers(0, page.image.shape[0] - rows))
    left = int(rng.integers(0, page.image.shape[1] - columns))
    page.image[top : top + rows, left : left + columns] = small
    return page
