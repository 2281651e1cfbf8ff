"""The part of bench/NOTES.md that is written by the bench itself."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.report import Figure
from bench.sidecar.latency import ENVOY, SIDECAR, Result

_BEGIN, _END = "<!-- begin: make bench-sidecar -->", "<!-- end: make bench-sidecar -->"


def write_notes(path: Path, results: Sequence[Result], memory: Sequence[Figure]) -> None:
    """Put both tables between their marks.

    Raises:
        ValueError: the file has no such marks.
    """
    text = path.read_text()
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not (begin and end):
        raise ValueError(f"{path} has no place for the tables: {_BEGIN} … {_END}")
    lines = [
        f"Measured {datetime.now(UTC):%Y-%m-%d}.",
        "",
        *_latency(results),
        "",
        *_memory(memory),
    ]
    path.write_text(before + "\n".join([begin, *lines, end]) + after)


def _latency(results: Sequence[Result]) -> list[str]:
    lines = [
        "| call | calls | direct p50 / p99, ms | sidecar adds | Envoy adds | ratio | CPU, ms |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for result in results:
        own, other = result.added[SIDECAR], result.added.get(ENVOY)
        beside = f"{other.p50:.2f} / {other.p99:.2f}" if other else "not installed"
        ratio = f"{result.ratios['p50']:.2f}" if "p50" in result.ratios else ""
        cpu = f"{own.cpu:.2f}, Envoy {other.cpu:.2f}" if other else f"{own.cpu:.2f}"
        lines.append(
            f"| {result.cell} | {result.calls} | {result.direct_p50:.2f} / {result.direct_p99:.2f} "
            f"| {own.p50:.2f} / {own.p99:.2f} | {beside} | {ratio} | {cpu} |"
        )
    return lines


def _memory(figures: Sequence[Figure]) -> list[str]:
    lines = ["| memory | MB | target |", "| --- | --- | --- |"]
    for figure in figures:
        verdict = "met" if figure.met else "missed"
        lines.append(f"| {figure.name} | {figure.value:.1f} | {figure.target}, {verdict} |")
    return lines
