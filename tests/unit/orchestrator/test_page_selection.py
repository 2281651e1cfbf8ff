"""Which pages a client asks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshkit.errors import InvalidInput
from orchestrator.page_selection import PageSelection


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("", [1, 2, 3, 4, 5]),
        ("2", [2]),
        ("1-3,5", [1, 2, 3, 5]),
        (" 4 , 1-2 ", [1, 2, 4]),
        ("3-", [3, 4, 5]),
        ("2,2,1-2", [1, 2]),
        ("5-5", [5]),
    ],
)
def test_choices(text: str, numbers: list[int]) -> None:
    assert PageSelection(text).numbers(5) == numbers


@pytest.mark.parametrize(
    "text", ["0", "a", "1,,2", "3-2", "-3", "1-2-3", "1;2", "٣", "1" * 12, ",", "1," * 600]
)
def test_no_choices(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        PageSelection(text)
    assert caught.value.metadata["field"] == "pages"


@pytest.mark.parametrize("text", ["6", "1-6", "6-", "1,999999999"])
def test_pages_that_are_not_there(text: str) -> None:
    with pytest.raises(InvalidInput, match="the document has 5"):
        PageSelection(text).numbers(5)


@given(pages=st.sets(st.integers(1, 40), min_size=1))
def test_every_page_asked_for_and_no_other(pages: set[int]) -> None:
    text = ",".join(map(str, pages))
    assert PageSelection(text).numbers(40) == sorted(pages)
