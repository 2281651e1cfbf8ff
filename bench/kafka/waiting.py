"""The memory of an adapter that has requests waiting, and does not come to their end."""

import asyncio
import multiprocessing
from pathlib import Path

from bench.kafka.adapter import NoWork, adapter
from bench.kafka.house import Room

_STAY_SECONDS = 10.0


def megabytes(room: Room) -> float:
    """The most that a process of its own had resident, in 10^6 bytes."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_stay, (room,))


def _stay(room: Room) -> float:
    asyncio.run(_hang(room))
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise OSError("the kernel does not tell the memory of this process")


async def _hang(room: Room) -> None:
    async with adapter(room, NoWork(hangs=True)) as handler:
        while not handler.begun:  # noqa: ASYNC110 - an event would cost as much
            await asyncio.sleep(0.1)
        await asyncio.sleep(_STAY_SECONDS)
