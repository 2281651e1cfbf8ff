"""Pairs printed labels with what was filled in beside or below them. Asks no model."""

from orchestrator.conditions import FactKind
from orchestrator.field_finder import find_fields
from orchestrator.stages.base import StageConfig, StageContext, StageFactory, StageResult
from orchestrator.stages.model_stage import upright_transform
from pagemesh.checkbox.v1.checkbox_service_pb2 import CheckboxResult
from pagemesh.ocr.v1.ocr_service_pb2 import OcrResult
from pagemesh.signature.v1.signature_service_pb2 import SignatureResult


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
        return StageResult(find_fields(ocr, checkbox, signature, upright_transform(context)))


FACTORY = StageFactory(
    build=lambda _models: FieldsStage(),
    config=StageConfig,
    slot="fields",
    facts={"count": FactKind.NUMBER},
)
