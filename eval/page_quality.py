"""Whether the measures of a scan rise with its faults: `python -m eval.page_quality --data DIR`.

Real pages of labelled sets are made worse step by step, each fault alone, and the measure that
names the fault is read at every step. Printed are its mean at each step, the first being the page
as it is, and the share of pages on which it never falls by more than `SLACK`.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from eval.selection import add_arguments, as_part, read_labels
from meshkit.model import Image, PageInput
from servers.deskew.config import DeskewConfig
from servers.deskew.model import DeskewModel, DeskewOptions
from servers.deskew.quality import PageQuality

SETS = ("gov_forms_scansim", "funsd_forms", "sroie_receipts")
CUT, BARE = 0.2, 0.03
"""Shares of a page's width that are cut off, and that are bare beside the cut."""
SLACK = 0.01
"""By this much a measure may fall: two decimals are what a pipeline's condition asks for."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which pages go wrong.

    Attributes:
        measure: the field of `PageQuality` that names it.
        steps: strengths, growing.
        apply: a grey page and a strength to the worse page.
        read: the measure, turned so that more is worse.
    """

    measure: str
    steps: tuple[float, ...]
    apply: Callable[[Image, float], Image]
    read: Callable[[PageQuality], float]


def _blurred(page: Image, share: float) -> Image:
    """Gaussian blur of this share of a hundredth of the page's longer side."""
    sigma = share * max(page.shape) / 100
    return np.asarray(cv2.GaussianBlur(page, (0, 0), sigma), np.uint8)


def _grainy(page: Image, deviation: float) -> Image:
    noise = np.random.default_rng(0).normal(0, deviation, page.shape)
    return _grey(page + noise)


def _specked(page: Image, share: float) -> Image:
    hit = np.random.default_rng(0).random(page.shape) < share
    return np.where(hit, 255 - page, page).astype(np.uint8)


def _dark(page: Image, share: float) -> Image:
    return _grey(page * (1 - share))


def _faded(page: Image, share: float) -> Image:
    return _grey(255 - (255.0 - page) * (1 - share))


def _lit(page: Image, radius: float) -> Image:
    """Paper four fifths as bright, and a spot of light of this radius in page widths."""
    height, width = page.shape
    y, x = np.mgrid[:height, :width]
    distance = np.hypot(y - 0.4 * height, x - 0.5 * width) / (radius * width)
    spot = np.clip(1.5 - distance, 0, 1)
    return _grey(page * 0.8 * (1 - spot) + 255 * spot)


def _reduced(page: Image, share: float) -> Image:
    """Scanned at fewer dots an inch."""
    size = [max(1, round(side * (1 - share))) for side in page.shape[::-1]]
    return np.asarray(cv2.resize(page, size, interpolation=cv2.INTER_AREA), np.uint8)


def _tapered(page: Image, share: float) -> Image:
    """Photographed aslant: the top shorter by this share."""
    height, width = page.shape
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    seen = corners.copy()
    seen[:2, 0] += np.array([1, -1]) * share * width / 2
    matrix = cv2.getPerspectiveTransform(corners, seen)
    return np.asarray(cv2.warpPerspective(page, matrix, (width, height), borderValue=255), np.uint8)


def _cut(page: Image, share: float) -> Image:
    """Cut off at the left by a fifth of its width, along this share of its height: below, the strip
    along the new edge is bare, as where a line ends before it."""
    height, width = page.shape
    cut = page[:, round(CUT * width) :].copy()
    cut[round(share * height) :, : round(BARE * width)] = np.median(page)
    return cut


def _grey(levels: NDArray[np.floating[Any]]) -> Image:
    return np.asarray(np.clip(levels, 0, 255), np.uint8)


FAULTS = {
    "blur": Fault("blur", (0.1, 0.2, 0.3), _blurred, lambda it: it.blur),
    "grain": Fault("noise", (15, 30, 60), _grainy, lambda it: it.noise),
    "specks": Fault("noise", (0.01, 0.04, 0.12), _specked, lambda it: it.noise),
    "dark": Fault("darkness", (0.2, 0.4, 0.6), _dark, lambda it: it.darkness),
    "faint ink": Fault("faintness", (0.3, 0.6, 0.8), _faded, lambda it: it.faintness),
    "faint ink, contrast": Fault("contrast", (0.3, 0.6, 0.8), _faded, lambda it: 1 - it.contrast),
    "glare": Fault("glare", (0.05, 0.15, 0.3), _lit, lambda it: it.glare),
    "small text": Fault(
        "text_height_pixels", (0.2, 0.4, 0.6), _reduced, lambda it: -it.text_height
    ),
    "perspective": Fault(
        "perspective_degrees", (0.08, 0.15, 0.25), _tapered, lambda it: it.perspective_degrees
    ),
    "cut off": Fault("cut_off", (0.3, 0.6, 1.0), _cut, lambda it: it.cut_off),
}


def main() -> None:
    """Print a table with a row for each fault."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(parser, SETS)
    arguments = parser.parse_args()
    model = DeskewModel(DeskewConfig())
    model.load()

    def quality(page: Image) -> PageQuality:
        (result,) = model.predict([PageInput(page, None, DeskewOptions())])
        if isinstance(result, Exception):
            raise result
        return result.quality

    seen: dict[str, list[list[float]]] = {name: [] for name in FAULTS}
    for name in arguments.sets:
        folder = arguments.data / name
        for label in read_labels(folder, part=as_part(arguments.part), limit=arguments.limit):
            page = cv2.imread(str(folder / label["file"]), cv2.IMREAD_GRAYSCALE)
            if page is None:
                raise FileNotFoundError(folder / label["file"])
            grey = np.asarray(page, np.uint8)
            as_it_is = quality(grey)
            for title, fault in FAULTS.items():
                worse = [fault.read(quality(fault.apply(grey, step))) for step in fault.steps]
                seen[title].append([fault.read(as_it_is), *worse])
    model.close()
    Console(width=120).print(_table(seen))


def _table(seen: dict[str, list[list[float]]]) -> Table:
    table = Table(title="measures of pages made worse", title_justify="left")
    for column in ("fault", "measure", "pages", "as it is, then step by step", "never falls"):
        table.add_column(column)
    for title, rows in seen.items():
        values = np.array(rows)
        steady = (np.diff(values, axis=1) >= -SLACK).all(axis=1)
        means = ", ".join(f"{abs(mean):.3f}" for mean in values.mean(axis=0))
        table.add_row(title, FAULTS[title].measure, str(len(rows)), means, f"{steady.mean():.3f}")
    return table


if __name__ == "__main__":
    main()
