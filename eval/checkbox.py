"""How well the checkbox model finds and reads boxes: `python -m eval.checkbox --data DIR`.

DIR holds labelled sets: `SET/labels.jsonl` with a JSON object a line (`file`, and `checkboxes` of
`{bbox, checked, ambiguous?}`), and the images that `file` names. Pages are set upright by their
labels first.

A box is found when it overlaps the labelled one by an IoU of at least 0.3 or, under 18 px, has its
middle in it. Found boxes in `ignore` areas and on ambiguous labels count neither way; where labels
are not complete, wrong boxes are not counted. State accuracy is over the boxes found; checked F1
is of boxes that were found and rightly read as checked. Time is the processor's, all threads added
up, one page at a time.
"""

import argparse
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from eval.labelled import LabelledPage, bounds, read_pages
from eval.matching import WRONG, f1, match
from eval.selection import add_arguments, as_part
from eval.split import detector_part_of
from meshkit.model import PageInput
from servers.checkbox.config import CheckboxConfig
from servers.checkbox.model import WEIGHTS, Checkbox, CheckboxModel, CheckboxOptions

SETS = (
    "gov_forms_scansim",
    "checkbox_forms_mixed",
    "checkbox_crc_survey",
    "checkbox_sdaps",
    "checkbox_answer_sheets",
    "funsd_forms",
)
MIN_IOU = 0.3


@dataclass
class Score:
    """Sums over the pages of one set."""

    pages: int = 0
    labelled: int = 0
    found: int = 0
    right: int = 0
    state_right: int = 0
    checked_labelled: int = 0
    checked_found: int = 0
    checked_right: int = 0
    seconds: float = 0.0

    def add(self, page: LabelledPage, boxes: Iterable[Checkbox], seconds: float) -> None:
        """Count one page's boxes."""
        best_first = sorted(boxes, key=lambda box: -box.score)
        clear = [not item.get("ambiguous") for item in page.items]
        ignore = np.concatenate([page.ignore, page.rects[~np.array(clear, bool)]])
        items = [item for item, kept in zip(page.items, clear, strict=True) if kept]
        labels = match(
            bounds([box.quad for box in best_first]),
            page.rects[np.array(clear, bool)],
            ignore,
            min_iou=MIN_IOU,
            small_by_middle=True,
        )
        self.pages += 1
        self.seconds += seconds
        self.labelled += len(items)
        self.checked_labelled += sum(item["checked"] for item in items)
        for box, label in zip(best_first, labels, strict=True):
            if label >= 0:
                truth = bool(items[label]["checked"])
                self.right += 1
                self.found += 1
                self.state_right += box.checked == truth
                self.checked_found += box.checked
                self.checked_right += box.checked and truth
            elif label == WRONG and page.complete:
                self.found += 1
                self.checked_found += box.checked

    def row(self, name: str) -> list[str]:
        """The cells of the printed table."""
        return [
            name,
            str(self.pages),
            str(self.labelled),
            f"{self.right / max(self.found, 1):.3f}",
            f"{self.right / max(self.labelled, 1):.3f}",
            f"{f1(self.right, self.found, self.labelled):.3f}",
            f"{self.state_right / max(self.right, 1):.3f}",
            f"{f1(self.checked_right, self.checked_found, self.checked_labelled):.3f}",
            f"{1000 * self.seconds / max(self.pages, 1):.0f}",
        ]


def score_pages(
    model: CheckboxModel, pages: Iterable[LabelledPage], threshold: float | None
) -> Score:
    """Run a loaded model over labelled pages."""
    score = Score()
    for page in pages:
        started = time.process_time()
        (boxes,) = model.predict([PageInput(page.image, None, CheckboxOptions(threshold))])
        if isinstance(boxes, Exception):
            raise boxes
        score.add(page, boxes, time.process_time() - started)
    return score


def main() -> None:
    """Print a table with a row for each set."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(parser, SETS)
    parser.add_argument("--threshold", type=float, help="instead of the server's default")
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    arguments = parser.parse_args()
    model = CheckboxModel(CheckboxConfig(), arguments.weights)
    model.load()
    table = Table(
        "set",
        "pages",
        "boxes",
        "precision",
        "recall",
        "box F1",
        "state",
        "checked F1",
        "CPU ms/page",
    )
    for name in arguments.sets:
        pages = read_pages(
            arguments.data / name,
            "checkboxes",
            arguments.limit,
            as_part(arguments.part),
            detector_part_of,
        )
        table.add_row(*score_pages(model, pages, arguments.threshold).row(name))
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
