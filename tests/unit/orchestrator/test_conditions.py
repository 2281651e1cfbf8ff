"""The condition language: what it accepts, what it decides, and that it is safe."""

import operator
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.conditions import ConditionError, Fact, FactKind, parse

FACTS: Mapping[str, Fact] = {
    "classify.label": "application_form",
    "classify.score": 0.9,
    "classify.threshold": 0.5,
    "deskew.quality.blur": 0.3,
    "deskew.orientation": "up",
    "check.is_blank": False,
}
KNOWN = {
    "classify": {
        "label": FactKind.TEXT,
        "score": FactKind.NUMBER,
        "threshold": FactKind.NUMBER,
    },
    "deskew": {"quality.blur": FactKind.NUMBER, "orientation": FactKind.TEXT},
    "check": None,
}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("classify.label in [application_form, tax_form]", True),
        ("classify.label not in [tax_form]", True),
        ("classify.label == 'application_form'", True),
        ("classify.label != application_form", False),
        ("deskew.quality.blur < 0.6 and classify.score >= 0.8", True),
        ("deskew.quality.blur > 0.6 or classify.score >= 0.8", True),
        ("not (deskew.quality.blur < 0.6)", False),
        ("0.2 < deskew.quality.blur < 0.4", True),
        ("0.2 < deskew.quality.blur < 0.25", False),
        ("classify.score > classify.threshold", True),
        ("classify.score > -1", True),
        ("check.is_blank", False),
        ("not check.is_blank", True),
        ("check.is_blank == false", True),
        ("check.is_blank == False", True),
    ],
)
def test_decisions(text: str, holds: bool) -> None:
    condition = parse(text)
    assert condition.problems(KNOWN) == []
    assert condition.holds(FACTS) is holds


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "cannot be read"),
        ("classify.label in", "cannot be read"),
        ("classify.label in application_form", "a list is expected"),
        ("classify.label is application_form", "write `==`"),
        ("application_form", "neither a comparison nor a fact"),
        ("1 < 2", "asks for no fact"),
        ("__import__('os').system('true') == 0", "not understood"),
        ("classify.label == open('/etc/passwd')", "not understood"),
        ("classify['label'] == x", "not understood"),
        ("classify.score + 1 > 2", "not understood"),
        ("[x for x in classify.label] == y", "not understood"),
        ("(lambda: 1)() == classify.score", "not understood"),
        ("classify.label == f'{classify.score}'", "not understood"),
        ("(x := classify.label) == y", "not understood"),
        ("classify.label == b'x'", "not understood"),
        ("classify.score == 1j", "not understood"),
        ("classify.label == tax-form", "not understood"),
        ("classify.label in [[a]]", "not understood"),
        ("not " * 50 + "check.is_blank", "nested"),
        ("classify.label == x and " * 60 + "check.is_blank", "longer"),
    ],
)
def test_what_is_not_understood(text: str, problem: str) -> None:
    with pytest.raises(ConditionError) as caught:
        parse(text)
    assert problem in caught.value.message


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("classify.lable in [a]", "no fact `lable` (it has: label, score, threshold)"),
        ("clasify.label in [a]", "no step `clasify` comes before"),
        ("classify.label < 0.3", "`classify.label` is a text and `0.3` is a number"),
        ("classify.score == high", "`classify.score` is a number and `high` is a text"),
        ("classify.score in [0.1, high]", "`high` is a text"),
        ("classify.score", "compare it with something"),
        ("classify.label > a", "only numbers"),
    ],
)
def test_what_a_check_against_the_steps_finds(text: str, problem: str) -> None:
    found = parse(text).problems(KNOWN)
    assert len(found) == 1
    assert problem in found[0]


def test_missing_fact_is_undecidable() -> None:
    with pytest.raises(ConditionError, match=r"`check\.pages` is not known on this page"):
        parse("check.pages > 2").holds(FACTS)


@pytest.mark.parametrize("text", ["check.is_blank < 1", "check.text > 1", "check.nan > 1"])
def test_facts_that_cannot_be_ordered(text: str) -> None:
    facts: Mapping[str, Fact] = {
        "check.is_blank": False,
        "check.text": "a",
        "check.nan": float("nan"),
    }
    with pytest.raises(ConditionError, match="cannot be ordered"):
        parse(text).holds(facts)


def test_evidence_brings_the_neighbours() -> None:
    evidence = parse("classify.label in [a]").evidence(FACTS)
    assert evidence == {
        "classify.label": "application_form",
        "classify.score": 0.9,
        "classify.threshold": 0.5,
    }


_numbers = st.floats(allow_nan=False, allow_infinity=False, width=32)
_order = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_comparisons = st.tuples(st.sampled_from(["a.x", "a.y"]), st.sampled_from(sorted(_order)), _numbers)


@given(facts=st.fixed_dictionaries({"a.x": _numbers, "a.y": _numbers}), comparison=_comparisons)
def test_comparisons_are_those_of_numbers(
    facts: dict[str, Fact], comparison: tuple[str, str, float]
) -> None:
    name, sign, number = comparison
    expected = _order[sign](float(facts[name]), number)
    assert parse(f"{name} {sign} {number!r}").holds(facts) is expected


_truths = st.recursive(
    st.sampled_from(["a.p", "a.q", "a.r"]),
    lambda inner: st.one_of(
        inner.map(lambda text: f"not ({text})"),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(
            lambda parts: f"({parts[0]}) {parts[1]} ({parts[2]})"
        ),
    ),
    max_leaves=8,
)


@given(text=_truths, p=st.booleans(), q=st.booleans(), r=st.booleans())
def test_logic_is_python_s(text: str, p: bool, q: bool, r: bool) -> None:
    as_python = text.replace("a.p", str(p)).replace("a.q", str(q)).replace("a.r", str(r))
    expected = eval(as_python)  # noqa: S307 - the text is made above, of nothing but truth values
    assert parse(text).holds({"a.p": p, "a.q": q, "a.r": r}) is expected


@given(text=st.text(max_size=60))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        condition = parse(text)
    except ConditionError:
        return
    assert condition.facts
    assert condition.problems({})


@given(label=st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_quoted_text_is_compared_as_it_is(label: str) -> None:
    assert parse(f"a.label == {label!r}").holds({"a.label": label})
