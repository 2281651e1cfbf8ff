"""The record of a run: tables on the terminal, all figures as JSON, the tables as Markdown."""

import json
import sys
from pathlib import Path
from typing import Any

from eval.comparison import Comparison
from eval.measures import Measure
from eval.report import markdown_table, print_table
from eval.surroundings import surroundings


class Record:
    """All figures, printed and written as they come.

    Args:
        path: of the JSON file; the Markdown file stands beside it.
        part: of the sets.
        command: that was run.
    """

    def __init__(self, path: Path, part: str, command: str) -> None:
        self._path = path
        machine = surroundings()
        self._results: dict[str, Any] = {"machine": machine, "part": part, "command": command}
        self._texts = [heading(machine, part, command)]

    def add(self, measure: Measure, comparison: Comparison) -> None:
        """Print and write what a measure gave."""
        self._results[measure.name] = comparison.as_json()
        notes = notes_of(comparison)
        tables = tables_of(measure, comparison)
        for title, rows in tables.items():
            print_table(f"{measure.name}: {title}", rows)
        print("\n".join(notes), flush=True)
        parts = [
            f"{title[0].upper()}{title[1:]}:\n\n{markdown_table(rows)}"
            for title, rows in tables.items()
        ]
        listed = "".join(f"- {note}\n" for note in notes)
        self._texts.append("\n".join([f"## {measure.name}\n", *parts, listed]))
        self._write()

    def fail(self, measure: Measure, failure: Exception) -> None:
        """Print and write why a measure gave nothing, or not all."""
        reason = f"{type(failure).__name__}: {failure}"
        self._results.setdefault(measure.name, {})["error"] = reason
        print(f"{measure.name} failed: {reason}", file=sys.stderr)
        self._texts.append(f"`{measure.name}` failed: {reason}\n")
        self._write()

    def _write(self) -> None:
        rounded = json.loads(
            json.dumps(self._results), parse_float=lambda text: round(float(text), 5)
        )
        self._path.write_text(json.dumps(rounded, indent=1) + "\n", encoding="utf-8")
        self._path.with_suffix(".md").write_text("\n".join(self._texts), encoding="utf-8")


def heading(machine: dict[str, Any], part: str, command: str) -> str:
    """What the tables are of."""
    versions = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    return (
        f"# Models on the {part} part\n\n`{command}`\n\n"
        f"{machine['processor']}, {machine['cores']} cores, Python {machine['python']}, "
        f"{versions}.\n"
    )


def tables_of(measure: Measure, comparison: Comparison) -> dict[str, list[Any]]:
    """A measure's tables by title."""
    tables = {"our readers": comparison.whole}
    if len(measure.readers) > 1:
        tables["the pages that every reader read"] = comparison.compared
    return tables


def notes_of(comparison: Comparison) -> list[str]:
    """What stands below the tables: pages, time, and all that went wrong."""
    pages = "; ".join(sample.summary for sample in comparison.samples)
    notes = [f"read in {comparison.seconds:.0f} s: {pages or 'nothing'}"]
    if comparison.interrupted:
        notes.append("interrupted: the rows are of the pages before")
    notes += [
        f"not measured, or not to the end: {name}: {why}"
        for name, why in comparison.missing.items()
    ]
    return notes + [f"failed: {failure}" for failure in comparison.failures]
