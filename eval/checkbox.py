"""How well the checkbox model finds and reads boxes: `python -m eval.checkbox --data DIR`.

DIR holds labelled sets: `SET/labels.jsonl` with a JSON object a line (`file`, and `checkboxes` of
`{bbox, checked, ambiguous?}`), and the images that `file` names. Pages are set upright by their
labels first, and go straight to the model, one at a time. `eval.scores.checkboxes` says what counts
as right. CPU is the processor's time, all threads added up; wall is the clock's, with as many
threads as `--threads` names. Of `--repeats` runs of a page the quickest counts: whatever else the
machine does only adds.
"""

import argparse
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np

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
    model: CheckboxModel, pages: Iterable[LabelledPage], threshold: float | None, repeats: int
) -> dict[str, Figure]:
    """Run a loaded model over labelled pages; a row of the table."""
    score, times = CheckboxScore(), [np.zeros(2)]
    for page in pages:
        pages_in = [PageInput(page.image, None, CheckboxOptions(threshold))]
        runs = []
        for _ in range(repeats):
            started = np.array([time.process_time(), time.perf_counter()])
            (boxes,) = model.predict(pages_in)
            runs.append(np.array([time.process_time(), time.perf_counter()]) - started)
        times.append(np.min(runs, axis=0))
        if isinstance(boxes, Exception):
            raise boxes
        rects = bounds([box.quad for box in boxes])
        score.add(
            page.truth,
            [FoundBox(r, box.checked, box.score) for r, box in zip(rects, boxes, strict=True)],
        )
    cpu, wall = (1000 * np.sum(times, axis=0) / max(score.pages, 1)).round().astype(int).tolist()
    return {"pages": score.pages, **score.figures(), "CPU ms/page": cpu, "wall ms/page": wall}


def main() -> None:
    """Print a table with a row for each set."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(parser, sets.CHECKBOX)
    parser.add_argument("--threshold", type=float, help="instead of the server's default")
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--threads", type=int, default=2, help="of the model")
    parser.add_argument("--repeats", type=int, default=1, help="runs of each page")
    arguments = parser.parse_args()
    if arguments.repeats < 1:
        parser.error(f"--repeats must be at least 1, not {arguments.repeats}")
    part = as_part(arguments.part)
    model = CheckboxModel(CheckboxConfig(intra_op_threads=arguments.threads), arguments.weights)
    model.load()
    rows = []
    for name in arguments.sets:
        pages = read_pages(
            arguments.data / name, "checkboxes", arguments.limit, part, detector_part_of
        )
        figures = score_pages(model, pages, arguments.threshold, arguments.repeats)
        rows.append({"set": name, **figures})
    print_table("checkboxes", rows)


if __name__ == "__main__":
    main()
