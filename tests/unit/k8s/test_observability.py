"""Dashboards and alerts ask for metrics that are there."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import CollectorRegistry, generate_latest

from meshkit.telemetry.vocabulary import Metric, counter, histogram, up_down_counter
from scripts.dashboards import FOLDER, _text, dashboards
from scripts.describe_telemetry import rooms
from scripts.prometheus_names import label, series_of

RULES = Path(__file__).parents[3] / "k8s" / "observability" / "prometheus" / "rules.yaml"
METRICS = [metric for vocabulary in rooms().values() for metric in vocabulary.metrics]
_WORDS = re.compile(r"(?<![\w:])(?:pagemesh|rpc|messaging|http)_\w+")


def expressions() -> Iterator[tuple[str, str]]:
    """Where it stands, and the PromQL."""
    for name, dashboard in dashboards():
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                yield f"{name}: {panel['title']}", target["expr"]
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        for rule in group["rules"]:
            yield rule.get("record") or rule["alert"], rule["expr"]


def test_every_metric_and_label_that_is_asked_for_exists() -> None:
    labels = {label(name) for metric in METRICS for name in metric.attributes}
    known = series_of(METRICS) | labels
    asked = [(where, word) for where, text in expressions() for word in _WORDS.findall(text)]
    assert len(asked) > 100
    assert [entry for entry in asked if entry[1] not in known] == []


def test_every_metric_is_on_a_dashboard_or_in_a_rule_but_few() -> None:
    asked = {word for _, text in expressions() for word in _WORDS.findall(text)}
    unseen = {m.name for m in METRICS if not series_of([m]) & asked}
    assert unseen == {
        "pagemesh.model.batch.size",
        "pagemesh.model.inference.duration",
        "pagemesh.model.queue.duration",
        "pagemesh.sidecar.model.connected",
        "rpc.client.call.duration",
        "rpc.server.requests_per_rpc",
        "rpc.server.responses_per_rpc",
    }


def test_names_are_those_that_prometheus_gets() -> None:
    registry = CollectorRegistry()
    provider = MeterProvider([PrometheusMetricReader(registry=registry)], shutdown_on_exit=False)
    meter = provider.get_meter("test")
    unlike = {"1"}  # a gauge of unit 1 is a `_ratio` for some exporters, and not for others
    chosen: dict[str, Metric] = {m.name: m for m in METRICS if m.unit not in unlike}
    for metric in chosen.values():
        if metric.kind == "histogram":
            histogram(meter, metric).record(1)
        elif metric.kind == "counter":
            counter(meter, metric).add(1)
        else:
            up_down_counter(meter, metric).add(1)
    sent = set(re.findall(r"^(\w+)(?=[{ ])", generate_latest(registry).decode(), re.MULTILINE))
    assert series_of(chosen.values()) <= sent
    provider.shutdown()


def test_the_dashboards_are_fresh_and_whole() -> None:
    made = {f"{name}.json": _text(dashboard) for name, dashboard in dashboards()}
    assert {path.name: path.read_text() for path in FOLDER.glob("*.json")} == made
    uids = [dashboard["uid"] for _, dashboard in dashboards()]
    assert len(set(uids)) == len(uids) == 9
    for text in made.values():
        panels: list[dict[str, Any]] = json.loads(text)["panels"]
        places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
        assert len(set(places)) == len(panels) > 5


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
@pytest.mark.parametrize(
    "arguments", [["check", "rules", "rules.yaml"], ["test", "rules", "rules_test.yaml"]]
)
def test_rules_and_alerts_hold(arguments: list[str]) -> None:
    done = subprocess.run(
        ["promtool", *arguments], cwd=RULES.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_panels_are_promql(tmp_path: Path) -> None:
    """As recording rules, which promtool reads, with Grafana's own variable filled in."""
    rules = [
        {"record": f"panel:{number}", "expr": text.replace("$__rate_interval", "5m")}
        for number, (_, text) in enumerate(expressions())
    ]
    path = tmp_path / "panels.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    done = subprocess.run(
        ["promtool", "check", "rules", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
