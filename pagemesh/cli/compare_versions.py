"""`pagemesh compare-versions`."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from meshkit.errors import PagemeshError
from pagemesh.cli.problems import EXIT_FAILED, complain
from pagemesh.cli.reading import read_document
from pagemesh.client import Client
from pagemesh.comparison import Difference, Kind, compare_pages, models
from pagemesh.exports.characters import printable
from pagemesh.orchestrator.v1.document_pb2 import PageResult
from pagemesh.sources import How

Pages = dict[int, PageResult]

Files = Annotated[
    list[str],
    typer.Argument(metavar="DOC...", help="Documents: paths, or locations such as https://."),
]


def compare_versions(
    files: Files,
    server: Annotated[
        list[str],
        typer.Option(
            metavar="HOST:PORT",
            help="An orchestrator: give two, the one that asks the version in use first.",
        ),
    ],
    pipeline: Annotated[
        str, typer.Option(help="Pipeline to read with; see `pagemesh pipelines`.")
    ] = "",
    tolerance: Annotated[
        float, typer.Option(min=0, max=1, help="Scores that differ by no more count as alike.")
    ] = 0.05,
    allow: Annotated[
        float,
        typer.Option(min=0, max=100, metavar="PERCENT", help="Pages that may differ."),
    ] = 0.0,
) -> None:
    """Read documents by two orchestrators and print how their answers differ, page by page.

    Exits with 0 when no more pages differ than are allowed, with 1 when more do or a document was
    not read, with 2 when the command is wrong.
    """
    if len(server) != 2:
        raise typer.BadParameter("give two orchestrators", param_hint="--server")
    how = How(pipeline=pipeline)
    tally: Counter[str] = Counter()
    with Client(server[0]) as first, Client(server[1]) as second:
        for file in files:
            try:
                before, after = (_read(client, file, how) for client in (first, second))
            except PagemeshError as error:
                complain(error.message, about=Path(file).name)
                tally["unread"] += 1
                continue
            _compare(file, before, after, tolerance, tally)
    _summarize(tally)
    if tally["unread"] or tally["differing"] * 100 > allow * tally["pages"]:
        raise typer.Exit(EXIT_FAILED)


def _read(client: Client, file: str, how: How) -> Pages:
    result = read_document(client, file, how, show=False)
    return {page.page_number: page for page in result.pages}


def _compare(file: str, before: Pages, after: Pages, tolerance: float, tally: Counter[str]) -> None:
    """Print a document's differences and count them."""
    for number in sorted(before | after):
        found = _differences(before.get(number), after.get(number), tolerance)
        tally["pages"] += 1
        tally["differing"] += bool(found)
        tally.update(one.kind for one in found)
        if found:
            typer.echo(printable(f"{file} page {number}{_versions(before, after, number)}"))
            for one in found:
                typer.echo(printable(f"  {one}"))


def _differences(
    before: PageResult | None, after: PageResult | None, tolerance: float
) -> list[Difference]:
    if before is None:
        return [Difference(Kind.ADDED, "page", after="read")]
    if after is None:
        return [Difference(Kind.MISSING, "page", before="read")]
    return compare_pages(before, after, tolerance)


def _versions(before: Pages, after: Pages, number: int) -> str:
    """The models of which the two had different versions."""
    if number not in before or number not in after:
        return ""
    old, new = models(before[number]), models(after[number])
    only = [sorted(set(one) - set(other)) for one, other in ((old, new), (new, old))]
    return f" ({', '.join(only[0])} -> {', '.join(only[1])})" if any(only) else ""


def _summarize(tally: Counter[str]) -> None:
    kinds = ", ".join(f"{tally[kind]} {kind}" for kind in Kind if tally[kind])
    told = f"{tally['pages']} pages compared, {tally['differing']} differ"
    typer.echo(f"{told}: {kinds}" if kinds else told)
