"""Measure the gateway and print the table."""

import argparse

import uvloop

from bench.gateway.receive import measure_receive
from bench.gateway.waiting import measure_upload, measure_waiting
from bench.report import Figure, show

PARTS = ("receive", "waiting", "upload")


async def measure(arguments: argparse.Namespace) -> list[Figure]:
    """The figures of the parts that are asked for."""
    figures: list[Figure] = []
    if "receive" in arguments.parts:
        figures += await measure_receive(
            arguments.documents, arguments.connections, arguments.seconds, arguments.rounds
        )
    if "waiting" in arguments.parts:
        figures += await measure_waiting(arguments.clients)
    if "upload" in arguments.parts:
        figures += await measure_upload(arguments.megabytes)
    return figures


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(prog="python -m bench.gateway", description=__doc__)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--megabytes", type=int, default=500)
    show(uvloop.run(measure(parser.parse_args())))


if __name__ == "__main__":
    main()
