"""Characters from a page as values of a type.

Values that are digits by nature forgive what readers confuse with digits (O for 0, l for 1); other
types are left as they were read.
"""

import datetime
import difflib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from orchestrator.forms import checksums
from orchestrator.forms.definition import FieldDefinition, FormDefinition, IdKind, ValueType
from pagemesh.orchestrator.v1.document_pb2 import (
    FIELD_REASON_BAD_CHECKSUM,
    FIELD_REASON_BREAKS_RULE,
    FIELD_REASON_EMPTY,
    FIELD_REASON_MISSING_REQUIRED,
    FIELD_REASON_UNSPECIFIED,
    FIELD_REASON_WRONG_TYPE,
)

_AS_DIGIT = str.maketrans(
    {"O": "0", "o": "0", "D": "0", "Q": "0", "I": "1", "l": "1", "|": "1", "i": "1", "!": "1"}
    | {"S": "5", "s": "5", "B": "8", "Z": "2", "z": "2", "G": "6", "b": "6", "g": "9", "q": "9"}
)
_DASHES = str.maketrans({"–": "-", "—": "-", "−": "-", "‐": "-", "‑": "-", "~": "-"})
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_CURRENCY = re.compile(r"(?i)(?:us)?\$|€|£|¥|\b(?:usd|eur|gbp|chf|dollars?|euros?)\b")
_CHECKS: dict[IdKind, Callable[[str], bool]] = {
    IdKind.SSN: checksums.is_ssn,
    IdKind.EIN: checksums.is_ein,
    IdKind.ABA: checksums.is_aba,
    IdKind.IBAN: checksums.is_iban,
    IdKind.LUHN: checksums.is_luhn,
    IdKind.ZIP: checksums.is_zip,
}
_CHOICE_LIKENESS = 0.75
_PHONE_DIGITS = range(7, 16)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A value.

    Attributes:
        value: in its type's notation (see FieldType in document.proto); empty when there is none.
        reason: a FieldReason.
    """

    value: str
    reason: int = FIELD_REASON_UNSPECIFIED


def parse_value(raw: str, field: FieldDefinition, form: FormDefinition) -> Parsed:
    """What a field's characters say.

    Args:
        raw: as read; lines and words separated by single spaces.
    """
    text = " ".join(raw.split())
    if not text:
        missing = FIELD_REASON_MISSING_REQUIRED if field.required else FIELD_REASON_EMPTY
        return Parsed("", missing)
    value = _value(text, field, form)
    if value is None:
        return Parsed("", FIELD_REASON_WRONG_TYPE)
    if field.type is ValueType.ID and field.id is not None and not _CHECKS[field.id](value):
        return Parsed(value, FIELD_REASON_BAD_CHECKSUM)
    if field.pattern and not re.fullmatch(field.pattern, value):
        return Parsed(value, FIELD_REASON_BREAKS_RULE)
    if _is_out_of_range(value, field):
        return Parsed(value, FIELD_REASON_BREAKS_RULE)
    return Parsed(value)


def is_ambiguous(raw: str, field: FieldDefinition, form: FormDefinition) -> bool:
    """Whether a number has more decimals than amounts have: its point may be a comma."""
    if field.type not in (ValueType.MONEY, ValueType.NUMBER, ValueType.INTEGER):
        return False
    text = raw.strip()
    _, mark, rest = _split_decimals(text, form.decimal)
    return bool(mark and len(rest) > 2)


def _value(text: str, field: FieldDefinition, form: FormDefinition) -> str | None:
    if field.type in (ValueType.MONEY, ValueType.NUMBER, ValueType.INTEGER):
        return _number(text, field.type, form.decimal)
    match field.type:
        case ValueType.DATE:
            day_first = form.day_first if field.day_first is None else field.day_first
            return parse_date(text, day_first=day_first, pivot=form.two_digit_years_from)
        case ValueType.ID:
            return parse_id(text, field.id, field.pattern)
        case ValueType.PHONE:
            return parse_phone(text)
        case ValueType.CHOICE:
            return nearest_option(text, [option.value for option in field.options])
        case _:
            return text


def _number(text: str, kind: ValueType, decimal: str) -> str | None:
    """A number in the notation of its type."""
    is_money = kind is ValueType.MONEY
    text = _CURRENCY.sub(" ", text)
    is_whole = kind is ValueType.INTEGER
    number = parse_number(text, decimal, is_money=is_money, is_whole=is_whole)
    if kind is ValueType.INTEGER and number is not None and number % 1:
        # A whole number has no decimals: three digits behind any mark are a group.
        number = parse_number(text, "auto", is_whole=True)
    if number is None or (kind is ValueType.INTEGER and number % 1):
        return None
    if is_money:
        return f"{number:.2f}"
    return f"{number:f}".rstrip("0").rstrip(".") if number % 1 else f"{number:.0f}"


def parse_date(text: str, *, day_first: bool = False, pivot: int = 1950) -> str | None:
    """`3/31/24`, `31.3.2024`, `03312024`, `March 31, 2024`, `2024-03-31` as `2024-03-31`.

    Args:
        day_first: which of two small numbers is the day.
        pivot: the first year that two digits can mean.
    """
    lowered = text.translate(_DASHES).lower()
    month = _month_word(lowered)
    if month is not None:
        numbers = re.findall(r"\d+", re.sub(r"\b[a-z]+\b", " ", _digits(lowered)))
        if len(numbers) != 2:
            return None
        day, year = sorted(numbers, key=len) if len(numbers[0]) != len(numbers[1]) else numbers
        return _day(year, month, int(day), pivot)
    parts = re.findall(r"\d+", _digits(text))
    digits = "".join(parts)
    if len(parts) != 3:
        if len(digits) not in (6, 8):
            return None
        parts = [digits[:2], digits[2:4], digits[4:]]
    if len(parts[0]) == 4 and len(parts[2]) <= 2:
        return _day(parts[0], int(parts[1]), int(parts[2]), pivot)
    first, second, year = int(parts[0]), int(parts[1]), parts[2]
    if second > 12 or (day_first and first > 12):
        day_first = second <= 12
    elif first > 12:
        day_first = True
    return _day(year, second, first, pivot) if day_first else _day(year, first, second, pivot)


def parse_number(
    text: str, decimal: str = "auto", *, is_money: bool = False, is_whole: bool = False
) -> Decimal | None:
    """`1,234.50`, `1.234,50`, `(12)`, `12-`, `-12`, `1 234` as a number.

    Args:
        decimal: what stands before the decimals: `.`, `,` or `auto`: the last of both, or a single
            one that is not followed by three digits. The other one groups digits by three; a
            reader's point for a comma is forgiven where it can only be that, and so is a lost
            mark before two decimals: `1,23450`.
        is_money: an amount has two decimals or none.
        is_whole: without decimals. Otherwise two digits that stand apart at the end are decimals,
            as in `1,234 50`, for groups have three.
    """
    text = text.translate(_DASHES).strip(" _|:*")
    is_negative = bool(re.match(r"^\(.*\)?$|^\s*-|.*-\s*$", text))
    body = text.strip("()-+ ").translate(_AS_DIGIT)
    if not re.fullmatch(r"[\d.,' ]*\d[\d.,' ]*", body):
        return None
    if not is_whole:
        body, decimal = _with_lost_mark(body, decimal)
    body = re.sub(r"[ ']", "", body).rstrip(".,")
    whole, mark, rest = _split_decimals(body, decimal)
    if not re.fullmatch(r"\d*|\d{1,3}([.,]\d{3})+", whole) or not re.fullmatch(r"\d*", rest):
        return None
    if is_money and mark and len(rest) != 2:
        return None
    try:
        number = Decimal(f"{re.sub('[.,]', '', whole) or '0'}.{rest or '0'}")
    except InvalidOperation:
        return None
    return -number if is_negative else number


def _with_lost_mark(body: str, decimal: str) -> tuple[str, str]:
    """Digits with a mark before two decimals that have none, and that mark."""
    apart = re.fullmatch(r"(\d[\d,. ']*)[.,]? +(\d{2})", body)
    group = {".": ",", ",": r"\."}.get(decimal)
    joined = re.fullmatch(rf"(\d{{1,3}}(?:{group}\d{{3}})+)(\d{{2}})", body) if group else None
    found = apart or joined
    return (f"{re.sub('[^0-9]', '', found[1])}.{found[2]}", ".") if found else (body, decimal)


def _split_decimals(body: str, decimal: str) -> tuple[str, str, str]:
    """Whole part with its groups, decimal mark, and decimals."""
    if re.fullmatch(r"\d{1,3}([.,])\d{3}(\1\d{3})*", body) and (
        decimal == "auto" or decimal not in body or body.count(decimal) > 1
    ):
        return body, "", ""
    if last := re.fullmatch(r"(\d{1,3}(?:[.,]\d{3})+)([.,])(\d{1,2})", body):
        return last[1], last[2], last[3]
    mark = decimal
    if decimal == "auto":
        marks = re.findall(r"[.,]", body)
        mark = marks[-1] if marks else "."
    whole, found, rest = body.rpartition(mark)
    return (whole, found, rest) if found else (body, "", "")


def parse_id(text: str, kind: IdKind | None = None, pattern: str = "") -> str | None:
    """Letters and digits without separators, in upper case."""
    is_digits = kind not in (None, IdKind.IBAN) or bool(
        pattern and not re.search(r"[A-Za-z]", re.sub(r"\\[a-z]", "", pattern))
    )
    text = text.translate(_AS_DIGIT) if is_digits else text
    value = "".join(re.findall(r"[A-Za-z0-9]", text)).upper()
    if is_digits and not value.isdecimal():
        return None
    return value or None


def parse_phone(text: str) -> str | None:
    """Digits, with a leading `+` where there is one."""
    digits = "".join(re.findall(r"\d", _digits(text)))
    if len(digits) not in _PHONE_DIGITS or re.search(r"[A-Za-z]{3}", text):
        return None
    return f"+{digits}" if text.lstrip(" (").startswith("+") else digits


def nearest_option(text: str, options: Sequence[str]) -> str | None:
    """The option that the text is, give or take a misread letter."""
    scores = {
        option: difflib.SequenceMatcher(None, text.lower(), option.lower()).ratio()
        for option in options
    }
    best = max(scores, key=scores.__getitem__)
    return best if scores[best] >= _CHOICE_LIKENESS else None


def _digits(text: str) -> str:
    """The text with letters that stand among digits taken for the digits they look like."""

    def fix(found: re.Match[str]) -> str:
        word = found.group()
        digits = sum(letter.isdigit() for letter in word)
        return word.translate(_AS_DIGIT) if 2 * digits >= len(word) else word

    return re.sub(r"[0-9A-Za-z|!]+", fix, text)


def _month_word(text: str) -> int | None:
    for word in re.findall(r"[a-z]{3,}", text):
        if word[:3] in _MONTHS:
            return _MONTHS.index(word[:3]) + 1
    return None


def _day(year: str, month: int, day: int, pivot: int) -> str | None:
    number = int(year)
    if len(year) == 2:
        number += pivot - pivot % 100
        number += 100 if number < pivot else 0
    elif len(year) != 4:
        return None
    try:
        return datetime.date(number, month, day).isoformat()
    except ValueError:
        return None


def _is_out_of_range(value: str, field: FieldDefinition) -> bool:
    if field.type not in (ValueType.NUMBER, ValueType.INTEGER, ValueType.MONEY):
        return False
    number = float(value)
    low, high = field.minimum, field.maximum
    return (low is not None and number < low) or (high is not None and number > high)
