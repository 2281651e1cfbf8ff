"""`python -m infra.observe`: the mesh with a collector and Prometheus beside it, until Ctrl-C."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from infra.downloads import ServiceError
from infra.observability import Collector, Prometheus
from infra.service import Service

FOLDER = Path("var/observe").resolve()
OTLP_PORT, PROMETHEUS_PORT = 4317, 29090


def main() -> int:
    collector = Collector(
        FOLDER / "otelcol", OTLP_PORT, log_files=str(FOLDER / "mesh" / "logs" / "*.log")
    )
    prometheus = Prometheus(FOLDER / "prometheus", PROMETHEUS_PORT, collector)
    with contextlib.ExitStack() as stack:
        for service in (collector, prometheus):
            try:
                _start(service)
            except ServiceError as error:
                print(f"{service.name}: {error}", file=sys.stderr)
                return 1
            stack.callback(service.stop)
        print(f"metrics   {prometheus.url}  (alerts: {prometheus.url}/alerts)")
        print(f"received  {collector.folder}/traces.jsonl, metrics.jsonl, logs.jsonl")
        return _mesh(collector)


def _start(service: Service) -> None:
    if service.is_answering():
        raise ServiceError(f"port {service.port} is taken by something else")
    service.start()
    print(f"{service.name:<9} {service.identity()}")


def _mesh(collector: Collector) -> int:
    """The mesh's command, told of the collector; Ctrl-C is its to handle."""
    environ = {
        **os.environ,
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_METRIC_EXPORT_INTERVAL": "5000",
    }
    command = [sys.executable, "-m", "pagemesh.cli", "up", "--state-dir", str(FOLDER / "mesh")]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with subprocess.Popen([*command, *sys.argv[1:]], env=environ) as mesh:
        signal.signal(signal.SIGTERM, lambda *_: mesh.terminate())
        return mesh.wait()


if __name__ == "__main__":
    sys.exit(main())
