"""Finds out which registered form a page is. Asks no model."""

import asyncio

from pydantic import Field

from orchestrator.facts import declared_facts
from orchestrator.forms.matching import find_form, lay_again
from orchestrator.forms.reading import PageFindings, read_fields
from orchestrator.forms.words import page_words
from orchestrator.stages.base import StageConfig, StageContext, StageFactory, StageResult
from pagemesh.checkbox.v1.checkbox_service_pb2 import CheckboxResult
from pagemesh.classify.v1.classify_service_pb2 import ClassifyResult
from pagemesh.ocr.v1.ocr_service_pb2 import OcrResult
from pagemesh.orchestrator.v1 import document_pb2 as documents
from pagemesh.orchestrator.v1.document_pb2 import FormMatch
from pagemesh.signature.v1.signature_service_pb2 import SignatureResult

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


async def form_fields(context: StageContext) -> list[documents.Field] | None:
    """The named values of a page that an earlier step found to be a registered form; None when
    there was no such step, or it found none."""
    ocr, match_ = OcrResult(), FormMatch()
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
            case FormMatch():
                match_ = value
    if not match_.name:
        return None

    def read() -> list[documents.Field] | None:
        words = page_words(ocr)
        laid = lay_again(context.forms, match_, words)
        if laid is None:
            return None
        page = PageFindings(words, checkbox, signature, context.page.image)
        return read_fields(laid.form.definition, laid.blank, laid.alignment, page)

    return await asyncio.to_thread(read)


FACTORY = StageFactory(
    build=lambda _models: FormStage(),
    config=FormConfig,
    slot="form",
    facts=declared_facts(FormMatch),
)
