"""The part of bench/NOTES.md that is written by the bench itself."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.report import Figure
from bench.sidecar.latency import ENVOY, SIDECAR, Result

_LATENCY, _MEMORY = "make bench-sidecar, latency", "make bench-sidecar, memory"


def write_notes(path: Path, results: Sequence[Result], memory: Sequence[Figure]) -> None:
    """Put the tables of what was measured between their marks; the others stay.

    Raises:
        ValueError: the file has no such marks.
    """
    text = path.read_text()
    for name, lines in ((_LATENCY, _latency(results)), (_MEMORY, _memory(memory))):
        if lines:
            text = _replaced(text, name, [f"Measured {datetime.now(UTC):%Y-%m-%d}.", "", *lines])
    path.write_text(text)


def _replaced(text: str, name: str, lines: list[str]) -> str:
    begin, end = f"<!-- begin: {name} -->", f"<!-- end: {name} -->"
    before, found_begin, rest = text.partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found_begin and found_end):
        raise ValueError(f"there is no place for the table: {begin} … {end}")
    return before + "\n".join([begin, *lines, end]) + after


def _latency(results: Sequence[Result]) -> list[str]:
    if not results:
        return []
    lines = [
        "| call | calls | direct p50 / p99, ms | sidecar adds | Envoy adds | ratio | CPU, ms | |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for result in results:
        own, other = result.added[SIDECAR], result.added.get(ENVOY)
        beside = f"{other.p50:.2f} / {other.p99:.2f}" if other else "not installed"
        cpu = f"{own.cpu:.2f}, Envoy {other.cpu:.2f}" if other else f"{own.cpu:.2f}"
        ratios = [f"{result.ratios[p]:.2f}" if p in result.ratios else "?" for p in ("p50", "p99")]
        lines.append(
            f"| {result.cell} | {result.calls} | {result.direct_p50:.2f} / {result.direct_p99:.2f} "
            f"| {own.p50:.2f} / {own.p99:.2f} | {beside} | {' / '.join(ratios)} "
            f"| {cpu} | {result.ratios.get('cpu', float('nan')):.2f} |"
        )
    return lines


def _memory(figures: Sequence[Figure]) -> list[str]:
    if not figures:
        return []
    lines = ["| memory | MB | target |", "| --- | --- | --- |"]
    for figure in figures:
        verdict = "met" if figure.met else "missed"
        lines.append(f"| {figure.name} | {figure.value:.1f} | {figure.target}, {verdict} |")
    return lines
