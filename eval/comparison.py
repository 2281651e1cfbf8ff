"""Readers side by side on labelled pages: who says what, and what it costs."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.console import Console
from rich.progress import track

from eval.measures import Measure, Score
from eval.readers.child import Answer, Line, PageFile
from eval.readers.process import ReaderError, ReaderName, ReaderProcess, running
from eval.report import Figure
from eval.selection import Label, read_labels
from eval.split import Part
from eval.turning import turned

LARGEST_SKEW = 44.0
MEGABYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Case:
    """A page to be read by every reader that reads it.

    Attributes:
        set_name: its set.
        label: what it should be read as.
        page: its file.
        group: the row that it counts in.
        compared: whether every reader reads it, or only those that read all.
    """

    set_name: str
    label: Label
    page: PageFile
    group: str
    compared: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """What the first reader said of a case, and how many mistakes that has."""

    case: Case
    line: Line
    mistakes: float


@dataclass
class Tally:
    """One reader on the pages of one row."""

    score: Score
    pages: int = 0
    failed: int = 0
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0

    def row(self) -> dict[str, Figure]:
        costs: dict[str, Figure] = {
            "CPU s/page": self.cpu_seconds / self.pages,
            "wall s/page": self.wall_seconds / self.pages,
        }
        failed: dict[str, Figure] = {"failed": self.failed} if self.failed else {}
        return {"pages": self.pages, **self.score.figures(), **costs, **failed}


@dataclass
class Comparison:
    """What one measure gave.

    Attributes:
        whole: rows of every page, by the readers that read all.
        compared: rows of the pages that every reader read.
        readings: of the measure's first reader, one a page.
        missing: readers that did not run or not to the end, and why.
        failures: pages that a reader failed on, and why.
    """

    whole: list[dict[str, Figure]] = field(default_factory=list)
    compared: list[dict[str, Figure]] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {
            "all pages": self.whole,
            "pages that every reader read": self.compared,
            "not measured": self.missing,
            "failures": self.failures,
        }


@dataclass(frozen=True, slots=True)
class Selection:
    """Which pages are read.

    Attributes:
        data: the folder of sets.
        sets: those that are wanted, of those that a measure has.
        part: of each set.
        limit: pages of each set; all when None.
        compared: pages of each set that every reader reads; all when None.
    """

    data: Path
    sets: Sequence[str] | None
    part: Part | None
    limit: int | None
    compared: int | None


def compare(measure: Measure, selection: Selection, scratch: Path) -> Comparison:
    """Ask each of the measure's readers for each page, one after the other, page by page.

    Readers stand side by side in time, so that whatever else the machine does falls on all alike;
    while one works the others wait.

    Args:
        scratch: an empty folder for pages that are made; the readings name them.
    """
    cases = list(_cases(measure, selection, scratch))
    run = _Run(measure)
    if cases:
        run.read(cases)
    return run.comparison()


class _Run:
    def __init__(self, measure: Measure) -> None:
        self._measure = measure
        self._tallies: dict[tuple[str, str], Tally] = {}
        self._compared: dict[tuple[str, str], Tally] = {}
        self._peaks: dict[str, int] = {}
        self._result = Comparison()

    def read(self, cases: list[Case]) -> None:
        with contextlib.ExitStack() as stack:
            readers = [stack.enter_context(running(name)) for name in self._measure.readers]
            # The first page is read once before it counts: what is loaded late is loaded then.
            readers = [reader for reader in readers if self._ask(reader, cases[0].page)]
            helper = self._measure.upright and stack.enter_context(running(self._measure.upright))
            for case in track(cases, self._measure.name, console=Console(stderr=True)):
                page = _with_transform(helper, case.page) if helper else case.page
                for reader in tuple(readers):
                    if case.compared or reader.reader.everywhere:
                        answer = self._ask(reader, page)
                        if answer:
                            self._count(reader.reader, case, answer)
                        else:
                            readers.remove(reader)

    def _ask(self, reader: ReaderProcess, page: PageFile) -> Answer | None:
        """None of a reader that is gone."""
        try:
            return reader.ask(page)
        except ReaderError as error:
            self._result.missing[reader.reader.name] = str(error)
            return None

    def _count(self, reader: ReaderName, case: Case, answer: Answer) -> None:
        name = reader.name
        self._peaks[name] = answer.peak_bytes
        if answer.error:
            self._result.failures.append(
                f"{name} on {case.set_name}/{case.label['file']}: {answer.error}"
            )
        if reader.everywhere:
            self._add(self._tallies, case, name, answer)
        if case.compared:
            self._add(self._compared, case, name, answer)
        if reader is self._measure.readers[0]:
            alone = self._measure.new_score()
            self._measure.judge(alone, case.set_name, case.label, answer.line)
            self._result.readings.append(Reading(case, answer.line, alone.mistakes))

    def _add(
        self, tallies: dict[tuple[str, str], Tally], case: Case, name: str, answer: Answer
    ) -> None:
        tally = tallies.setdefault((case.group, name), Tally(self._measure.new_score()))
        tally.pages += 1
        tally.failed += bool(answer.error)
        tally.cpu_seconds += answer.cpu_seconds
        tally.wall_seconds += answer.wall_seconds
        self._measure.judge(tally.score, case.set_name, case.label, answer.line)

    def comparison(self) -> Comparison:
        self._result.whole = self._rows(self._tallies)
        self._result.compared = self._rows(self._compared)
        return self._result

    def _rows(self, tallies: dict[tuple[str, str], Tally]) -> list[dict[str, Figure]]:
        rows = []
        for (group, name), tally in sorted(tallies.items(), key=lambda item: item[0][0]):
            baseline = tallies.get((group, self._measure.baseline))
            share: dict[str, Figure] = (
                {f"of {self._measure.baseline}": tally.cpu_seconds / baseline.cpu_seconds}
                if baseline
                else {}
            )
            peak = round(self._peaks[name] / MEGABYTE)
            rows.append(
                {"set": group, "reader": name, **tally.row(), **share, "peak MB": peak},
            )
        return rows


def _with_transform(helper: ReaderProcess, page: PageFile) -> PageFile:
    """The page and how it is set upright. Raises ReaderError: nobody tells."""
    answer = helper.ask(page)
    if answer.error:
        raise ReaderError(f"{helper.reader.name}: {answer.error}")
    return replace(page, upright=answer.line)


def _cases(measure: Measure, selection: Selection, scratch: Path) -> Iterator[Case]:
    rng = np.random.default_rng(0)
    for set_name in measure.sets:
        if selection.sets is not None and set_name not in selection.sets:
            continue
        folder = selection.data / set_name
        labels = read_labels(
            folder,
            measure.wanted,
            part=selection.part,
            limit=selection.limit,
            part_of=measure.part_of,
        )
        compared = _spread(len(labels), selection.compared)
        for place, label in enumerate(labels):
            page = PageFile(
                str(folder / label["file"]), label.get("dpi") or 0, bool(label.get("stretched"))
            )
            group = measure.group(set_name, label)
            yield Case(set_name, label, page, group, place in compared)
            if measure.turned:
                truth, path = _turned_page(folder, label, scratch, rng)
                turned_page = PageFile(str(path), page.dpi)
                yield Case(set_name, truth, turned_page, f"{group}, turned", place in compared)


def _spread(count: int, limit: int | None) -> set[int]:
    """At most `limit` of the places up to `count`, evenly spread."""
    if limit is None or limit >= count:
        return set(range(count))
    return set(np.linspace(0, count - 1, limit).round().astype(int).tolist())


def _turned_page(
    folder: Path, label: Label, scratch: Path, rng: np.random.Generator
) -> tuple[Label, Path]:
    """The page turned so that it lies at a random quarter and skew, and what is true of it then."""
    orientation = 90 * int(rng.integers(4))
    skew = float(rng.uniform(-LARGEST_SKEW, LARGEST_SKEW))
    image = cv2.imread(str(folder / label["file"]), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise FileNotFoundError(folder / label["file"])
    lies = label["orientation"] + label["skew_degrees"]
    path = scratch / folder.name / f"{Path(label['file']).stem}-turned.png"
    path.parent.mkdir(exist_ok=True)
    cv2.imwrite(str(path), turned(np.asarray(image, np.uint8), orientation + skew - lies))
    truth = {"file": path.name, "orientation": orientation, "skew_degrees": skew}
    return truth, path
