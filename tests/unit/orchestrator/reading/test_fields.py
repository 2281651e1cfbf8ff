"""Fields by layout, on pages that are laid out here."""

from collections.abc import Sequence

import numpy as np
import pytest

from meshkit.geometry import Transform
from orchestrator.reading.fields import PageEvidence, find_fields
from orchestrator.stages.fields import field_facts
from orchestrator.testing import quad
from pagemesh.checkbox.v1.checkbox_service_pb2 import Checkbox, CheckboxResult
from pagemesh.common.v1.geometry_pb2 import Point, Quad, UprightTransform
from pagemesh.ocr.v1.ocr_service_pb2 import OcrResult, TextLine, Word
from pagemesh.orchestrator.v1.document_pb2 import (
    FIELD_KIND_CHECKBOX,
    FIELD_KIND_SIGNATURE,
    FIELD_KIND_TEXT,
    Field,
)
from pagemesh.signature.v1.signature_service_pb2 import Signature, SignatureResult

HEIGHT, LETTER = 20, 10


def line(text: str, left: float, top: float, *, gaps: Sequence[int] = ()) -> TextLine:
    """A line of words, 10 px a letter and 20 px high; `gaps` widens the holes between words."""
    words, x = [], left
    for index, word in enumerate(text.split()):
        right = x + LETTER * len(word)
        words.append(Word(text=word, quad=quad(x, top, right, top + HEIGHT), confidence=0.9))
        x = right + (gaps[index] if index < len(gaps) else LETTER)
    around = quad(left, top, words[-1].quad.top_right.x, top + HEIGHT)
    return TextLine(text=text, quad=around, words=words, confidence=0.9)


def box(left: float, top: float, *, checked: bool) -> Checkbox:
    score = 0.95 if checked else 0.05
    area = quad(left, top, left + HEIGHT, top + HEIGHT)
    return Checkbox(quad=area, checked=checked, score=0.9, checked_score=score)


def texts(*lines: TextLine) -> list[tuple[str, str]]:
    fields = find_fields(PageEvidence(OcrResult(lines=lines), None, None, None))
    assert all(field.kind == FIELD_KIND_TEXT for field in fields)
    return [(field.name, field.value) for field in fields]


def options(result: OcrResult, *boxes: Checkbox) -> list[tuple[str, str]]:
    fields = find_fields(PageEvidence(result, CheckboxResult(checkboxes=boxes), None, None))
    return [(f.name, f.value) for f in fields if f.kind == FIELD_KIND_CHECKBOX]


def test_label_and_value_on_one_line() -> None:
    assert texts(line("Full name: Ann Lee", 100, 100)) == [("Full name", "Ann Lee")]


def test_two_pairs_on_one_line() -> None:
    apart = line("Name: Ann Lee Birth date: 1 May", 100, 100, gaps=[10, 10, 25, 10, 10, 10])
    assert texts(apart) == [("Name", "Ann Lee"), ("Birth date", "1 May")]


def test_value_to_the_right_across_a_hole() -> None:
    assert texts(line("City:", 100, 100), line("Bergen", 300, 102)) == [("City", "Bergen")]


def test_value_below() -> None:
    assert texts(line("City:", 100, 100), line("Bergen", 105, 130)) == [("City", "Bergen")]


def test_right_wins_over_below() -> None:
    page = (line("City:", 100, 100), line("Bergen", 170, 100), line("Other text", 100, 130))
    assert texts(*page) == [("City", "Bergen")]


def test_heading_over_prose_is_no_field() -> None:
    prose = "Federal law requires this consent form be provided to you unless authorized"
    assert texts(line("Federal Disclosure:", 100, 100), line(prose, 100, 130)) == []


def test_value_belongs_to_the_nearest_label() -> None:
    page = (line("City:", 100, 100), line("State:", 300, 100), line("NY", 380, 100))
    assert texts(*page) == [("City", ""), ("State", "NY")]


def test_empty_place_is_an_empty_field() -> None:
    fields = find_fields(PageEvidence(OcrResult(lines=[line("City:", 100, 100)]), None, None, None))
    assert (fields[0].name, fields[0].value) == ("City", "")
    assert not fields[0].HasField("quad")
    assert fields[0].HasField("label_quad")
    assert fields[0].confidence < 0.5


def test_numbered_caption_needs_a_value() -> None:
    assert texts(line("3. Place of birth", 100, 100)) == []
    page = (line("3. Place of birth", 100, 100), line("Oslo", 100, 125))
    assert texts(*page) == [("3. Place of birth", "Oslo")]


def test_captions_above_what_was_filled_in() -> None:
    page = (
        line("Your first name", 100, 100),
        line("Last name", 400, 100),
        line("Ana", 105, 124),
        line("Okafor", 402, 124),
        line("Date of birth", 100, 150),
        line("04/17/1984", 104, 174),
    )
    assert texts(*page) == [
        ("Your first name", "Ana"),
        ("Last name", "Okafor"),
        ("Date of birth", "04/17/1984"),
    ]


def test_caption_without_an_answer_is_no_field() -> None:
    remark = line("List the names of everyone who lived with you last year", 100, 125)
    assert texts(line("Names and date of birth", 100, 100), remark) == []


def test_words_of_captions_are_an_option() -> None:
    page = OcrResult(lines=[line("Vorname", 100, 100), line("Anna", 104, 124)])
    assert find_fields(PageEvidence(page, None, None, None)) == []
    fields = find_fields(PageEvidence(page, None, None, None), ["vorname"])
    assert [(field.name, field.value) for field in fields] == [("Vorname", "Anna")]


def test_prose_is_no_field() -> None:
    assert texts(line("Read this page before you fill it in", 100, 100)) == []


def test_nothing_on_the_page() -> None:
    assert find_fields(PageEvidence(OcrResult(), CheckboxResult(), SignatureResult(), None)) == []


def test_options_right_of_their_boxes() -> None:
    result = OcrResult(lines=[line("Single Married", 130, 100, gaps=[60])])
    found = options(result, box(100, 100, checked=False), box(220, 100, checked=True))
    assert found == [("Single", "false"), ("Married", "true")]


def test_option_left_of_its_box() -> None:
    result = OcrResult(lines=[line("I agree", 100, 100)])
    assert options(result, box(180, 100, checked=True)) == [("I agree", "true")]


def test_tick_that_was_read_as_text_is_no_option() -> None:
    result = OcrResult(lines=[line("X", 105, 100), line("Yes", 130, 100)])
    assert options(result, box(100, 100, checked=True)) == [("Yes", "true")]


def test_word_that_was_read_together_with_its_box_is_its_option() -> None:
    result = OcrResult(lines=[line("Type: ☐Checking ☐Savings", 40, 100, gaps=[10, 40])])
    first, second = (word.quad.top_left.x for word in result.lines[0].words[1:])
    found = options(result, box(first, 100, checked=False), box(second, 100, checked=True))
    assert found == [("Checking", "false"), ("Savings", "true")]


def test_box_without_words_near_it_has_no_name() -> None:
    far = OcrResult(lines=[line("Far", 600, 100)])
    assert options(far, box(100, 100, checked=True)) == [("", "true")]


def signed(result: OcrResult, *areas: Quad) -> list[Field]:
    found = SignatureResult(signatures=[Signature(quad=area, score=0.8) for area in areas])
    fields = find_fields(PageEvidence(result, None, found, None))
    return [field for field in fields if field.kind == FIELD_KIND_SIGNATURE]


def test_signature_beside_its_label() -> None:
    result = OcrResult(lines=[line("Signature of applicant", 100, 500)])
    fields = signed(result, quad(340, 480, 500, 530))
    assert [(f.name, f.value) for f in fields] == [("Signature of applicant", "true")]
    assert fields[0].quad.top_left.x == pytest.approx(340)


def test_label_without_a_signature() -> None:
    result = OcrResult(lines=[line("Signature", 100, 500), line("Sign here", 100, 900)])
    fields = signed(result, quad(100, 440, 300, 490))
    assert [(f.name, f.value) for f in fields] == [("Signature", "true"), ("Sign here", "false")]


def test_signature_without_a_label() -> None:
    assert [(f.name, f.value) for f in signed(OcrResult(), quad(1, 2, 30, 40))] == [
        ("signature", "true")
    ]


def test_sentence_about_signatures_is_no_label() -> None:
    text = "Your signature below confirms that you have read everything"
    assert signed(OcrResult(lines=[line(text, 10, 10)])) == []


def test_nobody_looked_so_nothing_is_said() -> None:
    result = OcrResult(lines=[line("Signature", 100, 500)])
    assert find_fields(PageEvidence(result, None, None, None)) == []


@pytest.mark.parametrize("degrees", [0, 90, 180, 270, 3.5])
def test_turned_page_gives_the_same_fields_where_they_lie(degrees: float) -> None:
    upright = OcrResult(lines=[line("City: Bergen", 100, 100)])
    angle = np.radians(degrees)
    turn = np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    )
    turn[:2, 2] = (400, 500) - turn[:2, :2] @ (300, 300)
    to_sent = Transform(turn, 1000, 1000)
    sent = OcrResult()
    sent.CopyFrom(upright)
    for area in (sent.lines[0].quad, *(word.quad for word in sent.lines[0].words)):
        _move(area, to_sent)
    transform = UprightTransform(matrix=np.linalg.inv(turn).flatten(), width=1000, height=1000)

    fields = find_fields(PageEvidence(sent, None, None, transform))

    assert [(f.name, f.value) for f in fields] == [("City", "Bergen")]
    expected = sent.lines[0].words[1].quad
    for corner in ("top_left", "top_right", "bottom_right", "bottom_left"):
        found, wanted = getattr(fields[0].quad, corner), getattr(expected, corner)
        assert (found.x, found.y) == pytest.approx((wanted.x, wanted.y), abs=1e-6)


def _move(area: Quad, transform: Transform) -> None:
    corners = [area.top_left, area.top_right, area.bottom_right, area.bottom_left]
    moved = transform.apply(np.array([(c.x, c.y) for c in corners]))
    for corner, (x, y) in zip(corners, moved, strict=True):
        corner.CopyFrom(Point(x=x, y=y))


def test_facts_tell_an_unsigned_form_from_a_page_without_a_place() -> None:
    form = OcrResult(lines=[line("Signature:", 100, 500)])
    empty = find_fields(PageEvidence(form, None, SignatureResult()))
    facts = field_facts(empty)
    assert (facts["signature_fields"], facts["empty_signature_fields"]) == (1, 1)
    ink = SignatureResult(signatures=[Signature(quad=quad(230, 480, 400, 525), score=0.9)])
    signed_facts = field_facts(find_fields(PageEvidence(form, None, ink)))
    assert (signed_facts["signature_fields"], signed_facts["empty_signature_fields"]) == (1, 0)
    letter = OcrResult(lines=[line("Dear Ann", 100, 500)])
    none = field_facts(find_fields(PageEvidence(letter, None, SignatureResult())))
    assert (none["signature_fields"], none["empty_signature_fields"]) == (0, 0)


def test_box_tells_its_index_question_and_place() -> None:
    page = OcrResult(lines=[line("Are you insured?", 100, 100), line("Yes", 330, 100)])
    boxes = CheckboxResult(checkboxes=[box(300, 100, checked=True)])
    (field,) = find_fields(PageEvidence(page, boxes))
    assert (field.name, field.group, field.value) == ("Yes", "Are you insured?", "true")
    assert field.checkbox_index == 0
    assert field.group_quad.top_left.x == pytest.approx(100)
