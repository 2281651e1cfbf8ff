"""The simulation of a day keeps its books and answers to what limits it."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from bench.scale.simulate import DAY, STEP, Assumptions, arrivals, simulate, tables

COSTS = {
    "orchestrator": 0.02,
    "deskew": 0.3,
    "classify": 0.02,
    "ocr": 4.0,
    "checkbox": 0.2,
    "signature": 0.1,
}


def test_arrivals_add_up_to_the_day_and_peak_as_told() -> None:
    day = Assumptions(pages=86_400, peak=3)
    rates = [arrivals(step * STEP, day) for step in range(round(DAY / STEP))]
    assert sum(rates) * STEP == pytest.approx(86_400, rel=1e-3)
    assert max(rates) == pytest.approx(3, rel=1e-3)
    assert min(rates) > 0


def test_too_few_pods_leave_pages_and_ocr_is_named() -> None:
    out = simulate(Assumptions(pages=5e6), COSTS)
    assert out.limit == "ocr"
    assert out.pods["ocr"] == 40
    able = 40 * 2 / COSTS["ocr"] * DAY
    assert 5e6 - out.left <= able


def test_enough_pods_leave_none() -> None:
    out = simulate(Assumptions(pages=1e5), COSTS)
    assert out.limit == "nothing"
    assert out.left < 20


def test_few_partitions_bind_orchestrators() -> None:
    much = Assumptions(pages=5e6, most=dict.fromkeys(Assumptions(1).most, 2000))
    out = simulate(replace(much, partitions=4), COSTS)
    assert out.limit == "orchestrators"


def test_the_document_has_what_make_scale_prints() -> None:
    text = (Path(__file__).parents[3] / "docs" / "scale.md").read_text()
    costs, days = tables()
    assert "\n".join(costs) in text
    marked = re.search(
        r"<!-- begin: make scale -->\n(.*)\n<!-- end: make scale -->", text, re.DOTALL
    )
    assert marked
    assert marked[1].splitlines() == days
