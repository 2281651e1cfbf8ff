"""Pages that can't tell how they lie: no crash, no guess."""

import cv2
import numpy as np
import pytest

from meshkit.model import Image
from servers.deskew.model import DeskewResult
from tests.unit.servers.deskew.conftest import Deskew
from tests.unit.servers.deskew.pages import decoded, text_page


def plain(height: int, width: int, level: int = 255) -> Image:
    return np.full((height, width), level, np.uint8)


def paper() -> Image:
    noise = np.random.default_rng(0).normal(235, 5, (1754, 1240))
    return np.clip(noise, 0, 255).astype(np.uint8)


def table() -> Image:
    page = plain(1754, 1240)
    for y in range(150, 1600, 60):
        cv2.line(page, (100, y), (1140, y), 0, 2)
    for x in range(100, 1150, 130):
        cv2.line(page, (x, 150), (x, 1590), 0, 2)
    return page


def photo() -> Image:
    noise = np.random.default_rng(0).random((1200, 900, 3))
    layers = [cv2.GaussianBlur(noise, (0, 0), sigma) * sigma for sigma in (2, 6, 20, 60)]
    light = np.sum(layers, axis=0)
    return np.asarray(255 * (light - light.min()) / np.ptp(light), dtype=np.uint8)


def grain() -> Image:
    return np.random.default_rng(0).integers(0, 256, (1400, 1000), np.uint8)


def specks() -> Image:
    page, rng = plain(1754, 1240), np.random.default_rng(0)
    for x, y in rng.uniform((0, 0), (1240, 1754), (150, 2)):
        axes = (int(rng.integers(4, 10)), int(rng.integers(4, 10)))
        cv2.ellipse(page, (int(x), int(y)), axes, rng.uniform(0, 180), 0, 360, 0, -1)
    return page


ODD = {
    "blank": plain(1754, 1240),
    "blank paper": paper(),
    "one pixel": plain(1, 1),
    "one black pixel": plain(1, 1, 0),
    "one colour pixel": np.full((1, 1, 3), 128, np.uint8),
    "two pixels": plain(1, 2),
    "one row": plain(1, 3000),
    "one column": plain(3000, 1, 90),
    "a strip": plain(5, 32000, 90),
    "tiny noise": np.random.default_rng(0).integers(0, 256, (7, 9), np.uint8),
    "black": plain(1754, 1240, 0),
    "grey": plain(1754, 1240, 128),
    "a table without text": table(),
    "a photo": photo(),
    "grain": grain(),
    "specks": specks(),
}


def unknown(result: DeskewResult) -> bool:
    return (
        result.quarters is None
        and result.skew_degrees == 0
        and result.skew_confidence < 0.2
        and result.orientation_confidence < 0.5
        and result.transform.is_identity
    )


@pytest.mark.parametrize("name", ODD)
def test_it_can_not_tell(deskew: Deskew, name: str) -> None:
    page = ODD[name]
    result = deskew(page)
    assert unknown(result)
    assert (result.transform.height, result.transform.width) == page.shape[:2]
    assert result.quality.text_height == 0 or name in {"grain", "photo", "specks"}
    np.testing.assert_array_equal(decoded(result.upright_png), page)
    quality = result.quality
    measures = [quality.blur, quality.darkness, quality.contrast]
    measures += [quality.cut_off, quality.ink_coverage, quality.noise]
    measures += [quality.faintness, quality.glare]
    assert all(0 <= measure <= 1 for measure in measures)


def test_one_line_of_text_is_enough(deskew: Deskew) -> None:
    result = deskew(text_page(lines=1))
    assert result.skew_confidence > 0.5
    assert result.skew_degrees == pytest.approx(0, abs=0.1)


def test_read_only_and_strided_images(deskew: Deskew) -> None:
    page = text_page()
    frozen = page.copy()
    frozen.flags.writeable = False
    assert deskew(frozen).skew_degrees == deskew(page).skew_degrees
