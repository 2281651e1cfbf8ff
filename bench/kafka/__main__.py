"""Measure the Kafka door, print the table, and write bench/results.json."""

import argparse
import asyncio
from statistics import median, quantiles

from bench.__main__ import RESULTS
from bench.kafka import adapter, bare, latency, waiting, whole
from bench.kafka.house import House, house
from bench.report import Figure, show, write

TARGET = 0.5
FEW, MANY = 10_000, 100_000
_MOST_GROWTH = 1.1
_TIMED = 300
WHOLE_TARGET = 0.97
_DOCUMENTS, _WHOLE_ROUNDS = 16, 3


async def measure_adapter(services: House, rounds: int, count: int) -> Figure:
    """Requests a second with a pipeline that does nothing, turn by turn with the bare loop."""
    ours, theirs = [], []
    for _ in range(rounds):
        room = services.room()
        await asyncio.to_thread(room.send, count)
        ours.append(await adapter.requests_a_second(room, count))
        theirs.append(await asyncio.to_thread(bare.requests_a_second, room, count))
    ratio = median(a / b for a, b in zip(ours, theirs, strict=True))
    return Figure(
        name="Kafka adapter, 16 partitions",
        value=median(ours),
        unit="requests/s",
        compared_with="a bare consume-transform-produce loop",
        baseline=median(theirs),
        ratio=ratio,
        target=f">= {TARGET}",
        met=ratio >= TARGET,
    )


async def measure_latency(services: House) -> list[Figure]:
    """Of one request at a time, beside the bare loop."""
    ours = await latency.through_the_adapter(services.room(), _TIMED)
    theirs = await asyncio.to_thread(latency.through_the_bare_loop, services.room(), _TIMED)
    return [
        Figure(
            name=f"Kafka, from request to result, p{percent}",
            value=quantiles(ours, n=100)[percent - 1] * 1000,
            unit="ms",
            compared_with="a bare consume-transform-produce loop",
            baseline=quantiles(theirs, n=100)[percent - 1] * 1000,
        )
        for percent in (50, 99)
    ]


async def measure_memory(services: House) -> Figure:
    """Resident, with many requests on the topic, beside few."""
    used = []
    for count in (FEW, MANY):
        room = services.room()
        await asyncio.to_thread(room.send, count)
        used.append(await asyncio.to_thread(waiting.megabytes, room))
    few, many = used
    return Figure(
        name=f"memory with {MANY:,} requests waiting",
        value=many,
        unit="MB",
        compared_with=f"with {FEW:,}",
        baseline=few,
        ratio=many / few,
        target=f"<= {_MOST_GROWTH}",
        met=many <= _MOST_GROWTH * few,
    )


async def measure_whole(services: House, rounds: int) -> Figure:
    """Documents a second with real models, turn by turn with gRPC."""
    rates = await whole.documents_a_second(services.room(), _DOCUMENTS, rounds)
    ratio = median(ours / theirs for ours, theirs in rates)
    return Figure(
        name="real pipeline through Kafka",
        value=median(ours for ours, _ in rates),
        unit="documents/s",
        compared_with="straight over gRPC",
        baseline=median(theirs for _, theirs in rates),
        ratio=ratio,
        target=f">= {WHOLE_TARGET}",
        met=ratio >= WHOLE_TARGET,
    )


async def measure(parts: list[str], rounds: int, count: int) -> list[Figure]:
    figures: list[Figure] = []
    with house() as services:
        if "adapter" in parts:
            figures.append(await measure_adapter(services, rounds, count))
        if "latency" in parts:
            figures += await measure_latency(services)
        if "memory" in parts:
            figures.append(await measure_memory(services))
        if "whole" in parts:
            figures.append(await measure_whole(services, min(rounds, _WHOLE_ROUNDS)))
    return figures


def main() -> None:
    parts = ["adapter", "latency", "memory", "whole"]
    parser = argparse.ArgumentParser(prog="python -m bench.kafka", description=__doc__)
    parser.add_argument("--parts", nargs="+", choices=parts, default=parts)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=10_000)
    arguments = parser.parse_args()
    figures = asyncio.run(measure(arguments.parts, arguments.rounds, arguments.requests))
    show(figures)
    if arguments.parts == parts:
        write(figures, RESULTS)


if __name__ == "__main__":
    main()
