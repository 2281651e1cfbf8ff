"""The sidecar's memory: at rest, over many calls, while a long stream goes through."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc

from bench.report import Figure
from bench.sidecar.echo import CHUNK, FLOW, OPTIONS, UNARY
from bench.sidecar.processes import Process

IDLE_TARGET_MB, GROWTH_TARGET_MB, STREAM_TARGET_MB = 60.0, 2.0, 100.0
CALLERS = 8
SETTLE_SECONDS = 3.0


async def measure_memory(sidecar: Process, calls: int, stream_mb: int) -> list[Figure]:
    """At rest; growth over `calls` calls after a tenth as many; the peak of a stream."""
    await asyncio.sleep(SETTLE_SECONDS)
    idle = sidecar.memory_mb()
    before = await _memory_after(sidecar, calls // 10)
    growth = await _memory_after(sidecar, calls) - before
    peak = await _peak_of_stream(sidecar, stream_mb)
    return [
        _figure("memory of an idle sidecar", idle, f"<= {IDLE_TARGET_MB:.0f} MB", IDLE_TARGET_MB),
        Figure(
            name=f"sidecar's memory after {calls} calls, over that after {calls // 10}",
            value=growth,
            unit="MB",
            compared_with=f"after {calls // 10} calls",
            baseline=before,
            target=f"within {GROWTH_TARGET_MB:.0f} MB",
            met=abs(growth) <= GROWTH_TARGET_MB,
        ),
        _figure(
            f"sidecar's peak memory while {stream_mb} MB stream through it",
            peak,
            f"< {STREAM_TARGET_MB:.0f} MB",
            STREAM_TARGET_MB,
        ),
    ]


def _figure(name: str, value: float, target: str, most: float) -> Figure:
    return Figure(name=name, value=value, unit="MB", target=target, met=value <= most)


async def _memory_after(sidecar: Process, calls: int) -> float:
    async with _channel(sidecar) as channel:
        unary = channel.unary_unary(UNARY)

        async def some() -> None:
            for _ in range(calls // CALLERS):
                await unary(bytes(1000))

        await asyncio.gather(*(some() for _ in range(CALLERS)))
    await asyncio.sleep(SETTLE_SECONDS)
    return sidecar.memory_mb()


async def _peak_of_stream(sidecar: Process, megabytes: int) -> float:
    sidecar.forget_peak()
    async with _channel(sidecar) as channel:
        received = 0
        async for message in channel.unary_stream(FLOW)(b"%d" % megabytes):
            received += len(message)
    if received != megabytes * CHUNK:
        raise RuntimeError(f"{received} bytes came of {megabytes} MB")
    return sidecar.memory_mb(peak=True)


@asynccontextmanager
async def _channel(sidecar: Process) -> AsyncIterator[Any]:
    async with grpc.aio.insecure_channel(sidecar.address, options=OPTIONS) as channel:
        yield channel
