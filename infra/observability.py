"""Who takes telemetry in: the OpenTelemetry Collector, Prometheus, which scrapes it, OpenSearch."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import yaml

from infra.downloads import (
    COLLECTOR_VERSION,
    OPENSEARCH_POM,
    OPENSEARCH_VERSION,
    collector_binary,
    java,
    opensearch_libraries,
    program,
)
from infra.others import version_of
from infra.service import HOST, Command, Identity, Service, free_port

RULES = Path(__file__).parents[1] / "k8s" / "observability" / "prometheus" / "rules.yaml"
_SCRAPE_SECONDS = 5


class Collector(Service):
    """The OpenTelemetry Collector, built here.

    It takes OTLP (gRPC on `port`, HTTP on `http_port`), Fluentd's forward protocol and log files;
    it writes all of it as JSON lines into its folder and shows metrics to Prometheus.

    Attributes:
        http_port, forward_port, metrics_port: where it listens.
        log_files: pattern of JSON log files that it follows; empty for none.
    """

    name = "otelcol"

    def __init__(self, folder: Path, port: int, *, log_files: str = "") -> None:
        super().__init__(folder, port)
        self.http_port, self.forward_port, self.metrics_port = (free_port() for _ in range(3))
        self.log_files = log_files

    def identity(self) -> Identity:
        return Identity("OpenTelemetry Collector", COLLECTOR_VERSION)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.http_port}"

    def prepare(self) -> Command:
        path = self.folder / "config.yaml"
        path.write_text(yaml.safe_dump(self.configuration(), sort_keys=False))
        return Command([str(collector_binary()), "--config", str(path)], {})

    def configuration(self) -> dict[str, Any]:
        """What its file says."""
        receivers: dict[str, Any] = {
            "otlp": {
                "protocols": {
                    "grpc": {"endpoint": f"{HOST}:{self.port}"},
                    "http": {"endpoint": f"{HOST}:{self.http_port}"},
                }
            },
            "fluent_forward": {"endpoint": f"{HOST}:{self.forward_port}"},
        }
        if self.log_files:
            receivers["file_log"] = {
                "include": [self.log_files],
                "start_at": "beginning",
                "operators": [{"type": "json_parser", "on_error": "send_quiet"}],
            }
        signals = ("traces", "metrics", "logs")
        exporters: dict[str, Any] = {
            f"file/{signal}": {
                "path": str(self.folder / f"{signal}.jsonl"),
                "flush_interval": "200ms",
                "rotation": {"max_megabytes": 256, "max_backups": 1},
            }
            for signal in signals
        }
        exporters["prometheus"] = {
            "endpoint": f"{HOST}:{self.metrics_port}",
            "resource_to_telemetry_conversion": {"enabled": True},
            "enable_open_metrics": True,
        }
        others = {"traces": ["otlp"], "metrics": ["otlp"], "logs": list(receivers)}
        return {
            "receivers": receivers,
            "processors": {"batch": {"timeout": "200ms"}},
            "exporters": exporters,
            "service": {
                "telemetry": {"metrics": {"level": "none"}},
                "pipelines": {
                    signal: {
                        "receivers": others[signal],
                        "processors": ["batch"],
                        "exporters": [
                            f"file/{signal}",
                            *(["prometheus"] if signal == "metrics" else []),
                        ],
                    }
                    for signal in signals
                },
            },
        }

    def received(self, signal: str) -> list[dict[str, Any]]:
        """The messages that it wrote down, as OTLP's JSON.

        Args:
            signal: `traces`, `metrics` or `logs`.
        """
        path = self.folder / f"{signal}.jsonl"
        if not path.exists():
            return []
        whole = path.read_text().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]


class OpenSearch(Service):
    """One OpenSearch node, without security: Elasticsearch's API, as far as logs need it."""

    name = "opensearch"

    def identity(self) -> Identity:
        return Identity("OpenSearch", OPENSEARCH_VERSION, "Elasticsearch")

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def is_answering(self) -> bool:
        try:
            return "version" in self.ask("GET", "/")
        except OSError:
            return False

    def prepare(self) -> Command:
        libraries = f"{opensearch_libraries()}/*"
        machine = [java(), "-Xmx512m", "-XX:+UseSerialGC", "-cp", libraries]
        node = str(OPENSEARCH_POM.with_name("Node.java"))
        return Command([*machine, node, str(self.folder / "node"), str(self.port)], {})

    def ask(self, method: str, path: str, body: str = "") -> dict[str, Any]:
        """The answer to a request, `body` being JSON or lines of it. Raises OSError."""
        kind = "application/x-ndjson" if path.endswith("_bulk") else "application/json"
        request = Request(  # noqa: S310 - http, of this machine
            self.url + path,
            data=body.encode() if body else None,
            method=method,
            headers={"Content-Type": kind},
        )
        with urlopen(request, timeout=30) as answer:  # noqa: S310 - http, of this machine
            told: dict[str, Any] = json.load(answer)
        return told


class Prometheus(Service):
    """Prometheus of the distribution: scrapes the collector, evaluates the rules.

    Args:
        collector: that it scrapes.
    """

    name = "prometheus"

    def __init__(self, folder: Path, port: int, collector: Collector) -> None:
        super().__init__(folder, port)
        self._collector = collector

    def identity(self) -> Identity:
        return Identity("Prometheus", version_of(self._binary(), "--version"))

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def prepare(self) -> Command:
        path = self.folder / "prometheus.yaml"
        target = f"{HOST}:{self._collector.metrics_port}"
        configuration = {
            "global": {
                "scrape_interval": f"{_SCRAPE_SECONDS}s",
                "evaluation_interval": f"{_SCRAPE_SECONDS}s",
            },
            "rule_files": [str(RULES)],
            "scrape_configs": [
                {
                    "job_name": "otelcol",
                    "honor_labels": True,
                    "static_configs": [{"targets": [target]}],
                }
            ],
        }
        path.write_text(yaml.safe_dump(configuration, sort_keys=False))
        places = [
            f"--config.file={path}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address={HOST}:{self.port}",
        ]
        return Command([self._binary(), *places], {})

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that an expression gives now: `metric` with labels, `value`."""
        address = f"{self.url}/api/v1/query?{urlencode({'query': expression})}"
        with urlopen(address, timeout=10) as answer:  # noqa: S310 - http, of this machine
            told = json.load(answer)
        found: list[dict[str, Any]] = told["data"]["result"]
        return found

    def rules(self) -> list[dict[str, Any]]:
        """The rules, with their health."""
        with urlopen(f"{self.url}/api/v1/rules", timeout=10) as answer:  # noqa: S310 - http, of this machine
            told = json.load(answer)
        return [rule for group in told["data"]["groups"] for rule in group["rules"]]

    def _binary(self) -> str:
        return program("prometheus", "prometheus")
