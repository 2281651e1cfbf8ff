"""How well the signature model finds signatures: `python -m eval.signature --data DIR`.

DIR holds labelled sets: `SET/labels.jsonl` with a JSON object a line (`file`, and `signatures` of
`{bbox}`), and the images that `file` names. Pages are set upright by their labels first.

Presence F1 is over pages: signed, and at least one signature found with a score of 0.5. Recall and
precision are over signatures with that score, right at an IoU of at least 0.4; average precision is
over all scores, right at an IoU of at least 0.5. Pages whose labels are not complete count for
recall alone, and for presence when they are signed. Time is the processor's, all threads added up,
one page at a time.
"""

import argparse
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from eval.labelled import LabelledPage, bounds, read_pages
from eval.matching import WRONG, average_precision, f1, match
from eval.selection import add_arguments, as_part
from eval.split import detector_part_of
from meshkit.model import PageInput
from servers.signature.config import SignatureConfig
from servers.signature.model import WEIGHTS, Signature, SignatureModel, SignatureOptions

SETS = ("tobacco_signatures", "signature_pages_640", "funsd_forms", "checkbox_forms_mixed")
MIN_IOU = 0.4
PRECISION_IOU = 0.5
SCORE = 0.5
LEAST_SCORE = 0.02


@dataclass
class Score:
    """Sums over the pages of one set."""

    score: float = SCORE
    pages: int = 0
    labelled: int = 0
    labelled_complete: int = 0
    found: int = 0
    right: int = 0
    right_complete: int = 0
    signed: int = 0
    called_signed: int = 0
    rightly_signed: int = 0
    seconds: float = 0.0
    scores: list[float] = field(default_factory=list)
    hits: list[bool] = field(default_factory=list)

    def add(self, page: LabelledPage, signatures: Sequence[Signature], seconds: float) -> None:
        """Count one page's signatures, given best first with all scores down to `LEAST_SCORE`."""
        self.pages += 1
        self.seconds += seconds
        sure = [signature for signature in signatures if signature.score >= self.score]
        labels = match(
            bounds([item.quad for item in sure]), page.rects, page.ignore, min_iou=MIN_IOU
        )
        right = int((labels >= 0).sum())
        self.labelled += len(page.items)
        self.right += right
        if page.complete:
            self.labelled_complete += len(page.items)
            self.right_complete += right
            self.found += right + int((labels == WRONG).sum())
            self._add_curve(page, signatures)
        if page.items or page.complete:
            self.signed += bool(page.items)
            self.called_signed += bool(sure)
            self.rightly_signed += bool(sure and page.items)

    def _add_curve(self, page: LabelledPage, signatures: Sequence[Signature]) -> None:
        labels = match(
            bounds([item.quad for item in signatures]),
            page.rects,
            page.ignore,
            min_iou=PRECISION_IOU,
        )
        for signature, label in zip(signatures, labels, strict=True):
            if label >= WRONG:
                self.scores.append(signature.score)
                self.hits.append(bool(label >= 0))

    def row(self, name: str) -> list[str]:
        """The cells of the printed table."""
        return [
            name,
            str(self.pages),
            str(self.labelled),
            f"{f1(self.rightly_signed, self.called_signed, self.signed):.3f}",
            f"{self.right / max(self.labelled, 1):.3f}",
            f"{self.right_complete / max(self.found, 1):.3f}",
            f"{average_precision(self.scores, self.hits, self.labelled_complete):.3f}",
            f"{1000 * self.seconds / max(self.pages, 1):.0f}",
        ]


def score_pages(
    model: SignatureModel, pages: Iterable[LabelledPage], score: float = SCORE
) -> Score:
    """Run a loaded model over labelled pages."""
    total = Score(score)
    for page in pages:
        started = time.process_time()
        (signatures,) = model.predict([PageInput(page.image, None, SignatureOptions(LEAST_SCORE))])
        if isinstance(signatures, Exception):
            raise signatures
        total.add(page, signatures, time.process_time() - started)
    return total


def main() -> None:
    """Print a table with a row for each set."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(parser, SETS)
    parser.add_argument("--score", type=float, default=SCORE, help="least score of a signature")
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    arguments = parser.parse_args()
    model = SignatureModel(SignatureConfig(), arguments.weights)
    model.load()
    table = Table(
        "set", "pages", "signatures", "presence F1", "recall", "precision", "AP@0.5", "CPU ms/page"
    )
    for name in arguments.sets:
        pages = read_pages(
            arguments.data / name,
            "signatures",
            arguments.limit,
            as_part(arguments.part),
            detector_part_of,
        )
        table.add_row(*score_pages(model, pages, arguments.score).row(name))
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
