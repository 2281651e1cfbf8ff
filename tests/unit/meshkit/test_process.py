"""A server as a process: signals, exit codes, logs, traces."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from opentelemetry import trace
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.sdk.trace import TracerProvider

from meshkit.client import open_channel
from meshkit.telemetry import names
from meshkit.testing import encode
from pagemesh.classify.v1 import classify_service_pb2 as pb
from pagemesh.classify.v1 import classify_service_pb2_grpc as pb_grpc
from tests.integration.sidecar.collector import attributes, collecting

ROOT = Path(__file__).resolve().parents[3]


@dataclass
class ToyProcess:
    process: Process
    lines: list[dict[str, Any]] = field(default_factory=list)

    async def logged(self, message: str) -> dict[str, Any]:
        """The next log line with this message."""
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            self.lines.append(json.loads(line))
            if self.lines[-1]["message"] == message:
                return self.lines[-1]
        raise AssertionError(f"{message!r} was never logged, but {self.lines}")

    async def ended(self) -> int:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.lines.append(json.loads(line))
        return await self.process.wait()


@contextlib.asynccontextmanager
async def toy_process(
    environ: Mapping[str, str] | None = None, **variables: str
) -> AsyncIterator[ToyProcess]:
    """The toy server with these `PAGEMESH_TOY_*` variables, and others in `environ`."""
    own = {f"PAGEMESH_TOY_{name.upper()}": value for name, value in variables.items()}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.unit.meshkit.toy"),
        cwd=ROOT,
        env={**os.environ, **own, **(environ or {})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield ToyProcess(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def request(name: str, *, width: int = 20) -> pb.ClassifyPageRequest:
    message = pb.ClassifyPageRequest()
    message.page.page_id = name
    message.page.encoded.data = encode(np.full((10, width), 7, np.uint8))
    return message


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_nothing_in_flight_is_lost_when_the_process_is_told_to_end(number: int) -> None:
    async with toy_process(predict_seconds="0.1") as toy:
        address = (await toy.logged("listening"))["address"]
        await toy.logged("serving")
        async with open_channel(address) as channel:
            stub = pb_grpc.ClassifyServiceStub(channel)
            await stub.ClassifyPage(request("first"))
            calls = [asyncio.ensure_future(stub.ClassifyPage(request(f"p{n}"))) for n in range(20)]
            stream = stub.StreamClassifyPages()
            for n in range(3):
                await stream.write(pb.StreamClassifyPagesRequest(page=request(f"s{n}").page))
            await stream.done_writing()
            await asyncio.gather(*calls[:8])  # by then the others wait in the server's queue
            toy.process.send_signal(number)
            answers = await asyncio.gather(*calls)
            outcomes = [o async for o in stream]
        assert [a.page_id for a in answers] == [f"p{n}" for n in range(20)]
        assert {o.page_id for o in outcomes} == {"s0", "s1", "s2"}
        assert await toy.ended() == 0
    assert [line["message"] for line in toy.lines][-2:] == ["draining", "stopped"]


async def test_calls_that_come_during_the_drain_are_refused_as_retryable() -> None:
    async with toy_process(predict_seconds="0.3") as toy:
        address = (await toy.logged("listening"))["address"]
        await toy.logged("serving")
        async with open_channel(address) as channel, open_channel(address) as late:
            stub = pb_grpc.ClassifyServiceStub(channel)
            calls = [asyncio.ensure_future(stub.ClassifyPage(request(f"p{n}"))) for n in range(2)]
            await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
            toy.process.terminate()
            await toy.logged("draining")
            codes = set()
            with contextlib.suppress(grpc.aio.AioRpcError):
                while not all(call.done() for call in calls):
                    await pb_grpc.ClassifyServiceStub(late).ClassifyPage(request("late"))
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await pb_grpc.ClassifyServiceStub(late).ClassifyPage(request("later"))
            codes.add(error.value.code())
            assert [(await call).page_id for call in calls] == ["p0", "p1"]
        assert codes == {grpc.StatusCode.UNAVAILABLE}
        assert await toy.ended() == 0


async def test_a_second_signal_ends_the_drain() -> None:
    async with toy_process(predict_seconds="2") as toy:
        address = (await toy.logged("listening"))["address"]
        await toy.logged("serving")
        async with open_channel(address) as channel:
            stub = pb_grpc.ClassifyServiceStub(channel)
            calls = [asyncio.ensure_future(stub.ClassifyPage(request(f"p{n}"))) for n in range(40)]
            await channel.channel_ready()
            toy.process.terminate()
            await toy.logged("draining")
            toy.process.terminate()
            async with asyncio.timeout(60):  # all pages would take longer
                await asyncio.gather(*calls, return_exceptions=True)
                assert await toy.ended() == 0


async def test_a_model_that_does_not_load_ends_the_process_with_a_clear_line() -> None:
    async with toy_process(load_error="the weights are damaged") as toy:
        assert await toy.ended() == 1
    (line,) = (line for line in toy.lines if line["message"] == "cannot start")
    assert line["level"] == "ERROR"
    assert "the weights are damaged" in line["exception"]


async def test_a_bad_configuration_ends_the_process_with_all_mistakes() -> None:
    async with toy_process(port="http", wrokers="2") as toy:
        _, errors = await toy.process.communicate()
        assert toy.process.returncode == 2
    assert "PAGEMESH_TOY_PORT='http'" in errors.decode()
    assert "did you mean PAGEMESH_TOY_WORKERS?" in errors.decode()
    assert "Traceback" not in errors.decode()


async def test_logs_carry_the_trace_of_the_caller() -> None:
    tracer = TracerProvider().get_tracer("test")
    async with toy_process() as toy:
        address = (await toy.logged("listening"))["address"]
        await toy.logged("serving")
        async with open_channel(address) as channel:
            with tracer.start_as_current_span("caller") as span:
                with pytest.raises(grpc.aio.AioRpcError):
                    await pb_grpc.ClassifyServiceStub(channel).ClassifyPage(request("p", width=14))
                trace_id = trace.format_trace_id(span.get_span_context().trace_id)
        line = await toy.logged("model failed")
    assert line["trace_id"] == trace_id
    assert line["service"] == "classify"
    assert "secret of the model" in line["exception"]


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Takes spans by OTLP."""

    def __init__(self) -> None:
        self.spans: list[Any] = []

    async def Export(self, request: Any, context: Any) -> Any:  # noqa: N802
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                self.spans.extend(scope.spans)
        return trace_service_pb2.ExportTraceServiceResponse()


async def one_page(toy: ToyProcess) -> None:
    address = (await toy.logged("listening"))["address"]
    await toy.logged("serving")
    async with open_channel(address) as channel:
        await pb_grpc.ClassifyServiceStub(channel).ClassifyPage(request("p1"))
    toy.process.terminate()


async def test_spans_are_exported_before_the_process_ends() -> None:
    collector, server = Collector(), grpc.aio.server()
    add: Any = trace_service_pb2_grpc.add_TraceServiceServicer_to_server
    add(collector, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
    }
    async with toy_process(variables) as toy:
        await one_page(toy)
        assert await toy.ended() == 0
    await server.stop(0)
    assert {"pagemesh.classify.v1.ClassifyService/ClassifyPage", "predict"} <= {
        span.name for span in collector.spans
    }


async def test_a_dead_collector_fails_no_call_and_does_not_hold_the_process() -> None:
    async with toy_process({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}) as toy:
        await one_page(toy)
        async with asyncio.timeout(60):
            assert await toy.ended() == 0


async def test_spans_and_metrics_go_to_a_collector_over_http() -> None:
    with collecting() as collector:
        variables = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
            "OTEL_METRIC_EXPORT_INTERVAL": "60000",
        }
        async with toy_process(variables) as toy:
            await one_page(toy)
            assert await toy.ended() == 0
    assert "predict" in {span.name for span in collector.spans}
    for metric in (names.SERVER_DURATION, names.BATCH_PAGES, names.BATCH_DURATION):
        sent = collector.metrics[metric.name]
        assert (sent.unit, sent.description) == (metric.unit, metric.description)
        (point,) = sent.histogram.data_points
        assert point.count == 1
        assert tuple(point.explicit_bounds) == metric.bounds
    (point,) = collector.metrics[names.BATCH_PAGES.name].histogram.data_points
    assert attributes(point) == {names.MODEL_NAME: "toy", names.DEVICE: "cpu"}
    assert point.sum == 1
