"""What the five sidecars cost the mesh: in pages per second, and in processor time.

The mesh as `make run` starts it, and beside its orchestrator a second one that calls the same model
processes themselves: two sets of models differ by some percent, in whatever order they are started.
All send their spans. The orchestrators take turns in short blocks, ABBA, so that what the machine
does meanwhile meets both; in a block as many pages are in flight as keep all cores at work. What is
told of the blocks' ratios is their median, and the interval that holds it with 95 % certainty.
"""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psutil

from bench.report import Figure
from bench.throughput import DOCUMENT, PIPELINE
from pagemesh.aio import AsyncClient
from pagemesh.local_mesh import HOST, MODELS, ORCHESTRATOR, LocalMesh, Service, sidecar_of
from pagemesh.local_mesh.mesh import SHARED_PAGES
from pagemesh.local_mesh.ports import find_ports

TARGET = 0.99
SHARE_TARGET = 0.01
PAGES = 3
"""Pages of a block, each a document's only one: all are in flight together."""
RESAMPLES = 10_000
_PATTERN = (True, False, False, True)


@dataclass(frozen=True, slots=True)
class Block:
    """What one block took, in seconds: by the clock, and of processors, by who used them."""

    seconds: float
    orchestrator: float
    models: float
    sidecars: float

    @property
    def processors(self) -> float:
        """Of all of them."""
        return self.orchestrator + self.models + self.sidecars


@dataclass(slots=True)
class _Side:
    mesh: LocalMesh
    orchestrator: Service
    client: AsyncClient

    async def block(self) -> Block:
        """Read `PAGES` pages together. Raises RuntimeError when one is not read."""
        before, started = self._processor_seconds(), time.perf_counter()
        await asyncio.gather(*(self._read() for _ in range(PAGES)))
        seconds, after = time.perf_counter() - started, self._processor_seconds()
        return Block(seconds, *(b - a for a, b in zip(before, after, strict=True)))

    async def _read(self) -> None:
        result = await self.client.analyze(DOCUMENT, pipeline=PIPELINE, pages="1").collect()
        if result.document.pages.ok != 1:
            raise RuntimeError(f"{DOCUMENT} was not read: {result.document.pages}")

    def _processor_seconds(self) -> tuple[float, float, float]:
        """Of the orchestrator, of the models, of the sidecars, so far."""
        services = self.mesh.services
        return (
            _spent(self.orchestrator),
            sum(_spent(services[name]) for name in MODELS),
            sum(_spent(services[sidecar_of(name)]) for name in MODELS),
        )


async def measure_sidecars(rounds: int) -> list[Figure]:
    """All figures, of `rounds` times four blocks."""
    blocks: dict[bool, list[Block]] = {True: [], False: []}
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        mesh = await stack.enter_async_context(
            LocalMesh(folder, 0, lambda _: None, with_gateway=False)
        )
        direct = await stack.enter_async_context(_direct_orchestrator(mesh, folder))
        sides = {
            has_sidecars: _Side(
                mesh, service, await stack.enter_async_context(AsyncClient(service.address))
            )
            for has_sidecars, service in ((True, mesh.services[ORCHESTRATOR]), (False, direct))
        }
        for side in sides.values():
            await side.block()
        for _ in range(rounds):
            for has_sidecars in _PATTERN:
                block = await sides[has_sidecars].block()
                blocks[has_sidecars].append(block)
                print("with   " if has_sidecars else "without", block, flush=True)
    return figures_of(blocks[True], blocks[False])


@contextlib.asynccontextmanager
async def _direct_orchestrator(mesh: LocalMesh, folder: Path) -> AsyncIterator[Service]:
    """One like the mesh's own, but calling the models at the sockets behind their sidecars."""
    own = mesh.services[ORCHESTRATOR]
    port = find_ports(0)[ORCHESTRATOR]
    environ = psutil.Process(_running(own).pid).environ()
    variables = {
        f"PAGEMESH_ORCHESTRATOR_{name.upper()}_TARGET": mesh.services[sidecar_of(name)].variables[
            "PAGEMESH_SIDECAR_UPSTREAM"
        ]
        for name in MODELS
    } | {
        "PAGEMESH_ORCHESTRATOR_HOST": HOST,
        "PAGEMESH_ORCHESTRATOR_PORT": str(port),
        "PAGEMESH_ORCHESTRATOR_STATE_DIR": str(folder / "direct"),
        SHARED_PAGES: str(Path(environ[SHARED_PAGES]) / "direct"),
    }
    log = folder / "logs" / "direct.log"
    service = Service(ORCHESTRATOR, own.command, f"{HOST}:{port}", log, variables=variables)
    try:
        await service.spawn(environ)
        await service.serving()
        yield service
    finally:
        await service.end()


def figures_of(own: Sequence[Block], other: Sequence[Block]) -> list[Figure]:
    """Of blocks with sidecars and those without beside them."""
    pairs = list(zip(own, other, strict=True))
    share = sum(block.sidecars for block in own) / sum(block.processors for block in own)
    return [
        _paired(
            "mesh throughput with five sidecars",
            "pages/s",
            [(PAGES / a.seconds, PAGES / b.seconds) for a, b in pairs],
        ),
        _paired(
            "pages by processor time with five sidecars",
            "pages/s",
            [(PAGES / a.processors, PAGES / b.processors) for a, b in pairs],
        ),
        Figure(
            name="processor time of five sidecars",
            value=sum(block.sidecars for block in own) / len(own) / PAGES,
            unit="s/page",
            compared_with="all processes of the mesh",
            baseline=sum(block.processors for block in own) / len(own) / PAGES,
            ratio=share,
            target=f"<= {SHARE_TARGET}",
            met=share <= SHARE_TARGET,
        ),
    ]


def _paired(name: str, unit: str, pairs: Sequence[tuple[float, float]]) -> Figure:
    ratios = [a / b for a, b in pairs]
    low, high = interval_of_median(ratios)
    return Figure(
        name=name,
        value=median(a for a, _ in pairs),
        unit=unit,
        compared_with="the same models called without sidecars",
        baseline=median(b for _, b in pairs),
        ratio=median(ratios),
        interval=(low, high),
        target=f">= {TARGET}",
        met=None if low < TARGET <= high else low >= TARGET,
    )


def interval_of_median(values: Sequence[float]) -> tuple[float, float]:
    """Where the median lies with 95 % certainty, by bootstrap."""
    samples: Any = np.random.default_rng(0).choice(values, (RESAMPLES, len(values)))
    low, high = np.percentile(np.median(samples, axis=1), (2.5, 97.5))
    return float(low), float(high)


def _spent(service: Service) -> float:
    """User and system time so far of a process with its children, in seconds."""
    process = psutil.Process(_running(service).pid)
    spent = 0.0
    for member in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):  # a page's worker has ended
            times = member.cpu_times()
            spent += times.user + times.system
    return spent


def _running(service: Service) -> asyncio.subprocess.Process:
    if service.process is None:
        raise RuntimeError(f"{service.name} does not run")
    return service.process
