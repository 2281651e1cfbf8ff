"""`pagemesh trace`."""

from pathlib import Path
from typing import Annotated

import typer

from pagemesh.cli.consoles import output_console
from pagemesh.cli.places import state_dir
from pagemesh.cli.trace_view import requests_view, trace_view
from pagemesh.local_mesh import SPANS_FILE
from pagemesh.traces.store import reading

LISTED = 20


def trace(
    request_id: Annotated[
        str,
        typer.Argument(
            metavar="[REQUEST_ID]", help="Or its beginning; the last document when left out."
        ),
    ] = "",
    is_whole: Annotated[
        bool, typer.Option("--all", help="Show every span of every process.")
    ] = False,
    lists: Annotated[
        bool, typer.Option("--list", help=f"Show which documents there are, the last {LISTED}.")
    ] = False,
    folder: Annotated[
        Path | None, typer.Option("--state-dir", help="That `pagemesh up` was given.")
    ] = None,
) -> None:
    """Show a document's way through the local mesh: every page, step and call, and its time.

    `pagemesh up` keeps the spans of its processes; so the mesh may be stopped meanwhile.
    """
    with reading((folder or state_dir() / "up") / SPANS_FILE) as store:
        console = output_console()
        if lists:
            console.print(requests_view(store.requests(LISTED)))
        else:
            way = store.way(request_id)
            console.print(trace_view(way, width=console.width, is_whole=is_whole))
