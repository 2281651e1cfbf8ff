"""Figures as tables."""

from collections.abc import Iterable, Mapping

from rich.console import Console
from rich.table import Table

Figure = str | float | None


def print_table(title: str, rows: Iterable[Mapping[str, Figure]], *, width: int = 160) -> None:
    """A table with a column for every name that a row has; texts stand left, numbers right."""
    rows = list(rows)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    table = Table(title=title, title_justify="left")
    for name in columns:
        is_text = any(isinstance(row.get(name), str) for row in rows)
        table.add_column(name, justify="left" if is_text else "right")
    for row in rows:
        table.add_row(*(as_text(row.get(name)) for name in columns))
    Console(width=width).print(table)


def as_text(figure: Figure) -> str:
    """Three decimals, fewer of large numbers; nothing for None."""
    match figure:
        case None:
            return ""
        case str():
            return figure
        case int():
            return str(figure)
    decimals = 1 if abs(figure) >= 100 else 2 if abs(figure) >= 10 else 3
    return f"{figure:.{decimals}f}"
