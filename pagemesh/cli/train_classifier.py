"""`pagemesh train-classifier`."""

import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from meshkit.errors import InvalidInput, PagemeshError
from pagemesh.classify.v1.classify_service_pb2 import PageFeatures
from pagemesh.cli.consoles import error_console
from pagemesh.cli.examples import Example, find_examples
from pagemesh.cli.options import Server
from pagemesh.cli.problems import complain
from pagemesh.client import Client

PIPELINE = "classify"
LIBRARY = "sklearn"
MODEL_FILE = "model.json"
_FEW = 10


class Shipped(StrEnum):
    """What becomes of the classes that pagemesh knows already."""

    HELP = "help"
    ALL = "all"
    NONE = "none"


def train_classifier(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Examples: FOLDER/<label>/*.{png,jpg,tif,pdf}.")
    ],
    out: Annotated[Path, typer.Option(metavar="MODEL_DIR", help="The model folder to write.")],
    labels: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="CSV or JSON Lines with `file` and `label`."),
    ] = None,
    shipped: Annotated[
        Shipped,
        typer.Option(
            help="Shipped example pages: help for classes of the same name; all: know the shipped "
            "classes besides; none."
        ),
    ] = Shipped.HELP,
    server: Server = None,
) -> None:
    """Teach the classifier classes of your own, from a folder of example pages.

    A label may name a family: tax_form/f1040. Pages labelled `unknown` teach what to refuse. Serve
    the result with PAGEMESH_CLASSIFY_MODEL=MODEL_DIR.
    """
    _check(out)
    examples = find_examples(folder, labels)
    with tempfile.TemporaryDirectory(prefix="pagemesh-") as temporary:
        vectors = Path(temporary) / "vectors.npz"
        with Client(server) as client:
            _collect(client, examples, vectors)
        report = _fit(vectors, out, shipped)
    _show(report, out)


def _check(out: Path) -> None:
    """Say what is missing before any work is done."""
    if importlib.util.find_spec(LIBRARY) is None:
        raise InvalidInput("scikit-learn is missing: pip install 'pagemesh[classifier]'")
    if out.exists() and not out.is_dir():
        raise InvalidInput(f"{out} is a file; --out names the folder to write")
    if out.is_dir() and any(out.iterdir()) and not (out / MODEL_FILE).is_file():
        raise InvalidInput(f"{out} holds something else than a classifier; name another folder")


def _collect(client: Client, examples: list[Example], path: Path) -> None:
    """Have every page read, and write its features and its label."""
    leaves, files, pages = [], [], []
    for number, example in enumerate(examples, 1):
        error_console().print(f"{number}/{len(examples)} {example.path}", markup=False)
        try:
            found = list(_features(client, example.path))
        except PagemeshError as error:
            complain(f"left out: {error.message}", about=str(example.path))
            continue
        leaves += [example.label] * len(found)
        files += [str(example.path)] * len(found)
        pages += found
    if not pages:
        raise InvalidInput("no example could be read")
    np.savez_compressed(
        path,
        allow_pickle=False,
        leaves=np.array(leaves),
        files=np.array(files),
        counts=np.array([len(page.places) for page in pages]),
        places=np.concatenate([np.array(page.places, np.uint32) for page in pages]),
        values=np.concatenate([np.array(page.values, np.float32) for page in pages]),
    )


def _features(client: Client, path: Path) -> Iterator[PageFeatures]:
    result = client.analyze(
        str(path), pipeline=PIPELINE, options={"classify.with_features": "true"}
    ).collect()
    if not result.pages:
        raise InvalidInput(result.document.error.message or "it has no pages")
    for page in result.pages:
        if page.HasField("classify"):
            yield page.classify.features
        else:
            complain(f"page {page.page_number} left out: {page.reason}", about=str(path))


def _fit(vectors: Path, out: Path, shipped: Shipped) -> dict[str, Any]:
    """Train in the server's room; its report."""
    command = [sys.executable, "-m", "servers.classify.fit", str(vectors), "--out", str(out)]
    if shipped is not Shipped.NONE:
        command.append("--shipped")
    if shipped is Shipped.ALL:
        command.append("--extend")
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed arguments, no shell
    if done.returncode:
        raise InvalidInput(done.stderr.strip().splitlines()[-1] if done.stderr else "no training")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def _show(report: dict[str, Any], out: Path) -> None:
    held_out = report["held_out"]
    typer.echo(f"{'class':<32}{'pages':>6}  found again")
    for name, entry in held_out["by_class"].items():
        few = "  few: give 10 or more" if entry["pages"] < _FEW else ""
        typer.echo(f"{name:<32}{entry['pages']:>6}{entry['recall']:>13.2f}{few}")
    typer.echo("Of pages that training left out, in turns:")
    typer.echo(f"  right class                    {held_out['accuracy']:.3f}")
    typer.echo(f"  right class and family         {held_out['leaf_accuracy']:.3f}")
    typer.echo(f"  right class without the text   {held_out['layout_accuracy']:.3f}")
    typer.echo(f"  calibration error of scores    {held_out['calibration_error']:.3f}")
    if held_out["unknown_auroc"] is not None:
        typer.echo(f"  unknown classes told (AUROC)   {held_out['unknown_auroc']:.3f}")
    typer.echo(f"Written to {out}. Serve it with PAGEMESH_CLASSIFY_MODEL={out}")
