"""Faults: each begins, lasts a moment, and ends."""

import asyncio
import random
from collections import Counter

from tests.chaos import packets
from tests.chaos.house import House
from tests.chaos.link import Weather

_HOUR = 3600
_BAD_WEATHER = [weather for weather in Weather if weather is not Weather.FAIR]


class Tormentor:
    """Does one thing after the other to a house, chosen by a seed.

    Attributes:
        done: faults by their names.
        lost: packets that were dropped.

    Args:
        loses_packets: whether the network is its own (`packets.leave_network`).
    """

    def __init__(self, house: House, seed: int, *, loses_packets: bool) -> None:
        self._house = house
        self._chance = random.Random(seed)  # noqa: S311 - chance, not a secret
        self._loses_packets = loses_packets
        self.done: Counter[str] = Counter()
        self.lost = 0

    async def torment(self, seconds: float) -> None:
        """Go on for so long; every fault has ended after that."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        kinds = [self._kill, self._stop, *[self._spoil] * 2]
        kinds += [self._fill] if self._house.disks else []
        kinds += [self._jump] if self._house.clocks else []
        kinds += [self._lose] if self._loses_packets else []
        while loop.time() < until:
            name = await self._chance.choice(kinds)()
            self.done[name] += 1
            await asyncio.sleep(self._chance.uniform(0, 1))

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

    async def _jump(self) -> str:
        name, clock = self._chance.choice(sorted(self._house.clocks.items()))
        hours = self._chance.choice((-24, -1, 1, 24))
        clock.jump(hours * _HOUR)
        await asyncio.sleep(1 + self._lasting())
        clock.jump(0)
        return f"clock jumps {hours:+} h and back: {name}"

    async def _lose(self) -> str:
        link, share = self._chance.choice(self._house.links), self._chance.choice((0.05, 0.2, 0.4))
        await asyncio.to_thread(packets.lose, link.port, share)
        await asyncio.sleep(self._lasting())
        self.lost += await asyncio.to_thread(packets.lose_none)
        return f"{share:.0%} of packets lost: {link.name}"
