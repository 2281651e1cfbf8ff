import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from servers.deskew.upright import split_turn, upright_transform

sides = st.integers(1, 5000)
quarter_turns = st.integers(0, 3)
skews = st.floats(-45, 45)


def turn_matrix(degrees: float) -> np.ndarray:
    radians = np.radians(degrees)
    return np.array([[np.cos(radians), -np.sin(radians)], [np.sin(radians), np.cos(radians)]])


@pytest.mark.parametrize(
    ("turn", "quarters", "skew"),
    [
        (0, 0, 0),
        (10, 0, 10),
        (-10, 0, -10),
        (100, 1, 10),
        (80, 1, -10),
        (180, 2, 0),
        (-170, 2, 10),
        (-80, 3, 10),
        (280, 3, 10),
        (359, 0, -1),
    ],
)
def test_a_turn_has_one_reading(turn: float, quarters: int, skew: float) -> None:
    told_quarters, told_skew = split_turn(turn)
    assert told_quarters == quarters
    assert told_skew == pytest.approx(skew)


@given(st.floats(-720, 720))
def test_quarters_and_skew_make_the_turn(turn: float) -> None:
    quarters, skew = split_turn(turn)
    assert quarters in range(4)
    assert -45 <= skew <= 45
    rest = (90 * quarters + skew - turn) % 360
    assert min(rest, 360 - rest) == pytest.approx(0, abs=1e-9)


@given(sides, sides, quarter_turns, skews)
def test_no_corner_is_lost(width: int, height: int, quarters: int, skew: float) -> None:
    transform = upright_transform(width, height, quarters, skew)
    right, bottom = width - 1, height - 1
    corners = transform.apply(
        np.array([[0, 0], [right, 0], [right, bottom], [0, bottom]], dtype=np.float64)
    )
    assert (corners >= -1e-6).all()
    assert (corners <= np.array([transform.width, transform.height]) - 1 + 1e-6).all()


@given(sides, sides, quarter_turns, skews)
def test_the_centre_stays_the_centre(width: int, height: int, quarters: int, skew: float) -> None:
    transform = upright_transform(width, height, quarters, skew)
    centre = np.array([[(width - 1) / 2, (height - 1) / 2]])
    upright_centre = [(transform.width - 1) / 2, (transform.height - 1) / 2]
    np.testing.assert_allclose(transform.apply(centre)[0], upright_centre, atol=1e-9)


@given(sides, sides, quarter_turns, skews)
def test_it_undoes_the_turn(width: int, height: int, quarters: int, skew: float) -> None:
    transform = upright_transform(width, height, quarters, skew)
    undone = transform.matrix[:2, :2] @ turn_matrix(90 * quarters + skew)
    np.testing.assert_allclose(undone, np.eye(2), atol=np.radians(0.0201))


@given(sides, sides, quarter_turns, skews, st.floats(-1e4, 1e4), st.floats(-1e4, 1e4))
def test_there_and_back(
    width: int, height: int, quarters: int, skew: float, x: float, y: float
) -> None:
    transform = upright_transform(width, height, quarters, skew)
    point = np.array([[x, y]])
    np.testing.assert_allclose(transform.invert(transform.apply(point)), point, atol=1e-6)


@pytest.mark.parametrize("skew", [0.0, 0.02, -0.019])
def test_an_upright_page_stays_as_it_is(skew: float) -> None:
    transform = upright_transform(800, 1000, 0, skew)
    assert transform.is_identity
    assert (transform.width, transform.height) == (800, 1000)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_quarter_turns_move_pixels_exactly(quarters: int) -> None:
    page = np.random.default_rng(1).integers(0, 256, (37, 52, 3), np.uint8)
    transform = upright_transform(52, 37, quarters, 0.01)
    turned = np.ascontiguousarray(np.rot90(page, quarters))
    np.testing.assert_array_equal(transform.warp(page), turned)
