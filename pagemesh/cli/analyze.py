"""`pagemesh analyze`."""

from pathlib import Path
from typing import Annotated

import typer

from meshkit.errors import PagemeshError
from pagemesh.cli.gateway_options import ApiKey
from pagemesh.cli.options import Server
from pagemesh.cli.outputs import Destination, Output, missing
from pagemesh.cli.problems import EXIT_FAILED, complain
from pagemesh.cli.reading import is_well, read_document
from pagemesh.cli.tracing import analysis_span
from pagemesh.client import Client
from pagemesh.priorities import Priority
from pagemesh.sources import How

Files = Annotated[
    list[str],
    typer.Argument(metavar="FILE...", help="Documents: paths, or locations such as https://."),
]


def analyze(  # noqa: PLR0913, PLR0917 - every parameter is an option of the command
    files: Files,
    pipeline: Annotated[
        str, typer.Option(help="Pipeline to read with; see `pagemesh pipelines`.")
    ] = "",
    output: Annotated[
        Output | None,
        typer.Option(help="Write this instead of the view for people."),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(
            metavar="DIR|FILE",
            help="Where to write it; - is standard output. Text goes there by default, "
            "pictures go to the current folder.",
        ),
    ] = None,
    server: Server = None,
    api_key: ApiKey = "",
    password: Annotated[
        str, typer.Option(envvar="PAGEMESH_PASSWORD", help="Opens a protected PDF.")
    ] = "",
    pages: Annotated[str, typer.Option(metavar="1-3,7", help="Pages to read; all.")] = "",
    dpi: Annotated[
        int, typer.Option(min=0, help="Resolution for PDF pages; the orchestrator's default.")
    ] = 0,
    priority: Annotated[
        Priority | None, typer.Option(help="Among one's own documents; normal.")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(metavar="STEP.NAME=VALUE", help="For a step, like ocr.tier=fast. Repeatable."),
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(min=0.001, metavar="SECONDS", help="For each document.")
    ] = None,
) -> None:
    """Read documents: what they are, their text, fields, ticked boxes and signatures.

    Exits with 0 when every page of every document was read or skipped on purpose, with 1 when
    something failed, with 2 when the command is wrong.
    """
    how = How(
        pipeline=pipeline, pages=pages, password=password, dpi=dpi, options=_pairs(option or [])
    )
    if priority is not None:
        how["priority"] = priority
    if timeout is not None:
        how["timeout"] = timeout
    destination = _destination(files, output, out)
    with Client(server, api_key=api_key) as client:
        try:
            outcomes = [_analyze(client, file, how, destination) for file in files]
        except KeyboardInterrupt:
            complain("stopping; press Ctrl-C again not to wait for the page in work")
            raise
    if not all(outcomes):
        raise typer.Exit(EXIT_FAILED)


def _analyze(client: Client, file: str, how: How, destination: Destination | None) -> bool:
    """Read one document and write its result. Whether all is well."""
    try:
        with analysis_span():
            result = read_document(client, file, how, show=destination is None)
        if destination is not None:
            made = destination.write(file, result, how.get("password", ""), how.get("dpi", 0))
            for path in made:
                typer.echo(str(path), err=True)
    except PagemeshError as error:
        complain(error.message, about=Path(file).name)
        return False
    except OSError as error:
        complain(f"cannot write the result: {error.strerror}: {error.filename}", about=file)
        return False
    return is_well(result, file, shown=destination is None)


def _destination(files: list[str], output: Output | None, out: str | None) -> Destination | None:
    """None for the view for people. Raises typer.BadParameter before any work is done."""
    gone = missing(files)
    if gone:
        raise typer.BadParameter(f"there is no file {gone[0]}", param_hint="FILE")
    if output is None:
        if out is not None:
            raise typer.BadParameter("say what to write there, with --output", param_hint="--out")
        return None
    if output.needs_images:
        remote = next((file for file in files if "://" in file), None)
        if remote is not None:
            raise typer.BadParameter(
                f"{output} needs the page images, and {remote} is not on this machine",
                param_hint="--output",
            )
    return Destination(output, out, files)


def _pairs(options: list[str]) -> dict[str, str]:
    pairs = {}
    for option in options:
        name, equals, value = option.partition("=")
        if not (name and equals):
            raise typer.BadParameter(f"{option!r} is not STEP.NAME=VALUE", param_hint="--option")
        pairs[name] = value
    return pairs
