"""The checkbox model on forms drawn here."""

import cv2
import numpy as np
import pytest

from meshkit.errors import ModelNotReady
from meshkit.model import Image, PageInput
from servers.checkbox.config import CheckboxConfig
from servers.checkbox.model import (
    CPU_PROPOSER,
    PROPOSER,
    WEIGHTS,
    Checkbox,
    CheckboxModel,
    CheckboxOptions,
    Shape,
)
from servers.checkbox.propose import Proposer
from tests.unit.servers.checkbox.conftest import Find
from tests.unit.servers.checkbox.pages import Drawn, form, rows_of_boxes


def corners(box: Drawn) -> list[list[float]]:
    """The drawn outline's outer corners, counted from the middle of the first pixel."""
    left, top = box.left - 0.5, box.top - 0.5
    right, bottom = left + box.width, top + box.height
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


@pytest.mark.parametrize("size", [20, 26, 36])
def test_boxes_are_found_in_order_with_their_states(find: Find, size: int) -> None:
    drawn = rows_of_boxes(size)
    found = find(form(drawn))
    assert len(found) == len(drawn)
    for box, truth in zip(found, drawn, strict=True):
        assert np.abs(box.quad - corners(truth)).max() < 0.25 * size
        assert box.checked == truth.checked, truth
        assert box.shape is Shape.SQUARE
        assert 0.5 <= box.score <= 1


def test_eight_bits_propose_what_the_network_does() -> None:
    page, config = form(rows_of_boxes(28)), CheckboxConfig(device="cpu")
    rects, chances = Proposer(WEIGHTS / PROPOSER, config).propose(page, 0.2)
    small_rects, small_chances = Proposer(WEIGHTS / CPU_PROPOSER, config).propose(page, 0.2)
    apart = np.abs(small_rects[:, None] - rects).max(axis=2)
    same = apart.argmin(axis=1)
    assert sorted(same) == [*range(len(rects))]
    assert len(rects) >= len(rows_of_boxes(28))
    assert apart.min(axis=1).max() < 0.5
    assert np.abs(small_chances - chances[same]).max() < 0.1


def test_circles_are_told_from_squares(find: Find) -> None:
    drawn = [Drawn(b.left, b.top, 30, 30, b.mark, circle=True) for b in rows_of_boxes(30)]
    found = find(form(drawn))
    assert len(found) == len(drawn)
    assert {box.shape for box in found} == {Shape.CIRCLE}
    assert [box.checked for box in found] == [box.checked for box in drawn]


def test_text_alone_has_no_boxes(find: Find) -> None:
    assert find(form()) == ()


@pytest.mark.parametrize("scale", [0.7, 1.4, 2.0])
def test_the_resolution_does_not_matter(find: Find, scale: float) -> None:
    drawn = rows_of_boxes(30)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    page = cv2.resize(form(drawn), None, fx=scale, fy=scale, interpolation=method)
    found = find(np.asarray(page, np.uint8))
    assert [box.checked for box in found] == [box.checked for box in drawn]
    middles = np.array([box.quad.mean(axis=0) for box in found])
    truth = np.array([np.mean(corners(box), axis=0) for box in drawn])
    assert np.abs((middles + 0.5) / scale - (truth + 0.5)).max() < 6


def test_colour_and_grey_pages_say_the_same(find: Find) -> None:
    page = form(rows_of_boxes(28))
    states = [box.checked for box in find(page)]
    assert [box.checked for box in find(np.dstack([page] * 3))] == states


def test_a_lower_threshold_only_adds_boxes(find: Find) -> None:
    page = form(rows_of_boxes(28))
    low, high = find(page, 0.05), find(page, 0.95)
    assert all(box.score >= 0.05 for box in low)
    assert all(box.score >= 0.95 for box in high)
    assert {tuple(b.quad.ravel()) for b in high} <= {tuple(b.quad.ravel()) for b in low}
    assert find(page, 1.0) == ()


def test_the_server_has_a_threshold_of_its_own() -> None:
    strict = CheckboxModel(CheckboxConfig(threshold=1.0))
    strict.load()
    page = PageInput(form(rows_of_boxes(28)), None, CheckboxOptions())
    assert list(strict.predict([page])) == [()]


def equal(one: tuple[Checkbox, ...], other: tuple[Checkbox, ...]) -> bool:
    return len(one) == len(other) and all(
        np.array_equal(a.quad, b.quad)
        and (a.score, a.checked_score, a.shape) == (b.score, b.checked_score, b.shape)
        for a, b in zip(one, other, strict=True)
    )


def test_a_page_has_the_same_boxes_alone_and_in_a_batch(
    checkbox_model: CheckboxModel, find: Find
) -> None:
    images: list[Image] = [
        form(rows_of_boxes(28)),
        form(),
        form(rows_of_boxes(20), width=1700, height=1100),
        form(rows_of_boxes(36)),
    ]
    pages = [PageInput(image, None, CheckboxOptions()) for image in images]
    batched = checkbox_model.predict(pages)
    for image, together in zip(images, batched, strict=True):
        assert isinstance(together, tuple)
        assert equal(find(image), together)
    assert len({checkbox_model.bucket(page) for page in pages}) == 2


@pytest.mark.parametrize("value", [0, 128, 255])
@pytest.mark.parametrize("shape", [(1, 1), (7, 3), (1, 4000), (4000, 1), (1650, 1275)])
def test_plain_pages_of_any_shape_have_no_boxes(
    find: Find, shape: tuple[int, int], value: int
) -> None:
    assert find(np.full(shape, value, np.uint8)) == ()


def test_a_huge_page_and_noise_do_no_harm(find: Find) -> None:
    assert find(np.full((9000, 9000), 255, np.uint8)) == ()
    noise = np.random.default_rng(0).integers(0, 256, (800, 600)).astype(np.uint8)
    for box in find(noise, 0.01):
        assert np.isfinite(box.quad).all()


def test_an_unloaded_model_says_so() -> None:
    model = CheckboxModel(CheckboxConfig())
    model.close()
    with pytest.raises(ModelNotReady):
        model.predict([PageInput(form(), None, CheckboxOptions())])


def test_the_identity_names_the_weights(checkbox_model: CheckboxModel) -> None:
    identity = checkbox_model.load()
    assert identity.name == "checkbox"
    assert identity.digest.startswith("sha256:")
    assert identity.device in {"cpu", "cuda:0"}
