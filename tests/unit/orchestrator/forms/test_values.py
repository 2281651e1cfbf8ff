"""What characters from a page become."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.forms import checksums
from orchestrator.forms.definition import FieldDefinition, FormDefinition
from orchestrator.forms.values import parse_date, parse_number, parse_value
from pagemesh.orchestrator.v1 import document_pb2 as pb


def parsed(raw: str, **entries: object) -> tuple[str, int]:
    """Value and reason of a field with these entries."""
    field = FieldDefinition.model_validate({"name": "x", "zone": [0, 0, 10, 10], **entries})
    form = FormDefinition(name="form", version="1.0.0", fields=(field,))
    found = parse_value(raw, field, form)
    return found.value, found.reason


@pytest.mark.parametrize(
    ("written", "day_first", "value"),
    [
        ("3/31/24", False, "2024-03-31"),
        ("31.3.2024", False, "2024-03-31"),
        ("03/04/1984", False, "1984-03-04"),
        ("03/04/1984", True, "1984-04-03"),
        ("03312024", False, "2024-03-31"),
        ("0 3 1 2 1 9 8 4", False, "1984-03-12"),
        ("March 31, 2024", False, "2024-03-31"),
        ("31 Mar 24", True, "2024-03-31"),
        ("2024-03-31", True, "2024-03-31"),
        ("O3/l2/1984", False, "1984-03-12"),
        ("2/30/2024", False, None),
        ("10/20/8", False, None),
        ("soon", False, None),
    ],
)
def test_dates(written: str, day_first: bool, value: str | None) -> None:
    assert parse_date(written, day_first=day_first) == value


def test_two_digits_of_a_year_are_in_the_hundred_years_from_the_pivot() -> None:
    assert parse_date("1/2/49", pivot=1950) == "2049-01-02"
    assert parse_date("1/2/50", pivot=1950) == "1950-01-02"
    assert parse_date("1/2/30", pivot=1925) == "1930-01-02"


@given(st.dates(min_value=datetime.date(1000, 1, 1)))
def test_every_date_survives_being_written(day: datetime.date) -> None:
    for written in (day.strftime("%m/%d/%Y"), day.strftime("%B %d, %Y"), day.strftime("%m%d%Y")):
        assert parse_date(written) == day.isoformat()
    assert parse_date(day.strftime("%d.%m.%Y"), day_first=True) == day.isoformat()


@pytest.mark.parametrize(
    ("written", "decimal", "value"),
    [
        ("1,234.50", "auto", "1234.50"),
        ("1.234,50", "auto", "1234.50"),
        ("1.234,50", ",", "1234.50"),
        ("1 234", "auto", "1234"),
        ("(12)", ".", "-12"),
        ("12-", ".", "-12"),
        ("l2O", ".", "120"),
        ("1,234 50", ".", "1234.50"),
        ("377.715.63", ".", "377715.63"),
        ("710,71", ".", None),
        ("551,78016", "auto", None),
        ("twelve", ".", None),
        ("", ".", None),
    ],
)
def test_amounts(written: str, decimal: str, value: str | None) -> None:
    number = parse_number(written, decimal, is_money=True)
    assert (number is None) == (value is None)
    if value is not None and number is not None:
        assert float(number) == float(value)


@pytest.mark.parametrize("kind", ["number", "money"])
@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("43,384 53", "43384.53"),
        ("36.553 04", "36553.04"),
        ("71578 77", "71578.77"),
        ("963 143 03", "963143.03"),
        ("10,10247", "10102.47"),
    ],
)
def test_a_lost_mark_before_two_decimals_is_forgiven(written: str, kind: str, value: str) -> None:
    number = parse_number(written, ".", is_money=kind == "money")
    assert number is not None
    assert float(number) == float(value)


@pytest.mark.parametrize(
    ("written", "kind", "value"),
    [
        ("1.422", "integer", "1422"),
        ("3.000", "integer", "3"),
        ("1.422", "number", "1.422"),
        ("12 345 67", "integer", "1234567"),
    ],
)
def test_only_a_whole_number_takes_a_point_for_a_group(written: str, kind: str, value: str) -> None:
    field = FieldDefinition.model_validate({"name": "x", "type": kind, "zone": [0, 0, 10, 10]})
    form = FormDefinition(name="form", version="1.0.0", decimal=".", fields=(field,))
    assert parse_value(written, field, form).value == value


@given(st.integers(0, 10**9), st.integers(0, 99))
def test_every_amount_survives_being_written(whole: int, cents: int) -> None:
    for written in (f"{whole:,}.{cents:02d}", f"$ {whole}.{cents:02d}"):
        assert parsed(written, type="money") == (f"{whole}.{cents:02d}", 0)


@pytest.mark.parametrize(
    ("raw", "entries", "value", "reason"),
    [
        ("Ana  Okafor", {"type": "name"}, "Ana Okafor", pb.FIELD_REASON_UNSPECIFIED),
        ("", {}, "", pb.FIELD_REASON_EMPTY),
        ("", {"required": True}, "", pb.FIELD_REASON_MISSING_REQUIRED),
        ("soon", {"type": "date"}, "", pb.FIELD_REASON_WRONG_TYPE),
        ("USD 12.00", {"type": "money"}, "12.00", pb.FIELD_REASON_UNSPECIFIED),
        ("12.5", {"type": "number"}, "12.5", pb.FIELD_REASON_UNSPECIFIED),
        ("12.5", {"type": "integer"}, "", pb.FIELD_REASON_WRONG_TYPE),
        ("13", {"type": "integer", "maximum": 12}, "13", pb.FIELD_REASON_BREAKS_RULE),
        ("l23-45-6789", {"type": "id", "id": "ssn"}, "123456789", pb.FIELD_REASON_UNSPECIFIED),
        ("000-45-6789", {"type": "id", "id": "ssn"}, "000456789", pb.FIELD_REASON_BAD_CHECKSUM),
        ("AB-1", {"type": "id", "pattern": "[A-Z]{2}[0-9]{2}"}, "AB1", pb.FIELD_REASON_BREAKS_RULE),
        ("(555) 013-4444", {"type": "phone"}, "5550134444", pb.FIELD_REASON_UNSPECIFIED),
        ("+49 30 123456", {"type": "phone"}, "+4930123456", pb.FIELD_REASON_UNSPECIFIED),
        ("call me", {"type": "phone"}, "", pb.FIELD_REASON_WRONG_TYPE),
    ],
)
def test_values(raw: str, entries: dict[str, object], value: str, reason: int) -> None:
    assert parsed(raw, **entries) == (value, reason)


def test_written_choice_forgives_a_letter() -> None:
    options = [{"value": "married"}, {"value": "single"}]
    assert parsed("marr1ed", type="choice", options=options)[0] == "married"
    assert parsed("gone", type="choice", options=options) == ("", pb.FIELD_REASON_WRONG_TYPE)


def test_check_digits() -> None:
    assert checksums.is_iban("DE89370400440532013000")
    assert not checksums.is_iban("DE89370400440532013001")
    assert checksums.is_luhn("79927398713")
    assert not checksums.is_luhn("79927398710")
    assert checksums.is_aba("021000021")
    assert not checksums.is_aba("021000022")
