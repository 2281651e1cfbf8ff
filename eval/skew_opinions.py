"""Who is right about skew where labels and measures differ: `python -m eval.skew_opinions`.

Labels of real scans were measured, some with jdeskew's part in them. So they are compared, and what
is told with them, with an opinion that shares nothing with either: the direction of the baselines
of words (`eval.baselines`), as Tesseract boxes them, or with `--boxes labelled` as the annotators
of a set that labels `words` did. Pages whose words leave it uncertain by more than 0.03 degrees are
left out (0.1 with labelled boxes, which are drawn by hand).

A row an opinion: how far it lies from the baselines, and by how much it leans away from upright on
pages labelled as skewed by more than 0.1 degrees, with the standard error of that mean. On
`gov_forms_scansim`, whose labels are exact, the row of the label says how far to trust the
baselines themselves. `spectrum` is the page's spectrum around the model's answer
(`eval.spectrum`), `model and spectrum` the mean of both. Errors are in degrees.
"""

import argparse
import os
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from eval import sets
from eval.baselines import Box, Direction, Floats, chained, direction_of_baselines
from eval.deskew import SKEWED, jdeskew, signed, told_turn
from eval.selection import Label, add_arguments, as_part, read_labels
from eval.spectrum import direction_by_spectrum
from meshkit.model import Image, PageInput
from servers.deskew.config import DeskewConfig
from servers.deskew.model import DeskewModel, DeskewOptions
from servers.deskew.text import to_grey

READ, LABELLED = "read", "labelled"
MOST_ERROR = {READ: 0.03, LABELLED: 0.1}
"""Degrees by which a page's baselines may be off to count."""
READING_SIDE = 1500
"""Pages with a longer side of fewer pixels are doubled for Tesseract."""
LEAST_CONFIDENCE = 30.0
"""Per cent, of a word that Tesseract reads."""
SECONDS = 120


@dataclass(frozen=True, slots=True)
class Page:
    """A page set upright by its label, but for its skew.

    Attributes:
        image: BGR.
        label: its line of `labels.jsonl`.
    """

    image: Image
    label: Label


def read_pages(folder: Path, arguments: argparse.Namespace) -> Iterator[Page]:
    """Pages of a set whose skew is labelled, and whose words are where that is asked for.

    Raises:
        FileNotFoundError: the set or one of its images is not there.
    """

    def wanted(label: Label) -> bool:
        told = label.get("skew_degrees") is not None and label.get("orientation") is not None
        return told and (arguments.boxes == READ or bool(label.get("words")))

    for label in read_labels(folder, wanted, part=as_part(arguments.part), limit=arguments.limit):
        image = cv2.imread(str(folder / label["file"]), cv2.IMREAD_COLOR)
        if image is None:
            raise FileNotFoundError(folder / label["file"])
        upright = np.rot90(np.asarray(image, np.uint8), round(label["orientation"] / 90))
        yield Page(np.ascontiguousarray(upright), label)


def read_lines(page: Page) -> list[list[Box]]:
    """Words of a page, line by line, as Tesseract finds them.

    Raises:
        subprocess.SubprocessError: Tesseract fails or takes too long.
    """
    grey = to_grey(page.image)
    if max(grey.shape) < READING_SIDE:
        grey = np.asarray(cv2.resize(grey, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.png"
        cv2.imwrite(str(path), grey)
        done = subprocess.run(
            ["tesseract", str(path), "stdout", "--psm", "3", "tsv"],
            check=True,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            env={**os.environ, "OMP_THREAD_LIMIT": "1"},
        )
    return lines_of(done.stdout)


def lines_of(table: str) -> list[list[Box]]:
    """Words of Tesseract's table, line by line."""
    head, *rows = (row.split("\t") for row in table.splitlines())
    lines: dict[tuple[str, ...], list[Box]] = defaultdict(list)
    for row in rows:
        cell = dict(zip(head, row, strict=False))
        if cell.get("level") != "5" or float(cell["conf"]) < LEAST_CONFIDENCE:
            continue
        left, top, width, height = (float(cell[key]) for key in ("left", "top", "width", "height"))
        line = cell["block_num"], cell["par_num"], cell["line_num"]
        lines[line].append(Box(cell.get("text", ""), left, top, left + width, top + height))
    return list(lines.values())


def labelled_lines(page: Page) -> list[list[Box]]:
    """Words of a page that lies upright, as labelled."""
    boxes = []
    for word in page.label["words"]:
        xs, ys = np.array(word["quad"], np.float64).reshape(4, 2).T
        boxes.append(
            Box(word["text"], xs.min(), (ys[0] + ys[1]) / 2, xs.max(), (ys[2] + ys[3]) / 2)
        )
    return chained(boxes, page.label["skew_degrees"])


@dataclass(frozen=True, slots=True)
class Difference:
    """What an opinion says more than the baselines of a page do."""

    degrees: float
    label: float


def row(name: str, differences: Sequence[Difference]) -> list[str]:
    """The cells of the printed table."""
    far = np.abs([each.degrees for each in differences])
    outward = np.array(
        [each.degrees * np.sign(each.label) for each in differences if abs(each.label) > SKEWED]
    )
    return [
        name,
        str(len(far)),
        f"{far.mean():.4f}",
        f"{np.median(far):.4f}",
        _mean_with_error(outward) if len(outward) > 1 else "",
    ]


def _mean_with_error(values: Floats) -> str:
    return f"{values.mean():+.3f} ± {values.std(ddof=1) / np.sqrt(len(values)):.3f}"


def opinions(model: DeskewModel, page: Page) -> dict[str, float]:
    """What each says of a page's skew, in degrees."""
    (told,) = model.predict([PageInput(page.image, None, DeskewOptions())])
    if isinstance(told, Exception):
        raise told
    ours = signed(told_turn(told))
    spectrum = direction_by_spectrum(page.image, ours)
    said = {
        "label": float(page.label["skew_degrees"]),
        "model": ours,
        "spectrum": spectrum,
        "model and spectrum": (ours + spectrum) / 2,
    }
    other = jdeskew()
    return said | ({"jdeskew": other(page.image)} if other else {})


def main() -> None:
    """Print a table with a row for each opinion on each set."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(parser, sets.DESKEW)
    parser.add_argument("--boxes", choices=[READ, LABELLED], default=READ, help="around words")
    arguments = parser.parse_args()
    lines_on: Callable[[Page], list[list[Box]]] = (
        read_lines if arguments.boxes == READ else labelled_lines
    )
    model = DeskewModel(DeskewConfig())
    model.load()
    table = Table(title=f"beside the baselines of words as {arguments.boxes}", title_justify="left")
    for column in ("opinion", "pages", "mean", "median", "leans outwards"):
        table.add_column(column, justify="left" if column == "opinion" else "right")
    for name in arguments.sets:
        found: dict[str, list[Difference]] = defaultdict(list)
        for page in read_pages(arguments.data / name, arguments):
            truth: Direction | None = direction_of_baselines(lines_on(page))
            if truth is None or truth.error > MOST_ERROR[arguments.boxes]:
                continue
            for who, said in opinions(model, page).items():
                label = float(page.label["skew_degrees"])
                found[who].append(Difference(said - truth.degrees, label))
        for who, differences in found.items():
            table.add_row(*row(f"{name}: {who}", differences))
    model.close()
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
