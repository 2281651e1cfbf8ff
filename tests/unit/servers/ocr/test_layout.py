import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from servers.ocr.domain import Quad
from servers.ocr.layout import reading_order


def box(x: float, y: float, width: float, height: float = 20) -> Quad:
    return np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], float)


def turned(quads: list[Quad], degrees: float) -> list[Quad]:
    angle = np.radians(degrees)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return [quad @ rotation.T for quad in quads]


FORM = [
    box(50, 50, 500),
    box(50, 100, 120),
    box(300, 102, 200),
    box(600, 98, 90),
    box(50, 140, 120),
    box(300, 141, 180),
]


@pytest.mark.parametrize("degrees", [-3, -0.5, 0, 0.5, 3])
def test_a_form_is_read_row_by_row_also_when_it_is_slanted(degrees: float) -> None:
    assert reading_order(turned(FORM, degrees)) == list(range(6))


def test_lines_whose_boxes_reach_into_each_other_are_read_one_after_the_other() -> None:
    lines = [box(232, 476, 533, 29), box(232, 496, 532, 27), box(229, 509, 567, 37)]
    assert reading_order(lines) == [0, 1, 2]
    beside = [box(50, 476, 100, 29), box(140, 480, 300, 29), box(430, 478, 100, 29)]
    assert reading_order(beside) == [0, 1, 2]


def test_the_order_does_not_depend_on_the_order_given() -> None:
    places = [3, 0, 5, 1, 4, 2]
    found = reading_order([FORM[place] for place in places])
    assert [places[index] for index in found] == list(range(6))


def columns(first_row: float = 100) -> list[Quad]:
    left = [box(50, first_row + 30 * i, 340 - 5 * (i % 3)) for i in range(8)]
    right = [box(450, first_row + 7 + 30 * i, 335 - 4 * (i % 3)) for i in range(8)]
    return left + right


def test_columns_of_running_text_are_read_one_after_the_other() -> None:
    page = [box(50, 40, 735), *columns(), box(50, 400, 700)]
    assert reading_order(page) == list(range(len(page)))


def test_a_heading_across_the_page_parts_two_blocks_of_columns() -> None:
    page = [*columns(100), box(50, 360, 735), *columns(410)]
    assert reading_order(page) == list(range(len(page)))


def test_labels_and_values_in_two_columns_are_read_row_by_row() -> None:
    page = [box(x, 100 + 40 * row, 90) for row in range(8) for x in (50, 450)]
    assert reading_order(page) == list(range(len(page)))


def test_lines_up_or_down_the_page_come_last() -> None:
    upwards = np.roll(box(20, 50, 15, 400), -3, axis=0)
    downwards = np.roll(box(800, 50, 15, 400), -1, axis=0)
    assert reading_order([downwards, *FORM, upwards]) == [1, 2, 3, 4, 5, 6, 7, 0]


def test_no_lines_have_no_order() -> None:
    assert reading_order([]) == []


@given(
    st.lists(
        st.tuples(st.floats(0, 900), st.floats(0, 1200), st.floats(0.5, 900), st.floats(0.5, 80)),
        max_size=40,
    )
)
def test_every_line_is_read_once(lines: list[tuple[float, float, float, float]]) -> None:
    quads = [box(*line) for line in lines]
    assert sorted(reading_order(quads)) == list(range(len(quads)))
