"""Spans and metrics of calls, pages and batches."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from opentelemetry import trace

from meshkit.serving import PageServicer
from meshkit.telemetry import names
from meshkit.telemetry.calls import CALLER_KEY, SUBJECT_KEY, caller_of, server_attributes
from meshkit.telemetry.otlp import metric_exporter, span_exporter
from meshkit.telemetry.process import configure_telemetry
from meshkit.telemetry.vocabulary import OTHER, KnownNames
from meshkit.testing import WatchedModel, encode, eventually, running_server
from pagemesh.classify.v1 import classify_service_pb2 as pb
from tests.telemetry import Recorder, parent_of
from tests.telemetry import recorded as recorded  # noqa: PLC0414 - a fixture
from tests.unit.meshkit.conftest import Serve
from tests.unit.meshkit.toy import SERVICE, ToyConfig, ToyModel

METHOD = "pagemesh.classify.v1.ClassifyService/ClassifyPage"
STREAM = "pagemesh.classify.v1.ClassifyService/StreamClassifyPages"


def request(name: str = "p1", *, width: int = 20) -> pb.ClassifyPageRequest:
    message = pb.ClassifyPageRequest()
    message.page.page_id = name
    message.page.encoded.data = encode(np.full((10, width), 7, np.uint8))
    return message


async def test_a_call_is_two_spans_and_its_batch_a_third_in_the_callers_trace(
    serve: Serve, recorded: Recorder
) -> None:
    config = ToyConfig()
    async with serve(ToyModel(config), config) as served:
        with trace.get_tracer("test").start_as_current_span("caller"):
            await served.stub.ClassifyPage(request())
        await eventually(lambda: len(recorded.spans) == 4)
    batch = recorded.span("predict")
    way = [batch]
    while above := parent_of(way[-1], recorded.spans):
        way.append(above)
    assert [(s.name, s.kind) for s in way] == [
        ("predict", trace.SpanKind.INTERNAL),
        (METHOD, trace.SpanKind.SERVER),
        (METHOD, trace.SpanKind.CLIENT),
        ("caller", trace.SpanKind.INTERNAL),
    ]
    call = way[1].attributes or {}
    assert call[names.SYSTEM] == "grpc"
    assert call[names.METHOD] == METHOD
    assert call[names.STATUS] == "OK"
    assert (call[names.MODEL_NAME], call[names.DEVICE]) == ("toy", "cpu")
    assert call[names.PAGES] == 1
    assert float(str(call[names.INFERENCE_TIME])) > 0
    assert (way[2].attributes or {})[names.STATUS] == "OK"
    assert (batch.attributes or {})[names.BATCH_SIZE] == 1


async def test_a_batch_links_to_the_calls_of_all_its_pages(
    serve: Serve, recorded: Recorder
) -> None:
    config = ToyConfig(max_batch_size=2, max_batch_delay_ms=5_000)
    async with serve(ToyModel(config), config) as served:
        await asyncio.gather(
            *(served.stub.ClassifyPage(request(name)) for name in ("p1", "p2")),
        )
    batch = recorded.span("predict")
    calls = {
        (s.context.trace_id, s.context.span_id)
        for s in recorded.spans
        if s.name == METHOD and s.kind is trace.SpanKind.SERVER
    }
    assert len({trace_id for trace_id, _ in calls}) == 2
    assert {(link.context.trace_id, link.context.span_id) for link in batch.links} == calls
    assert batch.context.trace_id in {trace_id for trace_id, _ in calls}


async def test_pages_of_a_stream_are_spans_of_their_own(serve: Serve, recorded: Recorder) -> None:
    config = ToyConfig()
    async with serve(ToyModel(config), config) as served:

        async def requests() -> AsyncIterator[pb.StreamClassifyPagesRequest]:
            for name in ("p1", "p2"):
                yield pb.StreamClassifyPagesRequest(page=request(name).page)

        answers = [answer async for answer in served.stub.StreamClassifyPages(requests())]
    assert len(answers) == 2
    server = next(s for s in recorded.spans if s.name == STREAM and s.kind is trace.SpanKind.SERVER)
    assert (server.attributes or {})[names.PAGES] == 2
    pages = [s for s in recorded.spans if s.name == "page"]
    assert {(s.attributes or {})[names.PAGE_ID] for s in pages} == {"p1", "p2"}
    assert all(parent_of(page, recorded.spans) is server for page in pages)
    (client,) = [s for s in recorded.spans if s.kind is trace.SpanKind.CLIENT]
    assert parent_of(server, recorded.spans) is client
    batches = [s for s in recorded.spans if s.name == "predict"]
    assert {parent_of(s, recorded.spans) for s in batches} == set(pages)


@pytest.mark.parametrize(
    ("width", "code", "is_our_fault"), [(13, "INVALID_ARGUMENT", False), (14, "INTERNAL", True)]
)
async def test_a_failed_call_says_how(
    serve: Serve, recorded: Recorder, width: int, code: str, is_our_fault: bool
) -> None:
    config = ToyConfig()
    async with serve(ToyModel(config), config) as served:
        with pytest.raises(grpc.aio.AioRpcError):
            await served.stub.ClassifyPage(request(width=width))
        await eventually(lambda: sum(s.name == METHOD for s in recorded.spans) == 2)
    for kind, is_error in ((trace.SpanKind.SERVER, is_our_fault), (trace.SpanKind.CLIENT, True)):
        (span,) = [s for s in recorded.spans if s.name == METHOD and s.kind is kind]
        assert (span.attributes or {})[names.STATUS] == code
        assert (span.attributes or {})[names.ERROR] == code
        assert span.status.is_ok != is_error


async def test_a_call_that_its_caller_cancels_ends_its_spans(
    serve: Serve, recorded: Recorder
) -> None:
    config = ToyConfig()
    model = WatchedModel(ToyModel(config))
    model.gate.clear()
    async with serve(model, config) as served:
        call = asyncio.ensure_future(_ask(served.stub))
        await eventually(model.started.is_set)
        call.cancel()
        await eventually(lambda: sum(s.name == METHOD for s in recorded.spans) == 2)
        model.gate.set()
    for span in recorded.spans:
        if span.name == METHOD:
            assert (span.attributes or {})[names.STATUS] == "CANCELLED"


async def _ask(stub: Any) -> Any:
    return await stub.ClassifyPage(request())


async def test_calls_and_batches_are_measured(serve: Serve, recorded: Recorder) -> None:
    config = ToyConfig()
    counted = {
        names.SERVER_DURATION.name: {"rpc__method": METHOD},
        names.CLIENT_DURATION.name: {"rpc__method": METHOD},
        names.BATCH_PAGES.name: {"pagemesh__model__name": "toy"},
        names.BATCH_DURATION.name: {"pagemesh__model__name": "toy"},
        names.QUEUE_DURATION.name: {"pagemesh__model__name": "toy"},
    }
    before = {name: recorded.value(name, **labels) for name, labels in counted.items()}
    async with serve(ToyModel(config), config) as served:
        await served.stub.ClassifyPage(request())
        await eventually(
            lambda: (
                {name: recorded.value(name, **labels) for name, labels in counted.items()}
                == {name: value + 1 for name, value in before.items()}
            )
        )
    for metric in names.VOCABULARY.metrics:
        assert recorded.metrics()[metric.name].unit == metric.unit


async def test_health_and_reflection_make_no_spans(recorded: Recorder) -> None:
    config = ToyConfig()
    async with running_server(PageServicer(SERVICE, ToyModel(config), config), config) as running:
        stub: Any = health_pb2_grpc.HealthStub(running.channel)
        await stub.Check(health_pb2.HealthCheckRequest())
    assert recorded.spans == []


def test_where_a_call_goes_is_told_by_the_conventions() -> None:
    told = {
        target: server_attributes(target)
        for target in ("localhost:50051", "dns:///ocr:80", "[::1]:80", "unix:/run/ocr.sock", "")
    }
    assert told == {
        "localhost:50051": {"server.address": "localhost", "server.port": 50051},
        "dns:///ocr:80": {"server.address": "ocr", "server.port": 80},
        "[::1]:80": {"server.address": "::1", "server.port": 80},
        "unix:/run/ocr.sock": {"server.address": "/run/ocr.sock"},
        "": {},
    }


def test_without_a_collector_there_are_no_exporters() -> None:
    assert span_exporter({}) is None
    assert metric_exporter({}) is None
    told = configure_telemetry("test", {})
    told.shutdown()


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_exporters_speak_the_protocol_that_is_named(protocol: str) -> None:
    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
    }
    exporters = [span_exporter(environ), metric_exporter(environ)]
    for exporter in exporters:
        assert exporter is not None
        assert protocol[:4] in type(exporter).__module__
        logging.disable()
        exporter.shutdown()
        logging.disable(logging.NOTSET)


def test_names_in_metrics_are_bounded() -> None:
    known = KnownNames(2)
    assert [known.name(name) for name in ("a", "b", "c", "a")] == ["a", "b", OTHER, "a"]


class Told:
    """What of a call's context says who calls."""

    def __init__(self, **metadata: str) -> None:
        self._metadata = metadata

    def invocation_metadata(self) -> list[tuple[str, str]]:
        return [(name.replace("_", "-"), value) for name, value in self._metadata.items()]


@pytest.mark.parametrize(
    ("told", "caller"),
    [
        ({}, ""),
        ({CALLER_KEY: "billing/unit 7"}, "billing/unit 7"),
        ({CALLER_KEY: "x" * 65}, ""),
        ({CALLER_KEY: "billing", SUBJECT_KEY: "7f3a"}, "oidc:7f3a"),
        ({CALLER_KEY: "billing", SUBJECT_KEY: "a|b"}, ""),
        ({CALLER_KEY: "billing", SUBJECT_KEY: ""}, ""),
    ],
)
def test_a_client_of_a_token_that_was_checked_goes_before_what_a_caller_says(
    told: dict[str, str], caller: str
) -> None:
    context: Any = Told(**told)
    assert caller_of(context) == caller
