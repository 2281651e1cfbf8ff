"""Measure the Kafka door, print the table, and write bench/results.json."""

import argparse
import asyncio
from statistics import median

from bench.__main__ import RESULTS
from bench.kafka import adapter, bare
from bench.kafka.house import House, house
from bench.report import Figure, show, write

TARGET = 0.5


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


async def measure(parts: list[str], rounds: int, count: int) -> list[Figure]:
    figures: list[Figure] = []
    with house() as services:
        if "adapter" in parts:
            figures.append(await measure_adapter(services, rounds, count))
    return figures


def main() -> None:
    parts = ["adapter"]
    parser = argparse.ArgumentParser(prog="python -m bench.kafka", description=__doc__)
    parser.add_argument("--parts", nargs="+", choices=parts, default=parts)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=3000)
    arguments = parser.parse_args()
    figures = asyncio.run(measure(arguments.parts, arguments.rounds, arguments.requests))
    show(figures)
    if arguments.parts == parts:
        write(figures, RESULTS)


if __name__ == "__main__":
    main()
