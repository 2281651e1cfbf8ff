"""Options and questions of boxes, on pages whose truth is known."""

import time
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.reading import vocabulary
from orchestrator.reading.checkboxes import read_boxes
from orchestrator.reading.layout import Box, Phrase, Token
from orchestrator.reading.rules import Rules
from orchestrator.reading.segments import clear_of
from tests.unit.orchestrator.reading.sheets import (
    BOX,
    LINE,
    Sheet,
    column_left,
    column_right,
    row_below,
    row_left,
    row_right,
    table,
)

NO_RULES = Rules()
WORD = st.text(
    st.characters(categories=["Ll"], max_codepoint=0x24F), min_size=2, max_size=9
).filter(lambda word: word not in vocabulary.words("answer") | vocabulary.words("joining"))
OPTION = st.lists(WORD, min_size=1, max_size=3).map(lambda words: " ".join(words).capitalize())
OPTIONS = st.lists(OPTION, min_size=2, max_size=6, unique=True)
QUESTION = st.lists(WORD, min_size=3, max_size=6).map(
    lambda words: " ".join(words).capitalize() + "?"
)


def read(sheet: Sheet, rules: Rules = NO_RULES) -> list[tuple[str, str]]:
    found = read_boxes(sheet.boxes, clear_of(sheet.tokens, sheet.boxes), rules)
    return [(text_of(one.label), text_of(one.question)) for one in found]


def text_of(phrase: Phrase | None) -> str:
    return phrase.text if phrase else ""


Layout = Callable[[Sequence[str], str], Sheet]


@pytest.mark.parametrize("layout", [column_right, column_left, row_right, row_left])
@given(labels=OPTIONS, question=QUESTION)
@settings(deadline=None, max_examples=25)
def test_all_options_on_one_side_of_their_boxes(
    layout: Layout, labels: list[str], question: str
) -> None:
    sheet = layout(labels, question)
    assert read(sheet) == sheet.truth


@given(labels=OPTIONS)
@settings(deadline=None, max_examples=25)
def test_options_under_their_boxes(labels: list[str]) -> None:
    sheet = row_below(labels)
    assert [label for label, _ in read(sheet)] == labels


@given(
    heads=st.lists(OPTION, min_size=2, max_size=5, unique=True),
    rows=st.lists(QUESTION, min_size=2, max_size=6, unique=True),
)
@settings(deadline=None, max_examples=25)
def test_tables_have_headings_as_options_and_rows_as_questions(
    heads: list[str], rows: list[str]
) -> None:
    sheet = table(heads, rows)
    assert read(sheet) == sheet.truth


def test_yes_no_rows_under_each_other_keep_their_own_questions() -> None:
    sheet = Sheet()
    for number, question in enumerate(("Are you insured?", "Do you smoke?", "Are you well?")):
        y = 100 + number * LINE
        sheet.write(question, 80, y)
        for x, answer in ((500.0, "Yes"), (600.0, "No")):
            sheet.box(x, y, answer, question)
            sheet.write(answer, x + BOX + 8, y)
    assert read(sheet) == sheet.truth


def test_question_of_several_lines_and_leader_dots() -> None:
    sheet = Sheet()
    sheet.write("3. Did you maintain a home for a member of your", 80, 100)
    sheet.write("family or for another person? ........", 108, 100 + LINE)
    question = (
        "3. Did you maintain a home for a member of your family or for another person? ........"
    )
    for x, answer in ((700.0, "Yes"), (800.0, "No")):
        sheet.box(x, 100 + LINE, answer, question)
        sheet.write(answer, x + BOX + 8, 100 + LINE)
    assert read(sheet) == sheet.truth


def test_number_of_a_line_is_no_question() -> None:
    sheet = Sheet()
    sheet.write("Were you a resident for the full year?", 80, 100)
    sheet.write("1", 620, 100)
    for x, answer in ((680.0, "Yes"), (790.0, "No")):
        right = sheet.write(answer, x, 100)
        sheet.box(right + 8, 100, answer, "Were you a resident for the full year?")
    assert read(sheet) == sheet.truth


def test_question_and_answer_in_one_run_left_of_the_box() -> None:
    sheet = Sheet()
    right = sheet.write("Married? Yes", 80, 100)
    sheet.box(right + 8, 100, "Yes", "Married?")
    right = sheet.write("No", right + 60, 100)
    sheet.box(right + 8, 100, "No", "Married?")
    assert read(sheet) == sheet.truth


def test_wrapped_label_is_one_text_and_what_stands_below_it_is_not() -> None:
    sheet = Sheet()
    first, second = "I have read the terms of the", "agreement and accept them."
    sheet.box(80, 100, f"{first} {second}")
    sheet.write(first, 108, 100)
    sheet.write(second, 108, 100 + LINE)
    sheet.write("Date", 108, 100 + 2.2 * LINE)
    assert read(sheet) == sheet.truth


def test_short_line_over_a_long_one_is_a_label_of_its_own() -> None:
    sheet = Sheet()
    sheet.box(80, 100, "Other")
    sheet.write("Other", 108, 100)
    sheet.write("Tell us on a sheet of paper what else there is", 108, 100 + LINE)
    assert read(sheet) == sheet.truth


def test_box_between_two_lines_has_both() -> None:
    sheet = Sheet()
    sheet.write("Married filing", 108, 100)
    sheet.write("jointly", 108, 100 + LINE)
    sheet.box(80, 100 + LINE / 2, "Married filing jointly")
    assert read(sheet) == sheet.truth


def test_heading_that_asks_to_choose() -> None:
    sheet = column_right(["Single", "Married", "Widowed"], "Filing status. Check only one box.")
    assert read(sheet) == sheet.truth


def test_lone_box_under_prose_answers_no_question() -> None:
    sheet = Sheet()
    sheet.write("Everything that you told us is kept for ten years.", 80, 100 - LINE)
    sheet.box(80, 100, "I agree")
    sheet.write("I agree", 108, 100)
    assert read(sheet) == sheet.truth


def test_printed_line_keeps_the_neighbouring_cell_apart() -> None:
    sheet = Sheet()
    sheet.box(80, 100, "Garage")
    right = sheet.write("Garage", 108, 100)
    sheet.box(right + 60, 100, "")
    sheet.write("Heated", right + 110, 100)
    wall = right + 90
    rules = Rules(down=(Box(wall, 60, wall + 2, 160),))
    assert [label for label, _ in read(sheet)] == ["Garage", "Heated"]
    assert [label for label, _ in read(sheet, rules)] == ["Garage", ""]


@pytest.mark.parametrize(
    ("text", "wanted"), [("xYes", "Yes"), ("[No", "No"), ("☐Maybe", "☐Maybe"), ("Xenon", "Xenon")]
)
def test_mark_read_together_with_a_word_is_taken_off(text: str, wanted: str) -> None:
    box = Box(100, 100, 118, 118)
    left = 119 if text == "Xenon" else 102
    token = Token(text, Box(left, 99, left + 60, 119), 0.9, 0)
    (rest,) = clear_of([token], [box])
    assert rest.text == wanted
    assert rest.box.left >= box.right


def test_mark_read_as_a_word_is_dropped_and_text_below_the_box_is_not() -> None:
    box = Box(100, 100, 130, 130)
    mark = Token("X", Box(104, 103, 122, 127), 0.9, 0)
    below = Token("City", Box(100, 126, 140, 146), 0.9, 1)
    assert clear_of([mark, below], [box]) == [below]


def test_two_words_read_as_one_across_a_box_are_parted() -> None:
    token = Token("YesNo", Box(100, 100, 178, 120), 0.9, 0)
    first, second = clear_of([token], [Box(131, 101, 149, 119)])
    assert (first.text, second.text) == ("Yes", "No")
    assert first.box.right <= 131
    assert second.box.left >= 149


def test_page_without_words() -> None:
    sheet = Sheet()
    sheet.box(80, 100, "")
    assert read(sheet) == [("", "")]


def test_crowded_page_is_read_in_a_moment() -> None:
    sheet = Sheet()
    for row in range(40):
        y = 60 + row * LINE
        sheet.write("One more question that is put to the reader?", 60, y)
        for x, answer in ((640.0, "Yes"), (740.0, "No"), (840.0, "Unsure")):
            sheet.box(x, y, answer, "One more question that is put to the reader?")
            sheet.write(answer, x + BOX + 8, y)
    began = time.process_time()
    assert read(sheet) == sheet.truth
    assert time.process_time() - began < 1.0
