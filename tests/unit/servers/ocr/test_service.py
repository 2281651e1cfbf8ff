import numpy as np
import pytest

from meshkit.errors import InvalidInput
from meshkit.geometry import Transform
from meshkit.serving import PageGeometry
from pagemesh.ocr.v1 import ocr_service_pb2 as pb
from servers.ocr.domain import Engine, OcrOptions, OcrResult, TextLine, Tier, Word
from servers.ocr.service import SERVICE, build_result, parse_options


def test_no_options_mean_the_servers_defaults() -> None:
    assert parse_options(pb.OcrOptions()) == OcrOptions()


def test_options_become_the_models_own() -> None:
    options = pb.OcrOptions(
        engine=pb.OCR_ENGINE_TESSERACT, tier=pb.OCR_TIER_FAST, languages=["en", "de"]
    )
    assert parse_options(options) == OcrOptions(Engine.TESSERACT, Tier.FAST, ("en", "de"))


@pytest.mark.parametrize("field", ["engine", "tier"])
def test_a_number_outside_the_contract_is_refused(field: str) -> None:
    options = pb.OcrOptions()
    setattr(options, field, 9)
    with pytest.raises(InvalidInput, match=rf"options\.{field}: 9 is none of OCR_"):
        parse_options(options)


def test_a_result_is_put_back_on_the_page_as_sent() -> None:
    quad = np.array([[10, 20], [30, 20], [30, 25], [10, 25]], float)
    line = TextLine("to be", quad, 0.75, (Word("to", quad, 0.5), Word("be", quad, 1.0)))
    doubled = Transform(np.diag([2.0, 2.0, 1.0]), 200, 100)
    message = build_result(
        OcrResult((line,), Engine.PPOCR, Tier.FAST), PageGeometry(doubled, 100, 50)
    )
    assert (message.engine, message.tier) == (pb.OCR_ENGINE_PPOCR, pb.OCR_TIER_FAST)
    assert [word.text for word in message.lines[0].words] == ["to", "be"]
    assert message.lines[0].confidence == 0.75
    corner = message.lines[0].words[0].quad.bottom_right
    assert (corner.x, corner.y) == (15, 12.5)


def test_an_engine_without_tiers_leaves_the_tier_unspecified() -> None:
    message = build_result(
        OcrResult((), Engine.TESSERACT, None), PageGeometry(Transform.identity(1, 1), 1, 1)
    )
    assert message.tier == pb.OCR_TIER_UNSPECIFIED


def test_the_service_is_the_contracts() -> None:
    assert SERVICE.unary.name == "RecognizePage"
    assert SERVICE.stream.name == "StreamRecognizePages"
