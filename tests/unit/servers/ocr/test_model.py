from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from meshkit.errors import DependencyUnavailable, InvalidInput, ModelNotReady
from meshkit.model import Image, PageInput
from servers.ocr.config import OcrConfig
from servers.ocr.domain import Engine, OcrOptions, OcrResult, TextLine, Tier, Word
from servers.ocr.model import OcrModel
from tests.unit.servers.ocr.pages import PARAGRAPH, draw

NAME_AND_PLACE = "申请人姓名：张伟北京市"


def page_of(image: Image, **options: Any) -> PageInput[OcrOptions]:
    return PageInput(image, 150, OcrOptions(**options))


def read(model: OcrModel, image: Image, **options: Any) -> OcrResult:
    (result,) = model.predict([page_of(image, **options)])
    assert isinstance(result, OcrResult), result
    return result


def words_of(result: OcrResult) -> list[str]:
    return [word.text for line in result.lines for word in line.words]


@pytest.mark.parametrize("tier", list(Tier))
def test_both_tiers_read_a_clean_page(model: OcrModel, tier: Tier) -> None:
    page, drawn = draw(PARAGRAPH)
    result = read(model, page, tier=tier)
    assert (result.engine, result.tier) == (Engine.PPOCR, tier)
    found = Counter(words_of(result)) & Counter(word.text for word in drawn)
    assert found.total() >= 0.95 * len(drawn)
    assert [line.text for line in result.lines[:3]] == list(PARAGRAPH[:3])


def test_a_words_quad_covers_its_ink_and_little_else(model: OcrModel) -> None:
    page, drawn = draw(PARAGRAPH)
    words = [word for line in read(model, page).lines for word in line.words]
    for word, truth in zip(words, drawn, strict=True):
        left, top, right, bottom = truth.box
        low, high = word.quad.min(axis=0), word.quad.max(axis=0)
        assert (low <= [left + 2, top + 2]).all(), truth
        assert (high >= [right - 2, bottom - 2]).all(), truth
        assert left - low[0] < 8, truth
        assert high[0] - right < 8, truth


def test_words_of_a_slanted_page_follow_the_slant(model: OcrModel) -> None:
    page, _ = draw(PARAGRAPH)
    turn = cv2.getRotationMatrix2D((425, 300), -4, 1)
    slanted = np.asarray(cv2.warpAffine(page, turn, (850, 600), borderValue=255), np.uint8)
    lines = read(model, slanted).lines
    assert [line.text for line in lines] == list(PARAGRAPH)
    along = lines[1].words[-1].quad[1] - lines[1].words[0].quad[0]
    assert np.degrees(np.arctan2(along[1], along[0])) == pytest.approx(4, abs=1)


@pytest.mark.parametrize("turn", [cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_90_COUNTERCLOCKWISE])
def test_lines_up_and_down_the_page_are_read(model: OcrModel, turn: int) -> None:
    upright, _ = draw(PARAGRAPH[1:2], width=700, height=200)
    page = np.asarray(cv2.rotate(upright, turn), np.uint8)
    (line,) = read(model, page).lines
    assert line.text == PARAGRAPH[1]
    along = line.quad[1] - line.quad[0]
    assert along[1] > 100 if turn == cv2.ROTATE_90_CLOCKWISE else along[1] < -100


def test_letters_beyond_ascii_are_read(model: OcrModel) -> None:
    page, drawn = draw(("Größe über façade señor",), size=40)
    assert words_of(read(model, page)) == [word.text for word in drawn]


@pytest.mark.parametrize("size", [14, 90])
def test_small_and_large_letters_are_read(model: OcrModel, size: int) -> None:
    page, _ = draw(("Harbour Road",), size=size, width=1200, height=300)
    assert words_of(read(model, page)) == ["Harbour", "Road"]


def test_a_line_longer_than_the_network_takes_is_read_whole(model: OcrModel) -> None:
    page, drawn = draw((" ".join(["licence"] * 50),), width=7400, height=120)
    (line,) = read(model, page, tier=Tier.FAST).lines
    assert line.text == " ".join(word.text for word in drawn)
    lefts = [word.quad[:, 0].min() for word in line.words]
    assert lefts == pytest.approx([word.box[0] for word in drawn], abs=8)


@pytest.mark.parametrize(
    "shape",
    [(1, 1), (1, 3000), (3000, 1), (5, 5), (31, 33, 3), (600, 850), (40, 12_000), (12_000, 40, 3)],
)
@pytest.mark.parametrize("value", [0, 255])
def test_blank_pages_of_any_size_hold_no_lines(
    model: OcrModel, shape: tuple[int, ...], value: int
) -> None:
    assert read(model, np.full(shape, value, np.uint8)).lines == ()


def test_noise_does_no_harm(model: OcrModel) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)
    for line in read(model, noise).lines:
        assert_well_formed(line, 300, 300)


def test_lines_are_well_formed(model: OcrModel) -> None:
    page, _ = draw(PARAGRAPH, origin=(2, 2), height=400)
    lines = read(model, page).lines
    assert lines
    for line in lines:
        assert_well_formed(line, 850, 400)


def assert_well_formed(line: TextLine, width: int, height: int) -> None:
    assert line.words
    assert line.text == " ".join(word.text for word in line.words)
    parts: tuple[TextLine | Word, ...] = (line, *line.words)
    for part in parts:
        assert part.text
        assert 0 <= part.confidence <= 1
        assert part.quad.shape == (4, 2)
        assert (part.quad >= 0).all()
        assert (part.quad <= [width - 1, height - 1]).all()


def test_grey_and_colour_read_alike(model: OcrModel) -> None:
    page, _ = draw(PARAGRAPH)
    assert same(read(model, page), read(model, np.stack([page] * 3, axis=2)))


def test_a_page_reads_the_same_alone_in_a_batch_and_under_load(model: OcrModel) -> None:
    images = [draw(PARAGRAPH[i:], size=20 + 4 * i)[0] for i in range(3)]
    alone = [read(model, image) for image in images]
    together = model.predict([page_of(image) for image in images])
    assert all(same(a, b) for a, b in zip(alone, together, strict=True))
    with ThreadPoolExecutor(6) as threads:
        crowded = list(threads.map(lambda i: read(model, images[i % 3]), range(12)))
    assert all(same(alone[i % 3], result) for i, result in enumerate(crowded))


def same(one: Any, other: Any) -> bool:
    """Whether two answers are equal to the last bit."""
    return len(one.lines) == len(other.lines) and all(
        a.text == b.text
        and a.confidence == b.confidence
        and np.array_equal(a.quad, b.quad)
        and all(
            v.confidence == w.confidence and np.array_equal(v.quad, w.quad)
            for v, w in zip(a.words, b.words, strict=True)
        )
        for a, b in zip(one.lines, other.lines, strict=True)
    )


def test_the_request_chooses_the_engine(model: OcrModel) -> None:
    page, _ = draw(PARAGRAPH)
    result = read(model, page, engine=Engine.TESSERACT, tier=Tier.FAST)
    assert (result.engine, result.tier) == (Engine.TESSERACT, None)
    assert [line.text for line in result.lines] == list(PARAGRAPH)


def test_the_configuration_chooses_when_the_request_does_not() -> None:
    model = OcrModel(OcrConfig(engine=Engine.TESSERACT, tier=Tier.FAST))
    model.load()
    page, _ = draw(PARAGRAPH[:1])
    assert read(model, page).engine is Engine.TESSERACT
    assert read(model, page, engine=Engine.PPOCR).tier is Tier.FAST
    model.close()


@pytest.mark.parametrize("engine", list(Engine))
def test_a_missing_language_fails_its_page_alone(model: OcrModel, engine: Engine) -> None:
    page, _ = draw(PARAGRAPH[:1])
    good, bad = model.predict(
        [page_of(page, engine=engine), page_of(page, engine=engine, languages=("en", "tlh"))]
    )
    assert isinstance(good, OcrResult)
    assert isinstance(bad, InvalidInput)
    assert "'tlh'" in bad.message
    assert "en" in bad.message.split("it has ")[1]


def test_a_tier_refuses_what_only_the_other_reads(model: OcrModel) -> None:
    page, _ = draw(PARAGRAPH[:1])
    (error,) = model.predict([page_of(page, tier=Tier.FAST, languages=("ja",))])
    assert isinstance(error, InvalidInput)
    assert "the ppocr fast engine" in error.message
    assert (
        words_of(read(model, page, tier=Tier.ACCURATE, languages=("ja",))) == PARAGRAPH[0].split()
    )


@pytest.mark.parametrize("tier", list(Tier))
def test_languages_are_those_of_the_characters_that_a_tier_knows(
    model: OcrModel, tier: Tier
) -> None:
    page, _ = draw(PARAGRAPH[:1])
    (error,) = model.predict([page_of(page, tier=tier, languages=("tlh",))])
    assert isinstance(error, InvalidInput)
    available = set(error.message.split("it has ")[1].split(", "))
    assert {"en", "de", "fr", "es", "it", "pt", "pl", "cs", "sv", "tr", "zh-Hans"} <= available
    assert "vi" not in available
    assert {"ja", "zh-Hant", "ro"} <= available or tier is Tier.FAST


@pytest.mark.skipif(not hasattr(cv2, "FontFace"), reason="OpenCV 5 brings ideographs to draw with")
@pytest.mark.parametrize("tier", list(Tier))
def test_chinese_is_read_when_it_is_named(model: OcrModel, tier: Tier) -> None:
    page = np.full((120, 700, 3), 255, np.uint8)
    cv2.putText(page, NAME_AND_PLACE, (20, 70), (0, 0, 0), cv2.FontFace("uni"), 32)
    (line,) = read(model, page, tier=tier, languages=("zh",)).lines
    assert line.text.replace(" ", "") == NAME_AND_PLACE
    assert NAME_AND_PLACE not in words_of(read(model, page, tier=tier))


def test_without_tesseract_only_its_requests_fail(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    page, _ = draw(PARAGRAPH[:1])
    model = OcrModel(OcrConfig())
    model.load()
    assert read(model, page).lines
    (error,) = model.predict([page_of(page, engine=Engine.TESSERACT)])
    assert isinstance(error, DependencyUnavailable)
    model.close()
    with pytest.raises(DependencyUnavailable):
        OcrModel(OcrConfig(engine=Engine.TESSERACT)).load()


def test_bad_default_languages_stop_the_start() -> None:
    with pytest.raises(InvalidInput, match="tlh"):
        OcrModel(OcrConfig(languages=("tlh",))).load()


def test_words_of_ones_own_are_part_of_the_model(model: OcrModel, tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("Kowalczyk\n", encoding="utf-8")
    own = OcrModel(OcrConfig(device="cpu", words=words))
    digests = {own.load().digest, model.load().digest}
    assert len(digests) == 2
    page, _ = draw(PARAGRAPH[:1])
    assert read(own, page).lines
    own.close()


def test_a_bad_file_of_words_stops_the_start(tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    with pytest.raises(ValidationError, match="words"):
        OcrConfig(words=words)
    words.write_text("# none\n", encoding="utf-8")
    with pytest.raises(ValidationError, match=r"words\.txt has no words"):
        OcrConfig(words=words)


def test_close_is_safe_at_any_time() -> None:
    model = OcrModel(OcrConfig())
    model.close()
    identity = model.load()
    assert (identity.name, identity.digest[:7]) == ("ocr", "sha256:")
    model.close()
    model.close()
    (error,) = model.predict([page_of(np.full((50, 50), 255, np.uint8))])
    assert isinstance(error, ModelNotReady)
