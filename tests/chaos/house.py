"""Everything that runs: gateway, orchestrator, sidecar and models, with a link between any two."""

import asyncio
import contextlib
import itertools
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestrator.config import MODELS
from pagemesh.traces.receiver import SpanReceiver
from pagemesh.traces.store import SpanStore
from tests.chaos.clock import Clock
from tests.chaos.disk import SmallDisk, small_disk
from tests.chaos.link import Link
from tests.chaos.slow_disk import slow_disk
from tests.faults.processes import Process

_DISK_MEGABYTES = 192
"""Room for all uploads of a run of a hundred requests by each door."""
_DAMAGED_SHARE = 0.03


@dataclass(frozen=True)
class House:
    """What runs.

    Attributes:
        processes, links: that faults may hit.
        disks: of orchestrator and gateway by their names; none where nothing may be mounted.
        clocks: of the same; none without libfaketime.
        orchestrator, gateway: addresses for clients.
    """

    processes: list[Process]
    links: list[Link]
    disks: dict[str, SmallDisk]
    clocks: dict[str, Clock]
    orchestrator: str
    gateway: str


def _variables(room: str, **given: object) -> dict[str, str]:
    return {f"PAGEMESH_{room}_{name.upper()}": str(value) for name, value in given.items()}


@contextlib.asynccontextmanager
async def running_house(folder: Path, seed: int) -> AsyncIterator[House]:
    """The house, until the block ends."""
    async with contextlib.AsyncExitStack() as stack:
        disks = {}
        with contextlib.suppress(PermissionError):
            for name in ("orchestrator", "gateway"):
                disks[name] = stack.enter_context(_disk(folder / name))
        clocks = {}
        with contextlib.suppress(FileNotFoundError):
            for name in ("orchestrator", "gateway"):
                clocks[name] = Clock(folder / f"{name}.clock")
        spans = SpanStore(folder / "spans.sqlite3")
        stack.callback(spans.close)
        collector = await stack.enter_async_context(SpanReceiver(spans, "").running())
        port = int(collector.split(":")[2].split("/")[0])
        house = _planned(folder, seed, port, disks, clocks)
        for link in house.links:
            await stack.enter_async_context(link.running())
        for process in house.processes:
            stack.push_async_callback(asyncio.to_thread, process.kill)
            process.start()
        yield house


@contextlib.contextmanager
def _disk(folder: Path) -> Iterator[SmallDisk]:
    """One that can be slowed; where there are no loop devices, one that can at least be filled."""
    with contextlib.ExitStack() as stack:
        try:
            disk: SmallDisk = stack.enter_context(slow_disk(folder, _DISK_MEGABYTES))
        except PermissionError:
            disk = stack.enter_context(small_disk(folder, _DISK_MEGABYTES))
        yield disk


def _free_ports() -> Iterator[int]:
    """Ports that no connection takes by chance while a process that listens there is away."""
    for port in itertools.count(21_000):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            yield port


def _planned(
    folder: Path,
    seed: int,
    collector: int,
    disks: dict[str, SmallDisk],
    clocks: dict[str, Clock],
) -> House:
    free = _free_ports()
    names = ("gateway", "orchestrator", "ocr-sidecar", "ocr", "models")
    port = dict(zip(names, free, strict=False))
    links = {
        name: Link(name, next(free), target)
        for name, target in {
            "gateway to orchestrator": port["orchestrator"],
            "orchestrator to models": port["models"],
            "orchestrator to ocr-sidecar": port["ocr-sidecar"],
            "ocr-sidecar to ocr": port["ocr"],
            "all to collector": collector,
        }.items()
    }
    via = {name: f"127.0.0.1:{link.port}" for name, link in links.items()}
    telemetry = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{via['all to collector']}",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    }
    targets = {f"{model}_target": via["orchestrator to models"] for model in MODELS}
    targets["ocr_target"] = via["orchestrator to ocr-sidecar"]
    uploads = folder / "gateway" / "uploads"
    orchestrator = _variables(
        "ORCHESTRATOR",
        **targets,
        port=port["orchestrator"],
        state_dir=folder / "orchestrator",
        file_roots=uploads,
        store_lease_seconds=1,
        breaker_reset_seconds=1,
    )
    gateway = _variables(
        "GATEWAY",
        port=port["gateway"],
        state_dir=folder / "gateway",
        orchestrator_target=via["gateway to orchestrator"],
    )
    sidecar = _variables(
        "SIDECAR",
        name="ocr",
        listen=f"127.0.0.1:{port['ocr-sidecar']}",
        upstream=via["ocr-sidecar to ocr"],
        upstream_keepalive_seconds=1,
        upstream_keepalive_timeout_seconds=2,
    )
    for name, variables in (("orchestrator", orchestrator), ("gateway", gateway)):
        variables.update(clocks[name].variables if name in clocks else {})
    model = "tests.chaos.model"
    processes = [
        Process("models", [model, str(port["models"]), "0", str(seed)], telemetry, folder),
        Process(
            "ocr", [model, str(port["ocr"]), str(_DAMAGED_SHARE), str(seed)], telemetry, folder
        ),
        Process("ocr-sidecar", ["sidecar", "ocr"], sidecar | telemetry, folder),
        Process("orchestrator", ["orchestrator"], orchestrator | telemetry, folder),
        Process("gateway", ["gateway"], gateway | telemetry, folder),
    ]
    return House(
        processes,
        list(links.values()),
        disks,
        clocks,
        f"127.0.0.1:{port['orchestrator']}",
        f"http://127.0.0.1:{port['gateway']}",
    )
