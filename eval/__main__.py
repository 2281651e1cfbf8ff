"""How good our models are beside the best packages: `python -m eval --data DIR`.

DIR holds labelled sets. For each model a table of its pages, read by our readers, and one of the
pages that the packages read, too, side by side. All figures go to `eval/results.json`, the tables
as Markdown to `eval/results.md` beside it, a picture of each of the worst pages to `var/eval`. Each
model's figures are written as soon as they are there: one that fails, or Ctrl-C, loses no others.
`docs/evaluation.md` says what the figures mean.
"""

import argparse
import shlex
import signal
import sys
import tempfile
from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path

from eval.cases import Selection
from eval.comparison import compare
from eval.machine import two_cores
from eval.measures import MEASURES, Measure
from eval.overlay import draw_worst
from eval.record import Record
from eval.selection import ALL, as_part
from eval.sets import KNOWN
from eval.split import Part

RESULTS = Path(__file__).with_name("results.json")
PICTURES = Path("var/eval")
INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""


def main() -> int:
    """Measure, print, write; the exit status."""
    arguments = read_arguments()
    # A run that is told to end (`timeout`) shows what it has, as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    selection = Selection(
        arguments.data,
        arguments.sets or None,
        as_part(arguments.part),
        arguments.limit,
        arguments.compared or None,
    )
    measures = [
        with_readers(measure, arguments.readers)
        for measure in MEASURES
        if measure.name in arguments.models
    ]
    words = ["DATA" if word == str(arguments.data) else word for word in sys.argv[1:]]
    command = shlex.join(["python", "-m", "eval", *words])
    record = Record(arguments.out, arguments.part, command)
    with two_cores():
        return judge_all(measures, selection, record, arguments.pictures, arguments.worst)


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="eval", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [measure.name for measure in MEASURES]
    parser.add_argument("--data", type=Path, required=True, help="folder of labelled sets")
    parser.add_argument(
        "--sets",
        nargs="*",
        help=f"all of these, unless named: {', '.join(sorted(KNOWN))}; one of another name is for "
        "every model whose labels it has",
    )
    parser.add_argument("--models", nargs="+", choices=names, default=names)
    readers = sorted({reader.name for measure in MEASURES for reader in measure.readers})
    parser.add_argument(
        "--readers", nargs="+", choices=readers, help="of those that a model has; all"
    )
    parser.add_argument("--part", choices=[*map(str, Part), ALL], default=str(Part.VALIDATION))
    slow = ", ".join(
        f"{measure.sample} for {measure.name}" for measure in MEASURES if measure.sample
    )
    parser.add_argument("--limit", type=int, help=f"pages of each set, 0 for all; {slow}, else all")
    parser.add_argument(
        "--compared",
        type=int,
        default=8,
        help="pages of each set that the packages read, too, 0 for all",
    )
    parser.add_argument("--worst", type=int, default=2, help="pages of each row that are drawn")
    parser.add_argument("--out", type=Path, default=RESULTS, help="file of all figures")
    parser.add_argument("--pictures", type=Path, default=PICTURES, help="folder of pictures")
    arguments = parser.parse_args()
    if not arguments.data.is_dir():
        parser.error(f"--data: {arguments.data} is not a folder; give one with labelled sets")
    there = sorted(path.parent.name for path in arguments.data.glob("*/labels.jsonl"))
    if not there:
        parser.error(f"--data: no folder in {arguments.data} has a labels.jsonl")
    if not set(there) & set(arguments.sets or KNOWN):
        wanted = ", ".join(arguments.sets or sorted(KNOWN))
        parser.error(
            f"--sets: {arguments.data} has none of {wanted}; it has {', '.join(there)}, of which "
            "any can be named"
        )
    return arguments


def with_readers(measure: Measure, names: Collection[str] | None) -> Measure:
    """The measure with the named ones of its readers; with all when it has none of them."""
    wanted = tuple(reader for reader in measure.readers if names and reader.name in names)
    return replace(measure, readers=wanted or measure.readers)


def judge_all(
    measures: Iterable[Measure], selection: Selection, record: Record, pictures: Path, worst: int
) -> int:
    """Take one measure after the other; the exit status: 1 when one failed, 130 after Ctrl-C."""
    status = 0
    for measure in measures:
        try:
            is_interrupted = judge(measure, selection, record, pictures / measure.name, worst)
        except Exception as failure:  # what one model's run raises leaves the others theirs
            record.fail(measure, failure)
            status = 1
        else:
            if is_interrupted:
                return INTERRUPTED
    return status


def judge(
    measure: Measure, selection: Selection, record: Record, pictures: Path, worst: int
) -> bool:
    """Print and write a measure's tables, draw its worst pages; whether it was interrupted."""
    with tempfile.TemporaryDirectory(prefix="pagemesh-eval-") as scratch:
        comparison = compare(measure, selection, Path(scratch))
        record.add(measure, comparison)
        drawn = draw_worst(comparison.readings, pictures, worst)
        print(f"{len(drawn)} of the worst pages drawn in {pictures}\n")
    return comparison.interrupted


if __name__ == "__main__":
    sys.exit(main())
