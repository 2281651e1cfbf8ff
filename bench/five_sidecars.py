"""What the five sidecars cost the mesh: in pages per second, and in processor time.

The mesh as `make run` starts it, beside one whose orchestrator calls the models themselves; both
send their spans. They take turns in short blocks, ABBA, so that what the machine does meanwhile
meets both; in a block as many pages are in flight as keep all cores at work. What is told of the
blocks' ratios is their median, and the interval that holds it with 95 % certainty.
"""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psutil

from bench.report import Figure
from bench.throughput import DOCUMENT, PIPELINE
from pagemesh.aio import AsyncClient
from pagemesh.local_mesh import MODELS, LocalMesh, sidecar_of

TARGET = 0.99
SHARE_TARGET = 0.01
PAGES = 3
"""Pages of a block, each a document's only one: all are in flight together."""
RESAMPLES = 10_000
_PATTERN = (True, False, False, True)


@dataclass(frozen=True, slots=True)
class Block:
    """What one block took, in seconds: by the clock, of processors, of those the sidecars'."""

    seconds: float
    processors: float
    sidecars: float


@dataclass(slots=True)
class _Side:
    mesh: LocalMesh
    client: AsyncClient

    async def block(self) -> Block:
        """Read `PAGES` pages together. Raises RuntimeError when one is not read."""
        before, started = _processor_seconds(self.mesh), time.perf_counter()
        await asyncio.gather(*(self._read() for _ in range(PAGES)))
        seconds, after = time.perf_counter() - started, _processor_seconds(self.mesh)
        return Block(seconds, after[0] - before[0], after[1] - before[1])

    async def _read(self) -> None:
        result = await self.client.analyze(DOCUMENT, pipeline=PIPELINE, pages="1").collect()
        if result.document.pages.ok != 1:
            raise RuntimeError(f"{DOCUMENT} was not read: {result.document.pages}")


async def measure_sidecars(rounds: int) -> list[Figure]:
    """All figures, of `rounds` times four blocks."""
    blocks: dict[bool, list[Block]] = {True: [], False: []}
    async with contextlib.AsyncExitStack() as stack:
        sides = {has: await _side(stack, has_sidecars=has) for has in blocks}
        for side in sides.values():
            await side.block()
        for _ in range(rounds):
            for has_sidecars in _PATTERN:
                block = await sides[has_sidecars].block()
                blocks[has_sidecars].append(block)
                print("with   " if has_sidecars else "without", block, flush=True)
    return figures_of(blocks[True], blocks[False])


async def _side(stack: contextlib.AsyncExitStack, *, has_sidecars: bool) -> _Side:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    mesh = LocalMesh(folder, 0, lambda _: None, with_sidecars=has_sidecars)
    await stack.enter_async_context(mesh)
    return _Side(mesh, await stack.enter_async_context(AsyncClient(mesh.address)))


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
        compared_with="the same mesh without sidecars",
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


def _processor_seconds(mesh: LocalMesh) -> tuple[float, float]:
    """User and system time so far, of all processes with their children, and of the sidecars."""
    whole, sidecars = 0.0, 0.0
    for name, service in mesh.services.items():
        if service.process is None:
            raise RuntimeError(f"{name} does not run")
        process = psutil.Process(service.process.pid)
        spent = 0.0
        for member in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):  # a page's worker has ended
                times = member.cpu_times()
                spent += times.user + times.system
        whole += spent
        if name in map(sidecar_of, MODELS):
            sidecars += spent
    return whole, sidecars
