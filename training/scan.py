"""What a scanner and a careless hand do to a clean page, with the geometry kept exact.

A page is a BGR uint8 image. Angles are clockwise, in degrees, as a person sees the page.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.ink import Page


@dataclass(frozen=True, slots=True)
class ScanSettings:
    """How one page is scanned.

    Attributes:
        skew_degrees: the content is turned clockwise by this much.
        orientation: clockwise quarter turns on top of the skew: 0, 90, 180 or 270 degrees.
        grow: enlarge the canvas so that no corner is cut; else the size stays the page's own.
        blur_sigma: Gaussian blur in pixels.
        noise_sigma: sensor noise in grey levels.
        paper: colour of the paper, BGR; white is multiplied by it.
        shade: darkening from one side of the page to the other, 0 to 1.
        specks: dust specks per megapixel.
        grey: leave the colour out.
        bilevel: 1-bit, by a global threshold.
        jpeg_quality: 1 to 100, or None.
    """

    skew_degrees: float = 0.0
    orientation: int = 0
    grow: bool = False
    blur_sigma: float = 0.6
    noise_sigma: float = 4.0
    paper: tuple[int, int, int] = (244, 249, 250)
    shade: float = 0.04
    specks: float = 3.0
    grey: bool = False
    bilevel: bool = False
    jpeg_quality: int | None = None


@dataclass(frozen=True, slots=True)
class Scan:
    """A scanned page.

    Attributes:
        image: BGR uint8.
        matrix: (3, 3), pixels of the clean page to pixels of the scan.
    """

    image: Page
    matrix: NDArray[np.float64]

    def map_box(self, box: tuple[float, float, float, float]) -> NDArray[np.float64]:
        """Corners (4, 2) of a clean page's (x, y, width, height), clockwise from its top-left."""
        x, y, w, h = box
        corners = np.array([[x, y, 1], [x + w, y, 1], [x + w, y + h, 1], [x, y + h, 1]])
        mapped = corners @ self.matrix.T
        return np.asarray(mapped[:, :2] / mapped[:, 2:], dtype=np.float64)


def simulate_scan(page: Page, settings: ScanSettings, rng: np.random.Generator) -> Scan:
    """Scan a clean page. The generator decides noise, specks and the side of the shade."""
    tint = np.asarray(settings.paper, np.float32) / 255
    matrix, size = _placement(page, settings)
    warped = cv2.warpPerspective(
        page, matrix, size, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE
    )
    image: NDArray[np.float32] = np.multiply(warped, tint, dtype=np.float32)
    if settings.blur_sigma > 0:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), settings.blur_sigma), dtype=np.float32)
    image *= _shade(image.shape[0], image.shape[1], settings.shade, rng)
    _add_specks(image, settings.specks, rng)
    if settings.noise_sigma > 0:
        noise = rng.normal(0, settings.noise_sigma, image.shape[:2]).astype(np.float32)
        image += noise[..., None]
    scanned = np.clip(image, 0, 255).astype(np.uint8)
    return Scan(_encode(scanned, settings), matrix)


def random_settings(rng: np.random.Generator, max_skew: float = 2.0) -> ScanSettings:
    """A scanner of everyday quality: grey or colour, sometimes 1-bit, sometimes poor."""
    tone = int(rng.integers(225, 256))
    return ScanSettings(
        skew_degrees=float(np.clip(rng.normal(0, max_skew / 2), -max_skew, max_skew)),
        blur_sigma=float(rng.uniform(0.2, 1.3)),
        noise_sigma=float(rng.uniform(0, 10)),
        paper=(tone - int(rng.integers(0, 14)), tone, tone),
        shade=float(rng.uniform(0, 0.18)),
        specks=float(rng.uniform(0, 25)),
        grey=bool(rng.random() < 0.6),
        bilevel=bool(rng.random() < 0.25),
        jpeg_quality=int(rng.integers(25, 95)) if rng.random() < 0.6 else None,
    )


def _placement(page: Page, settings: ScanSettings) -> tuple[NDArray[np.float64], tuple[int, int]]:
    """Rotation about the page's centre onto a canvas of the needed (width, height)."""
    height, width = page.shape[:2]
    angle = np.deg2rad(settings.skew_degrees + settings.orientation)
    cos, sin = np.cos(angle), np.sin(angle)
    turned = settings.orientation % 180 == 90
    out_width, out_height = (height, width) if turned else (width, height)
    if settings.grow:
        out_width = int(np.ceil(abs(width * cos) + abs(height * sin)))
        out_height = int(np.ceil(abs(width * sin) + abs(height * cos)))
    to_centre = np.array([[1, 0, -(width - 1) / 2], [0, 1, -(height - 1) / 2], [0, 0, 1]])
    turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    back = np.array([[1, 0, (out_width - 1) / 2], [0, 1, (out_height - 1) / 2], [0, 0, 1]])
    return back @ turn @ to_centre, (out_width, out_height)


def _shade(
    height: int, width: int, strength: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """A smooth factor (height, width, 1), 1 on the bright side."""
    direction = rng.uniform(0, 2 * np.pi)
    y = np.linspace(-0.5, 0.5, height, dtype=np.float32)[:, None]
    x = np.linspace(-0.5, 0.5, width, dtype=np.float32)[None]
    ramp = np.float32(np.cos(direction)) * x + np.float32(np.sin(direction)) * y + 0.5
    return np.asarray(1 - np.float32(strength) * np.clip(ramp, 0, 1), np.float32)[..., None]


def _add_specks(image: NDArray[np.float32], per_megapixel: float, rng: np.random.Generator) -> None:
    height, width = image.shape[:2]
    for _ in range(rng.poisson(per_megapixel * height * width / 1e6)):
        centre = (int(rng.integers(0, width)), int(rng.integers(0, height)))
        grey = float(rng.uniform(40, 160))
        cv2.circle(image, centre, int(rng.integers(0, 2)), (grey, grey, grey), -1)


def _encode(image: Page, settings: ScanSettings) -> Page:
    if settings.grey or settings.bilevel:
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        if settings.bilevel:
            grey = np.where(grey > np.median(grey) * 0.72, 255, 0).astype(np.uint8)
        image = np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), dtype=np.uint8)
    if settings.jpeg_quality is not None:
        _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, settings.jpeg_quality])
        image = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)
    return image
