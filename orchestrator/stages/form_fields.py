"""Reads the named values of a page that is a registered form. Asks the OCR model once more where a
first reading leaves doubts."""

import asyncio
import logging

from meshkit.errors import PagemeshError
from orchestrator.forms.definition import FieldDefinition
from orchestrator.forms.matching import lay_again
from orchestrator.forms.reading import FormReader, PageFindings
from orchestrator.forms.sheet import Sheet
from orchestrator.forms.words import page_words
from orchestrator.models import ModelClient
from orchestrator.stages.answers import answers_before
from orchestrator.stages.base import StageContext
from orchestrator.stages.model_stage import quad_fault
from orchestrator.stages.ocr import ocr_quads
from pagemesh.common.v1.page_pb2 import PIXEL_FORMAT_GRAY8, Page, RawImage
from pagemesh.ocr.v1.ocr_service_pb2 import OcrOptions, OcrResult, RecognizePageRequest
from pagemesh.ocr.v1.ocr_service_pb2_grpc import OcrServiceStub
from pagemesh.orchestrator.v1.document_pb2 import Field

_log = logging.getLogger(__name__)


async def form_fields(context: StageContext, ocr_model: ModelClient | None) -> list[Field] | None:
    """The named values of a page that an earlier step found to be a registered form; None when
    there was no such step, or it found none.

    Args:
        ocr_model: reads doubtful fields a second time; None leaves them as they are.
    """
    reader = await asyncio.to_thread(_reader, context)
    if reader is None:
        return None
    doubtful, sheet = await asyncio.to_thread(_laid_out, reader)
    again = OcrResult()
    if sheet is not None and ocr_model is not None:
        again = await _read_again(sheet, context, ocr_model)
    writings = sheet.writings(again, doubtful) if sheet is not None else {}
    return await asyncio.to_thread(reader.fields, writings)


def _reader(context: StageContext) -> FormReader | None:
    found = answers_before(context)
    words = page_words(found.ocr)
    laid = lay_again(context.forms, found.form, words)
    if laid is None:
        return None
    page = PageFindings(words, found.checkbox, found.signature, context.page.image)
    return FormReader(laid.form.definition, laid.blank, laid.alignment, page)


def _laid_out(reader: FormReader) -> tuple[list[FieldDefinition], Sheet | None]:
    doubtful = reader.doubtful()
    return doubtful, reader.sheet(doubtful) if doubtful else None


async def _read_again(sheet: Sheet, context: StageContext, model: ModelClient) -> OcrResult:
    """The sheet's text; empty when the model cannot read it now: the first reading stands."""
    height, width = sheet.image.shape
    raw = RawImage(
        width=width, height=height, format=PIXEL_FORMAT_GRAY8, data=sheet.image.tobytes()
    )
    first = answers_before(context).ocr
    request = RecognizePageRequest(
        page=Page(page_id=f"{context.page.page_id}/fields", raw=raw),
        options=OcrOptions(engine=first.engine, tier=first.tier),
    )
    stub = OcrServiceStub(model.channel)
    try:
        response = await model.call(stub.RecognizePage, request, context.budget)
    except PagemeshError as error:
        _log.warning("fields not read a second time: %s", error.message)
        return OcrResult()
    result: OcrResult = response.result
    return result if not quad_fault(ocr_quads(result), width, height) else OcrResult()
