"""Definitions, and every mistake in them."""

import pytest

from orchestrator.forms.definition import InvalidForm, ValueType, read_definition

HEAD = 'name: a_form\nversion: "1.0.0"\nfields:\n'


def mistakes(text: str) -> str:
    with pytest.raises(InvalidForm) as caught:
        read_definition("a/definition.yaml", text.encode())
    return caught.value.message


def test_a_definition() -> None:
    form = read_definition(
        "d.yaml",
        (
            HEAD
            + "  - {name: born, type: date, zone: [1, 2, 30, 4], day_first: true}\n"
            + "  - name: status\n    type: choice\n    options:\n"
            + "      - {value: single, zone: [1, 1, 8, 8]}\n"
            + "      - {value: married, zone: [20, 1, 8, 8]}\n"
        ).encode(),
    )
    born, status = form.fields
    assert born.type is ValueType.DATE
    assert born.rect is not None
    assert (born.rect.right, born.rect.bottom) == (31, 6)
    assert [option.value for option in status.options] == ["single", "married"]
    assert form.blank == "blank.pdf"


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("  - {name: x, zone: [1, 2, 3]}\n", "a/definition.yaml:4: field `x`: zone: List should"),
        ("  - {name: x}\n", "a/definition.yaml:4: field `x`: say where it is"),
        ("  - {name: X, zone: [1, 2, 3, 4]}\n", "field `X`: name: String should match"),
        ("  - {name: x, zone: [1, 2, 3, 4], typ: date}\n", "typ: there is no such entry"),
        ("  - {name: x, zone: [1, 2, 0, 4]}\n", "positive size"),
        ("  - {name: x, type: choice, zone: [1, 2, 3, 4]}\n", "a choice needs `options`"),
        ("  - {name: x, zone: [1, 2, 3, 4], pattern: '('}\n", "no regular expression"),
        ("  - {name: x, zone: [1, 2, 3, 4], id: ssn}\n", "`id` is for fields of type id"),
        (
            "  - {name: x, zone: [1, 2, 3, 4]}\n  - {name: x, zone: [1, 2, 3, 4]}\n",
            "two fields have the name `x`",
        ),
        ("  - {name: x, zone: [1, 2, 3, 4\n", "not YAML"),
    ],
)
def test_mistakes_are_told_with_their_line_and_field(lines: str, told: str) -> None:
    assert told in mistakes(HEAD + lines)


def test_all_mistakes_are_told_at_once() -> None:
    text = mistakes(HEAD + "  - {name: x, type: dat, zone: [1]}\n  - {name: y, page: 0}\n")
    assert len(text.splitlines()) == 3
    assert "definition.yaml:5: field `y`: page" in text
