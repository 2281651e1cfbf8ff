"""The worst pages of a measure as pictures: what is true in green, what was said in red.

A picture's margin says what has no place: how the page lies, its class.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from eval.comparison import Reading
from meshkit.model import Image

TRUTH = (0, 150, 0)
SAID = (0, 0, 230)
BANNER_PX = 40
KEYS = ("words", "lines", "checkboxes", "signatures")
FACTS = ("orientation", "skew_degrees", "doc_class")
LEAST_SCORE = 0.5


def draw_worst(readings: Sequence[Reading], folder: Path, count: int) -> list[Path]:
    """Draw the worst pages of every row, those with mistakes.

    Args:
        readings: of one measure.
        folder: where the pictures go, made when missing.
        count: pages of each row.

    Returns:
        The pictures' paths.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for group in dict.fromkeys(reading.case.group for reading in readings):
        row = [r for r in readings if r.case.group == group and r.mistakes > 0]
        for reading in sorted(row, key=lambda r: -r.mistakes)[:count]:
            name = Path(reading.case.label["file"]).stem
            path = folder / f"{reading.case.set_name}-{name}.png"
            cv2.imwrite(str(path), draw(reading))
            paths.append(path)
    return paths


def draw(reading: Reading) -> Image:
    """One page, BGR."""
    label, line = reading.case.label, reading.line
    image = cv2.imread(reading.case.page.path, cv2.IMREAD_COLOR)
    if image is None:
        raise FileNotFoundError(reading.case.page.path)
    for key in KEYS:
        if key in line or (key == "lines" and "words" in line):
            _draw_parts(image, label.get(key, []), TRUTH, thickness=3)
            sure = [item for item in line.get(key, []) if _is_meant(key, item)]
            _draw_parts(image, sure, SAID, thickness=1)
    banner = np.full((2 * BANNER_PX, image.shape[1], 3), 255, np.uint8)
    _write(banner, f"true: {_facts(label)}", 0, TRUTH)
    _write(banner, f"said: {_facts(line)}", 1, SAID)
    return np.vstack([banner, image]).astype(np.uint8)


def _is_meant(key: str, item: dict[str, Any]) -> bool:
    return key != "signatures" or item["score"] >= LEAST_SCORE


def _draw_parts(
    image: NDArray[Any], items: Iterable[dict[str, Any]], colour: Any, thickness: int
) -> None:
    for item in items:
        corners = _corners(item)
        cv2.polylines(image, [corners.round().astype(np.int32)], True, colour, thickness)
        if item.get("checked"):
            x, y = corners.mean(axis=0)
            cv2.circle(image, (round(x), round(y)), 2 * thickness, colour, -1)


def _corners(item: dict[str, Any]) -> NDArray[np.float64]:
    """(4, 2) pixels as OpenCV counts them."""
    if "quad" in item:
        return np.array(item["quad"], float).reshape(4, 2) - 0.5
    x, y, width, height = item["bbox"]
    right, bottom = x + width, y + height
    return np.array([[x, y], [right, y], [right, bottom], [x, bottom]], float) - 0.5


def _facts(facts: dict[str, Any]) -> str:
    return ", ".join(f"{name} {facts[name]}" for name in FACTS if name in facts)


def _write(banner: NDArray[Any], text: str, row: int, colour: Any) -> None:
    place = (10, (row + 1) * BANNER_PX - 12)
    cv2.putText(banner, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.7, colour, 2)
