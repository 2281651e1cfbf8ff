"""How well the checkbox model finds and reads boxes: `python -m eval.checkbox --data DIR`.

DIR holds labelled sets: `SET/labels.jsonl` with a JSON object a line (`file`, and `checkboxes` of
`{bbox, checked, ambiguous?}`), and the images that `file` names. Pages are set upright by their
labels first, and go straight to the model. `eval.scores.checkboxes` says what counts as right. Time
is the processor's, all threads added up, one page at a time.
"""

import argparse
import time
from collections.abc import Iterable
from pathlib import Path

from eval import sets
from eval.labelled import LabelledPage, bounds, read_pages
from eval.report import Figure, print_table
from eval.scores.checkboxes import CheckboxScore, FoundBox
from eval.selection import add_arguments, as_part
from eval.split import detector_part_of
from meshkit.model import PageInput
from servers.checkbox.config import CheckboxConfig
from servers.checkbox.model import WEIGHTS, CheckboxModel, CheckboxOptions


def score_pages(
    model: CheckboxModel, pages: Iterable[LabelledPage], threshold: float | None
) -> dict[str, Figure]:
    """Run a loaded model over labelled pages; a row of the table."""
    score, seconds = CheckboxScore(), 0.0
    for page in pages:
        started = time.process_time()
        (boxes,) = model.predict([PageInput(page.image, None, CheckboxOptions(threshold))])
        seconds += time.process_time() - started
        if isinstance(boxes, Exception):
            raise boxes
        rects = bounds([box.quad for box in boxes])
        score.add(
            page.truth,
            [FoundBox(r, box.checked, box.score) for r, box in zip(rects, boxes, strict=True)],
        )
    cpu_ms = round(1000 * seconds / max(score.pages, 1))
    return {"pages": score.pages, **score.figures(), "CPU ms/page": cpu_ms}


def main() -> None:
    """Print a table with a row for each set."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(parser, sets.CHECKBOX)
    parser.add_argument("--threshold", type=float, help="instead of the server's default")
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    arguments = parser.parse_args()
    part = as_part(arguments.part)
    model = CheckboxModel(CheckboxConfig(), arguments.weights)
    model.load()
    rows = []
    for name in arguments.sets:
        pages = read_pages(
            arguments.data / name, "checkboxes", arguments.limit, part, detector_part_of
        )
        rows.append({"set": name, **score_pages(model, pages, arguments.threshold)})
    print_table("checkboxes", rows)


if __name__ == "__main__":
    main()
