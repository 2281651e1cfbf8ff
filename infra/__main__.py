"""`python -m infra up | down | status`: the services as processes that outlive the command."""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from infra.downloads import ServiceError
from infra.kafka_broker import KafkaBroker
from infra.others import S3, Mongo, Redis, SchemaRegistry
from infra.service import Service

FOLDER = Path("var/infra")
_STATE = FOLDER / "services.json"
_SERVICES: Sequence[tuple[type[Service], int]] = (
    (KafkaBroker, 29092),
    (SchemaRegistry, 28081),
    (Redis, 26379),
    (Mongo, 27117),
    (S3, 28333),
)
_STOP_SECONDS = 20.0

State = dict[str, dict[str, Any]]


def up() -> int:
    """Start what does not run. Exits 1 when something cannot be had; the rest is started."""
    state = _read()
    missing = 0
    for kind, port in _SERVICES:
        if _process(state.get(kind.name)) is None:
            missing += _start(kind((FOLDER / kind.name).resolve(), port), state)
            _write(state)
    status()
    return 1 if missing else 0


def _start(service: Service, state: State) -> int:
    try:
        if service.is_answering():
            raise ServiceError(f"port {service.port} is taken by something else")
        began = time.monotonic()
        service.start()
    except ServiceError as error:
        print(f"{service.name}: {error}", file=sys.stderr)
        return 1
    process = psutil.Process(service.process_id)
    state[service.name] = {
        "pid": process.pid,
        "started": process.create_time(),
        "what": str(service.identity()),
        "url": service.url,
        "log": str(service.log),
    }
    print(f"{service.name}: up after {time.monotonic() - began:.1f} s")
    return 0


def down() -> int:
    """Stop what `up` started. Data stay in var/infra."""
    state = _read()
    processes = [process for entry in state.values() if (process := _process(entry))]
    for process in processes:
        process.terminate()
    _, alive = psutil.wait_procs(processes, timeout=_STOP_SECONDS)
    for process in alive:
        process.kill()
    _STATE.unlink(missing_ok=True)
    print(f"stopped {len(processes)} services")
    return 0


def status() -> int:
    """Tell of every service what it is, where, and whether it runs; exits 1 when one does not."""
    state = _read()
    lacking = 0
    for kind, _ in _SERVICES:
        entry = state.get(kind.name)
        process = _process(entry)
        if entry is None or process is None:
            lacking += 1
            print(f"{kind.name:16} does not run")
            continue
        memory = process.memory_info().rss / 2**20
        print(f"{kind.name:16} {entry['url']:46} {entry['what']}, {memory:.0f} MiB")
    return 1 if lacking else 0


def _process(entry: dict[str, Any] | None) -> psutil.Process | None:
    """The process that an entry tells of; None when it has ended, its number given to another."""
    if entry is None:
        return None
    try:
        process = psutil.Process(entry["pid"])
        is_ours = abs(process.create_time() - entry["started"]) < 1
        return process if is_ours and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def _read() -> State:
    return dict(json.loads(_STATE.read_text())) if _STATE.exists() else {}


def _write(state: State) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    _STATE.write_text(json.dumps(state, indent=2))


def main() -> int:
    commands = {"up": up, "down": down, "status": status}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        print("usage: python -m infra up | down | status", file=sys.stderr)
        return 2
    return commands[sys.argv[1]]()


if __name__ == "__main__":
    sys.exit(main())
