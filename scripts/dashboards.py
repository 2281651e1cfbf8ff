"""Grafana's dashboards, made from the names in the code.

`python -m scripts.dashboards` writes k8s/observability/grafana/*.json; with `--check` it fails when
they are not fresh. A panel names its metrics by the code's own constants, so that none can ask for
one that is not there.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opentelemetry.semconv.attributes.http_attributes import (
    HTTP_REQUEST_METHOD,
    HTTP_RESPONSE_STATUS_CODE,
    HTTP_ROUTE,
)

from gateway.telemetry import names as gateway
from meshkit.telemetry import names as common
from meshkit.telemetry.vocabulary import Metric
from orchestrator.sources import names as kafka
from orchestrator.telemetry import names
from scripts.describe_telemetry import sidecar_vocabulary
from scripts.prometheus_names import label, prometheus_name
from sidecar.telemetry import names as sidecar

FOLDER = Path(__file__).parents[1] / "k8s" / "observability" / "grafana"
MODELS = ("deskew", "classify", "ocr", "checkbox", "signature")
SERVICE = "service_name"
_SIDECAR = {metric.name: metric for metric in sidecar_vocabulary().metrics}
_WIDTH, _HEIGHT, _COLUMNS = 8, 8, 24
_DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True, slots=True)
class Panel:
    """One graph.

    Attributes:
        title: what it shows.
        unit: Grafana's: `s`, `short`, `percentunit`, `Bps`.
        queries: legend and PromQL of each line.
    """

    title: str
    unit: str
    queries: tuple[tuple[str, str], ...]


def of(metric: sidecar.Metric) -> Metric:
    """The sidecar's metric as others are described."""
    return _SIDECAR[metric.name]


def rate(metric: Metric, by: Sequence[str] = (), where: str = "") -> str:
    """Per second, of a counter, or of how often a histogram was told."""
    name = prometheus_name(metric) + ("_count" if metric.kind == "histogram" else "")
    return f"sum{_by(by)} (rate({name}{_where(where)}[$__rate_interval]))"


def quantile(share: float, metric: Metric, by: Sequence[str] = (), where: str = "") -> str:
    """Of a histogram."""
    labels = (*by, "le")
    buckets = f"{prometheus_name(metric)}_bucket{_where(where)}"
    return f"histogram_quantile({share}, sum{_by(labels)} (rate({buckets}[$__rate_interval])))"


def mean(metric: Metric, by: Sequence[str] = (), where: str = "") -> str:
    """Of a histogram."""
    name, chosen, group = prometheus_name(metric), _where(where), _by(by)
    total = f"sum{group} (rate({name}_sum{chosen}[$__rate_interval]))"
    return f"{total} / sum{group} (rate({name}_count{chosen}[$__rate_interval]))"


def now(metric: Metric, by: Sequence[str] = (), where: str = "") -> str:
    """The value of a gauge."""
    return f"sum{_by(by)} ({prometheus_name(metric)}{_where(where)})"


def overview() -> list[Panel]:
    """The mesh as a whole."""
    pipeline, step = label(names.PIPELINE), label(names.STEP)
    state, outcome = label(names.STATE), label(names.PAGE_OUTCOME)
    status, refusal = label(common.STATUS), 'rpc_response_status_code!="OK"'
    doors = f'{SERVICE}="orchestrator"'
    return [
        Panel("Documents", "ops", ((_legend(state), rate(names.DOCUMENTS, [state])),)),
        Panel("Pages", "ops", ((_legend(outcome), rate(names.DOCUMENT_PAGES, [outcome])),)),
        Panel(
            "Documents at work or waiting",
            "short",
            (("documents", now(names.DOCUMENTS_ACTIVE)),),
        ),
        Panel("Pixels in work", "bytes", (("pages", now(names.PAGES_ACTIVE_SIZE)),)),
        Panel(
            "Time of a document",
            "s",
            (
                (f"p50 {_legend(pipeline)}", quantile(0.5, names.DOCUMENT_DURATION, [pipeline])),
                (f"p95 {_legend(pipeline)}", quantile(0.95, names.DOCUMENT_DURATION, [pipeline])),
            ),
        ),
        Panel(
            "Time of a page",
            "s",
            (
                (f"p50 {_legend(pipeline)}", quantile(0.5, names.PAGE_DURATION, [pipeline])),
                (f"p95 {_legend(pipeline)}", quantile(0.95, names.PAGE_DURATION, [pipeline])),
            ),
        ),
        Panel(
            "Time of a step, p95",
            "s",
            ((_legend(step), quantile(0.95, names.STEP_DURATION, [step])),),
        ),
        Panel(
            "Calls at the orchestrator's door",
            "ops",
            ((_legend(status), rate(common.SERVER_DURATION, [status], doors)),),
        ),
        Panel(
            "Calls that failed, by process",
            "ops",
            (
                (
                    f"{_legend(SERVICE)} {_legend(status)}",
                    rate(common.SERVER_DURATION, [SERVICE, status], refusal),
                ),
            ),
        ),
        Panel(
            "Circuits open",
            "short",
            ((_legend(label(common.MODEL_NAME)), now(names.CIRCUITS, [label(common.MODEL_NAME)])),),
        ),
        Panel(
            "Added by sidecars, p99",
            "s",
            ((_legend(SERVICE), quantile(0.99, of(sidecar.ADDED), [SERVICE])),),
        ),
        Panel(
            "Telemetry lost",
            "ops",
            (
                (f"calls {_legend(SERVICE)}", rate(of(sidecar.DROPPED), [SERVICE])),
                (f"spans {_legend(SERVICE)}", rate(of(sidecar.LOST_SPANS), [SERVICE])),
            ),
        ),
    ]


def model(name: str) -> list[Panel]:
    """One model, as its sidecar sees it and as it says itself."""
    proxy, itself = f'{SERVICE}="{name}-sidecar"', f'{SERVICE}="{name}"'
    status, caller = label(common.STATUS), label(sidecar.CALLER)

    def quantiles(metric: Metric, where: str) -> tuple[tuple[str, str], ...]:
        shares = (0.5, 0.95, 0.99)
        return tuple((f"p{share * 100:g}", quantile(share, metric, (), where)) for share in shares)

    return [
        Panel(
            "Calls", "ops", ((_legend(status), rate(of(sidecar.SERVER_DURATION), [status], proxy)),)
        ),
        Panel(
            "Callers",
            "ops",
            ((_legend(caller), rate(of(sidecar.SERVER_DURATION), [caller], proxy)),),
        ),
        Panel("Pages", "ops", (("pages", rate(of(sidecar.MODEL_PAGES), (), proxy)),)),
        Panel("Time of a call", "s", quantiles(of(sidecar.SERVER_DURATION), proxy)),
        Panel("Wait for a batch", "s", quantiles(common.QUEUE_DURATION, itself)),
        Panel("Time of a batch", "s", quantiles(common.BATCH_DURATION, itself)),
        Panel("Pages in a batch", "short", (("mean", mean(common.BATCH_PAGES, (), itself)),)),
        Panel("Calls in flight", "short", (("calls", now(of(sidecar.ACTIVE), (), proxy)),)),
        Panel("Added by the sidecar", "s", quantiles(of(sidecar.ADDED), proxy)),
        Panel(
            "Size of a request and a response, p95",
            "bytes",
            (
                ("request", quantile(0.95, of(sidecar.REQUEST_BYTES), (), proxy)),
                ("response", quantile(0.95, of(sidecar.RESPONSE_BYTES), (), proxy)),
            ),
        ),
    ]


def cost() -> list[Panel]:
    """Who pays: 1 is one device at work all the time."""
    by = {
        "client": label(names.CLIENT),
        "pipeline": label(names.PIPELINE),
        "model": label(common.MODEL_NAME),
        "device": label(common.DEVICE),
    }
    panels = [
        Panel(f"Inference by {who}", "short", ((_legend(key), rate(names.COST_INFERENCE, [key])),))
        for who, key in by.items()
    ]
    pages = rate(names.DOCUMENT_PAGES, [by["pipeline"]])
    each = f"{rate(names.COST_INFERENCE, [by['pipeline']])} / {pages}"
    return [
        *panels,
        Panel("Inference a page", "s", ((_legend(by["pipeline"]), each),)),
        Panel(
            "Pages by client",
            "ops",
            ((_legend(by["client"]), rate(names.DOCUMENT_PAGES, [by["client"]])),),
        ),
        Panel(
            "Waits for batches by model",
            "short",
            ((_legend(by["model"]), rate(names.COST_QUEUE, [by["model"]])),),
        ),
    ]


def kafka_door() -> list[Panel]:
    """How far the Kafka door is behind, and what becomes of the requests."""
    topic, partition = label(kafka.TOPIC), label(kafka.PARTITION)
    reason, stage = label(common.ERROR), label(kafka.STAGE)
    # A partition that has moved may be told by two for a while.
    each = f"max by ({topic}, {partition}) ({prometheus_name(kafka.LAG)})"
    return [
        Panel("Lag", "short", ((_legend(topic), f"sum by ({topic}) ({each})"),)),
        Panel("Lag by partition", "short", ((f"{_legend(topic)} {_legend(partition)}", each),)),
        Panel(
            "Taken and answered",
            "ops",
            (
                (f"from {_legend(topic)}", rate(kafka.CONSUMED, [topic])),
                (f"to {_legend(topic)}", rate(kafka.SENT, [topic])),
            ),
        ),
        Panel(
            "From a request's timestamp to its answer",
            "s",
            (
                (f"p50 {_legend(topic)}", quantile(0.5, kafka.ANSWER_DURATION, [topic])),
                (f"p95 {_legend(topic)}", quantile(0.95, kafka.ANSWER_DURATION, [topic])),
            ),
        ),
        Panel(
            "Time of a request at work, p95",
            "s",
            ((_legend(topic), quantile(0.95, kafka.PROCESS_DURATION, [topic])),),
        ),
        Panel(
            "Documents at work",
            "short",
            (
                ("documents", now(kafka.DOCUMENTS_ACTIVE)),
                ("requests taken and not answered", now(kafka.WAITING)),
            ),
        ),
        Panel("Partitions paused", "short", ((_legend(topic), now(kafka.PAUSED, [topic])),)),
        Panel(
            "Retries",
            "ops",
            ((f"{_legend(stage)} {_legend(reason)}", rate(kafka.RETRIES, [stage, reason])),),
        ),
        Panel("Dead letters", "ops", ((_legend(reason), rate(kafka.DEAD_LETTERS, [reason])),)),
    ]


def rest_door() -> list[Panel]:
    """What REST clients ask for, how long it takes, and what becomes of their documents."""
    route, status = label(HTTP_ROUTE), label(HTTP_RESPONSE_STATUS_CODE)
    method, ended = label(HTTP_REQUEST_METHOD), label(gateway.DOCUMENT_STATUS)
    failed = f'{status}=~"5.."'
    return [
        Panel(
            "Requests",
            "reqps",
            (
                (
                    f"{_legend(method)} {_legend(route)}",
                    rate(gateway.REQUEST_DURATION, [method, route]),
                ),
            ),
        ),
        Panel(
            "Duration, p95",
            "s",
            ((_legend(route), quantile(0.95, gateway.REQUEST_DURATION, [route])),),
        ),
        Panel(
            "Answers by status",
            "reqps",
            ((_legend(status), rate(gateway.REQUEST_DURATION, [status])),),
        ),
        Panel(
            "Failures",
            "reqps",
            ((_legend(route), rate(gateway.REQUEST_DURATION, [route], failed)),),
        ),
        Panel(
            "Requests at work",
            "short",
            ((_legend(method), now(gateway.ACTIVE_REQUESTS, [method])),),
        ),
        Panel("Documents ended", "ops", ((_legend(ended), rate(gateway.DOCUMENTS, [ended])),)),
        Panel(
            "From sending to the end",
            "s",
            (
                ("p50", quantile(0.5, gateway.DOCUMENT_DURATION)),
                ("p95", quantile(0.95, gateway.DOCUMENT_DURATION)),
            ),
        ),
    ]


def dashboards() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every dashboard by its file's name."""
    yield "overview", _dashboard("overview", "pagemesh: the mesh", overview())
    for name in MODELS:
        yield f"model-{name}", _dashboard(f"model-{name}", f"pagemesh: {name}", model(name))
    yield "kafka", _dashboard("kafka", "pagemesh: Kafka", kafka_door())
    yield "gateway", _dashboard("gateway", "pagemesh: REST", rest_door())
    yield "cost", _dashboard("cost", "pagemesh: cost", cost())


def _dashboard(uid: str, title: str, panels: Sequence[Panel]) -> dict[str, Any]:
    return {
        "uid": f"pagemesh-{uid}",
        "title": title,
        "tags": ["pagemesh"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {
            "list": [{"name": "datasource", "type": "datasource", "query": "prometheus"}]
        },
        "panels": [_panel(number, panel) for number, panel in enumerate(panels)],
    }


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    across = _COLUMNS // _WIDTH
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel.title,
        "datasource": _DATASOURCE,
        "gridPos": {
            "x": number % across * _WIDTH,
            "y": number // across * _HEIGHT,
            "w": _WIDTH,
            "h": _HEIGHT,
        },
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {"tooltip": {"mode": "multi", "sort": "desc"}},
        "targets": [
            {"refId": chr(ord("A") + index), "expr": query, "legendFormat": legend}
            for index, (legend, query) in enumerate(panel.queries)
        ],
    }


def _legend(name: str) -> str:
    return "{{" + name + "}}"


def _by(labels: Sequence[str]) -> str:
    return f" by ({', '.join(labels)})" if labels else ""


def _where(condition: str) -> str:
    return "{" + condition + "}" if condition else ""


def _text(dashboard: dict[str, Any]) -> str:
    return json.dumps(dashboard, indent=2) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.dashboards")
    parser.add_argument("--check", action="store_true", help="fail instead of writing")
    arguments = parser.parse_args()
    made = {FOLDER / f"{name}.json": _text(dashboard) for name, dashboard in dashboards()}
    if arguments.check:
        there = {path: path.read_text() for path in FOLDER.glob("*.json")}
        if there != made:
            sys.exit("dashboards are not fresh: run `make telemetry-docs`")
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in FOLDER.glob("*.json"):
        path.unlink()
    for path, text in made.items():
        path.write_text(text)


if __name__ == "__main__":
    main()
