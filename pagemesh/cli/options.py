"""Options that several commands take."""

from typing import Annotated

import typer

Server = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="HOST:PORT",
        envvar="PAGEMESH_SERVER",
        help="Ask this orchestrator; without it everything runs in this process.",
    ),
]
