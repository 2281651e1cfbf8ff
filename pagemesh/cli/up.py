"""`pagemesh up`."""

import asyncio
import contextlib
import signal
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from meshkit.errors import PagemeshError
from pagemesh.cli.consoles import error_console, output_console
from pagemesh.cli.outputs import missing
from pagemesh.cli.places import state_dir
from pagemesh.cli.problems import EXIT_FAILED, complain
from pagemesh.cli.reading import is_well, read_document
from pagemesh.client import Client
from pagemesh.local_mesh import GATEWAY, MODELS, ORCHESTRATOR, LocalMesh, Service, sidecar_of
from pagemesh.sources import How


def up(
    port: Annotated[
        int | None,
        typer.Option(
            min=1, max=65535, help="Of the orchestrator; 50050, or a free one if that is taken."
        ),
    ] = None,
    gateway_port: Annotated[
        int | None,
        typer.Option(
            min=1, max=65535, help="Of the gateway; 8080, or a free one if that is taken."
        ),
    ] = None,
    has_gateway: Annotated[
        bool | None,
        typer.Option(
            "--gateway/--no-gateway", help="REST and the console; where they are installed."
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--state-dir", help="For logs and the orchestrator's documents."),
    ] = None,
    demo: Annotated[
        str | None, typer.Option(metavar="DOC", help="Read this document and show the result.")
    ] = None,
    pipeline: Annotated[str, typer.Option(help="For the demo.")] = "",
    exit_after_demo: Annotated[
        bool, typer.Option("--exit-after-demo", help="Stop when the demo's result is shown.")
    ] = False,
) -> None:
    """Run the whole mesh on this machine: five models with a sidecar each, orchestrator, gateway.

    Each is a process of its own. They are started again when they die, and stopped in order on
    Ctrl-C.
    """
    if demo is not None and missing([demo]):
        raise typer.BadParameter(f"there is no file {demo}", param_hint="--demo")
    if exit_after_demo and demo is None:
        raise typer.BadParameter("there is no --demo to exit after", param_hint="--exit-after-demo")
    mesh = LocalMesh(
        folder or state_dir() / "up",
        port,
        _tell,
        with_gateway=has_gateway,
        gateway_port=gateway_port,
    )
    well = asyncio.run(_up(mesh, demo, How(pipeline=pipeline), stays=not exit_after_demo))
    if not well:
        raise typer.Exit(EXIT_FAILED)


async def _up(mesh: LocalMesh, demo: str | None, how: How, *, stays: bool) -> bool:
    """Whether the mesh lived as long as it was wanted, and the demo went well."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    work = asyncio.create_task(_serve(mesh, demo, how, stays=stays))
    telling = asyncio.create_task(told.wait())
    await asyncio.wait([work, telling], return_when=asyncio.FIRST_COMPLETED)
    telling.cancel()
    if work.done():
        return work.result()
    _tell("stopping")
    work.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await work
    _tell("stopped")
    return True


async def _serve(mesh: LocalMesh, demo: str | None, how: How, *, stays: bool) -> bool:
    console = output_console()
    _tell("starting five models, their sidecars and the orchestrator")
    async with mesh:
        console.print(_table(mesh))
        well = demo is None or await asyncio.to_thread(_show, mesh.address, demo, how)
        if not stays:
            return well
        if mesh.gateway_url:
            console.print(f"the console, and REST below /v1, at {mesh.gateway_url}", style="bold")
        console.print(f"pagemesh analyze FILE --server {mesh.address}", style="bold")
        console.print("pagemesh trace shows the last document's way through the mesh.", style="dim")
        console.print("Ctrl-C stops everything.", style="dim")
        complain((await mesh.wait_lost()).message)
        return False


def _show(address: str, document: str, how: How) -> bool:
    """Read the document and show the result, or why there is none. Whether all is well."""
    try:
        with Client(address) as client:
            result = read_document(client, document, how, show=True)
    except PagemeshError as error:
        complain(error.message, about=Path(document).name)
        return False
    return is_well(result, document, shown=True)


def _table(mesh: LocalMesh) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("service", "address", "model", "device", "process", "sidecar"):
        table.add_column(heading, no_wrap=True)
    table.add_column("log", overflow="fold")
    doors = [name for name in (ORCHESTRATOR, GATEWAY) if name in mesh.services]
    for name in (*MODELS, *doors):
        service, identity = mesh.services[name], mesh.services[name].identity
        style = "bold" if name in doors else ""
        table.add_row(
            Text(name, style),
            Text(service.address, style),
            f"{identity.name} {identity.version}" if identity else "",
            identity.device if identity else "",
            _pid(service),
            _pid(mesh.services.get(sidecar_of(name))),
            str(service.log),
        )
    return table


def _pid(service: Service | None) -> str:
    return str(service.process.pid) if service and service.process else ""


def _tell(line: str) -> None:
    error_console().print(Text(line, "dim"))
