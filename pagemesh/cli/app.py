"""Wires the commands, and turns what goes wrong into one line and an exit code."""

import contextlib
import importlib.metadata
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from meshkit.errors import PagemeshError
from meshkit.logs import configure_logging
from meshkit.telemetry.process import configure_telemetry
from pagemesh.cli.analyze import analyze
from pagemesh.cli.cancel import cancel
from pagemesh.cli.compare_versions import compare_versions
from pagemesh.cli.dlq import dlq
from pagemesh.cli.doctor import doctor
from pagemesh.cli.erase import erase
from pagemesh.cli.form import form
from pagemesh.cli.pipelines import pipelines
from pagemesh.cli.places import log_file
from pagemesh.cli.problems import EXIT_FAILED, complain
from pagemesh.cli.serve import serve
from pagemesh.cli.submit import create_kafka_topics, result, submit
from pagemesh.cli.trace import trace
from pagemesh.cli.train_classifier import train_classifier
from pagemesh.cli.up import up


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"pagemesh {importlib.metadata.version('pagemesh')}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Say which.")
    ] = False,
) -> None:
    pass


app = typer.Typer(
    name="pagemesh",
    help="Scanned documents in, structured results out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.callback()(_options)
for command in (analyze, compare_versions, train_classifier, pipelines, serve, up, trace, doctor):
    app.command()(command)
for in_background in (submit, result, cancel, erase):
    app.command()(in_background)
app.command("create-topics")(create_kafka_topics)
for group in (form, dlq):
    app.add_typer(group)


def run() -> None:
    """Run the command line; does not return.

    Exit codes: 0 all is well; 1 something failed, or a part of it; 2 the command is wrong; 130
    interrupted.
    """
    try:
        with _log_aside() as log, _told():
            app()
    except PagemeshError as error:
        complain(error.message)
    except BrokenPipeError:
        # Whoever read our output has gone: nothing is wrong, and nobody is left to tell.
        sys.stderr.close()
        sys.exit(EXIT_FAILED)
    except Exception:
        logging.getLogger(__name__).exception("unexpected error")
        complain(f"internal error; its traceback is in {log}")
    sys.exit(EXIT_FAILED)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Tell a collector, if OpenTelemetry's variables name one."""
    telemetry = configure_telemetry("pagemesh")
    try:
        yield
    finally:
        telemetry.shutdown()


@contextlib.contextmanager
def _log_aside() -> Iterator[Path | None]:
    """Write the log of this process to a file, so that the terminal shows results alone."""
    path = log_file()
    with contextlib.ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            stream = stack.enter_context(path.open("a", encoding="utf-8"))
        except OSError:
            logging.disable()
            yield None
            return
        configure_logging("pagemesh", stream=stream)
        yield path
