"""How well the signature model finds signatures: `python -m eval.signature --data DIR`.

DIR holds labelled sets: `SET/labels.jsonl` with a JSON object a line (`file`, and `signatures` of
`{bbox}`), and the images that `file` names. Pages are set upright by their labels first, and go
straight to the model. `--read`: the files go through the product's own pipeline instead
(`eval/predict.yaml`), where what is read on a page has a say. `eval.scores.signatures` says what
counts as right. Time is the processor's, all threads added up, one page at a time; with `--read` it
is that of the whole pipeline.
"""

import argparse
import asyncio
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from eval import sets
from eval.labelled import LabelledPage, bounds, read_pages, truth_of
from eval.prediction import Task, predict
from eval.product import Product, open_product
from eval.report import Figure, print_table
from eval.scores.signatures import SCORE, FoundSignature, SignatureScore
from eval.selection import add_arguments, as_part, read_labels
from eval.split import Part, detector_part_of
from meshkit.model import PageInput
from servers.signature.config import SignatureConfig
from servers.signature.model import WEIGHTS, SignatureModel, SignatureOptions

LEAST_SCORE = 0.02


def score_pages(
    model: SignatureModel, pages: Iterable[LabelledPage], score: float = SCORE
) -> dict[str, Figure]:
    """Run a loaded model over labelled pages; a row of the table."""
    total, seconds = SignatureScore(score), 0.0
    for page in pages:
        started = time.process_time()
        (found,) = model.predict([PageInput(page.image, None, SignatureOptions(LEAST_SCORE))])
        seconds += time.process_time() - started
        if isinstance(found, Exception):
            raise found
        rects = bounds([signature.quad for signature in found])
        total.add(
            page.truth,
            [FoundSignature(r, item.score) for r, item in zip(rects, found, strict=True)],
        )
    cpu_ms = round(1000 * seconds / max(total.pages, 1))
    return {"pages": total.pages, **total.figures(), "CPU ms/page": cpu_ms}


async def score_read(
    product: Product, folder: Path, part: Part | None, limit: int | None, score: float
) -> dict[str, Figure]:
    """The same of a set's files, through the pipeline.

    Raises:
        ValueError: a file could not be read.
    """
    total, seconds = SignatureScore(score), 0.0
    labels = read_labels(
        folder, lambda one: "signatures" in one, part=part, limit=limit, part_of=detector_part_of
    )
    for label in labels:
        task = Task(label["file"], round(label.get("dpi") or 0), bool(label.get("stretched")))
        started = time.process_time()
        (line,) = await predict(product, folder, task, ["signatures"])
        seconds += time.process_time() - started
        if "error" in line:
            raise ValueError(f"{folder / label['file']}: {line['error']}")
        found = [FoundSignature(np.array(one["bbox"]), one["score"]) for one in line["signatures"]]
        total.add(truth_of(label, "signatures"), found)
    cpu_ms = round(1000 * seconds / max(total.pages, 1))
    return {"pages": total.pages, **total.figures(), "CPU ms/page": cpu_ms}


async def read_rows(arguments: argparse.Namespace) -> list[dict[str, Figure | str]]:
    """A row for each set, through the pipeline."""
    rows: list[dict[str, Figure | str]] = []
    async with open_product(["signature"]) as product:
        for name in arguments.sets:
            row = await score_read(
                product,
                arguments.data / name,
                as_part(arguments.part),
                arguments.limit,
                arguments.score,
            )
            rows.append({"set": name, **row})
    return rows


def main() -> None:
    """Print a table with a row for each set."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(parser, sets.SIGNATURE)
    parser.add_argument("--score", type=float, default=SCORE, help="least score of a signature")
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--read", action="store_true", help="through the whole pipeline")
    arguments = parser.parse_args()
    if arguments.read:
        print_table("signatures, pages read", asyncio.run(read_rows(arguments)))
        return
    part = as_part(arguments.part)
    model = SignatureModel(SignatureConfig(), arguments.weights)
    model.load()
    rows = []
    for name in arguments.sets:
        pages = read_pages(
            arguments.data / name, "signatures", arguments.limit, part, detector_part_of
        )
        rows.append({"set": name, **score_pages(model, pages, arguments.score)})
    print_table("signatures", rows)


if __name__ == "__main__":
    main()
