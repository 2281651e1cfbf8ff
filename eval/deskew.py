"""How well the deskew model tells skew and orientation: `python -m eval.deskew --data DIR`.

DIR holds labelled sets: `SET/labels.jsonl` with a JSON object a line (`file`, `skew_degrees`,
`orientation`; pages that lack one are left out), and the images that `file` names.

First every page as it was scanned, beside jdeskew where that is installed (the `eval` extra); then
every page turned by a random angle in [-180, 180), by bicubic interpolation on white. Labels of
real scans are good to about 0.1 degrees, and lean on jdeskew where they say that it agreed. The
turn error is free of labels: what is told of the turned page less what is told of the page as it
was scanned, against the angle turned. A page that is not told as it was scanned has nothing to be
compared with but its label, so that is what it is compared with, the label's own error included:
no page is left out. One that is not told when turned counts with skew 0. jdeskew's pages are turned
by up to 10 degrees for it, since it tells no more than 15.

`outwards`: mean error away from upright on pages that are labelled as skewed by more than 0.1
degrees. An exact measure has none against exact labels; labels that lean on a measure which tells
too much carry their part of it. `told`: share of pages whose skew is told at all; a page that is
not told counts with skew 0. Skew
errors are folded to [0, 45], so that a wrong orientation does not count twice. Times are a page's,
one page at a time: wall clock, and CPU time of all threads.
"""

import argparse
import importlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from eval import sets
from eval.scores.turns import WITHIN_DEGREES as WITHIN
from eval.scores.turns import folded
from eval.selection import Label, add_arguments, as_part, read_labels
from eval.split import Part
from eval.turning import turned
from meshkit.model import Image, PageInput
from servers.deskew.config import DeskewConfig
from servers.deskew.model import DeskewModel, DeskewOptions, DeskewResult
from servers.deskew.pose import LEAST_SKEW_CONFIDENCE

SkewOf = Callable[[Image], float]

SKEWED = 0.1
"""Degrees from which a page counts as labelled skewed, one way or the other."""
OTHER_TURN = 10.0
"""Degrees: jdeskew looks no further than 15 degrees, so its pages are turned by less."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A page and how it lies.

    Attributes:
        image: BGR.
        turn_degrees: clockwise from upright, quarter turns and skew together.
    """

    image: Image
    turn_degrees: float


@dataclass
class Score:
    """What was seen on the pages of one set."""

    skew_errors: list[float] = field(default_factory=list)
    outward: list[float] = field(default_factory=list)
    turn_errors: list[float] = field(default_factory=list)
    oriented: list[bool] = field(default_factory=list)
    told: list[bool] = field(default_factory=list)
    wall_seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)

    def add_skew(self, told: float, truth: float) -> None:
        """Degrees clockwise from upright, quarter turns and skew together."""
        error, skew = signed(told - truth), signed(truth)
        self.skew_errors.append(abs(error))
        if abs(skew) > SKEWED:
            self.outward.append(float(np.copysign(error, error * skew)))

    def add_all(self, other: "Score") -> None:
        """What was seen on the pages of another set, too."""
        for each in fields(self):
            getattr(self, each.name).extend(getattr(other, each.name))

    def row(self, name: str) -> list[str]:
        """The cells of the printed table."""
        errors = np.array(self.skew_errors)
        return [
            name,
            str(len(errors)),
            f"{np.mean(self.told):.3f}" if self.told else "",
            f"{errors.mean():.4f}",
            f"{np.median(errors):.4f}",
            f"{errors.max():.3f}",
            f"{(errors <= WITHIN).mean():.3f}",
            f"{np.mean(self.outward):+.4f}" if self.outward else "",
            f"{np.mean(self.oriented):.3f}" if self.oriented else "",
            f"{1000 * np.mean(self.wall_seconds):.0f}",
            f"{1000 * np.mean(self.cpu_seconds):.0f}",
            *self._turn_cells(),
        ]

    def _turn_cells(self) -> list[str]:
        if not self.turn_errors:
            return ["", "", ""]
        errors = np.array(self.turn_errors)
        return [
            f"{errors.mean():.4f}",
            f"{errors.max():.3f}",
            f"{(errors <= WITHIN).mean():.3f}",
        ]


def read_pages(folder: Path, limit: int | None, part: Part | None = None) -> Iterator[Labelled]:
    """Pages of a set whose turn is labelled, selected by `read_labels`.

    Raises:
        FileNotFoundError: the set or one of its images is not there.
    """
    for label in read_labels(folder, _has_turn, part=part, limit=limit):
        image = cv2.imread(str(folder / label["file"]), cv2.IMREAD_COLOR)
        if image is None:
            raise FileNotFoundError(folder / label["file"])
        yield Labelled(np.asarray(image, np.uint8), label["orientation"] + label["skew_degrees"])


def _has_turn(label: Label) -> bool:
    return label.get("skew_degrees") is not None and label.get("orientation") is not None


def signed(degrees: float) -> float:
    """An angle as its signed distance from the nearest quarter turn, in [-45, 45)."""
    return (degrees + 45) % 90 - 45


def told_turn(result: DeskewResult) -> float:
    """Clockwise degrees from upright that the model tells; as upright as possible if it can't."""
    return 90 * (result.quarters or 0) + result.skew_degrees


@dataclass(frozen=True, slots=True)
class Answer:
    """What is told of a page.

    Attributes:
        turn_degrees: clockwise from upright; as upright as possible where it isn't told.
        told: whether the skew is.
    """

    turn_degrees: float
    told: bool


def turn_error(scanned: Answer, label_degrees: float, again: Answer, angle: float) -> float:
    """Degrees, in [0, 45], by which what is told of a turned page differs from what it should be.

    Args:
        scanned: of the page as it was scanned.
        label_degrees: clockwise from upright; stands in for `scanned` where that isn't told.
        again: of the same page, turned.
        angle: clockwise degrees that it was turned by.
    """
    before = scanned.turn_degrees if scanned.told else label_degrees
    return folded(again.turn_degrees - before - angle, 90)


class Judge:
    """Runs the model on pages and keeps the score."""

    def __init__(self, model: DeskewModel) -> None:
        self._model = model

    def answer(self, score: Score, image: Image, truth: float) -> Answer:
        """Score one page; what is told of it."""
        wall, cpu = time.perf_counter(), time.process_time()
        (result,) = self._model.predict([PageInput(image, None, DeskewOptions())])
        score.wall_seconds.append(time.perf_counter() - wall)
        score.cpu_seconds.append(time.process_time() - cpu)
        if isinstance(result, Exception):
            raise result
        turn = told_turn(result)
        score.add_skew(turn, truth)
        score.oriented.append(result.quarters is not None and folded(turn - truth, 360) < 45)
        told = result.skew_confidence >= LEAST_SKEW_CONFIDENCE
        score.told.append(told)
        return Answer(turn, told)


def other_answer(skew_of: SkewOf, score: Score, page: Labelled) -> float:
    """Score another tool's skew of one page; the skew told."""
    wall, cpu = time.perf_counter(), time.process_time()
    skew = skew_of(page.image)
    score.wall_seconds.append(time.perf_counter() - wall)
    score.cpu_seconds.append(time.process_time() - cpu)
    score.add_skew(skew, page.turn_degrees)
    return skew


def jdeskew() -> SkewOf | None:
    """jdeskew's estimator, where it is installed."""
    try:
        estimator = importlib.import_module("jdeskew.estimator")
    except ImportError:
        return None
    return lambda image: float(estimator.get_angle(image))


def new_table(title: str) -> Table:
    """With the columns of `Score.row`."""
    table = Table(title=title, title_justify="left")
    for column in ("set", "pages", "told", "mean error", "median", "largest", f"<= {WITHIN}"):
        table.add_column(column, justify="left" if column == "set" else "right")
    for column in (
        "outwards",
        "orientation",
        "wall ms",
        "CPU ms",
        "turn error",
        "largest",
        f"<= {WITHIN}",
    ):
        table.add_column(column, justify="right")
    return table


def main() -> None:
    """Print two tables with a row for each set, and one for all pages together."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(parser, sets.DESKEW)
    parser.add_argument("--seed", type=int, default=0, help="of the random turns")
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    small_turns = np.random.default_rng(arguments.seed)
    other = jdeskew()
    model = DeskewModel(DeskewConfig())
    model.load()
    judge = Judge(model)
    scanned, random = new_table("pages as scanned"), new_table("pages turned by random angles")
    all_own, all_turns = Score(), Score()
    for name in arguments.sets:
        own, theirs, turns = Score(), Score(), Score()
        for page in read_pages(arguments.data / name, arguments.limit, as_part(arguments.part)):
            told = judge.answer(own, page.image, page.turn_degrees)
            if other:
                skew = other_answer(other, theirs, page)
                small = float(small_turns.uniform(-OTHER_TURN, OTHER_TURN))
                theirs.turn_errors.append(
                    folded(other(turned(page.image, small)) - skew - small, 90)
                )
            angle = float(rng.uniform(-180, 180))
            again = judge.answer(turns, turned(page.image, angle), page.turn_degrees + angle)
            turns.turn_errors.append(turn_error(told, page.turn_degrees, again, angle))
        if not own.told:
            continue
        scanned.add_row(*own.row(name))
        if other:
            scanned.add_row(*theirs.row("  jdeskew"))
        random.add_row(*turns.row(name))
        all_own.add_all(own)
        all_turns.add_all(turns)
    model.close()
    if all_own.told:
        scanned.add_row(*all_own.row("all pages"))
        random.add_row(*all_turns.row("all pages"))
    console = Console(width=160)
    console.print(scanned)
    console.print(random)


if __name__ == "__main__":
    main()
