"""Between the contract and the model."""

import math

import numpy as np
import pytest

from meshkit.errors import InvalidInput
from meshkit.geometry import Transform
from meshkit.serving import PageGeometry
from pagemesh.checkbox.v1 import checkbox_service_pb2 as pb
from servers.checkbox.model import Checkbox, CheckboxOptions, Shape
from servers.checkbox.service import build_result, parse_options


@pytest.mark.parametrize(("sent", "meant"), [(0.0, None), (0.3, 0.3), (1.0, 1.0)])
def test_the_threshold_is_passed_on(sent: float, meant: float | None) -> None:
    assert parse_options(pb.CheckboxOptions(threshold=sent)) == CheckboxOptions(meant)


@pytest.mark.parametrize("threshold", [-0.1, 1.01, math.inf, math.nan])
def test_a_threshold_outside_its_range_is_refused_by_name(threshold: float) -> None:
    with pytest.raises(InvalidInput, match=r"options\.threshold") as error:
        parse_options(pb.CheckboxOptions(threshold=threshold))
    assert error.value.metadata == {"field": "options.threshold"}


def test_a_box_is_put_into_the_pixels_of_the_page_as_sent() -> None:
    quad = np.array([[10, 20], [30, 20], [30, 40], [10, 40]], float)
    upside_down = Transform(np.array([[-1, 0, 99], [0, -1, 199], [0, 0, 1]], float), 100, 200)
    message = build_result(
        (Checkbox(quad, 0.9, True, 0.8, Shape.CIRCLE),), PageGeometry(upside_down, 100, 200)
    )
    (box,) = message.checkboxes
    assert (box.quad.top_left.x, box.quad.top_left.y) == (89, 179)
    assert (box.quad.bottom_right.x, box.quad.bottom_right.y) == (69, 159)
    assert (box.checked, box.score, box.checked_score) == (True, 0.9, 0.8)
    assert box.shape == pb.CHECKBOX_SHAPE_CIRCLE


def test_no_boxes_make_an_empty_result() -> None:
    assert build_result((), PageGeometry(Transform.identity(5, 5), 5, 5)) == pb.CheckboxResult()
