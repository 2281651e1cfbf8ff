"""Asks the OCR model for the page's text."""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import BeforeValidator

from orchestrator.stages.base import StageConfig, split_list
from orchestrator.stages.model_stage import ModelContract, model_factory
from pagemesh.common.v1.geometry_pb2 import Quad
from pagemesh.ocr.v1.ocr_service_pb2 import (
    OcrEngine,
    OcrOptions,
    OcrResult,
    OcrTier,
    RecognizePageRequest,
)
from pagemesh.ocr.v1.ocr_service_pb2_grpc import OcrServiceStub


class OcrConfig(StageConfig):
    """Options of the OCR step. Whatever is empty takes the server's default."""

    engine: Literal["", "ppocr", "tesseract"] = ""
    """Which reader reads."""
    tier: Literal["", "fast", "accurate"] = ""
    """How carefully the PP-OCR engine reads."""
    languages: Annotated[tuple[str, ...], BeforeValidator(split_list)] = ()
    """BCP 47 tags; in a request's options separated by commas."""


def _options(config: OcrConfig) -> OcrOptions:
    return OcrOptions(
        engine=OcrEngine.Value(f"OCR_ENGINE_{config.engine.upper() or 'UNSPECIFIED'}"),
        tier=OcrTier.Value(f"OCR_TIER_{config.tier.upper() or 'UNSPECIFIED'}"),
        languages=config.languages,
    )


def ocr_quads(result: OcrResult) -> Iterable[Quad]:
    """Every quad of a page's text."""
    for line in result.lines:
        yield line.quad
        yield from (word.quad for word in line.words)


def _scores(result: OcrResult) -> Iterable[float]:
    for line in result.lines:
        yield line.confidence
        yield from (word.confidence for word in line.words)


FACTORY = model_factory(
    ModelContract(
        model="ocr",
        stub=OcrServiceStub,
        method="RecognizePage",
        request=RecognizePageRequest,
        result=OcrResult,
        options=_options,
        quads=ocr_quads,
        scores=_scores,
    ),
    OcrConfig,
)
