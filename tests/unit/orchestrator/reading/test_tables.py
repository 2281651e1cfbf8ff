"""Figures in tables and their heads; captions of several lines."""

from orchestrator.reading.key_values import find_key_values
from orchestrator.reading.labels import LABEL_WORDS, runs_of
from orchestrator.reading.rules import Rules
from orchestrator.reading.tables import find_cells
from tests.unit.orchestrator.reading.sheets import LINE, Sheet

COLUMNS = (80.0, 400.0, 620.0)


def table(*rows: tuple[str, ...], pitch: float = 1.3 * LINE) -> Sheet:
    """A row a line, a text a column."""
    sheet = Sheet()
    for number, row in enumerate(rows):
        for left, text in zip(COLUMNS, row, strict=False):
            if text:
                sheet.write(text, left, 100 + number * pitch)
    return sheet


def heads(sheet: Sheet) -> dict[str, tuple[str, str]]:
    """By figure the heads of its column and of its row; empty where there is none."""
    runs = runs_of(sheet.tokens, frozenset(), Rules())
    return {
        runs[cell.place].text: (
            "" if cell.column is None else runs[cell.column].text,
            "" if cell.row is None else runs[cell.row].text,
        )
        for cell in find_cells(runs, set())
    }


def pairs(sheet: Sheet) -> list[tuple[str, str]]:
    """Names and values, by value."""
    found = find_key_values(sheet.tokens, frozenset(LABEL_WORDS), Rules())
    said = [(pair.label.text, pair.value.text) for pair in found if pair.value is not None]
    return sorted(said, key=lambda pair: pair[1])


def test_figures_have_the_heads_of_their_column_and_of_their_row() -> None:
    sheet = table(
        ("Harbour", "Ships", "Crew"),
        ("Bergen", "12", "310"),
        ("Oslo", "7", "145"),
    )
    assert heads(sheet) == {
        "12": ("Ships", "Bergen"),
        "310": ("Crew", "Bergen"),
        "7": ("Ships", "Oslo"),
        "145": ("Crew", "Oslo"),
    }


def test_words_are_no_figures_and_lone_rows_no_table() -> None:
    assert heads(table(("Harbour", "Master"), ("Bergen", "Ann"), ("Oslo", "Eve"))) == {}
    assert heads(table(("Ships", "12"))) == {}
    far = table(("Ships", "12"), ("Crew", "310"), pitch=12 * LINE)
    assert heads(far) == {}


def test_marks_in_rows_of_two_lists_belong_to_the_words_before_them() -> None:
    sheet = Sheet()
    for number, (first, second) in enumerate([("Kansas", "Nevada"), ("Iowa", "Maine")]):
        y = 100 + number * LINE
        for left, text in ((80, first), (300, "X"), (400, second), (620, "x")):
            sheet.write(text, left, y)
    runs = runs_of(sheet.tokens, frozenset(), Rules())
    said = [
        (runs[cell.place].text, runs[cell.row].text)
        for cell in find_cells(runs, set())
        if cell.row is not None
    ]
    assert sorted(said) == [("X", "Iowa"), ("X", "Kansas"), ("x", "Maine"), ("x", "Nevada")]


def test_a_known_head_of_a_column_names_its_figures_else_the_row_does() -> None:
    known = table(("Harbour", "Quantity"), ("Bergen", "12"), ("Oslo", "7"))
    assert pairs(known) == [("Quantity", "12"), ("Quantity", "7")]
    unknown = table(("Harbour", "Ships"), ("Bergen", "12"), ("Oslo", "7"))
    assert pairs(unknown) == [("Bergen", "12"), ("Oslo", "7")]


def test_a_caption_goes_on_below_when_a_figure_follows() -> None:
    sheet = Sheet()
    sheet.write("Total Cost Per", 80, 100)
    sheet.write("Interview", 80, 100 + 0.9 * LINE)
    sheet.write("$74.67", 80, 100 + 2 * LINE)
    assert pairs(sheet) == [("Total Cost Per Interview", "$74.67")]
