"""What a page's boxes say of one another."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from servers.checkbox.crops import crop_boxes
from servers.checkbox.model import PEERS, WEIGHTS
from servers.checkbox.peers import (
    BOX_FEATURES,
    STATE_FEATURES,
    PeerJudge,
    find_peers,
    ink_inside,
    write_weights,
)
from tests.unit.servers.checkbox.pages import form

Floats = NDArray[np.float64]
DOUBTFUL = 0.4


@pytest.fixture(scope="module")
def peer_judge() -> PeerJudge:
    return PeerJudge(WEIGHTS / PEERS)


def box(x: float, y: float, side: float) -> list[float]:
    return [x, y, x + side, y + side]


COLUMN = [box(100, 100 + 60 * row, 24) for row in range(8)]


def chance_beside(peer_judge: PeerJudge, doubtful: list[float], sure: list[list[float]]) -> float:
    """Of a doubtful box among sure ones, on a page without ink."""
    rects = np.array([doubtful, *sure])
    judged = np.array([[DOUBTFUL, 0.1, 0.1], *[[0.99, 0.1, 0.1]] * len(sure)])
    return float(peer_judge.judge(rects, judged, crop_boxes(form(), rects))[0, 0])


def test_a_doubtful_box_gains_in_a_column_of_its_like(peer_judge: PeerJudge) -> None:
    in_line = chance_beside(peer_judge, box(100, 580, 24), COLUMN)
    aside = chance_beside(peer_judge, box(900, 1300, 24), COLUMN)
    assert in_line > 0.9
    assert in_line > aside


def test_a_doubtful_box_loses_where_the_others_are_of_another_size(peer_judge: PeerJudge) -> None:
    alone = chance_beside(peer_judge, box(100, 580, 55), [])
    assert chance_beside(peer_judge, box(100, 580, 55), COLUMN) < min(alone, DOUBTFUL)


def test_a_faint_mark_shows_beside_empty_boxes(peer_judge: PeerJudge) -> None:
    page = form()
    for left, top, right, bottom in np.array(COLUMN, int):
        page[top:bottom, left:right] = 0
        page[top + 2 : bottom - 2, left + 2 : right - 2] = 255
    left, top, right, bottom = np.array(COLUMN[3], int)
    page[top + 6 : bottom - 6, left + 6 : right - 6] = 200
    rects = np.array(COLUMN)
    judged = np.tile([0.99, 0.02, 0.1], (len(rects), 1))
    judged[3, 1] = DOUBTFUL
    chances = peer_judge.judge(rects, judged, crop_boxes(page, rects))
    assert chances[3, 1] > 0.5
    assert (np.delete(chances[:, 1], 3) < 0.1).all()


def test_ink_is_measured_against_the_paper() -> None:
    page = np.full((400, 600), 180, np.uint8)
    rects = np.array([box(20, 120, 30), box(420, 220, 30)])
    page[220:250, 420:450] = 90
    assert ink_inside(crop_boxes(page, rects)) == pytest.approx([0, 0.5], abs=0.02)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 30), st.integers(0, 1 << 30))
def test_chances_are_chances_whatever_is_proposed(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    corners = rng.uniform(-50, 1000, (count, 2))
    rects = np.concatenate([corners, corners + rng.choice([0, 1e-3, 20, 900], (count, 2))], axis=1)
    judged = rng.choice([0.0, 0.3, 1.0], (count, 3))
    chances = PeerJudge(WEIGHTS / PEERS).judge(rects, judged, crop_boxes(form(), rects))
    assert chances.shape == (count, 3)
    assert ((chances >= 0) & (chances <= 1)).all()


@settings(max_examples=40, deadline=None)
@given(st.permutations(range(12)))
def test_the_order_of_the_boxes_does_not_matter(order: list[int]) -> None:
    rng = np.random.default_rng(5)
    corners = rng.uniform(0, 400, (12, 2))
    rects = np.concatenate([corners, corners + rng.uniform(15, 30, (12, 2))], axis=1)
    chances = rng.random(12)
    one, other = find_peers(rects, chances), find_peers(rects[order], chances[order])
    for name in ("unlike", "in_line", "near"):
        assert getattr(other, name) == pytest.approx(getattr(one, name)[order])


def test_weights_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / PEERS
    only_judged = np.zeros(len(BOX_FEATURES) + 1), np.zeros(len(STATE_FEATURES) + 1)
    for weights in only_judged:
        weights[0] = 1
    write_weights(path, *only_judged)
    rects, judged = np.array(COLUMN), np.full((len(COLUMN), 3), 0.3)
    chances = PeerJudge(path).judge(rects, judged, crop_boxes(form(), rects))
    assert chances == pytest.approx(judged)


def test_weights_of_other_features_are_refused(tmp_path: Path) -> None:
    path = tmp_path / PEERS
    path.write_text(json.dumps({"box": {"judged": 1.0, "shift": 0.0}}))
    with pytest.raises(ValueError, match="in line"):
        PeerJudge(path)
    with pytest.raises(FileNotFoundError):
        PeerJudge(tmp_path / "none.json")
