from pathlib import Path
from typing import Any

import numpy as np
import pytest

from meshkit.errors import DeadlineExceeded, DependencyUnavailable, InvalidInput, InvalidPage
from servers.ocr.tesseract import TesseractEngine, lines_of
from tests.unit.servers.ocr.pages import PARAGRAPH, draw


@pytest.fixture(scope="module")
def engine() -> TesseractEngine:
    return TesseractEngine.start(timeout=60)


def test_it_reads_words_where_their_ink_is(engine: TesseractEngine) -> None:
    page, drawn = draw(PARAGRAPH)
    lines = engine.read(page, 150, ["en"])
    assert [line.text for line in lines] == list(PARAGRAPH)
    words = [word for line in lines for word in line.words]
    for word, truth in zip(words, drawn, strict=True):
        found = [*word.quad.min(axis=0), *word.quad.max(axis=0)]
        assert found == pytest.approx(truth.box, abs=3)
        assert 0.5 < word.confidence <= 1


def test_colour_and_grey_read_alike(engine: TesseractEngine) -> None:
    page, _ = draw(PARAGRAPH[:2])
    colour = np.stack([page] * 3, axis=2)
    assert [line.text for line in engine.read(colour, None, [])] == list(PARAGRAPH[:2])


@pytest.mark.parametrize("shape", [(1, 1), (2, 500), (60, 60), (3, 3), (40, 9000)])
def test_blank_pages_of_odd_sizes_hold_no_lines(
    engine: TesseractEngine, shape: tuple[int, int]
) -> None:
    assert engine.read(np.full(shape, 255, np.uint8), None, []) == ()


def test_it_lists_what_is_installed(engine: TesseractEngine) -> None:
    assert "en" in engine.available
    with pytest.raises(InvalidInput, match=r"no 'tlh'; it has .*en"):
        engine.read(np.full((50, 50), 255, np.uint8), None, ["tlh"])


def test_a_page_over_its_limit_is_refused(engine: TesseractEngine) -> None:
    with pytest.raises(InvalidPage, match="40000 x 8 px"):
        engine.read(np.full((8, 40_000), 255, np.uint8), None, [])


def test_a_page_that_takes_too_long_is_given_up() -> None:
    page, _ = draw(PARAGRAPH)
    with pytest.raises(DeadlineExceeded, match=r"longer than 0\.01 s"):
        TesseractEngine.start(timeout=0.01).read(page, None, [])


def test_without_the_program_the_error_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, engine: TesseractEngine
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DependencyUnavailable, match="apt-get install tesseract-ocr"):
        TesseractEngine.start(timeout=1)
    with pytest.raises(DependencyUnavailable, match="apt-get install tesseract-ocr"):
        engine.read(np.full((50, 50), 255, np.uint8), None, [])


def test_lines_come_from_rows_of_words_alone() -> None:
    table: dict[str, list[Any]] = {
        "level": [4, 5, 5, 5, 5],
        "block_num": [1, 1, 1, 1, 1],
        "par_num": [1, 1, 1, 1, 1],
        "line_num": [1, 1, 1, 1, 2],
        "left": [0, 10, 40, 70, 10],
        "top": [0, 5, 4, 5, 40],
        "width": [100, 20, 20, 5, 30],
        "height": [20, 10, 12, 10, 10],
        "conf": [-1, 96.0, 88.0, 95.0, 150],
        "text": ["", "two", "words", " ", "cafe\u0301"],
    }
    first, second = lines_of(table)
    assert first.text == "two words"
    assert first.confidence == pytest.approx(0.92)
    assert first.quad.tolist() == [[10, 4], [59, 4], [59, 15], [10, 15]]
    assert second.words[0].text == "caf\u00e9"
    assert second.words[0].confidence == 1
