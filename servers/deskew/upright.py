"""The transform that sets a page upright."""

import numpy as np

from meshkit.geometry import Transform

SMALLEST_TURN_DEGREES = 0.02
"""A page that is turned by less than this counts as upright."""


def split_turn(degrees: float) -> tuple[int, float]:
    """A clockwise turn as (quarter turns in 0..3, skew in degrees in [-45, 45])."""
    quarters = round(degrees / 90)
    return quarters % 4, degrees - 90 * quarters


def upright_transform(width: int, height: int, quarters: int, skew_degrees: float) -> Transform:
    """Undoes a clockwise turn of `quarters` quarter turns and `skew_degrees`.

    The page is turned about its centre, and the canvas grows so that no corner is lost. Quarter
    turns alone map pixels to pixels exactly.

    Args:
        width, height: of the page as sent, in pixels.
        quarters: in 0..3.
        skew_degrees: taken as 0 within `SMALLEST_TURN_DEGREES`.
    """
    skewed = abs(skew_degrees) > SMALLEST_TURN_DEGREES
    if quarters == 0 and not skewed:
        return Transform.identity(width, height)
    radians = np.radians(skew_degrees) if skewed else 0.0
    quarter_back = np.linalg.matrix_power(np.array([[0, 1], [-1, 0]]), quarters)
    skew_back = np.array([[np.cos(radians), np.sin(radians)], [-np.sin(radians), np.cos(radians)]])
    turn = skew_back @ quarter_back
    extent = np.abs(turn) @ [width, height]
    upright_width, upright_height = (int(side) for side in np.ceil(extent - 1e-6))
    centre = np.array([width - 1, height - 1]) / 2
    upright_centre = np.array([upright_width - 1, upright_height - 1]) / 2
    matrix = np.eye(3)
    matrix[:2, :2] = turn
    matrix[:2, 2] = upright_centre - turn @ centre
    return Transform(matrix, upright_width, upright_height)
