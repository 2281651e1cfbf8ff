"""The second look at proposed boxes."""

from collections.abc import Iterator

import numpy as np
import pytest

from servers.checkbox.crops import CROP_PX, crop_boxes
from servers.checkbox.judge import BATCH, Judge
from servers.checkbox.model import CPU_JUDGE, JUDGE, WEIGHTS
from tests.unit.servers.checkbox.pages import form, rows_of_boxes


@pytest.fixture(scope="module", params=[(JUDGE, "auto"), (CPU_JUDGE, "cpu")])
def judge(request: pytest.FixtureRequest) -> Iterator[Judge]:
    name, device = request.param
    judge = Judge(WEIGHTS / name, threads=2, device=device)
    yield judge
    judge.close()


def test_boxes_stand_above_letters_and_their_marks_are_seen(judge: Judge) -> None:
    drawn = rows_of_boxes(28)
    boxes = [[b.left, b.top, b.left + b.width, b.top + b.height] for b in drawn]
    letters = [[80 + 40 * i, 60, 104 + 40 * i, 84] for i in range(12)]
    rects = np.array(boxes + letters, float)
    chances = judge.judge(crop_boxes(form(drawn), rects), np.full((len(rects), 3), 0.5))
    assert (chances[: len(boxes), 0] > 0.5).all()
    assert chances[len(boxes) :, 0].max() < chances[: len(boxes), 0].min()
    assert list(chances[: len(boxes), 1] > 0.5) == [box.checked for box in drawn]


def test_a_box_is_judged_alike_however_many_there_are(judge: Judge) -> None:
    rng = np.random.default_rng(3)
    corners = rng.uniform(0, 1200, (BATCH * 2 + 5, 2))
    rects = np.concatenate([corners, corners + 25], axis=1)
    crops = crop_boxes(form(rows_of_boxes(28)), rects)
    proposed = rng.random((len(rects), 3))
    together = judge.judge(crops, proposed)
    for index in (0, BATCH - 1, BATCH, BATCH * 2 + 4):
        one = slice(index, index + 1)
        assert np.array_equal(judge.judge(crops[one], proposed[one]), together[one])


def test_a_look_cuts_out_and_judges(judge: Judge) -> None:
    page, rng = form(rows_of_boxes(28)), np.random.default_rng(5)
    corners = rng.uniform(0, 1200, (BATCH * 3 + 1, 2))
    rects = np.concatenate([corners, corners + rng.uniform(5, 400, corners.shape)], axis=1)
    proposed = rng.random((len(rects), 3))
    crops, chances = judge.look(page, rects, proposed)
    assert np.array_equal(crops, crop_boxes(page, rects))
    assert np.array_equal(chances, judge.judge(crops, proposed))


def test_no_proposals_give_no_chances(judge: Judge) -> None:
    crops, chances = judge.look(form(), np.zeros((0, 4)), np.zeros((0, 3)))
    assert crops.shape == (0, 2, CROP_PX, CROP_PX)
    assert chances.shape == (0, 3)


def test_eight_bits_judge_what_the_network_does() -> None:
    drawn = rows_of_boxes(28)
    boxes = np.array([[b.left, b.top, b.left + b.width, b.top + b.height] for b in drawn], float)
    letters = np.array([[80 + 40 * i, 60, 104 + 40 * i, 84] for i in range(12)], float)
    rects = np.concatenate([boxes, letters])
    proposed = np.full((len(rects), 3), 0.5)
    judges = [Judge(WEIGHTS / name, threads=1, device="cpu") for name in (JUDGE, CPU_JUDGE)]
    whole, small = (judge.look(form(drawn), rects, proposed)[1] for judge in judges)
    assert np.abs(small - whole).max() < 0.1
