"""Figures as tables, for a terminal and for a document."""

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.table import Table

Figure = str | float | None
Row = Mapping[str, Figure]


def print_table(title: str, rows: Iterable[Row], *, width: int = 160) -> None:
    """A table with a column for every name that a row has; texts stand left, numbers right."""
    rows = list(rows)
    table = Table(title=title, title_justify="left")
    for name in _columns(rows):
        table.add_column(name, justify="left" if _is_text(rows, name) else "right")
    for row in rows:
        table.add_row(*(as_text(row.get(name)) for name in _columns(rows)))
    Console(width=width).print(table)


def markdown_table(rows: Iterable[Row]) -> str:
    """The same table in Markdown; empty without rows."""
    rows = list(rows)
    columns = _columns(rows)
    if not columns:
        return ""
    sides = [" --- " if _is_text(rows, name) else " ---: " for name in columns]
    body = [[f" {as_text(row.get(name))} " for name in columns] for row in rows]
    lines = [[f" {name} " for name in columns], sides, *body]
    return "".join(f"|{'|'.join(cells)}|\n" for cells in lines)


def _columns(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _is_text(rows: Sequence[Row], name: str) -> bool:
    return any(isinstance(row.get(name), str) for row in rows)


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
