"""Where things lie on the upright page."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshkit.errors import InvalidInput
from pagemesh.common.v1.geometry_pb2 import Point, Quad
from pagemesh.exports.upright import Box, UprightPage, around
from pagemesh.orchestrator.v1.document_pb2 import PageResult
from tests.unit.pagemesh import results

inside_x = st.floats(0, results.WIDTH - 1)
inside_y = st.floats(0, results.HEIGHT - 1)
degrees = st.floats(-180, 180)


@given(degrees, inside_x, inside_y, inside_x, inside_y)
def test_a_quad_on_a_turned_page_comes_back_to_its_place(
    turn: float, x0: float, y0: float, x1: float, y1: float
) -> None:
    left, right = sorted((x0, x1))
    top, bottom = sorted((y0, y1))
    upright = UprightPage.of(results.page_result(degrees=turn))
    quad = results.quad(left, top, right, bottom, results.rotation(turn))

    corners = upright.corners(quad)

    expected = [(left, top), (right, top), (right, bottom), (left, bottom)]
    assert corners == pytest.approx(np.array(expected), abs=1e-6)


@given(degrees, inside_x, inside_y, st.floats(-3000, 3000), st.floats(-3000, 3000))
def test_a_box_stays_on_the_page_and_holds_its_quad(
    turn: float, x: float, y: float, wide: float, high: float
) -> None:
    upright = UprightPage.of(results.page_result(degrees=turn))
    box = upright.box(results.quad(x, y, x + wide, y + high, results.rotation(turn)))

    assert 0 <= box.left <= box.right <= upright.width
    assert 0 <= box.top <= box.bottom <= upright.height
    assert box.left - 1e-6 <= x <= box.right + 1e-6
    assert box.top - 1e-6 <= y <= box.bottom + 1e-6


@given(degrees, st.floats(-170, 170))
def test_the_angle_of_text_does_not_depend_on_how_the_page_lies(turn: float, angle: float) -> None:
    across = np.array([np.cos(np.radians(angle)), -np.sin(np.radians(angle))]) * 100
    down = np.array([-across[1], across[0]]) / 5
    corner = np.array([400.0, 500.0])
    points = np.array([corner, corner + across, corner + across + down, corner + down])
    sent = results.rotation(turn) @ np.column_stack([points, np.ones(4)]).T
    quad = results.quad(0, 0, 0, 0)
    for name, (x, y) in zip(
        ("top_left", "top_right", "bottom_right", "bottom_left"), sent[:2].T, strict=True
    ):
        getattr(quad, name).x, getattr(quad, name).y = x, y

    found = UprightPage.of(results.page_result(degrees=turn)).angle(quad)

    assert found == pytest.approx(angle, abs=1e-6)


def test_a_page_without_transform_is_upright_as_sent() -> None:
    upright = UprightPage.of(PageResult(page_number=2, width=300, height=200))
    assert (upright.width, upright.height) == (300, 200)
    assert upright.box(results.quad(10.2, 20.7, 30.1, 40.0)) == Box(10, 20, 31, 40)


@pytest.mark.parametrize("matrix", [[1.0] * 9, [1.0] * 4, [float("nan")] * 9])
def test_a_transform_that_is_none_is_refused_by_page(matrix: list[float]) -> None:
    page = PageResult(page_number=7, width=300, height=200)
    page.deskew.upright_transform.matrix.extend(matrix)
    with pytest.raises(InvalidInput, match="page 7: its upright transform") as caught:
        UprightPage.of(page)
    assert caught.value.metadata == {"page": "7"}


def test_a_quad_without_a_place_is_refused_by_page() -> None:
    upright = UprightPage.of(PageResult(page_number=4, width=30, height=20))
    with pytest.raises(InvalidInput, match="page 4: a quad"):
        upright.corners(Quad(top_left=Point(x=float("nan"), y=1)))


def test_around_holds_every_box() -> None:
    assert around([Box(5, 6, 7, 8), Box(1, 7, 6, 9)]) == Box(1, 6, 7, 9)
