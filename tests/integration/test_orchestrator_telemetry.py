"""One trace from a document's call to every page, step and model, and who pays for what."""

import asyncio
import re
from pathlib import Path
from typing import Any

from google.protobuf.duration_pb2 import Duration
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind

from gateway.telemetry import names as gateway
from meshkit.errors import DependencyUnavailable
from meshkit.telemetry import names as common
from meshkit.telemetry.calls import CALLER_KEY
from meshkit.testing import eventually
from orchestrator.sources import names as kafka_door
from orchestrator.telemetry import names
from orchestrator.testing import FakeModel, analyze_requests, running_orchestrator, tiff
from pagemesh.common.v1.model_pb2 import InferenceCost, ModelIdentity
from pagemesh.ocr.v1.ocr_service_pb2 import OcrResult, RecognizePageResponse
from pagemesh.orchestrator.v1 import orchestrator_service_pb2 as pb
from tests.telemetry import Recorder, parent_of
from tests.telemetry import recorded as recorded  # noqa: PLC0414 - a fixture

DOOR = "pagemesh.orchestrator.v1.OrchestratorService/AnalyzeDocument"


def way_of(span: ReadableSpan, recorded: Recorder) -> list[str]:
    """Names from the root to the span; a call is there twice, as client and as server."""
    way = [span.name]
    while above := parent_of(span, recorded.spans):
        way.append(above.name)
        span = above
    return way[::-1]


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


async def costly(request: Any, _model: FakeModel) -> RecognizePageResponse:
    """An answer of a GPU that took a quarter of a second and kept the page waiting for a half."""
    cost = InferenceCost(
        queue_duration=Duration(nanos=500_000_000),
        inference_duration=Duration(nanos=250_000_000),
        batch_size=4,
    )
    model = ModelIdentity(name="ocr", version="2.0.0", digest="sha256:00", device="cuda:0")
    return RecognizePageResponse(
        page_id=request.page.page_id, result=OcrResult(), model=model, cost=cost
    )


async def test_a_document_is_one_trace_to_every_call(tmp_path: Path, recorded: Recorder) -> None:
    async with running_orchestrator(tmp_path) as running:
        await running.analyze(tiff(2), pipeline="text", request_id="r1")
        await eventually(lambda: sum(s.name == DOOR for s in recorded.spans) == 2)
    document = recorded.span("document")
    assert way_of(document, recorded) == [DOOR, DOOR, "document"]
    assert len({span.context.trace_id for span in recorded.spans}) == 1
    told = attributes(document)
    assert told[names.REQUEST_ID] == "r1"
    assert (told[names.STATE], told[names.PAGES_TOTAL], told[names.PAGES_OK]) == ("SUCCEEDED", 2, 2)
    assert told[names.MEDIA_TYPE] == "image/tiff"
    for number in (1, 2):
        page = recorded.span("page", **{names.PAGE_NUMBER: number})
        assert parent_of(page, recorded.spans) is document
        assert attributes(page)[names.PAGE_OUTCOME] == "OK"
        steps = [s for s in recorded.spans if parent_of(s, recorded.spans) is page]
        assert [s.name for s in steps] == ["rasterise", "step deskew", "step ocr"]
    method = "pagemesh.ocr.v1.OcrService/RecognizePage"
    served = [s for s in recorded.spans if s.name == method and s.kind is SpanKind.SERVER]
    assert [way_of(s, recorded)[2:] for s in served] == [
        ["document", "page", "step ocr", method, method]
    ] * 2


async def test_cost_is_put_on_page_document_client_and_pipeline(
    tmp_path: Path, recorded: Recorder
) -> None:
    labels = {
        "pagemesh__pipeline__name": "text",
        "pagemesh__client": "billing/unit-7",
        "pagemesh__model__name": "ocr",
        "pagemesh__device": "cuda:0",
    }
    async with running_orchestrator(tmp_path) as running:
        running.mesh["ocr"].answer = costly
        call = running.stub.AnalyzeDocument(
            analyze_requests(tiff(3), pipeline="text"),
            metadata=((CALLER_KEY, "billing/unit-7"),),
        )
        assert [event async for event in call]
    page = attributes(recorded.span("page", **{names.PAGE_NUMBER: 1}))
    assert page["pagemesh.cost.cuda:0"] == 0.25
    assert page[common.QUEUE_TIME] == 0.5
    document = attributes(recorded.span("document"))
    assert document[names.CLIENT] == "billing/unit-7"
    assert document["pagemesh.cost.cuda:0"] == 0.75
    assert document[common.INFERENCE_TIME] == 0.75
    assert document[common.QUEUE_TIME] == 1.5
    step = attributes(next(s for s in recorded.spans if s.name == "step ocr"))
    assert (step[common.MODEL_VERSION], step[common.BATCH_SIZE]) == ("2.0.0", 4)
    assert recorded.value(names.COST_INFERENCE.name, **labels) == 0.75
    assert recorded.value(names.COST_QUEUE.name, **labels) == 1.5
    owner = {key: labels[key] for key in ("pagemesh__pipeline__name", "pagemesh__client")}
    assert recorded.value(names.DOCUMENT_PAGES.name, **owner, pagemesh__page__outcome="OK") == 3
    assert recorded.value(names.DOCUMENTS.name, **owner) == 1
    assert recorded.value(names.DOCUMENTS_ACTIVE.name) == 0


async def test_a_caller_without_a_decent_name_pays_as_nobody(
    tmp_path: Path, recorded: Recorder
) -> None:
    async with running_orchestrator(tmp_path) as running:
        call = running.stub.AnalyzeDocument(
            analyze_requests(tiff(1), pipeline="text"),
            metadata=((CALLER_KEY, "x" * 65),),
        )
        assert [event async for event in call]
    assert attributes(recorded.span("document"))[names.CLIENT] == ""


async def test_retries_and_failures_are_told(tmp_path: Path, recorded: Recorder) -> None:
    async def failing(_request: Any, _model: FakeModel) -> Any:
        raise DependencyUnavailable("no")

    async with running_orchestrator(tmp_path) as running:
        running.mesh["ocr"].answer = failing
        await running.analyze(tiff(1), pipeline="text")
    step = recorded.span("step ocr")
    told = attributes(step)
    calls = [
        s
        for s in recorded.spans
        if s.kind is SpanKind.CLIENT and parent_of(s, recorded.spans) is step
    ]
    assert told[names.ATTEMPTS] == len(calls) == 4
    assert told[names.STEP_OUTCOME] == "FAILED"
    assert told[common.ERROR]
    for span in (step, recorded.span("page"), recorded.span("document")):
        assert not span.status.is_ok


async def test_a_step_that_is_not_needed_is_an_event_of_its_page(
    tmp_path: Path, recorded: Recorder
) -> None:
    from pagemesh.classify.v1.classify_service_pb2 import ClassifyResult  # noqa: PLC0415

    async def letter(_request: Any, _model: FakeModel) -> Any:
        return ClassifyResult(label="letter", score=0.9, threshold=0.5)

    async with running_orchestrator(tmp_path) as running:
        running.mesh["classify"].answer = letter
        await running.analyze(tiff(1), pipeline="application_form")
    page = recorded.span("page")
    assert attributes(page)[names.PAGE_OUTCOME] == "SKIPPED"
    skipped = {
        dict(event.attributes or {})[names.STEP]: dict(event.attributes or {})[names.STEP_REASON]
        for event in page.events
        if event.name == names.SKIPPED_EVENT
    }
    assert "checkbox" in skipped
    assert "letter" in str(skipped["checkbox"])


async def test_a_call_that_joins_links_to_the_work(tmp_path: Path, recorded: Recorder) -> None:
    gate = asyncio.Event()

    async def waiting(_request: Any, _model: FakeModel) -> Any:
        await gate.wait()
        return OcrResult()

    async with running_orchestrator(tmp_path) as running:
        running.mesh["ocr"].answer = waiting
        calls = [
            asyncio.create_task(running.analyze(tiff(1), pipeline="text", request_id="same"))
            for _ in range(2)
        ]
        await eventually(lambda: running.mesh["ocr"].at_work == 1)
        submitted = await running.stub.SubmitDocument(
            pb.SubmitDocumentRequest(
                spec=pb.DocumentSpec(pipeline="text", request_id="same"), content=tiff(1)
            )
        )
        gate.set()
        await asyncio.gather(*calls)
    assert submitted.document.request_id == "same"
    document = recorded.span("document")
    doors = [
        s
        for s in recorded.spans
        if s.kind is SpanKind.SERVER and attributes(s).get(names.REQUEST_ID) == "same"
    ]
    assert len(doors) == 3
    linked = [link.context.span_id for door in doors for link in door.links]
    assert linked == [document.context.span_id] * 2


async def test_every_name_is_in_the_vocabulary(tmp_path: Path, recorded: Recorder) -> None:
    async with running_orchestrator(tmp_path) as running:
        await running.analyze(tiff(2), pipeline="application_form")
    # Metrics are those of the whole process, in which other tests may have run a gateway.
    vocabularies = (
        *(common.VOCABULARY, names.VOCABULARY, kafka_door.VOCABULARY),
        gateway.VOCABULARY,
    )
    known = {a for v in vocabularies for a in v.attributes}
    spans = {s.name: s for v in vocabularies for s in v.spans}
    for span in recorded.spans:
        name = re.sub(r"^step .*", names.STEP_SPAN.name, span.name)
        name = "{rpc.method}" if span.kind is not SpanKind.INTERNAL else name
        assert name in spans
        for attribute in attributes(span):
            assert re.sub(r"cost\..*", "cost.{device}", attribute) in known, attribute
    metrics = {metric.name: metric for v in vocabularies for metric in v.metrics}
    sent = recorded.metrics()
    for name, metric in sent.items():
        assert (metric.unit, metric.description) == (metrics[name].unit, metrics[name].description)
        for point in metric.data.data_points:
            assert set(point.attributes) <= set(metrics[name].attributes)
    assert {m.name for m in names.VOCABULARY.metrics} - set(sent) <= {names.CIRCUITS.name}
