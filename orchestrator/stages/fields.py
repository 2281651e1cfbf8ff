"""Pairs printed labels with what was filled in beside or below them. Asks no model."""

from typing import Annotated

from pydantic import BeforeValidator

from orchestrator.conditions import FactKind
from orchestrator.field_finder import LABEL_WORDS, find_fields
from orchestrator.stages.base import (
    StageConfig,
    StageContext,
    StageFactory,
    StageResult,
    split_list,
)
from orchestrator.stages.model_stage import upright_transform
from pagemesh.checkbox.v1.checkbox_service_pb2 import CheckboxResult
from pagemesh.ocr.v1.ocr_service_pb2 import OcrResult
from pagemesh.signature.v1.signature_service_pb2 import SignatureResult


class FieldsConfig(StageConfig):
    """Options of the fields step."""

    label_words: Annotated[tuple[str, ...], BeforeValidator(split_list)] = LABEL_WORDS
    """Words, in lower case, that make a short text without a colon the caption of a cell."""


class FieldsStage:
    """Works on the answers of the OCR, checkbox and signature steps before it, those there are."""

    async def run(self, context: StageContext) -> StageResult:
        """Find the fields; none when no text was read."""
        ocr = OcrResult()
        checkbox: CheckboxResult | None = None
        signature: SignatureResult | None = None
        for value in context.results.values():
            match value:
                case OcrResult():
                    ocr = value
                case CheckboxResult():
                    checkbox = value
                case SignatureResult():
                    signature = value
        transform = upright_transform(context)
        label_words = context.options.label_words
        return StageResult(find_fields(ocr, checkbox, signature, transform, label_words))


FACTORY = StageFactory(
    build=lambda _models: FieldsStage(),
    config=FieldsConfig,
    slot="fields",
    facts={"count": FactKind.NUMBER},
)
