"""What the network is shown of a page."""

import numpy as np
import pytest

from meshkit.model import Image
from servers.classify.features import SIZE, page_features


def ruled(height: int, width: int, paper: int = 255) -> Image:
    """A page with one rule across at a quarter of its height and one down at half its width."""
    image = np.full((height, width), paper, np.uint8)
    thickness = max(2, height // 300)
    image[height // 4 : height // 4 + thickness, width // 5 : -width // 5] = paper // 8
    image[height // 3 : -height // 5, width // 2 : width // 2 + thickness] = paper // 8
    return image


def test_rules_are_told_apart() -> None:
    ink, across, down = page_features(ruled(1100, 850))

    assert across.max(axis=1).argmax() == pytest.approx(SIZE / 4, abs=1)
    assert down.max(axis=0).argmax() == pytest.approx(SIZE * 850 / 1100 / 2, abs=1)
    assert across[SIZE // 2 :].sum() == 0
    assert down[: SIZE // 4].sum() == 0
    assert (ink >= np.maximum(across, down) - 0.1).all()


@pytest.mark.parametrize("shape", [(2200, 1700), (550, 425)])
def test_resolution_is_taken_out(shape: tuple[int, int]) -> None:
    difference = page_features(ruled(*shape)) - page_features(ruled(1100, 850))

    assert np.abs(difference).mean() < 0.004


def test_paper_tone_is_taken_out() -> None:
    difference = page_features(ruled(1100, 850, paper=190)) - page_features(ruled(1100, 850))

    assert np.abs(difference).mean() < 0.004


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 2), (7, 9, 3)])
def test_any_shape_gives_the_same_shape(shape: tuple[int, ...]) -> None:
    features = page_features(np.full(shape, 200, np.uint8))

    assert features.shape == (3, SIZE, SIZE)
    assert features.dtype == np.float32
    assert not features.any()
