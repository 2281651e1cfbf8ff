"""A process's memory stays where it is over many calls, and while a long stream goes through.

`make bench-sidecar` measures the same over more calls and bytes, against its targets.
"""

import asyncio
from pathlib import Path

from tests.integration.sidecar.test_telemetry import sidecar

CALLS, CALLERS = 3000, 8
STREAM = b"200 1000000"


def memory_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("the process has no memory")


async def test_memory_stays_where_it_is() -> None:
    async with sidecar(None) as running:
        unary = running.channel.unary_unary("/test.Echo/Unary")

        async def some(calls: int) -> None:
            for _ in range(calls):
                await unary(bytes(1000))

        pid = running.process.pid
        await asyncio.gather(*(some(CALLS // CALLERS) for _ in range(CALLERS)))
        before = memory_mb(pid)
        await asyncio.gather(*(some(2 * CALLS // CALLERS) for _ in range(CALLERS)))
        assert memory_mb(pid) - before < 8  # a leak of 2 KB a call would show

        peak = 0.0
        async for message in running.channel.unary_stream("/test.Echo/Repeat")(STREAM):
            assert len(message) == 1_000_000
            peak = max(peak, memory_mb(pid))
        assert peak - before < 40  # of 200 MB that went through
