import pytest

from servers.ocr.ctc import decode
from servers.ocr.points import with_points
from tests.unit.servers.ocr.lattices import ALPHABET, TEXTS, steps_of, texts


def read(text: str, point_after: int, probability: float) -> str:
    columns: list[dict[str, float]] = []
    for place, letter in enumerate(text):
        columns += [{letter: 0.99}, {".": probability} if place == point_after else {}]
    steps = steps_of(*columns)
    return texts(with_points(decode(steps, TEXTS), steps, ALPHABET))


def test_a_likely_point_before_two_decimals_is_read() -> None:
    assert read("5000", 1, 0.2) == "50.00"
    assert read("tax 000", 4, 0.2) == "tax 0.00"
    assert read("5000 kg", 1, 0.2) == "50.00 kg"


@pytest.mark.parametrize(
    ("text", "after", "probability"),
    [("5000", 1, 0.05), ("5000", 2, 0.3), ("50", 0, 0.3), ("A500", 1, 0.3), ("500-", 0, 0.3)],
)
def test_what_is_no_amount_or_has_no_likely_point_stays(
    text: str, after: int, probability: float
) -> None:
    assert read(text, after, probability) == text


def test_nothing_stays_nothing() -> None:
    assert with_points([], steps_of(), ALPHABET) == []
