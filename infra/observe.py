"""`python -m infra.observe`: the mesh with a collector, Prometheus and Kafka beside it.

Until Ctrl-C. Where Kafka cannot be had, documents come by gRPC alone.
"""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from infra.downloads import ServiceError
from infra.kafka_broker import KafkaBroker
from infra.observability import Collector, Prometheus
from infra.others import SchemaRegistry
from infra.service import Service

FOLDER = Path("var/observe").resolve()
SAMPLES = Path("samples").resolve()
_PAGEMESH = [sys.executable, "-m", "pagemesh.cli"]
OTLP_PORT, PROMETHEUS_PORT = 4317, 29090
KAFKA_PORT, REGISTRY_PORT = 29092, 28081
"""Where `pagemesh submit` looks, and where `make infra-up` puts them."""


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
        door = _kafka_door(stack)
        print(f"metrics   {prometheus.url}  (alerts: {prometheus.url}/alerts)")
        print(f"received  {collector.folder}/traces.jsonl, metrics.jsonl, logs.jsonl")
        return _mesh(collector, door)


def _start(service: Service) -> None:
    if service.is_answering():
        raise ServiceError(f"port {service.port} is taken by something else")
    service.start()
    print(f"{service.name:<9} {service.identity()}")


def _kafka_door(stack: contextlib.ExitStack) -> dict[str, str]:
    """What tells the orchestrator of Kafka and its schema registry, which run then."""
    broker = KafkaBroker(FOLDER / "kafka", KAFKA_PORT)
    registry = SchemaRegistry(FOLDER / "schema-registry", REGISTRY_PORT)
    services: tuple[Service, ...] = (broker, registry)
    try:
        for service in services:
            if service.is_answering():
                print(f"{service.name:<9} the one that runs on port {service.port}")
                continue
            _start(service)
            stack.callback(service.stop)
    except ServiceError as error:
        print(f"kafka     none, documents come by gRPC alone: {error}", file=sys.stderr)
        return {}
    where = ["--kafka", broker.url, "--registry", registry.url]
    subprocess.run([*_PAGEMESH, "create-topics", *where], check=True, stdout=subprocess.DEVNULL)
    print(f"submit    pagemesh submit file://{SAMPLES}/application_form.pdf --request-id first")
    return {
        "PAGEMESH_ORCHESTRATOR_KAFKA_BROKERS": broker.url,
        "PAGEMESH_ORCHESTRATOR_KAFKA_REGISTRY": registry.url,
        "PAGEMESH_ORCHESTRATOR_FILE_ROOTS": str(SAMPLES),
    }


def _mesh(collector: Collector, door: dict[str, str]) -> int:
    """The mesh's command, told of the collector and of Kafka; Ctrl-C is its to handle."""
    environ = {
        **door,
        **os.environ,
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_METRIC_EXPORT_INTERVAL": "5000",
    }
    command = [*_PAGEMESH, "up", "--state-dir", str(FOLDER / "mesh")]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with subprocess.Popen([*command, *sys.argv[1:]], env=environ) as mesh:
        signal.signal(signal.SIGTERM, lambda *_: mesh.terminate())
        return mesh.wait()


if __name__ == "__main__":
    sys.exit(main())
