"""Printed lines, found on pages that are drawn here."""

import cv2
import numpy as np
import pytest

from meshkit.geometry import Transform
from meshkit.model import Image
from orchestrator.reading.layout import Box
from orchestrator.reading.rules import Rules, find_rules

UNIT = 20.0


def page(*, colour: bool = False) -> Image:
    """A cell from (100, 200) to (500, 300) and some text."""
    image = np.full((600, 800, 3) if colour else (600, 800), 250, np.uint8)
    cv2.rectangle(image, (100, 200), (500, 300), (30, 30, 30), 2)
    cv2.putText(image, "Illegible Hill", (120, 260), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (20, 20, 20), 2)
    return image


@pytest.mark.parametrize("colour", [False, True])
def test_edges_of_a_cell_are_lines_and_letters_are_not(*, colour: bool) -> None:
    rules = find_rules(page(colour=colour), Transform.identity(800, 600), UNIT)
    assert [round(rule.top, -1) for rule in rules.across] == [200, 300]
    assert [round(rule.left, -1) for rule in rules.down] == [100, 500]
    assert all(rule.width > 380 for rule in rules.across)


def test_lines_are_those_of_the_upright_page() -> None:
    turned = np.ascontiguousarray(np.rot90(page()))
    to_upright = Transform(np.array([[0, -1, 799], [1, 0, 0], [0, 0, 1]], np.float64), 800, 600)
    rules = find_rules(turned, to_upright, UNIT)
    assert [round(rule.top, -1) for rule in rules.across] == [200, 300]


def test_grain_of_a_scan_is_no_line() -> None:
    grain = np.random.default_rng(7).normal(220, 15, (600, 800)).clip(0, 255).astype(np.uint8)
    rules = find_rules(grain, Transform.identity(800, 600), UNIT)
    assert not rules.across
    assert not rules.down


def test_what_parts_and_what_does_not() -> None:
    rules = Rules(across=(Box(0, 99, 400, 101),), down=(Box(199, 0, 201, 50),))
    assert rules.part_columns(100, 300, 25)
    assert not rules.part_columns(100, 300, 75)
    assert rules.part_rows(80, 120, Box(100, 70, 200, 80))
    assert not rules.part_rows(80, 120, Box(380, 70, 480, 80))
    underline = Rules(across=(Box(100, 99, 205, 101),))
    assert not underline.part_rows(80, 120, Box(100, 70, 200, 80))
