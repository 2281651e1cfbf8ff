"""Pages of text that the tests draw themselves."""

import cv2
import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from meshkit.model import Image

WORDS = (
    "application for assistance with the cost of heating and water in the name of the owner who "
    "signed on the date given below please print all answers in ink and leave no question open "
    "unless told otherwise every person over the age of eighteen years must be listed by name"
)


def text_page(
    width: int = 1240,
    height: int = 1754,
    *,
    size: int = 30,
    lines: int | None = None,
    margin: int | None = None,
    seed: int = 0,
    ink: int = 20,
    paper: int = 255,
) -> Image:
    """A grey page with paragraphs of `size` pixel text in the font that Pillow carries."""
    rng = np.random.default_rng(seed)
    page = Pillow.new("L", (width, height), paper)
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(size)
    left = width // 10 if margin is None else margin
    top = height // 12
    pitch = round(size * 1.6)
    last = top + pitch * (lines if lines is not None else 10**6)
    for y in range(top, min(last, height - top - pitch), pitch):
        if lines is None and rng.random() < 0.1:
            continue
        words: list[str] = []
        while draw.textlength(" ".join(words), font) < (width - 2 * left) * rng.uniform(0.6, 0.9):
            words.append(str(rng.choice(WORDS.split())))
        words[0] = words[0].capitalize()
        draw.text((left, y), " ".join(words), fill=ink, font=font)
    return np.asarray(page, dtype=np.uint8)


def by_hand(size: int, *, slant: float = 0.3, sway: float = 0.05, seed: int = 0) -> Image:
    """A page of `text_page` whose lines wander as those of a hand do.

    Args:
        size: pixels of the text.
        slant: degrees by which a line rises or falls, at most.
        sway: how far a line swings to either side, as a part of the size.
        seed: for the text and for the lines.
    """
    page = text_page(size=size, seed=seed)
    rng = np.random.default_rng(seed)
    height, width = page.shape
    pitch, top = round(size * 1.6), height // 12
    x = np.arange(width)
    written = np.full_like(page, 255)
    for y in range(top, height - top - pitch, pitch):
        rise = np.tan(np.radians(rng.uniform(-slant, slant))) * (x - width / 2)
        rise += sway * size * np.sin(x / rng.uniform(60, 200) + rng.uniform(0, 6))
        rows = np.arange(y, y + pitch)[:, None] + np.rint(rise).astype(int)
        written[rows, x] = np.minimum(written[rows, x], page[y : y + pitch])
    return written


def x_height(size: int) -> int:
    """Pixels of a small letter without ascender in the font of `text_page`."""
    _, top, _, bottom = ImageFont.load_default(size).getbbox("x")
    return int(bottom - top)


def turned(page: Image, degrees: float, fill: int = 255) -> Image:
    """The page turned clockwise about its centre, nothing lost; quarter turns are exact."""
    quarters = round(degrees / 90)
    page = np.ascontiguousarray(np.rot90(page, -quarters))
    rest = degrees - 90 * quarters
    if rest == 0:
        return page
    height, width = page.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -rest, 1)
    cosine, sine = abs(matrix[0, 0]), abs(matrix[0, 1])
    new_width = int(np.ceil(width * cosine + height * sine))
    new_height = int(np.ceil(width * sine + height * cosine))
    matrix[:, 2] += (new_width - width) / 2, (new_height - height) / 2
    result = cv2.warpAffine(
        page,
        matrix,
        (new_width, new_height),
        flags=cv2.INTER_CUBIC,
        borderValue=(fill, fill, fill),
    )
    return np.asarray(result, dtype=np.uint8)


def decoded(png: bytes | None) -> Image:
    """The pixels of a PNG file, grey or BGR."""
    image = cv2.imdecode(np.frombuffer(png or b"", np.uint8), cv2.IMREAD_UNCHANGED)
    assert image is not None
    return np.asarray(image, dtype=np.uint8)
