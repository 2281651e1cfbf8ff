"""Measure everything, print the table, write bench/results.json."""

import argparse
import asyncio
from pathlib import Path

from bench.five_sidecars import measure_sidecars
from bench.length import measure_first_page, measure_memory
from bench.report import Figure, show, write
from bench.throughput import measure_throughput

RESULTS = Path(__file__).parent / "results.json"


async def measure(parts: list[str], rounds: int, encodings: list[str]) -> list[Figure]:
    figures: list[Figure] = []
    if "throughput" in parts:
        figures += await measure_throughput(encodings, rounds)
    if "sidecars" in parts:
        figures += await measure_sidecars(rounds)
    if "first-page" in parts:
        figures.append(await measure_first_page(rounds))
    if "memory" in parts:
        figures.append(await measure_memory())
    return figures


def main() -> None:
    parts = ["throughput", "sidecars", "first-page", "memory"]
    encodings = ["raw", "png", "jpeg", "reference"]
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--parts", nargs="+", choices=parts, default=parts)
    parser.add_argument("--encodings", nargs="+", choices=encodings, default=encodings)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    figures = asyncio.run(measure(arguments.parts, arguments.rounds, arguments.encodings))
    show(figures)
    write(figures, RESULTS)


if __name__ == "__main__":
    main()
