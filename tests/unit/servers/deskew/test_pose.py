"""Skew and orientation of drawn pages, through the model and its network."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshkit.model import Image
from servers.deskew.lines import Lines, directions
from servers.deskew.model import DeskewResult
from servers.deskew.pose import LEAST_FAR_CONFIDENCE, LEAST_SKEW_CONFIDENCE
from servers.deskew.profile import weighted_median
from tests.unit.servers.deskew.conftest import Deskew
from tests.unit.servers.deskew.pages import by_hand, decoded, text_page, turned

SAMPLES = Path(__file__).parents[4] / "samples"
QUARTERS = {0: "up", 1: "right", 2: "down", 3: "left"}


def turn_of(result: DeskewResult) -> float:
    assert result.quarters is not None
    return 90 * result.quarters + result.skew_degrees


def off_by(result: DeskewResult, degrees: float) -> float:
    return abs((turn_of(result) - degrees + 180) % 360 - 180)


@pytest.mark.parametrize("skew", [-44, -12.34, -2.2, -0.4, 0, 5.5, 30])
@pytest.mark.parametrize("quarters", QUARTERS, ids=QUARTERS.get)
def test_every_quarter_turn_and_skew(deskew: Deskew, quarters: int, skew: float) -> None:
    result = deskew(turned(text_page(seed=3), 90 * quarters + skew))
    assert result.quarters == quarters
    assert result.skew_degrees == pytest.approx(skew, abs=0.05)
    assert result.skew_confidence > 0.9
    assert result.orientation_confidence > 0.6


def test_accuracy_over_many_angles(deskew: Deskew) -> None:
    rng = np.random.default_rng(7)
    errors = []
    for seed in range(16):
        turn = float(rng.uniform(-180, 180))
        size = int(rng.integers(18, 40))
        errors.append(off_by(deskew(turned(text_page(size=size, seed=seed), turn)), turn))
    assert np.mean(errors) <= 0.02
    assert np.max(errors) <= 0.1


@pytest.mark.parametrize("seed", range(3))
def test_the_slant_of_handwriting_is_not_the_page_s(deskew: Deskew, seed: int) -> None:
    rng = np.random.default_rng(seed)
    page = np.full((1600, 1200), 255, np.uint8)
    for line in range(300, 800, 110):
        for x in range(150, 1000, 26):
            height = float(rng.uniform(18, 46))
            foot = np.array([x, line]) + rng.normal(0, 7, 2)
            tip = foot + np.array([0.75 * height, -height])
            loop = tip + np.array([6, height - 8])
            cv2.line(page, foot.astype(int).tolist(), tip.astype(int).tolist(), 0, 3, cv2.LINE_AA)
            cv2.ellipse(page, loop.astype(int).tolist(), (8, 5), -50, 0, 250, 0, 2, cv2.LINE_AA)
    assert abs(deskew(page).skew_degrees) < 15


@pytest.mark.parametrize("turn", [-38, 24])
def test_print_that_lies_far_is_told_though_its_lines_differ(deskew: Deskew, turn: float) -> None:
    page = uneven_page(1.0)
    upright, far = deskew(page), deskew(turned(page, turn))
    assert LEAST_SKEW_CONFIDENCE < upright.skew_confidence < LEAST_FAR_CONFIDENCE
    assert far.skew_confidence == LEAST_FAR_CONFIDENCE
    assert far.quarters == 0
    assert far.skew_degrees - upright.skew_degrees == pytest.approx(turn, abs=0.1)


def uneven_page(degrees: float) -> Image:
    """A page of print whose lines lie aslant of each other, by so many degrees in the mean."""
    page = text_page(size=24)
    height, width = page.shape
    rng = np.random.default_rng(0)
    strips = []
    for top in range(0, height - 78, 78):
        matrix = cv2.getRotationMatrix2D((width / 2, 39), float(rng.normal(0, degrees)), 1)
        strip = cv2.warpAffine(page[top : top + 78], matrix, (width, 78), borderValue=255)
        strips.append(strip)
    return np.asarray(np.concatenate(strips), np.uint8)


def test_a_hundred_degrees_is_right_and_ten(deskew: Deskew) -> None:
    result = deskew(turned(text_page(), 100))
    assert result.quarters == 1
    assert result.skew_degrees == pytest.approx(10, abs=0.05)


@pytest.mark.parametrize(("width", "height"), [(600, 2400), (2480, 1754), (500, 700)])
def test_other_shapes(deskew: Deskew, width: int, height: int) -> None:
    page = turned(text_page(width, height, size=24), 93.3)
    assert off_by(deskew(page), 93.3) < 0.05


def test_colour_pages_and_grey_paper(deskew: Deskew) -> None:
    grey = turned(text_page(paper=190, ink=60), -7.5, fill=190)
    colour = cv2.applyColorMap(grey, cv2.COLORMAP_BONE)
    assert off_by(deskew(np.asarray(colour, np.uint8)), -7.5) < 0.05


def test_black_behind_the_skewed_sheet(deskew: Deskew) -> None:
    assert off_by(deskew(turned(text_page(), 4.2, fill=0)), 4.2) < 0.05


def test_noise_and_blur(deskew: Deskew) -> None:
    rng = np.random.default_rng(0)
    page = cv2.GaussianBlur(turned(text_page(), 3.3), (0, 0), 2).astype(np.float64)
    noisy = np.clip(page * 0.8 + rng.normal(0, 12, page.shape), 0, 255).astype(np.uint8)
    assert off_by(deskew(noisy), 3.3) < 0.06


def test_columns_whose_lines_do_not_meet(deskew: Deskew) -> None:
    left = text_page(700, 1754, size=24, margin=40, seed=1)
    right = np.roll(text_page(700, 1754, size=24, margin=40, seed=2), 11, axis=0)
    assert off_by(deskew(turned(np.hstack([left, right]), -6.1)), -6.1) < 0.05


def test_marked_points_come_upright(deskew: Deskew) -> None:
    """The answer's transform maps points of the turned page to where they were, up to a shift."""
    page = text_page(1000, 1400, seed=5)
    marks = np.array([[100, 150], [900, 200], [850, 1300], [120, 1250]], dtype=np.float64)
    for turn in (-33.0, 91.5, 178.0, 272.2):
        image = turned(page, turn)
        radians = np.radians(turn)
        rotation = np.array(
            [[np.cos(radians), -np.sin(radians)], [np.sin(radians), np.cos(radians)]]
        )
        centre = np.array([999, 1399]) / 2
        image_centre = (np.array(image.shape[1::-1]) - 1) / 2
        seen = (marks - centre) @ rotation.T + image_centre
        transform = deskew(image).transform
        upright_centre = (np.array([transform.width, transform.height]) - 1) / 2
        np.testing.assert_allclose(transform.apply(seen) - upright_centre, marks - centre, atol=1.0)


def test_the_upright_page_is_upright(deskew: Deskew) -> None:
    page = text_page(seed=9)
    result = deskew(turned(page, 147.0))
    upright = decoded(result.upright_png)
    assert upright.shape == (result.transform.height, result.transform.width)
    again = deskew(upright)
    assert again.quarters == 0
    assert again.skew_degrees == pytest.approx(0, abs=0.03)
    top = (upright.shape[0] - page.shape[0]) // 2
    left = (upright.shape[1] - page.shape[1]) // 2
    inside = upright[top : top + page.shape[0], left : left + page.shape[1]]
    seen, drawn = (cv2.GaussianBlur(side, (0, 0), 4).ravel() for side in (inside, page))
    correlation = np.atleast_2d(np.corrcoef(np.stack([seen, drawn]).astype(np.float64)))
    assert correlation[0, 1] > 0.95


@settings(max_examples=12, deadline=None)
@given(angle=st.floats(-180, 180))
def test_a_turn_of_a_real_page_is_told_exactly(deskew: Deskew, angle: float) -> None:
    """What is told of the turned page less what is told of the page is the angle turned."""
    page = cv2.imread(str(SAMPLES / "ticked_and_signed.png"), cv2.IMREAD_GRAYSCALE)
    assert page is not None
    grey = np.asarray(page, np.uint8)
    still = turn_of(deskew(grey))
    assert off_by(deskew(turned(grey, angle)), still + angle) < 0.1


def test_a_coarsely_dithered_page(deskew: Deskew) -> None:
    """Dots cover the paper as a bad copy's do."""
    rng = np.random.default_rng(1)
    page = turned(text_page(size=34), 5.0)
    dots = rng.random((page.shape[0] // 2, page.shape[1] // 2)) < 0.1
    grain = np.kron(dots, np.ones((2, 2))).astype(bool)
    copied = page.copy()
    copied[: grain.shape[0], : grain.shape[1]][grain] = 0
    assert off_by(deskew(copied), 5.0) < 0.1


def test_lines_that_nearly_meet_the_next_ones(deskew: Deskew) -> None:
    """Rows close to each other meet their neighbours at another angle: it is not taken."""
    page = text_page(1105, 1430, size=11, margin=40)
    assert off_by(deskew(turned(page, 27.7)), 27.7) < 0.05


def test_the_edge_of_a_grey_sheet_on_a_white_ground_is_no_text(deskew: Deskew) -> None:
    """Two short lines on a noisy sheet that lies at another angle than they do."""
    rng = np.random.default_rng(2)
    page = text_page(1240, 900, paper=225, lines=2, size=40, margin=350)
    sheet = turned(page, 2.0, fill=225)
    noisy = np.clip(sheet + rng.normal(0, 3, sheet.shape), 0, 255).astype(np.uint8)
    assert off_by(deskew(turned(noisy, -5.0)), -3.0) < 0.1


@pytest.mark.parametrize("turn", [0.0, 90.0, 180.0, 187.0])
@pytest.mark.parametrize("lines", [1, 2])
def test_a_line_or_two_tell_which_way_up(deskew: Deskew, lines: int, turn: float) -> None:
    result = deskew(turned(text_page(lines=lines, seed=4), turn))
    assert result.orientation_confidence > 0.6
    assert off_by(result, turn) < 0.1


def test_lines_of_two_directions_are_less_sure(deskew: Deskew) -> None:
    whole, half = text_page(), text_page().copy()
    half[877:] = turned(whole, 1.0)[-877:, :1240]
    result = deskew(half)
    assert result.skew_confidence < 0.75 < deskew(whole).skew_confidence
    assert min(off_by(result, 0), off_by(result, 1)) < 0.1


def test_a_few_words_are_less_sure_than_a_page(deskew: Deskew) -> None:
    few = np.full((1754, 1240), 255, np.uint8)
    few[800:860, 500:700] = text_page()[146:206, 124:324]
    result = deskew(few)
    assert LEAST_SKEW_CONFIDENCE <= result.skew_confidence < 0.85
    assert deskew(text_page()).skew_confidence > 0.95


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ({0.0: 6.0, 0.01: 4.0, 0.4: 5.0, 0.41: 3.0}, [0.0, 0.4]),
        ({-0.02: 1.0, 0.0: 1.0, 0.03: 1.0, 0.9: 0.5}, [0.0]),
        ({0.5: 1.0}, [0.5]),
    ],
)
def test_directions_that_many_lines_agree_on(lines: dict[float, float], found: list[float]) -> None:
    assert directions(Lines(np.array([*lines]), np.array([*lines.values()]))) == found


@pytest.mark.parametrize("turn", [0.0, 33.3, -70.0])
def test_of_two_directions_that_of_more_lines_however_the_page_lies(
    deskew: Deskew, turn: float
) -> None:
    """As a form that was typed into a little aslant."""
    page = text_page()
    mixed = page.copy()
    mixed[900:] = turned(page, 0.5)[-854:, :1240]
    assert off_by(deskew(turned(mixed, turn)), turn) < 0.1


@pytest.mark.parametrize("turn", [33.3, -70.0, 101.0])
@pytest.mark.parametrize(("size", "seed"), [(64, 4), (64, 1), (30, 4)])
def test_lines_that_wander_have_one_direction_however_the_page_lies(
    deskew: Deskew, size: int, seed: int, turn: float
) -> None:
    """As in handwriting; the middle of its directions is not known better than to a half degree."""
    page = by_hand(size, seed=seed)
    upright = deskew(page)
    assert off_by(upright, 0) < 0.3
    assert off_by(deskew(turned(page, turn)), turn + upright.skew_degrees) < 0.1


@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(0.1, 10)), min_size=1, max_size=30))
def test_half_of_the_weight_lies_to_either_side(lines: list[tuple[float, float]]) -> None:
    values, weights = np.array(lines).T
    median = weighted_median(values, weights)
    half = weights.sum() / 2 * (1 + 1e-9)
    assert weights[values < median].sum() <= half
    assert weights[values > median].sum() <= half
