"""Between the contract `pagemesh.ocr.v1` and the OCR model."""

from meshkit.errors import InvalidInput
from meshkit.serving import PageGeometry, PageService
from pagemesh.common.v1 import geometry_pb2
from pagemesh.ocr.v1 import ocr_service_pb2 as pb
from pagemesh.ocr.v1 import ocr_service_pb2_grpc as pb_grpc
from servers.ocr.config import OcrConfig
from servers.ocr.domain import Engine, OcrOptions, OcrResult, TextLine, Tier, Word
from servers.ocr.model import OcrModel

ENGINES = {
    pb.OCR_ENGINE_UNSPECIFIED: None,
    pb.OCR_ENGINE_PPOCR: Engine.PPOCR,
    pb.OCR_ENGINE_TESSERACT: Engine.TESSERACT,
}
TIERS = {
    pb.OCR_TIER_UNSPECIFIED: None,
    pb.OCR_TIER_FAST: Tier.FAST,
    pb.OCR_TIER_ACCURATE: Tier.ACCURATE,
}
_ENGINE_NUMBERS = {engine: number for number, engine in ENGINES.items()}
_TIER_NUMBERS = {tier: number for number, tier in TIERS.items()}


def create_model(config: OcrConfig) -> OcrModel:
    """The model, not yet loaded."""
    return OcrModel(config)


def parse_options(options: pb.OcrOptions) -> OcrOptions:
    """The options; languages are checked by the engine that is to read them.

    Raises:
        InvalidInput: the engine or the tier is none of the contract's.
    """
    if options.engine not in ENGINES:
        raise _unknown("engine", options.engine, pb.OcrEngine.keys())
    if options.tier not in TIERS:
        raise _unknown("tier", options.tier, pb.OcrTier.keys())
    return OcrOptions(
        engine=ENGINES[options.engine],
        tier=TIERS[options.tier],
        languages=tuple(options.languages),
    )


def build_result(result: OcrResult, geometry: PageGeometry) -> pb.OcrResult:
    """The lines in the contract's terms."""
    return pb.OcrResult(
        lines=[_line(line, geometry) for line in result.lines],
        engine=_ENGINE_NUMBERS[result.engine],
        tier=_TIER_NUMBERS[result.tier],
    )


def _line(line: TextLine, geometry: PageGeometry) -> pb.TextLine:
    return pb.TextLine(
        text=line.text,
        quad=geometry_pb2.Quad(**geometry.quad(line.quad)),
        confidence=line.confidence,
        words=[_word(word, geometry) for word in line.words],
    )


def _word(word: Word, geometry: PageGeometry) -> pb.Word:
    return pb.Word(
        text=word.text,
        quad=geometry_pb2.Quad(**geometry.quad(word.quad)),
        confidence=word.confidence,
    )


def _unknown(name: str, number: int, known: list[str]) -> InvalidInput:
    return InvalidInput(
        f"options.{name}: {number} is none of {', '.join(known)}",
        metadata={"field": f"options.{name}"},
    )


SERVICE = PageService(
    service_name="pagemesh.ocr.v1.OcrService",
    add_to_server=pb_grpc.add_OcrServiceServicer_to_server,
    parse_options=parse_options,
    build_result=build_result,
)
