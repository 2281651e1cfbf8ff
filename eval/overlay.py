"""The worst pages of a measure as pictures: what is true in green, what was said in red.

Of words only those are drawn that one side has and the other lacks, the true ones above their
place, the others below it. A checked box has a dot in its middle. A margin on top says what has no
place: how the page lies, its class.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from eval.comparison import Reading
from eval.scores.words import tokens
from eval.sets import class_of
from meshkit.model import Image

TRUTH = (0, 150, 0)
SAID = (0, 0, 230)
TEXT_SHARE = 0.02
"""Height of the margin's text, as a share of the page's width."""
PLAIN_TEXT_PX = 30
"""Height of OpenCV's text at scale 1, with what hangs below the line."""
BOXES = ("checkboxes", "signatures")
FACTS = ("orientation", "skew_degrees", "doc_class")
LEAST_SCORE = 0.5
NARROW_PX = 1200
"""A narrower page is drawn at twice its size, for its words to be read beside what is true."""


def draw_worst(readings: Sequence[Reading], folder: Path, count: int) -> list[Path]:
    """Draw the worst pages of every row, those with mistakes; a file that is no image is left out.

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
            image = cv2.imread(reading.case.page.path, cv2.IMREAD_COLOR)
            if image is not None:
                name = Path(reading.case.label["file"]).stem
                path = folder / f"{reading.case.set_name}-{name}.png"
                cv2.imwrite(str(path), draw(np.asarray(image, np.uint8), reading))
                paths.append(path)
    return paths


def draw(image: Image, reading: Reading) -> Image:
    """The page (height, width, BGR) with what is true and what was said drawn on it."""
    label, line = reading.case.label, reading.line
    scale = 2 if image.shape[1] < NARROW_PX else 1
    image = np.asarray(cv2.resize(image, None, fx=scale, fy=scale), np.uint8)
    if "words" in line:
        texts = label.get("words") or label.get("lines", [])
        _draw_parts(image, _unmatched(texts, line["words"]), scale, TRUTH, thickness=2)
        _draw_parts(image, _unmatched(line["words"], texts), scale, SAID, thickness=1)
    for key in BOXES:
        if key in line:
            meant = [item for item in line[key] if _is_meant(item)]
            _draw_parts(image, label.get(key, []), scale, TRUTH, thickness=3)
            _draw_parts(image, meant, scale, SAID, thickness=1)
    told = [name for name in FACTS if name in line]
    if not told:
        return image
    size = round(image.shape[1] * TEXT_SHARE)
    banner = np.full((3 * size, image.shape[1], 3), 255, np.uint8)
    true = {**label, "doc_class": class_of(reading.case.set_name, label)}
    _write(banner, f"true: {_facts(true, told)}", (size // 2, size), size, TRUTH)
    _write(banner, f"said: {_facts(line, told)}", (size // 2, round(2.3 * size)), size, SAID)
    return np.vstack([banner, image]).astype(np.uint8)


def _unmatched(
    items: Iterable[dict[str, Any]], others: Iterable[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Words or lines with a token that is not among those of the others."""
    left = Counter(token for other in others for token in tokens(other["text"]))
    found = []
    for item in items:
        wanted = Counter(tokens(item["text"]))
        if not wanted <= left:
            found.append(item)
        left -= wanted
    return found


def _is_meant(item: dict[str, Any]) -> bool:
    return bool(item["score"] >= LEAST_SCORE)


def _draw_parts(
    image: NDArray[Any], items: Iterable[dict[str, Any]], scale: int, colour: Any, thickness: int
) -> None:
    """Draw items whose places are in pixels of the file, of which the image has `scale` each."""
    for item in items:
        corners = _corners(item) * scale - 0.5
        if "text" in item:
            # Beyond ASCII OpenCV's font has no letters.
            text = item["text"].encode("ascii", "replace").decode()
            height = float(np.linalg.norm(corners[3] - corners[0]))
            x, y = corners[0] if colour == TRUTH else corners[3] + (0, height / 2)
            _write(image, text, (round(x), round(y)), max(8, round(height / 2)), colour)
        cv2.polylines(image, [corners.round().astype(np.int32)], True, colour, thickness)
        if item.get("checked"):
            x, y = corners.mean(axis=0)
            cv2.circle(image, (round(x), round(y)), 2 * thickness, colour, -1)


def _corners(item: dict[str, Any]) -> NDArray[np.float64]:
    """(4, 2) pixels, counted from the outer edge."""
    if "quad" in item:
        return np.array(item["quad"], float).reshape(4, 2)
    x, y, width, height = item["bbox"]
    right, bottom = x + width, y + height
    return np.array([[x, y], [right, y], [right, bottom], [x, bottom]], float)


def _facts(facts: dict[str, Any], names: Iterable[str]) -> str:
    return ", ".join(f"{name} {_fact(facts.get(name))}" for name in names)


def _fact(fact: Any) -> str:
    return f"{fact:.3f}" if isinstance(fact, float) else str(fact)


def _write(image: NDArray[Any], text: str, place: tuple[int, int], size: int, colour: Any) -> None:
    """Text of this height in pixels, on a base line from this place."""
    scale = size / PLAIN_TEXT_PX
    cv2.putText(image, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, max(1, size // 15))
