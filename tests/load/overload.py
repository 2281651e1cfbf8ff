"""Twice as much as the mesh can do, for long: it keeps its pace, refuses the rest, and recovers.

`python -m tests.load.overload --minutes 10` (`make overload MINUTES=10`). First what it can do is
measured with a few documents at once; then a greedy client sends twice that, at random moments, and
a modest one sends a document whenever its last one is done. Exits 0 when

- as much is finished as at the peak (95 %),
- what is refused is refused with RESOURCE_EXHAUSTED and a time to retry,
- no accepted document takes longer than twice the time that a full queue needs,
- the modest client is never refused, and waits for a few documents at most,
- memory stays within a quarter of what it was at the peak,
- a document is read as quickly as before within 10 s of the end.
"""

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

import grpc
from rich.console import Console

from meshkit.errors import PagemeshError
from pagemesh.aio import AsyncClient
from pagemesh.local_mesh import LocalMesh
from tests.load.watching import DISK, Watch

_DOCUMENT = Path(__file__).parents[2] / "samples" / "ticked_and_signed.png"
_AT_WORK, _QUEUED = 4, 12
"""As the orchestrator is configured here: a queue of some seconds, for machines with few cores."""
_PEAK_SHARE = 0.95
_RECOVERY_SECONDS = 10.0


Say = Callable[[str], None]


@dataclass
class Tally:
    """What became of documents.

    Attributes:
        seconds: that each finished one took.
        refused: how many were.
        wrong: ends that must not be, a line each.
    """

    seconds: list[float] = field(default_factory=list)
    refused: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def middle(self) -> float:
        """Seconds in the middle; 0 when none is finished."""
        return median(self.seconds) if self.seconds else 0.0

    async def read(self, client: AsyncClient) -> None:
        """Read a document."""
        started = time.monotonic()
        try:
            stream = client.analyze(_DOCUMENT, options={"ocr.tier": "fast"}, timeout=600)
            async for page in stream:
                if page.error.message:
                    self.wrong.append(page.error.message)
            self.seconds.append(time.monotonic() - started)
        except PagemeshError as error:
            self.refused += 1
            if error.code is not grpc.StatusCode.RESOURCE_EXHAUSTED or not error.retry_after:
                self.wrong.append(f"{error.code.name}: {error.message}")


async def _in_turn(tally: Tally, client: AsyncClient, until: float) -> None:
    while time.monotonic() < until:
        await tally.read(client)


async def _peak(client: AsyncClient, seconds: float) -> float:
    """Documents a second with a few at once."""
    tally, started = Tally(), time.monotonic()
    async with asyncio.TaskGroup() as group:
        for _ in range(_AT_WORK):
            group.create_task(_in_turn(tally, client, started + seconds))
    return len(tally.seconds) / (time.monotonic() - started)


async def _flood(client: AsyncClient, rate: float, until: float, chance: random.Random) -> Tally:
    """Documents at random moments, `rate` a second; those unfinished at the end are given up."""
    tally, reading = Tally(), set[asyncio.Task[None]]()
    while time.monotonic() < until:
        task = asyncio.create_task(tally.read(client))
        reading.add(task)
        task.add_done_callback(reading.discard)
        await asyncio.sleep(chance.expovariate(rate))
    for task in reading:
        task.cancel()
    await asyncio.gather(*reading, return_exceptions=True)
    return tally


async def _recovery(client: AsyncClient, usual: float) -> float:
    """Seconds until a document is read about as quickly as on a mesh that has nothing to do."""
    started = time.monotonic()
    while time.monotonic() < started + 6 * _RECOVERY_SECONDS:
        begun, tally = time.monotonic(), Tally()
        await tally.read(client)
        if tally.seconds and tally.seconds[0] <= 1.5 * usual:
            return begun - started
    return float("inf")


def _most(watch: Watch) -> dict[str, float]:
    return {
        name: max(sample.megabytes for sample in samples)
        for name, samples in watch.samples.items()
        if name != DISK
    }


async def _overload(folder: Path, minutes: float, seed: int) -> list[str]:
    say = Console(highlight=False, soft_wrap=True).print
    chance = random.Random(seed)  # noqa: S311 - moments of arrival
    async with AsyncExitStack() as stack:
        mesh = await stack.enter_async_context(LocalMesh(folder, None, say, with_gateway=False))
        greedy, modest = [
            await stack.enter_async_context(AsyncClient(mesh.address, caller=name))
            for name in ("greedy", "modest")
        ]
        alone = Tally()
        for _ in range(5):
            await alone.read(modest)
        usual = alone.middle
        before, during = Watch(mesh, folder, 1.0), Watch(mesh, folder, 1.0)
        async with before.running():
            peak = await _peak(greedy, 60.0)
        until, own = time.monotonic() + 60 * minutes, Tally()
        async with during.running():
            flood, _ = await asyncio.gather(
                _flood(greedy, 2 * peak, until, chance), _in_turn(own, modest, until)
            )
        recovery = await _recovery(modest, usual)
        goodput = (len(flood.seconds) + len(own.seconds)) / (60 * minutes)
        full = (_AT_WORK + _QUEUED) / peak
        say(f"peak {peak:.2f} documents/s; at twice that {goodput:.2f}, {goodput / peak:.3f} of it")
        say(f"greedy: {len(flood.seconds)} read, {flood.refused} refused, {_late(flood)}")
        say(f"modest: {len(own.seconds)} read, {own.refused} refused, {_late(own)}")
        say(f"alone {usual:.2f} s; a full queue takes {full:.1f} s; recovered in {recovery:.1f} s")
        grown = _grown(_most(before), _most(during), say)
    judgements = {
        "less is finished than at the peak": goodput < _PEAK_SHARE * peak,
        "nothing was refused: this was no overload": not flood.refused,
        "the greedy client gets nothing": not flood.seconds,
        "accepted documents wait too long": max(flood.seconds, default=0.0) > 2 * full,
        "the modest client was refused": own.refused > 0,
        "the modest client gets nothing": not own.seconds,
        "the modest client waits for the greedy one": own.middle > full / 2,
        "it does not recover": recovery > _RECOVERY_SECONDS,
        **{f"{name} died": True for name in during.deaths},
        **{f"{name} outgrew its peak": True for name in grown},
    }
    return [*flood.wrong, *own.wrong, *(text for text, is_so in judgements.items() if is_so)]


def _late(tally: Tally) -> str:
    if len(tally.seconds) < 2:
        return f"{tally.middle:.1f} s"
    late = quantiles(tally.seconds, n=100)[98]
    return f"{tally.middle:.1f} s in the middle, {late:.1f} s at the 99th percentile"


def _grown(peak: dict[str, float], now: dict[str, float], say: Say) -> list[str]:
    for name, megabytes in now.items():
        say(f"{name:20} {peak[name]:5.0f} MB at the peak, {megabytes:5.0f} MB at twice that")
    return [name for name, megabytes in now.items() if megabytes > 1.25 * peak[name] + 25]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    os.environ["PAGEMESH_ORCHESTRATOR_MAX_DOCUMENTS"] = str(_AT_WORK)
    os.environ["PAGEMESH_ORCHESTRATOR_MAX_QUEUED_DOCUMENTS"] = str(_QUEUED)
    with tempfile.TemporaryDirectory(prefix="overload-") as folder:
        wrong = asyncio.run(_overload(Path(folder), options.minutes, options.seed))
    for line in wrong:
        sys.stdout.write(f"WRONG {line}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
