"""Names what the models found: boxes by their options, places to sign, texts by their labels."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

from pydantic import BeforeValidator

from orchestrator.conditions import Fact, FactKind
from orchestrator.models import ModelClient
from orchestrator.reading.fields import PageEvidence, find_fields
from orchestrator.reading.labels import LABEL_WORDS
from orchestrator.stages.answers import answers_before
from orchestrator.stages.base import (
    StageConfig,
    StageContext,
    StageFactory,
    StageResult,
    split_list,
)
from orchestrator.stages.form_fields import form_fields
from orchestrator.stages.model_stage import upright_transform
from pagemesh.orchestrator.v1.document_pb2 import (
    FIELD_KIND_CHECKBOX,
    FIELD_KIND_SIGNATURE,
    Field,
)


class FieldsConfig(StageConfig):
    """Options of the fields step."""

    label_words: Annotated[tuple[str, ...], BeforeValidator(split_list)] = LABEL_WORDS
    """Words, in lower case, that make a short text without a colon the caption of a cell."""
    second_reading: bool = True
    """Fields of a registered form that a first reading leaves in doubt are read once more."""


class FieldsStage:
    """Works on the answers of the OCR, checkbox and signature steps before it, those there are;
    on a registered form by its definition, on any other page by layout.

    Args:
        ocr_model: reads doubtful fields of forms a second time; None when there is none.
    """

    def __init__(self, ocr_model: ModelClient | None) -> None:
        self._ocr_model = ocr_model

    async def run(self, context: StageContext) -> StageResult:
        """Find the fields; none when no text was read."""
        named = await form_fields(
            context, self._ocr_model if context.options.second_reading else None
        )
        if named is not None:
            return StageResult(named)
        found = answers_before(context)
        evidence = PageEvidence(
            found.ocr,
            found.checkbox,
            found.signature,
            upright_transform(context),
            context.page.image,
        )
        # Reading a crowded page takes longer than the event loop may be held up.
        fields = await asyncio.to_thread(find_fields, evidence, context.options.label_words)
        return StageResult(fields)


def field_facts(fields: Sequence[Field]) -> dict[str, Fact]:
    """How many fields there are, and how many boxes and places to sign with what in them."""
    boxes = [field for field in fields if field.kind == FIELD_KIND_CHECKBOX]
    places = [field for field in fields if field.kind == FIELD_KIND_SIGNATURE]
    return {
        "count": len(fields),
        "checkboxes": len(boxes),
        "ticked_checkboxes": sum(field.value == "true" for field in boxes),
        "signature_fields": len(places),
        "empty_signature_fields": sum(field.value != "true" for field in places),
    }


FACTORY = StageFactory(
    build=lambda models: FieldsStage(models.client("ocr") if "ocr" in models else None),
    config=FieldsConfig,
    slot="fields",
    facts=dict.fromkeys(field_facts([]), FactKind.NUMBER),
    read_facts=field_facts,
)
