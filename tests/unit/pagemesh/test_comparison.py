"""Two results of a page: every kind of difference is told, and nothing else."""

import copy
from collections.abc import Callable

import pytest

from pagemesh.checkbox.v1.checkbox_service_pb2 import Checkbox
from pagemesh.common.v1.geometry_pb2 import Point, Quad
from pagemesh.comparison import compare_pages, models
from pagemesh.orchestrator.v1 import document_pb2 as documents
from pagemesh.orchestrator.v1.document_pb2 import PageResult
from pagemesh.signature.v1.signature_service_pb2 import Signature


def quad(left: float, top: float, right: float, bottom: float) -> Quad:
    return Quad(
        top_left=Point(x=left, y=top),
        top_right=Point(x=right, y=top),
        bottom_right=Point(x=right, y=bottom),
        bottom_left=Point(x=left, y=bottom),
    )


@pytest.fixture
def page() -> PageResult:
    made = PageResult(page_number=1, outcome=documents.PAGE_OUTCOME_OK)
    made.classify.label, made.classify.score = "application_form", 0.9
    for text in ("Name: Ann", "Town: Ulm", "Signed"):
        made.ocr.lines.add(text=text, confidence=0.9)
    for number, checked in enumerate((True, False)):
        place = quad(10, 40 * number, 30, 40 * number + 20)
        made.checkbox.checkboxes.add(quad=place, checked=checked, checked_score=0.9)
    made.signature.signatures.add(quad=quad(100, 100, 200, 140), score=0.8)
    for name, value in (("Name", "Ann"), ("Town", "Ulm"), ("Town", "Bonn")):
        made.fields.add(name=name, value=value, confidence=0.9)
    return made


def test_a_page_is_like_itself(page: PageResult) -> None:
    assert compare_pages(page, copy.deepcopy(page), 0) == []


def _outcome(page: PageResult) -> None:
    page.outcome = documents.PAGE_OUTCOME_FAILED


def _class(page: PageResult) -> None:
    page.classify.label, page.classify.score = "letter", 0.4


def _class_score(page: PageResult) -> None:
    page.classify.score = 0.7


def _field_changed(page: PageResult) -> None:
    page.fields[0].value = "Anna"


def _second_of_a_name(page: PageResult) -> None:
    page.fields[2].value = "Bern"


def _field_missing(page: PageResult) -> None:
    del page.fields[0]


def _field_added(page: PageResult) -> None:
    page.fields.add(name="Date", value="2024-03-31")


def _field_score(page: PageResult) -> None:
    page.fields[0].confidence = 0.5


def _line_changed(page: PageResult) -> None:
    page.ocr.lines[1].text = "Town: U1m"


def _line_missing(page: PageResult) -> None:
    del page.ocr.lines[0]


def _line_added(page: PageResult) -> None:
    page.ocr.lines.add(text="page 1")


def _line_score(page: PageResult) -> None:
    page.ocr.lines[2].confidence = 0.3


def _box_state(page: PageResult) -> None:
    page.checkbox.checkboxes[1].checked = True


def _box_missing(page: PageResult) -> None:
    del page.checkbox.checkboxes[0]


def _box_added(page: PageResult) -> None:
    page.checkbox.checkboxes.insert(0, Checkbox(quad=quad(500, 500, 520, 520)))


def _box_score(page: PageResult) -> None:
    page.checkbox.checkboxes[0].checked_score = 0.6


def _signature_missing(page: PageResult) -> None:
    del page.signature.signatures[0]


def _signature_moved(page: PageResult) -> None:
    page.signature.signatures[0].CopyFrom(Signature(quad=quad(300, 100, 400, 140), score=0.8))


CHANGES: list[tuple[Callable[[PageResult], None], list[str]]] = [
    (_outcome, ["outcome changed: ok -> failed"]),
    (_class, ["class changed: application_form -> letter"]),
    (_class_score, ["class score: 0.90 -> 0.70"]),
    (_field_changed, ["field Name changed: 'Ann' -> 'Anna'"]),
    (_second_of_a_name, ["field Town (2) changed: 'Bonn' -> 'Bern'"]),
    (_field_missing, ["field Name missing: 'Ann'"]),
    (_field_added, ["field Date added: '2024-03-31'"]),
    (_field_score, ["field Name score: 0.90 -> 0.50"]),
    (_line_changed, ["line 2 changed: 'Town: Ulm' -> 'Town: U1m'"]),
    (_line_missing, ["line 1 missing: 'Name: Ann'"]),
    (_line_added, ["line 4 added: 'page 1'"]),
    (_line_score, ["line 3 score: 0.90 -> 0.30"]),
    (_box_state, ["box at 10,40 changed: empty -> ticked"]),
    (_box_missing, ["box at 10,0 missing: ticked"]),
    (_box_added, ["box at 500,500 added: empty"]),
    (_box_score, ["box at 10,0 score: 0.90 -> 0.60"]),
    (_signature_missing, ["signature at 100,100 missing: 0.80"]),
    (_signature_moved, ["signature at 100,100 missing: 0.80", "signature at 300,100 added: 0.80"]),
]


@pytest.mark.parametrize(("change", "told"), CHANGES, ids=[c[0].__name__[1:] for c in CHANGES])
def test_a_change_is_told_and_nothing_else(
    page: PageResult, change: Callable[[PageResult], None], told: list[str]
) -> None:
    other = copy.deepcopy(page)
    change(other)
    assert [str(one) for one in compare_pages(page, other)] == told


def test_a_box_that_moved_a_little_is_the_same(page: PageResult) -> None:
    other = copy.deepcopy(page)
    other.checkbox.checkboxes[0].quad.CopyFrom(quad(12, 2, 32, 22))
    assert compare_pages(page, other) == []


def test_scores_within_the_tolerance_are_alike(page: PageResult) -> None:
    other = copy.deepcopy(page)
    other.classify.score = 0.86
    assert compare_pages(page, other) == []
    assert len(compare_pages(page, other, 0.03)) == 1


def test_models_are_told_once_each(page: PageResult) -> None:
    for step in ("preread", "ocr"):
        made = page.steps.add(step=step)
        made.model.name, made.model.version = "ocr", "0.2.0"
    assert models(page) == ["ocr 0.2.0"]
