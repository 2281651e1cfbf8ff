"""What a collector and Prometheus are told of the calls that went through a sidecar's process."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.request import urlopen

import grpc
import pytest

from tests.integration.sidecar.collector import Collector, GrpcCollector, attributes, collecting
from tests.integration.sidecar.conftest import OPTIONS, Echo, start_model

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SERVER, CLIENT = 2, 3


class Model(Echo):
    """Says what a page model says of a call."""

    async def unary(self, request: bytes, context: Any) -> bytes:
        context.set_trailing_metadata(
            (
                ("pagemesh-model-name", "ocr"),
                ("pagemesh-model-version", "1.2.3"),
                ("pagemesh-pages", "3"),
                ("pagemesh-batch-size", "1.5"),
                ("pagemesh-queue-ms", "12.5"),
                ("pagemesh-inference-ms", "250"),
            )
        )
        return request


@dataclass
class Sidecar:
    """A running process."""

    process: Any
    channel: Any
    model: Model
    metrics_port: int

    async def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return int(await asyncio.wait_for(self.process.wait(), 20))

    def scrape(self) -> str:
        with urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=60) as answer:
            return str(answer.read().decode())


@contextlib.asynccontextmanager
async def sidecar(endpoint: str | None, **variables: str) -> AsyncIterator[Sidecar]:
    model = Model()
    server, address = await start_model(model)
    environ = dict(os.environ, PAGEMESH_SIDECAR_UPSTREAM=address, PAGEMESH_SIDECAR_NAME="ocr")
    if endpoint:
        environ |= {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_METRIC_EXPORT_INTERVAL": "500"}
    environ |= variables
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sidecar"), env=environ, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    lines: list[dict[str, Any]] = []
    async with asyncio.timeout(60):
        while {"listening", "model reached"} - {line["message"] for line in lines}:
            lines.append(json.loads(await process.stdout.readline()))
    told = next(line for line in lines if line["message"] == "listening")
    draining = asyncio.create_task(process.stdout.read())
    channel: Any
    async with grpc.aio.insecure_channel(told["address"], options=OPTIONS) as channel:
        yield Sidecar(process, channel, model, told["metrics_port"])
    if process.returncode is None:
        process.kill()
        await process.wait()
    await draining
    await server.stop(0)


async def eventually(condition: Any) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it never came to be"
        await asyncio.sleep(0.05)


def point(collector: Collector, name: str, **wanted: str) -> Any:
    """The data point of a metric with these attributes, dots written as two underscores."""
    metric = collector.metrics[name]
    points = getattr(metric, metric.WhichOneof("data")).data_points
    pairs = {key.replace("__", "."): value for key, value in wanted.items()}
    (found,) = [p for p in points if pairs.items() <= attributes(p).items()]
    return found


def value(running: Sidecar, name: str) -> float:
    """Of a metric without labels, as Prometheus reads it; 0 while there is none."""
    lines = [line for line in running.scrape().splitlines() if line.startswith(name)]
    return float(lines[0].split()[-1]) if lines else 0.0


async def test_spans_stand_in_the_callers_trace() -> None:
    with collecting() as collector:
        async with sidecar(collector.endpoint) as running:
            metadata = (
                ("traceparent", f"00-{TRACE}-{PARENT}-01"),
                ("pagemesh-caller", "orchestrator"),
            )
            await running.channel.unary_unary("/test.Echo/Unary")(bytes(1000), metadata=metadata)
            with pytest.raises(grpc.aio.AioRpcError):
                await running.channel.unary_unary("/test.Echo/Fail")(b"13", metadata=metadata)
            assert await running.stop() == 0
        told = running.model.metadata["traceparent"]
        assert isinstance(told, str)
        spans = [span for span in collector.spans if span.trace_id.hex() == TRACE]
        assert len(spans) == 4
        server = next(s for s in spans if s.kind == SERVER and s.name == "test.Echo/Unary")
        client = next(s for s in spans if s.kind == CLIENT and s.name == "test.Echo/Unary")
        failed = next(s for s in spans if s.kind == CLIENT and s.name == "test.Echo/Fail")
    assert server.parent_span_id.hex() == PARENT
    assert client.parent_span_id == server.span_id
    assert told.split("-")[1:3] == [TRACE, failed.span_id.hex()]
    assert server.start_time_unix_nano <= client.start_time_unix_nano
    assert client.end_time_unix_nano <= server.end_time_unix_nano
    assert abs(server.start_time_unix_nano / 1e9 - time.time()) < 60
    assert attributes(server) == {
        "rpc.system.name": "grpc",
        "rpc.method": "test.Echo/Unary",
        "rpc.response.status_code": "OK",
        "pagemesh.caller": "orchestrator",
        "pagemesh.rpc.request.messages": 1,
        "pagemesh.rpc.request.size": 1000,
        "pagemesh.rpc.response.messages": 1,
        "pagemesh.rpc.response.size": 1000,
    }
    model = attributes(client)
    assert (model["pagemesh.model.name"], model["pagemesh.model.version"]) == ("ocr", "1.2.3")
    assert (model["pagemesh.pages"], model["pagemesh.batch.size"]) == (3, 1.5)
    assert model["pagemesh.inference.duration"] == 0.25
    assert failed.status.code == 2
    assert attributes(failed)["error.type"] == "INTERNAL"


async def test_metrics_count_what_was_sent() -> None:
    with collecting() as collector:
        async with sidecar(collector.endpoint) as running:
            unary = running.channel.unary_unary("/test.Echo/Unary")
            for _ in range(7):
                await unary(bytes(1000), metadata=(("pagemesh-caller", "me"),))
            for number in range(5):
                with pytest.raises(grpc.aio.AioRpcError):
                    await running.channel.unary_unary(f"/made.Up/Name{number}")(b"")
            await running.stop()
        ok = {
            "rpc__method": "test.Echo/Unary",
            "rpc__response__status_code": "OK",
            "pagemesh__caller": "me",
        }
        duration = point(collector, "rpc.server.call.duration", **ok)
        assert duration.count == 7
        assert 0 < duration.sum < 10
        assert collector.metrics["rpc.server.call.duration"].unit == "s"
        assert point(collector, "rpc.client.call.duration", **ok).count == 7
        exemplars = collector.exemplars["rpc.server.call.duration"]
        assert exemplars
        assert {e.trace_id for e in exemplars} <= {span.trace_id for span in collector.spans}
        method = {"rpc__method": "test.Echo/Unary"}
        assert point(collector, "rpc.server.request.size", **method).sum == 7000
        assert point(collector, "pagemesh.sidecar.added.duration", **method).count == 7
        assert point(collector, "pagemesh.model.pages", **method).as_int == 21
        inference = point(collector, "pagemesh.model.inference.duration", **method)
        assert inference.sum == pytest.approx(7 * 0.25)
        unknown = point(collector, "rpc.server.call.duration", rpc__method="_OTHER")
        assert unknown.count == 5
        assert attributes(unknown)["error.type"] == "UNIMPLEMENTED"


async def test_prometheus_reads_the_same() -> None:
    async with sidecar(None) as running:
        call = running.channel.unary_unary("/test.Echo/Sleep")(b"")
        for _ in range(3):
            await running.channel.unary_unary("/test.Echo/Unary")(b"")
        name = "rpc_server_call_duration_seconds_count{"
        await eventually(lambda: name in running.scrape())
        text = running.scrape()
        (line,) = [x for x in text.splitlines() if x.startswith(name)]
        assert line.endswith(" 3.0")
        assert 'rpc_method="test.Echo/Unary"' in line
        assert 'pagemesh_sidecar_active_calls{rpc_method="_OTHER"} 1.0' in text  # none ended yet
        call.cancel()
        await eventually(lambda: "active_calls{rpc_method=" + '"_OTHER"} 0.0' in running.scrape())


async def test_the_same_by_otlp_over_grpc() -> None:
    with collecting() as collector:
        server = grpc.aio.server()
        server.add_generic_rpc_handlers((GrpcCollector(collector),))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        endpoint = f"http://127.0.0.1:{port}"
        async with sidecar(endpoint, OTEL_EXPORTER_OTLP_PROTOCOL="grpc") as running:
            await running.channel.unary_unary("/test.Echo/Unary")(bytes(1000))
            await running.stop()
        await server.stop(0)
    assert [span.kind for span in collector.spans] == [SERVER, CLIENT]
    assert point(collector, "rpc.server.call.duration", rpc__method="test.Echo/Unary").count == 1


async def test_names_that_callers_make_up_are_bounded() -> None:
    async with sidecar(None) as running:
        unary = running.channel.unary_unary("/test.Echo/Unary")
        for number in range(100):
            await unary(b"", metadata=(("pagemesh-caller", f"caller {number}"),))
        await unary(b"", metadata=(("pagemesh-caller", "x" * 4000), ("odd-bin", b"\xff\x00")))
        name = "rpc_server_call_duration_seconds_count{"

        def counts() -> dict[str, float]:
            lines = [x for x in running.scrape().splitlines() if x.startswith(name)]
            return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}

        await eventually(lambda: sum(counts().values()) == 101)
        assert len(counts()) == 64 + 1
        assert {n for line, n in counts().items() if '"_OTHER"' in line} == {101 - 64}


async def test_a_process_that_is_told_to_end_lets_calls_finish() -> None:
    """It outlives its last call; the exit code says that all is well."""
    async with sidecar(None) as running:
        call = running.channel.stream_stream("/test.Echo/Chat")()
        await call.write(b"one")
        assert await call.read() == b"one"
        running.process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.3)
        await call.write(b"two")
        assert await call.read() == b"two"
        assert running.process.returncode is None
        await call.done_writing()
        assert await call.read() is grpc.aio.EOF
        assert await asyncio.wait_for(running.process.wait(), 20) == 0


@pytest.mark.parametrize("kind", ["dead", "refusing", "slow"])
async def test_a_collector_that_takes_nothing_slows_no_call(kind: str) -> None:
    with collecting() as collector:
        endpoint = "http://127.0.0.1:1" if kind == "dead" else collector.endpoint
        collector.status = 503 if kind == "refusing" else 200
        collector.seconds = 5.0 if kind == "slow" else 0.0
        async with sidecar(endpoint, OTEL_EXPORTER_OTLP_TIMEOUT="1") as running:
            unary = running.channel.unary_unary("/test.Echo/Unary")
            await asyncio.gather(*(unary(b"") for _ in range(300)))
            await eventually(lambda: value(running, "pagemesh_sidecar_telemetry_lost_spans") > 0)
            assert await unary(b"still") == b"still"
            assert await running.stop() == 0


async def test_errors_are_kept_when_nothing_is_sampled() -> None:
    with collecting() as collector:
        async with sidecar(collector.endpoint, PAGEMESH_SIDECAR_SAMPLE_RATIO="0") as running:
            await running.channel.unary_unary("/test.Echo/Unary")(b"")
            with pytest.raises(grpc.aio.AioRpcError):
                await running.channel.unary_unary("/test.Echo/Fail")(b"14")
            await running.stop()
        assert {span.name for span in collector.spans} == {"test.Echo/Fail"}


async def test_a_bad_configuration_is_told_before_anything_starts() -> None:
    environ = dict(os.environ, PAGEMESH_SIDECAR_LISTEN="here", PAGEMESH_SIDECAR_UPSTRAEM="x:1")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sidecar"), env=environ, stderr=asyncio.subprocess.PIPE
    )
    _, told = await process.communicate()
    assert process.returncode == 2
    assert b"PAGEMESH_SIDECAR_LISTEN='here'" in told
    assert b"did you mean PAGEMESH_SIDECAR_UPSTREAM?" in told
