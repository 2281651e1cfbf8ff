"""One trace from a request's record to its pages and to its answer's, and the door's metrics."""

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from meshkit.testing import eventually
from orchestrator.sources import names
from orchestrator.testing import FakeModel, running_orchestrator, tiff
from pagemesh.kafka.client import KafkaClient
from tests.integration.kafka.conftest import Client
from tests.telemetry import Recorder, parent_of
from tests.telemetry import recorded as recorded  # noqa: PLC0414 - a fixture

pytestmark = [pytest.mark.xdist_group("services"), pytest.mark.timeout(300)]

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = ("traceparent", f"00-{TRACE}-{SPAN}-01".encode())


def request_of(sender: Client, request_id: str, location: str, **more: Any) -> bytes:
    record = {"request_id": request_id, "location": location, **more}
    return sender.codec.encode("request", sender.topics.requests, record)


def header_of(record: Any) -> tuple[str, str]:
    """Trace and span that a record's header names."""
    _, trace_id, span_id, _ = dict(record.headers)["traceparent"].decode().split("-")
    return trace_id, span_id


def ids_of(span: ReadableSpan) -> tuple[str, str]:
    return f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}"


def told(span: ReadableSpan) -> Mapping[str, Any]:
    return span.attributes or {}


async def test_one_trace_from_the_request_to_its_pages_and_its_result(
    client: Client, tmp_path: Path, recorded: Recorder
) -> None:
    (tmp_path / "2.tiff").write_bytes(tiff(2))
    value = request_of(client, "traced", f"file://{tmp_path}/2.tiff", client="billing")
    async with running_orchestrator(tmp_path / "state", **client.settings(tmp_path)):
        client.send_bytes(value, "traced", headers=[TRACEPARENT])
        await client.hear("result", 1)
        await client.hear("event", 2)
        await eventually(lambda: any(span.name == "send" for span in recorded.spans))

    process = recorded.span(f"process {client.topics.requests}")
    assert ids_of(process)[0] == TRACE
    assert process.parent is not None
    assert f"{process.parent.span_id:016x}" == SPAN
    assert process.kind is SpanKind.CONSUMER
    expected = {
        "messaging.system": "kafka",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": client.topics.requests,
        "messaging.consumer.group.name": client.group,
        "messaging.kafka.offset": 0,
        "messaging.message.body.size": len(value),
        "pagemesh.request_id": "traced",
    }
    assert expected.items() <= told(process).items()

    document = recorded.span("document", pagemesh__client="billing")
    assert parent_of(document, recorded.spans) == process
    pages = [span for span in recorded.spans if span.name == "page"]
    assert [parent_of(page, recorded.spans) for page in pages] == [document] * 2
    assert {ids_of(page)[0] for page in pages} == {TRACE}

    records = client.records["result"] + client.records["event"]
    created = {ids_of(s): s for s in recorded.spans if s.kind is SpanKind.PRODUCER}
    assert len(records) == len(created) == 3
    for record in records:
        span = created[header_of(record)]  # in the trace that the request named
        assert ids_of(span)[0] == TRACE
        assert told(span)["messaging.destination.name"] == record.topic
        assert told(span)["messaging.message.body.size"] == len(record.value)
        assert parent_of(span, recorded.spans) == process
    (link,) = recorded.span("send").links
    assert f"{link.context.span_id:016x}" == header_of(client.records["result"][0])[1]


async def test_a_dead_letter_is_in_its_requests_trace(
    client: Client, tmp_path: Path, recorded: Recorder
) -> None:
    async with running_orchestrator(tmp_path / "state", **client.settings(tmp_path)):
        client.send_bytes(b"not avro", headers=[TRACEPARENT])
        await client.hear("dead_letter", 1)
    assert header_of(client.records["dead_letter"][0])[0] == TRACE
    process = recorded.span(f"process {client.topics.requests}")
    assert told(process)["error.type"] == "BAD_RECORD"
    assert process.status.status_code is StatusCode.ERROR


async def test_a_request_is_in_the_trace_of_who_submits_it(
    client: Client, tmp_path: Path, recorded: Recorder
) -> None:
    request = {"request_id": "submitted", "location": f"file://{tmp_path}/absent.tiff"}

    def submit() -> None:
        with (
            trace.get_tracer("test").start_as_current_span("claim"),
            KafkaClient(client.connection, client.topics) as door,
        ):
            door.submit(request)

    async with running_orchestrator(tmp_path / "state", **client.settings(tmp_path)):
        await asyncio.to_thread(submit)
        await client.hear("result", 1)
    claim = recorded.span("claim")
    process = recorded.span(f"process {client.topics.requests}")
    assert parent_of(process, recorded.spans) == claim
    assert header_of(client.records["result"][0])[0] == ids_of(claim)[0]


async def test_metrics_say_what_was_sent(
    client: Client, tmp_path: Path, recorded: Recorder
) -> None:
    (tmp_path / "1.tiff").write_bytes(tiff(1))
    location = f"file://{tmp_path}/1.tiff"
    before = recorded.value("pagemesh.kafka.dead_letters", error__type="BAD_RECORD")
    asked_ms = int(time.time() * 1000) - 20_000
    for number in range(3):
        request_id = f"r{number}"
        encoded = request_of(client, request_id, location)
        client.send_bytes(encoded, request_id, timestamp_ms=asked_ms)
    client.send_bytes(b"not avro", "x")
    async with running_orchestrator(tmp_path / "state", **client.settings(tmp_path)):
        await client.hear("result", 3)
        await client.hear("dead_letter", 1)
        await client.hear("event", 3)
        topics = client.topics
        await eventually(
            lambda: recorded.value(names.SENT.name, messaging__destination__name=topics.events) == 3
        )

        def value(metric: str, topic: str, **more: str) -> float:
            return recorded.value(metric, messaging__destination__name=topic, **more)

        assert value("messaging.client.consumed.messages", topics.requests) == 4
        assert value("messaging.client.sent.messages", topics.results) == 3
        assert value("messaging.client.sent.messages", topics.dead_letters) == 1
        assert value("messaging.process.duration", topics.requests) == 4
        failed = {"error__type": "BAD_RECORD"}
        assert value("messaging.process.duration", topics.requests, **failed) == 1
        letters = recorded.value("pagemesh.kafka.dead_letters", **failed)
        assert letters - before == 1
        assert value("pagemesh.kafka.answer.duration", topics.results) == 3
        (point,) = [
            point
            for point in recorded.metrics()["pagemesh.kafka.answer.duration"].data.data_points
            if point.attributes["messaging.destination.name"] == topics.results
        ]
        assert point.sum >= 3 * 20  # from the record's own time, which was 20 s ago
        await eventually(lambda: value("pagemesh.kafka.records.waiting", topics.requests) == 0)
    described = {m.name: m.unit for m in names.VOCABULARY.metrics}
    seen = {n: m.unit for n, m in recorded.metrics().items() if n in described}
    assert seen.items() <= described.items()
    assert {"messaging.client.consumed.messages": "{message}"}.items() <= seen.items()


async def test_lag_and_pauses_are_told_while_a_document_is_slow(
    client: Client, tmp_path: Path, recorded: Recorder
) -> None:
    """What waits is held back, and all is answered when it is over."""
    (tmp_path / "1.tiff").write_bytes(tiff(1))
    knobs = {"kafka_waiting_records": 2, "kafka_documents_in_flight": 1}
    topic = client.topics.requests
    go_on = asyncio.Event()
    active = recorded.value("pagemesh.kafka.documents.active")

    def value(metric: str) -> float:
        return recorded.value(metric, messaging__destination__name=topic)

    async with running_orchestrator(
        tmp_path / "state", **{**client.settings(tmp_path), **knobs}
    ) as running:
        deskew = running.mesh["deskew"]
        at_once = deskew.answer

        async def slow(request: Any, fake: FakeModel) -> Any:
            await go_on.wait()
            return await at_once(request, fake)

        deskew.answer = slow
        for number in range(6):  # all in one partition
            encoded = request_of(client, f"r{number}", f"file://{tmp_path}/1.tiff", pipeline="text")
            client.send_bytes(encoded, "same")
        await eventually(lambda: value("pagemesh.kafka.partitions.paused") == 1)
        await eventually(lambda: value("pagemesh.kafka.lag") == 6)
        taken = value("pagemesh.kafka.records.waiting")
        assert 2 <= taken <= 6
        assert recorded.value("pagemesh.kafka.documents.active") - active == 1
        assert value("messaging.client.consumed.messages") == taken
        go_on.set()
        results = await client.hear("result", 6)
        assert {r["state"] for r in results} == {"SUCCEEDED"}
        await eventually(lambda: value("pagemesh.kafka.lag") == 0)
        assert value("pagemesh.kafka.partitions.paused") == 0
        assert value("messaging.client.consumed.messages") == 6  # none was delivered again
    assert len(await client.hear_no_more("result", 0.5)) == 6


async def test_retries_are_counted_by_reason(
    client: Client, tmp_path: Path, recorded: Recorder
) -> None:
    (tmp_path / "1.tiff").write_bytes(tiff(1))
    knobs = {**client.settings(tmp_path), "kafka_max_attempts": 3}

    def retries() -> float:
        return recorded.value("pagemesh.kafka.retries", pagemesh__kafka__stage="read")

    before = retries()
    async with running_orchestrator(tmp_path / "state", down={"deskew"}, **knobs):
        client.send("r", f"file://{tmp_path}/1.tiff", pipeline="text")
        (letter,) = await client.hear("dead_letter", 1)
        assert letter["attempts"] == 3
        assert retries() - before == 2


async def test_an_answer_to_a_command_is_in_its_trace(
    client: Client, tmp_path: Path, recorded: Recorder
) -> None:
    (tmp_path / "1.tiff").write_bytes(tiff(1))

    def ask() -> None:
        with (
            trace.get_tracer("test").start_as_current_span("ask"),
            KafkaClient(client.connection, client.topics) as door,
        ):
            door.command("done", "STATUS")

    async with running_orchestrator(tmp_path / "state", **client.settings(tmp_path)):
        client.send("done", f"file://{tmp_path}/1.tiff", pipeline="text")
        await client.hear("event", 1)
        await client.hear("result", 1)
        await asyncio.to_thread(ask)
        await client.hear("event", 2)
        obeyed = recorded.span(f"process {client.topics.control}")
    assert told(obeyed)["pagemesh.request_id"] == "done"
    assert parent_of(obeyed, recorded.spans) == recorded.span("ask")
    assert header_of(client.records["event"][-1])[0] == ids_of(obeyed)[0]
