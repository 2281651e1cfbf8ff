from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from servers.ocr.ctc import Steps, decode
from servers.ocr.known_words import with_known_words
from servers.ocr.lexicon import Lexicon
from tests.unit.servers.ocr.lattices import ALPHABET, TEXTS, printed, texts

SHARES = {
    "total": 1e-3, "code": 1e-3, "cade": 1e-7, "adjustments": 1e-5, "on": 1e-2,
    "a": 1e-2, "above": 1e-4, "invoice": 1e-5, "in": 1e-2,
}  # fmt: skip
LEXICON = Lexicon(SHARES.items())

Other = tuple[int, str, float]


def read(text: str, *others: Other, lexicon: Lexicon = LEXICON) -> str:
    steps = printed(text, *others)
    return texts(with_known_words(decode(steps, TEXTS), steps, ALPHABET, lexicon))


def test_a_letter_that_was_nearly_another_makes_a_known_word() -> None:
    assert read("Tatal", (1, "o", 0.2)) == "Total"
    assert read("inv0ice", (3, "o", 0.1)) == "invoice"
    assert read("the TOTAI:", (8, "L", 0.3)) == "the TOTAL:"


def test_what_is_surely_printed_stays() -> None:
    assert read("Tatal") == "Tatal"
    assert read("Tatal", (1, "o", 1e-4)) == "Tatal"


def test_a_known_word_stays_unless_a_far_commoner_one_is_nearly_as_likely() -> None:
    assert read("cade", (1, "o", 0.3)) == "code"
    assert read("cade", (1, "o", 0.02)) == "cade"
    assert read("code", (1, "a", 0.45)) == "code"


def test_numbers_and_codes_stay() -> None:
    assert read("1070", (1, "o", 0.3), (2, "n", 0.3)) == "1070"
    assert read("0n", (0, "o", 0.02)) == "0n"


def test_nothing_is_made_up_for_what_cannot_be_read() -> None:
    blurred = [(0, "t", 0.45), (1, "o", 0.45), (2, "t", 0.45), (3, "a", 0.45), (4, "l", 0.45)]
    assert read("rafei", *blurred) == "rafei"
    assert read("rotal", *blurred[:1]) == "total"


def test_two_parts_of_a_torn_word_become_one() -> None:
    assert read("adjus tments", (5, "", 0.1)) == "adjustments"
    assert read("a bove", (1, "", 0.2)) == "above"


def test_a_word_is_not_swallowed_by_its_neighbour() -> None:
    assert read("x total", (0, "", 0.3), (1, "", 0.3)) == "x total"
    assert read("in on", (2, "", 0.4)) == "in on"


def test_a_word_that_was_put_right_is_as_sure_as_it_is_likely() -> None:
    def sureness(probability: float) -> float:
        steps = printed("adjustnents", (6, "m", probability))
        glyphs = with_known_words(decode(steps, TEXTS), steps, ALPHABET, LEXICON)
        assert texts(glyphs) == "adjustments"
        return float(min(glyph.probability for glyph in glyphs))

    assert sureness(0.01) < sureness(0.3) < 1


@given(
    st.text("abco 0", min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(0, 11), st.sampled_from("aboil "), st.floats(0.05, 0.6))),
)
def test_glyphs_stay_in_order_and_on_the_line(text: str, others: Sequence[Other]) -> None:
    steps = printed(text, *(other for other in others if other[0] < len(text)))
    before = decode(steps, TEXTS)
    after = with_known_words(before, steps, ALPHABET, LEXICON)
    ends = [edge for glyph in after for edge in (glyph.start, glyph.end)]
    assert ends == sorted(ends)
    assert not ends or (ends[0] >= 0 and ends[-1] <= len(steps[0]))
    unknown = Lexicon([("zzz", 0.1)])
    assert with_known_words(before, steps, ALPHABET, unknown) == before


def test_an_empty_line_stays_empty() -> None:
    nothing: Steps = printed("")
    assert with_known_words([], nothing, ALPHABET, LEXICON) == []
