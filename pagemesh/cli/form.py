"""`pagemesh form`: definitions of forms, from a blank form to named values."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from meshkit.errors import InvalidInput
from pagemesh.cli.consoles import output_console
from pagemesh.cli.problems import EXIT_FAILED, complain
from pagemesh.client import Client
from pagemesh.orchestrator.v1 import document_pb2 as documents

form = typer.Typer(
    name="form",
    help="Define forms: which named values stand where on a blank form.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@form.command()
def init(
    blank: Annotated[
        Path, typer.Argument(metavar="BLANK", help="The blank form: a PDF, or a PNG or JPEG scan.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder to make; ./forms/NAME by default."),
    ] = None,
    name: Annotated[str, typer.Option(help="Of the form; the file's name by default.")] = "",
) -> None:
    """Draft a definition from a blank form's own fields, or from its lines and labels.

    Writes the definition, a copy of the blank and a picture of each page with its fields.
    """
    from pagemesh.embedded import init_form  # noqa: PLC0415 - heavy, seldom needed

    if not blank.is_file():
        raise typer.BadParameter(f"there is no file {blank}", param_hint="BLANK")
    wanted = name or "".join(c if c.isalnum() else "_" for c in blank.stem.lower())
    made = init_form(blank, out or Path("forms") / wanted, wanted, _read_text)
    counts = Counter(str(field.type) for field in made.fields)
    shown = ", ".join(f"{count} {kind}" for kind, count in counts.most_common())
    source = "the PDF's own fields" if made.is_fillable else "lines, cells and boxes"
    console = output_console()
    console.print(Text.assemble((f"{len(made.fields)} fields", "bold"), f" from {source}: {shown}"))
    for path in made.previews:
        console.print(Text.assemble(("look at   ", "dim"), str(path)))
    console.print(Text.assemble(("edit      ", "dim"), str(made.definition)))
    console.print(Text.assemble(("check     ", "dim"), f"pagemesh form check {made.definition}"))
    console.print(
        Text.assemble(
            ("use       ", "dim"),
            f"PAGEMESH_ORCHESTRATOR_EXTRA_FORMS_DIR={made.folder.parent} "
            "pagemesh analyze SCAN --pipeline forms",
        )
    )


@form.command()
def check(
    definition: Annotated[
        Path, typer.Argument(metavar="DEFINITION", help="definition.yaml, or the folder it is in.")
    ],
) -> None:
    """Tell every mistake of a definition, or what it defines."""
    from pagemesh.embedded import check_form  # noqa: PLC0415 - heavy, seldom needed

    if not definition.exists():
        raise typer.BadParameter(f"there is no {definition}", param_hint="DEFINITION")
    try:
        found = check_form(definition)
    except InvalidInput as error:
        for line in error.message.splitlines():
            complain(line)
        raise typer.Exit(EXIT_FAILED) from error
    made = found.definition
    console = output_console()
    head = (f"{made.name} {made.version}", "bold")
    console.print(Text.assemble(head, f"  {made.title}", ("  ok", "bold green")))
    for page in found.pages:
        here = [item for item in made.fields if item.page == page.number]
        kinds = Counter(str(item.type) for item in here)
        shown = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common()) or "no field"
        console.print(Text(f"  page {page.number}: {len(page.words)} printed words; {shown}"))
    where = ", ".join(made.classes) or "any page that looks like its blank"
    console.print(Text(f"  for {where}"))


def _read_text(blank: Path) -> Sequence[documents.PageResult]:
    """A scanned blank's text."""
    with Client() as client:
        return list(client.analyze(str(blank), pipeline="text").collect().pages)
