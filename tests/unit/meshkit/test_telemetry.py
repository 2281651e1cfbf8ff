"""Spans of calls and batches."""

from typing import Any

import grpc
import numpy as np
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from meshkit.telemetry import configure_tracing
from meshkit.testing import encode
from pagemesh.classify.v1 import classify_service_pb2 as pb
from tests.unit.meshkit.conftest import Serve
from tests.unit.meshkit.toy import ToyConfig, ToyModel

_exporter = InMemorySpanExporter()


@pytest.fixture
def spans() -> Any:
    """The spans that ended. The provider of a process can be set but once."""
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        provider = configure_tracing("test", {})
        provider.add_span_processor(SimpleSpanProcessor(_exporter))
    _exporter.clear()
    return lambda: {span.name: span for span in _exporter.get_finished_spans()}


def request(*, width: int = 20) -> pb.ClassifyPageRequest:
    message = pb.ClassifyPageRequest()
    message.page.page_id = "p1"
    message.page.encoded.data = encode(np.full((10, width), 7, np.uint8))
    return message


METHOD = "pagemesh.classify.v1.ClassifyService/ClassifyPage"


async def test_a_call_and_its_batch_are_spans_of_the_callers_trace(
    serve: Serve, spans: Any
) -> None:
    config = ToyConfig()
    async with serve(ToyModel(config), config) as served:
        with trace.get_tracer("test").start_as_current_span("caller") as caller:
            await served.stub.ClassifyPage(request())
    ended: dict[str, ReadableSpan] = spans()
    call, batch = ended[METHOD], ended["predict"]
    trace_id = caller.get_span_context().trace_id
    assert call.kind is trace.SpanKind.SERVER
    assert call.context.trace_id == batch.context.trace_id == trace_id
    assert call.parent is not None
    assert call.parent.span_id == caller.get_span_context().span_id
    assert batch.parent is not None
    assert batch.parent.span_id == call.context.span_id
    assert call.attributes is not None
    assert call.attributes["rpc.system.name"] == "grpc"
    assert call.attributes["rpc.method"] == METHOD
    assert call.attributes["rpc.response.status_code"] == "OK"
    assert batch.attributes is not None
    assert batch.attributes["pagemesh.batch.size"] == 1


async def test_a_failed_call_says_how(serve: Serve, spans: Any) -> None:
    config = ToyConfig()
    async with serve(ToyModel(config), config) as served:
        with pytest.raises(grpc.aio.AioRpcError):
            await served.stub.ClassifyPage(request(width=13))
    call: ReadableSpan = spans()[METHOD]
    assert call.attributes is not None
    assert call.attributes["rpc.response.status_code"] == "INVALID_ARGUMENT"
    assert call.attributes["error.type"] == "INVALID_ARGUMENT"
    assert not call.status.is_ok
