"""Figures, how they are printed, and the file they are kept in."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure beside what it was measured against in the same run.

    Attributes:
        name: what was measured.
        value: the median.
        unit: of `value` and `baseline`.
        compared_with: what `baseline` is.
        baseline: the median of the other side; None when a figure stands alone.
        ratio: the median of the ratios of paired runs; None likewise.
        target: the bound that the figure is held against, for a person.
        met: whether it is within that bound; None without a target, or when the interval holds it.
        interval: where the ratio lies with 95 % certainty; None where nobody worked it out.
    """

    name: str
    value: float
    unit: str
    compared_with: str = ""
    baseline: float | None = None
    ratio: float | None = None
    target: str = ""
    met: bool | None = None
    interval: tuple[float, float] | None = None


def show(figures: Sequence[Figure]) -> None:
    """Print the table."""
    table = Table(title="pagemesh bench")
    for column in ("figure", "value", "unit", "compared with", "baseline", "ratio", "target"):
        table.add_column(column, justify="right" if column in {"value", "baseline"} else "left")
    for figure in figures:
        undecided = " undecided" if figure.target else ""
        verdict = {None: undecided, True: " met", False: " MISSED"}[figure.met]
        table.add_row(
            figure.name,
            f"{figure.value:.3f}",
            figure.unit,
            figure.compared_with,
            "" if figure.baseline is None else f"{figure.baseline:.3f}",
            _ratio(figure),
            figure.target + verdict,
        )
    Console(width=140).print(table)


def _ratio(figure: Figure) -> str:
    if figure.ratio is None:
        return ""
    if figure.interval is None:
        return f"{figure.ratio:.3f}"
    low, high = figure.interval
    return f"{figure.ratio:.3f} ({low:.3f} to {high:.3f})"


def write(figures: Sequence[Figure], path: Path) -> None:
    """Write the figures as JSON; figures of other names that the file has stay."""
    known = json.loads(path.read_text()) if path.exists() else []
    new = {figure.name for figure in figures}
    kept = [figure for figure in known if figure["name"] not in new]
    path.write_text(json.dumps(kept + [asdict(f) for f in figures], indent=2) + "\n")
