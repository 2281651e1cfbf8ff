"""What a real collector and a real Prometheus were told of a mesh, against what was sent."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from fluent.sender import FluentSender
from google.protobuf.duration_pb2 import Duration

from gateway.telemetry import names as gateway
from infra.observability import Collector
from infra.service import HOST
from meshkit.telemetry import names as common
from meshkit.telemetry.vocabulary import Metric
from orchestrator.sources import names as kafka_door
from orchestrator.telemetry import names
from pagemesh.local_mesh import MODELS
from scripts.describe_telemetry import rooms
from scripts.prometheus_names import label, prometheus_name
from tests.observe.conftest import CLIENT, KAFKA_CLIENT, Observed, plain, until

pytestmark = [pytest.mark.xdist_group("mesh"), pytest.mark.timeout(900)]

KINDS = {"histogram": "histogram", "counter": "sum", "updowncounter": "sum"}
REQUESTS = "pagemesh.requests"
PROCESSES = {"orchestrator", *MODELS, *(f"{model}-sidecar" for model in MODELS)}
UNSEEN = {
    names.CIRCUITS.name,
    *(m.name for m in (kafka_door.RETRIES, kafka_door.DEAD_LETTERS, kafka_door.PAUSED)),
    *(m.name for m in gateway.VOCABULARY.metrics),
}
"""No model and no request fails here, no more comes than can be read, and nobody uses REST."""


def seconds(duration: Duration) -> float:
    return duration.ToNanoseconds() / 1e9


def costs(observed: Observed) -> Iterator[tuple[str, float]]:
    """Model and seconds of inference of every step of every page, as the client was told."""
    for result in observed.results:
        for page in result.pages:
            for step in page.steps:
                if step.HasField("cost"):
                    yield step.model.name, seconds(step.cost.inference_duration)


def spans(observed: Observed) -> list[dict[str, Any]]:
    """All spans, each with the name of its process."""
    return [
        {**span, "service": plain(resource["resource"]["attributes"])["service.name"]}
        for message in observed.collector.received("traces")
        for resource in message["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]


def metrics(observed: Observed) -> dict[tuple[str, str], dict[str, Any]]:
    """The newest state of every metric, by process and name."""
    return {
        (plain(resource["resource"]["attributes"])["service.name"], metric["name"]): metric
        for message in observed.collector.received("metrics")
        for resource in message["resourceMetrics"]
        for scope in resource["scopeMetrics"]
        for metric in scope["metrics"]
    }


def points(observed: Observed, service: str, metric: Metric) -> list[tuple[dict[str, Any], Any]]:
    """Labels and value of every point; of a histogram the count."""
    sent = metrics(observed)[service, metric.name]
    data = sent[KINDS[metric.kind]]["dataPoints"]
    return [
        (
            plain(point["attributes"]),
            float(point.get("count", point.get("asDouble", point.get("asInt", 0)))),
        )
        for point in data
    ]


def test_a_document_is_one_trace_through_all_processes(observed: Observed) -> None:
    def whole() -> list[dict[str, Any]]:
        found = spans(observed)
        documents = [
            span
            for span in found
            if span["name"] == "document" and plain(span["attributes"])[names.REQUEST_ID] == "first"
        ]
        if not documents:
            return []
        trace = [span for span in found if span["traceId"] == documents[0]["traceId"]]
        return trace if {span["service"] for span in trace} == PROCESSES else []

    trace = until(whole)
    ids = {span["spanId"]: span for span in trace}
    roots = [span for span in trace if span.get("parentSpanId", "") not in ids]
    assert [root["name"].rpartition("/")[2] for root in roots] == ["AnalyzeDocument"]
    batches = [span for span in trace if span["name"] == "predict"]
    for batch in batches:
        links = {(link["traceId"], link["spanId"]) for link in batch["links"]}
        parent = ids[batch["parentSpanId"]]
        assert (parent["traceId"], parent["spanId"]) in links
        chain = []
        while parent:
            chain.append(parent["service"])
            parent = ids.get(parent.get("parentSpanId", ""))
        model = batch["service"]
        assert chain[:4] == [model, f"{model}-sidecar", f"{model}-sidecar", "orchestrator"]


def test_every_metric_has_the_name_kind_and_unit_of_the_code(observed: Observed) -> None:
    known = {
        metric.name: metric for vocabulary in rooms().values() for metric in vocabulary.metrics
    }
    until(lambda: {service for service, _ in metrics(observed)} >= PROCESSES)
    sent = metrics(observed)
    for (service, name), metric in sent.items():
        assert metric["unit"] == known[name].unit, (service, name)
        assert KINDS[known[name].kind] in metric
        if known[name].kind != "histogram":
            assert metric["sum"].get("isMonotonic", False) == (known[name].kind == "counter")
    missing = known.keys() - {name for _, name in sent}
    assert missing <= UNSEEN


def test_a_document_of_kafka_is_one_trace_from_its_record_to_its_models(observed: Observed) -> None:
    def whole() -> list[dict[str, Any]]:
        found = spans(observed)
        traces = {
            span["traceId"]
            for span in found
            if span["name"] == f"process {REQUESTS}"
            and plain(span["attributes"])[names.REQUEST_ID] == "third"
        }
        trace = [span for span in found if span["traceId"] in traces]
        is_whole = {span["service"] for span in trace} == PROCESSES
        return trace if is_whole and "document" in {span["name"] for span in trace} else []

    trace = until(whole)
    by_id = {span["spanId"]: span for span in trace}
    (document,) = (span for span in trace if span["name"] == "document")
    assert plain(document["attributes"])[names.CLIENT] == KAFKA_CLIENT
    assert by_id[document["parentSpanId"]]["name"] == f"process {REQUESTS}"
    (batch, *_) = (span for span in trace if span["name"] == "predict" and span["service"] == "ocr")
    chain = [batch]
    while parent := by_id.get(chain[-1].get("parentSpanId", "")):
        chain.append(parent)
    assert document in chain


def test_kafkas_records_are_counted(observed: Observed) -> None:
    def told(metric: Metric, topic: str) -> list[float]:
        return [
            value
            for labels, value in points(observed, "orchestrator", metric)
            if labels[kafka_door.TOPIC] == topic and value
        ]

    until(lambda: told(kafka_door.SENT, "pagemesh.results") == [1])
    assert told(kafka_door.CONSUMED, REQUESTS) == [1]
    assert told(kafka_door.ANSWER_DURATION, "pagemesh.results") == [1]
    assert until(lambda: not told(kafka_door.LAG, REQUESTS))


def test_pages_and_documents_are_counted_as_they_were(observed: Observed) -> None:
    until(lambda: sum(value for _, value in points(observed, "orchestrator", names.DOCUMENTS)) == 3)
    told = {
        labels.pop(names.CLIENT): (labels, value)
        for labels, value in points(observed, "orchestrator", names.DOCUMENTS)
    }
    labels = {names.PIPELINE: "application_form", names.STATE: "SUCCEEDED"}
    assert told == {CLIENT: (labels, 2), KAFKA_CLIENT: (labels, 1)}
    pages = {
        (labels[names.CLIENT], labels[names.PAGE_OUTCOME]): value
        for labels, value in points(observed, "orchestrator", names.DOCUMENT_PAGES)
    }
    assert pages == {(CLIENT, "OK"): 3, (KAFKA_CLIENT, "OK"): 1}


def test_cost_is_what_the_results_say(observed: Observed) -> None:
    paid = dict.fromkeys(MODELS, 0.0)
    for model, spent in costs(observed):
        paid[model] += spent

    def told() -> dict[str, float]:
        return {
            labels[common.MODEL_NAME]: value
            for labels, value in points(observed, "orchestrator", names.COST_INFERENCE)
            if labels[names.CLIENT] == CLIENT
        }

    assert until(lambda: told() == pytest.approx(paid, rel=1e-6) and told())


@pytest.mark.parametrize("model", MODELS)
def test_a_sidecar_counted_every_call_that_its_model_did(observed: Observed, model: str) -> None:
    by_name = {metric.name: metric for told in rooms().values() for metric in told.metrics}

    def calls(service: str, metric: Metric) -> float:
        told = points(observed, service, metric)
        return sum([c for labels, c in told if f".{model}." in labels[common.METHOD]], 0.0)

    server = common.SERVER_DURATION
    assert until(lambda: calls(model, server)) >= 3
    for name in (server.name, "rpc.server.request.size", "rpc.client.call.duration"):
        sidecar = by_name[name]
        until(lambda: calls(f"{model}-sidecar", sidecar) == calls(model, server))  # noqa: B023


def test_prometheus_has_the_same_numbers(observed: Observed) -> None:
    name = prometheus_name(names.COST_INFERENCE)
    client = f'{label(names.CLIENT)}="{CLIENT}"'
    wanted = sum(spent for _, spent in costs(observed))

    def told() -> float:
        found = observed.prometheus.query(f"sum({name}{{{client}}})")
        return float(found[0]["value"][1]) if found else 0.0

    assert until(lambda: told() == pytest.approx(wanted, rel=1e-6))
    pages = observed.prometheus.query(
        f"sum by (service_name) ({prometheus_name(names.DOCUMENT_PAGES)}{{{client}}})"
    )
    assert [(p["metric"], p["value"][1]) for p in pages] == [
        ({"service_name": "orchestrator"}, "3")
    ]
    until(lambda: all(rule["health"] == "ok" for rule in observed.prometheus.rules()))
    known = {
        prometheus_name(metric): metric
        for vocabulary in rooms().values()
        for metric in vocabulary.metrics
        if metric.name not in UNSEEN
    }
    for name, metric in known.items():
        suffix = "_count" if metric.kind == "histogram" else ""
        assert observed.prometheus.query(f"{name}{suffix}"), name


def test_log_lines_lead_to_the_trace(observed: Observed) -> None:
    def lines() -> list[dict[str, Any]]:
        found = [
            plain(record["attributes"])
            for message in observed.collector.received("logs")
            for resource in message["resourceLogs"]
            for scope in resource["scopeLogs"]
            for record in scope["logRecords"]
        ]
        return [line for line in found if line.get("message") == "document ended"]

    ended = until(lambda: len(lines()) == 3 and lines())
    documents = {
        plain(span["attributes"])[names.REQUEST_ID]: (span["traceId"], span["spanId"])
        for span in spans(observed)
        if span["name"] == "document"
    }
    assert {line["request_id"]: (line["trace_id"], line["span_id"]) for line in ended} == documents


def test_the_forward_protocol_of_fluentd_is_taken(collector: Collector) -> None:
    """What the shipped Fluentd configurations send, by a client of the same protocol."""
    line = {
        "time": "2026-01-02T03:04:05.678+00:00",
        "level": "INFO",
        "service": "orchestrator",
        "message": "document ended",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "span_id": "00f067aa0ba902b7",
        "pages_ok": 3,
    }
    sender = FluentSender("pagemesh", host=HOST, port=collector.forward_port)
    assert sender.emit_with_time("orchestrator", int(time.time()), line)
    sender.close()

    def taken() -> list[dict[str, Any]]:
        return [
            record
            for message in collector.received("logs")
            for resource in message["resourceLogs"]
            for scope in resource["scopeLogs"]
            for record in scope["logRecords"]
            if plain(record["attributes"]).get("trace_id") == line["trace_id"]
        ]

    (record,) = until(taken)
    found = plain(record["attributes"])
    assert record["body"]["stringValue"] == line.pop("message")
    assert found.items() >= line.items()
    assert found["fluent.tag"] == "pagemesh.orchestrator"
