"""Finds out which registered form a page is. Asks no model."""

import asyncio

from pydantic import Field

from orchestrator.facts import declared_facts
from orchestrator.forms.matching import find_form
from orchestrator.forms.words import page_words
from orchestrator.stages.base import StageConfig, StageContext, StageFactory, StageResult
from pagemesh.classify.v1.classify_service_pb2 import ClassifyResult
from pagemesh.ocr.v1.ocr_service_pb2 import OcrResult
from pagemesh.orchestrator.v1.document_pb2 import FormMatch

_UNKNOWN = "unknown"
"""The classifier's label for a page of no kind that it knows."""


class FormConfig(StageConfig):
    """Options of the form step."""

    min_score: float = Field(default=0.5, ge=0.0, le=1.0)
    """A page whose best form has a lower score is of no registered form."""


class FormStage:
    """Works on the text of the page; comes after OCR, and after the classifier where there is
    one."""

    async def run(self, context: StageContext) -> StageResult:
        """Find the form; a match without a name, and with a reason, when there is none."""
        ocr, label = OcrResult(), ""
        for value in context.results.values():
            match value:
                case OcrResult():
                    ocr = value
                case ClassifyResult():
                    label = "" if value.label == _UNKNOWN else value.label
        words, image = page_words(ocr), context.page.image
        # Laying a crowded page on several blanks takes longer than the event loop may be held up.
        match_ = await asyncio.to_thread(
            find_form, context.forms, words, image, label, context.options.min_score
        )
        return StageResult(match_)


FACTORY = StageFactory(
    build=lambda _models: FormStage(),
    config=FormConfig,
    slot="form",
    facts=declared_facts(FormMatch),
)
