"""How well the signature model finds signatures: `python -m eval.signature --data DIR`.

DIR holds labelled sets: `SET/labels.jsonl` with a JSON object a line (`file`, and `signatures` of
`{bbox}`), and the images that `file` names. Pages are set upright by their labels first, and go
straight to the model. `eval.scores.signatures` says what counts as right. Time is the processor's,
all threads added up, one page at a time.
"""

import argparse
import time
from collections.abc import Iterable
from pathlib import Path

from eval import sets
from eval.labelled import LabelledPage, bounds, read_pages
from eval.report import Figure, print_table
from eval.scores.signatures import SCORE, FoundSignature, SignatureScore
from eval.selection import add_arguments, as_part
from eval.split import detector_part_of
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


def main() -> None:
    """Print a table with a row for each set."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(parser, sets.SIGNATURE)
    parser.add_argument("--score", type=float, default=SCORE, help="least score of a signature")
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    arguments = parser.parse_args()
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
