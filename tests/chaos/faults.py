"""Faults: each begins, lasts a moment, and ends."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from tests.chaos import packets
from tests.chaos.house import House
from tests.chaos.link import Weather
from tests.chaos.slow_disk import SlowDisk

_HOUR = 3600
_LOST_SHARES = (0.1, 0.3, 0.5)
_WRITES_PER_SECOND = (2, 5, 20)
_BAD_WEATHER = [weather for weather in Weather if weather is not Weather.FAIR]


class Tormentor:
    """Does one thing after the other to a house, chosen by a seed.

    Attributes:
        done: faults by their names.
        lost: packets that were dropped, by link.

    Args:
        loses_packets: whether the network is its own (`packets.leave_network`).
    """

    def __init__(self, house: House, seed: int, *, loses_packets: bool) -> None:
        self._house = house
        self._chance = random.Random(seed)  # noqa: S311 - chance, not a secret
        self._loses_packets = loses_packets
        disks = house.disks.items()
        self._slow_disks = {name: disk for name, disk in disks if isinstance(disk, SlowDisk)}
        self.done: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()

    async def torment(self, seconds: float) -> None:
        """Go on for so long; every fault has ended after that."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        kinds = [fault for _, fault, is_possible in self._kinds() if is_possible]
        while loop.time() < until:
            name = await self._chance.choice(kinds)()
            self.done[name] += 1
            await asyncio.sleep(self._chance.uniform(0, 1))

    @property
    def left_out(self) -> list[str]:
        """Faults that cannot be made here."""
        return [*dict.fromkeys(name for name, _, can in self._kinds() if not can)]

    def _kinds(self) -> list[tuple[str, Callable[[], Awaitable[str]], bool]]:
        """Each with its name and whether it can be made here."""
        slow = self._slow_disks.values()
        return [
            ("kill -9", self._kill, True),
            ("SIGSTOP", self._stop, True),
            *[("links", self._spoil, True)] * 2,
            ("full disks", self._fill, bool(self._house.disks)),
            ("stopped disks", self._hold, bool(slow)),
            ("slow disks", self._slow, any(disk.can_slow for disk in slow)),
            ("clocks that jump", self._jump, bool(self._house.clocks)),
            *[("lost packets", self._lose, self._loses_packets)] * 2,
        ]

    def _lasting(self) -> float:
        return self._chance.uniform(0.2, 4)

    async def _kill(self) -> str:
        process = self._chance.choice(self._house.processes)
        await asyncio.to_thread(process.kill)
        await asyncio.sleep(self._chance.uniform(0, 1))
        process.start()
        return f"kill -9 {process.name}"

    async def _stop(self) -> str:
        process = self._chance.choice(self._house.processes)
        process.pause()
        await asyncio.sleep(self._lasting())
        process.resume()
        return f"SIGSTOP {process.name}"

    async def _spoil(self) -> str:
        link, weather = self._chance.choice(self._house.links), self._chance.choice(_BAD_WEATHER)
        link.set(weather)
        await asyncio.sleep(self._lasting())
        link.set(Weather.FAIR)
        return f"{weather}: {link.name}"

    async def _fill(self) -> str:
        name, disk = self._chance.choice(sorted(self._house.disks.items()))
        await asyncio.to_thread(disk.fill)
        await asyncio.sleep(self._lasting())
        disk.clear()
        return f"full disk: {name}"

    async def _slow(self) -> str:
        name, disk = self._chance.choice(sorted(self._slow_disks.items()))
        writes = self._chance.choice(_WRITES_PER_SECOND)
        disk.slow(writes)
        await asyncio.sleep(2 * self._lasting())
        disk.slow(0)
        return f"slow disk, {writes} writes a second: {name}"

    async def _hold(self) -> str:
        name, disk = self._chance.choice(sorted(self._slow_disks.items()))
        async with AsyncExitStack() as stack:
            stopped = disk.stopped()
            await asyncio.to_thread(stopped.__enter__)
            stack.push_async_callback(asyncio.to_thread, stopped.__exit__, None, None, None)
            await asyncio.sleep(self._lasting())
        return f"stopped disk: {name}"

    async def _jump(self) -> str:
        name, clock = self._chance.choice(sorted(self._house.clocks.items()))
        hours = self._chance.choice((-24, -1, 1, 24))
        clock.jump(hours * _HOUR)
        await asyncio.sleep(clock.LOOK_SECONDS + self._lasting())
        clock.jump(0)
        return f"clock jumps {hours:+} h and back: {name}"

    async def _lose(self) -> str:
        link, share = self._chance.choice(self._house.links), self._chance.choice(_LOST_SHARES)
        await asyncio.to_thread(packets.lose, link.port, share)
        await asyncio.sleep(2 * self._lasting())
        self.lost[link.name] += await asyncio.to_thread(packets.lose_none)
        return f"{share:.0%} of packets lost: {link.name}"
