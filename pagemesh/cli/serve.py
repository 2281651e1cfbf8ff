"""`pagemesh serve`."""

import os
import sys
from enum import StrEnum
from typing import Annotated

import typer


class Service(StrEnum):
    """Every process of the mesh."""

    DESKEW = "deskew"
    CLASSIFY = "classify"
    OCR = "ocr"
    CHECKBOX = "checkbox"
    SIGNATURE = "signature"
    ORCHESTRATOR = "orchestrator"
    GATEWAY = "gateway"

    @property
    def module(self) -> str:
        """What `python -m` runs."""
        is_own = self in {Service.ORCHESTRATOR, Service.GATEWAY}
        return self.value if is_own else f"servers.{self.value}"

    def variable(self, knob: str) -> str:
        """The environment variable of one of its knobs."""
        return f"PAGEMESH_{self.name}_{knob.upper()}"


def serve(
    name: Annotated[Service, typer.Argument(metavar="NAME", help=", ".join(Service))],
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="0 takes any free one.")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
) -> None:
    """Run one process of the mesh in the foreground: a model server, orchestrator or gateway.

    It is configured by variables that begin with PAGEMESH_NAME_, and ends on Ctrl-C once the calls
    in flight are answered.
    """
    given = {"port": port, "host": host}
    variables = {name.variable(k): str(v) for k, v in given.items() if v is not None}
    sys.stdout.flush()
    # This process becomes the server, so that signals reach it and nothing stands in between.
    os.execve(  # noqa: S606 - our own module, no shell
        sys.executable, [sys.executable, "-m", name.module], {**os.environ, **variables}
    )
