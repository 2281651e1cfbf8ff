"""The shipped ways of logs fit the lines that processes write."""

import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from opentelemetry.sdk.trace import TracerProvider

from meshkit.config import ServerConfig
from meshkit.logs import JsonFormatter

FOLDER = Path(__file__).parents[3] / "k8s" / "observability"


def objects(name: str) -> dict[tuple[str, str], Any]:
    """The Kubernetes objects of a Fluentd variant by kind and name."""
    documents = yaml.safe_load_all((FOLDER / "fluentd" / f"{name}.yaml").read_text())
    return {(made["kind"], made["metadata"]["name"]): made for made in documents}


def configuration(name: str) -> str:
    (text,) = [
        o["data"]["fluent.conf"] for (kind, _), o in objects(name).items() if kind == "ConfigMap"
    ]
    return str(text)


def line() -> str:
    """As a process writes it, inside of a span."""
    record = logging.makeLogRecord(
        {
            "name": "orchestrator.work",
            "levelname": "INFO",
            "msg": "document ended",
            "request_id": "r1",
        }
    )
    with TracerProvider().get_tracer("test").start_as_current_span("work"):
        return JsonFormatter("orchestrator").format(record)


def test_the_nodes_fluentd_reads_what_the_container_runtime_writes() -> None:
    (expression,) = re.findall(r"expression /(.+)/\n", configuration("daemonset"))
    pattern = re.compile(expression.replace("(?<", "(?P<"))
    written = line()
    for stream in ("stdout", "stderr"):
        found = pattern.match(f"2026-11-27T05:43:47.597123456+00:00 {stream} F {written}")
        assert found is not None
        assert json.loads(found["log"])["request_id"] == "r1"
        assert found["stream"] == stream


def test_a_line_has_the_time_that_fluentd_is_told_to_read() -> None:
    time = json.loads(line())["time"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+\+00:00", time)
    assert "time_format %Y-%m-%dT%H:%M:%S.%N%:z" in configuration("sidecar")


@pytest.mark.parametrize("name", ["daemonset", "sidecar"])
def test_every_block_of_the_configuration_is_closed_and_every_buffer_bounded(name: str) -> None:
    open_blocks: list[str] = []
    for text in configuration(name).splitlines():
        if found := re.match(r"\s*</(\w+)>$", text):
            assert open_blocks.pop() == found[1]
        elif found := re.match(r"\s*<(\w+)[^>]*>$", text):
            open_blocks.append(found[1])
    assert open_blocks == []
    buffers = re.findall(r"<buffer>(.*?)</buffer>", configuration(name), re.DOTALL)
    assert buffers
    assert all("total_limit_size" in b and "overflow_action" in b for b in buffers)


@pytest.mark.parametrize("name", ["daemonset", "sidecar"])
def test_mounts_and_names_lead_somewhere(name: str) -> None:
    found = objects(name)
    (workload,) = [o for (kind, _), o in found.items() if kind in {"DaemonSet", "Deployment"}]
    pod = workload["spec"]["template"]["spec"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    for container in (*pod["containers"], *pod.get("initContainers", ())):
        assert {mount["name"] for mount in container["volumeMounts"]} <= volumes.keys()
    maps = {v["configMap"]["name"] for v in volumes.values() if "configMap" in v}
    assert maps == {key for kind, key in found if kind == "ConfigMap"}
    if account := pod.get("serviceAccountName"):
        assert ("ServiceAccount", account) in found


def test_the_variable_of_the_patch_is_one_that_models_know() -> None:
    (workload,) = [o for (kind, _), o in objects("sidecar").items() if kind == "Deployment"]
    (variable,) = workload["spec"]["template"]["spec"]["containers"][0]["env"]
    assert variable["name"].removeprefix("PAGEMESH_OCR_").lower() in ServerConfig.model_fields


def test_the_index_knows_every_field_of_a_line() -> None:
    template = json.loads((FOLDER / "elasticsearch" / "index-template.json").read_text())
    mapped = template["template"]["mappings"]["properties"]
    assert json.loads(line()).keys() <= mapped.keys()
    assert "exception" in mapped
    assert all(mapped[name]["type"] == "keyword" for name in ("trace_id", "span_id", "request_id"))
    assert template["index_patterns"] == ["pagemesh-logs-*"]
    assert "logstash_prefix pagemesh-logs\n" in configuration("daemonset")
