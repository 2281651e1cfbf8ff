"""Latency and processor time that the sidecar and Envoy add to a call.

The routes take turns of a few calls each, so whatever else the machine does meets all of them. A
round gives a median and a 99th percentile for each route, and with them what each proxy added and
how that compares; of rounds, medians are told.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Any

import grpc

from bench.sidecar.echo import OPTIONS, STREAM, UNARY
from bench.sidecar.processes import Place, Process

DIRECT, SIDECAR, ENVOY = "direct", "sidecar", "envoy"
SIZES = {"1 KB": 1000, "100 KB": 100_000, "500 KB": 500_000, "2 MB": 2_000_000}
KINDS = ("unary", "streamed")
CALLERS = (1, 8)
CALLS_OF_A_TURN = 4
WARM_UP_CALLS = 30


@dataclass(frozen=True, slots=True)
class Cell:
    """One way of calling."""

    size: str
    kind: str
    callers: int

    def __str__(self) -> str:
        return f"{self.size}, {self.kind}, {self.callers} caller{'s' if self.callers > 1 else ''}"


@dataclass(frozen=True, slots=True)
class Added:
    """What a proxy added to a call, in milliseconds."""

    p50: float
    p99: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Result:
    """A cell's medians over rounds, in milliseconds.

    Attributes:
        calls: calls of each route.
        direct_p50, direct_p99: without a proxy.
        added: by proxy.
        ratios: `p50`, `p99`, `cpu`: the sidecar's over Envoy's; one is missing without Envoy, or
            when what Envoy added could not be told from noise.
    """

    cell: Cell
    calls: int
    direct_p50: float
    direct_p99: float
    added: dict[str, Added]
    ratios: dict[str, float]


@dataclass(slots=True)
class _Round:
    """Seconds of calls by route, and processor seconds by proxy."""

    seconds: dict[str, list[float]]
    cpu: dict[str, float] = field(default_factory=dict)

    def p50(self, route: str) -> float:
        return median(self.seconds[route]) * 1e3

    def p99(self, route: str) -> float:
        return quantiles(self.seconds[route], n=100, method="inclusive")[98] * 1e3

    def added(self, route: str) -> Added:
        cpu = self.cpu[route] / len(self.seconds[route]) * 1e3
        return Added(self.p50(route) - self.p50(DIRECT), self.p99(route) - self.p99(DIRECT), cpu)


class Caller:
    """Makes one call, or sends one message of a stream and waits for its answer."""

    def __init__(self, channel: Any, kind: str) -> None:
        self._unary = channel.unary_unary(UNARY)
        self._stream = channel.stream_stream(STREAM)() if kind == "streamed" else None

    async def call(self, message: bytes) -> float:
        """Seconds until the answer was there."""
        started = time.perf_counter()
        if self._stream is None:
            answer = await self._unary(message)
        else:
            await self._stream.write(message)
            answer = await self._stream.read()
        seconds = time.perf_counter() - started
        if len(answer) != len(message):
            raise RuntimeError("the answer is not what was sent")
        return seconds

    async def close(self) -> None:
        """End the stream, if there is one."""
        if self._stream is not None:
            await self._stream.done_writing()
            await self._stream.read()


async def measure(place: Place, cells: Sequence[Cell], rounds: int, seconds: float) -> list[Result]:
    """Measure each cell in `rounds` rounds of so many seconds."""
    return [await _measure_cell(place, cell, rounds, seconds) for cell in cells]


async def _measure_cell(place: Place, cell: Cell, rounds: int, seconds: float) -> Result:
    proxies = {SIDECAR: place.sidecar} | ({ENVOY: place.envoy} if place.envoy else {})
    addresses = {DIRECT: place.model.address} | {n: p.address for n, p in proxies.items()}
    message = bytes(SIZES[cell.size])
    async with AsyncExitStack() as stack:
        routes = {
            name: await stack.enter_async_context(_callers(address, cell))
            for name, address in addresses.items()
        }
        for callers in routes.values():
            await _turn(callers, message, WARM_UP_CALLS)
        done = [await _round(routes, proxies, message, seconds) for _ in range(rounds)]
    return _summary(cell, done, list(proxies))


@asynccontextmanager
async def _callers(address: str, cell: Cell) -> AsyncIterator[list[Caller]]:
    """Callers that share a channel, as the tasks of one process do."""
    options = [*OPTIONS, ("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(address, options=options) as channel:
        callers = [Caller(channel, cell.kind) for _ in range(cell.callers)]
        yield callers
        for caller in callers:
            await caller.close()


async def _round(
    routes: dict[str, list[Caller]],
    proxies: dict[str, Process],
    message: bytes,
    seconds: float,
) -> _Round:
    found = _Round({name: [] for name in routes})
    before = {name: proxy.cpu_seconds() for name, proxy in proxies.items()}
    order, end = list(routes), time.monotonic() + seconds
    while time.monotonic() < end:
        for name in order:
            found.seconds[name] += await _turn(routes[name], message, CALLS_OF_A_TURN)
        order = order[1:] + order[:1]
    for name, proxy in proxies.items():
        found.cpu[name] = proxy.cpu_seconds() - before[name]
    return found


async def _turn(callers: list[Caller], message: bytes, calls: int) -> list[float]:
    async def calls_of(caller: Caller) -> list[float]:
        return [await caller.call(message) for _ in range(calls)]

    return [seconds for of in await asyncio.gather(*map(calls_of, callers)) for seconds in of]


def _summary(cell: Cell, rounds: list[_Round], proxies: list[str]) -> Result:
    added = {}
    for proxy in proxies:
        each = [one.added(proxy) for one in rounds]
        added[proxy] = Added(
            median(a.p50 for a in each), median(a.p99 for a in each), median(a.cpu for a in each)
        )
    return Result(
        cell=cell,
        calls=sum(len(one.seconds[DIRECT]) for one in rounds),
        direct_p50=median(one.p50(DIRECT) for one in rounds),
        direct_p99=median(one.p99(DIRECT) for one in rounds),
        added=added,
        ratios=_ratios(rounds) if ENVOY in proxies else {},
    )


def _ratios(rounds: list[_Round]) -> dict[str, float]:
    """Of medians and processor time the rounds' median ratio; a round's 99th percentile is too
    unsteady for that, so of those the ratio of the rounds' medians."""
    pairs = [(one.added(SIDECAR), one.added(ENVOY)) for one in rounds]
    found = {"cpu": median(own.cpu / other.cpu for own, other in pairs)}
    if all(other.p50 > 0 for _, other in pairs):
        found["p50"] = median(own.p50 / other.p50 for own, other in pairs)
    tail = median(other.p99 for _, other in pairs)
    if tail > 0:
        found["p99"] = median(own.p99 for own, _ in pairs) / tail
    return found
