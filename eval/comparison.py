"""Readers side by side on labelled pages: who says what, and what it costs."""

import contextlib
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from eval.cases import Case, Sample, Selection, absent_sets, cases, samples
from eval.measures import Measure, Score
from eval.readers.child import Answer, Line, PageFile
from eval.readers.process import ReaderError, ReaderName, ReaderProcess, running
from eval.report import Figure

MEGABYTE = 1 << 20


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
        missing: sets and readers that were not measured or not to the end, and why.
        failures: pages that a reader failed on, and why.
        samples: the chosen pages of each set.
        seconds: that it took, by the clock.
        interrupted: whether it was stopped before its last page; the rows are of those before.
    """

    whole: list[dict[str, Figure]] = field(default_factory=list)
    compared: list[dict[str, Figure]] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    seconds: float = 0.0
    interrupted: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            "seconds": round(self.seconds),
            "interrupted": self.interrupted,
            "pages": {s.set_name: [label["file"] for label in s.labels] for s in self.samples},
            "all pages": self.whole,
            "pages that every reader read": self.compared,
            "not measured": self.missing,
            "failures": self.failures,
        }


def compare(measure: Measure, selection: Selection, scratch: Path) -> Comparison:
    """Ask each of the measure's readers for each page, one after the other, page by page.

    Readers stand side by side in time, so that whatever else the machine does falls on all alike;
    while one works the others wait. Ctrl-C ends it with what was read so far.

    Args:
        scratch: an empty folder for pages that are made; the readings name them.
    """
    started = time.monotonic()
    run = _Run(measure, samples(measure, selection))
    for name in absent_sets(measure, selection):
        run.result.missing[name] = f"the data folder has no {name}/labels.jsonl"
    try:
        chosen = list(cases(measure, selection.data, run.result.samples, scratch))
        if chosen:
            run.read(chosen)
    except KeyboardInterrupt:
        run.result.interrupted = True
    run.result.seconds = time.monotonic() - started
    return run.comparison()


class _Run:
    def __init__(self, measure: Measure, chosen: list[Sample]) -> None:
        self._measure = measure
        self._tallies: dict[tuple[str, str], Tally] = {}
        self._compared: dict[tuple[str, str], Tally] = {}
        self._peaks: dict[str, int] = {}
        self.result = Comparison(samples=chosen)

    def read(self, cases: list[Case]) -> None:
        with contextlib.ExitStack() as stack:
            readers = [stack.enter_context(running(name)) for name in self._measure.readers]
            # The first page is read once before it counts: what is loaded late is loaded then.
            readers = [reader for reader in readers if self._ask(reader, cases[0].page)]
            helper = self._measure.upright and stack.enter_context(running(self._measure.upright))
            for case in track(cases, self._measure.name, console=Console(stderr=True)):
                page = self._set_upright(helper, case) if helper else case.page
                for reader in tuple(readers):
                    if case.compared or reader.reader.everywhere:
                        answer = self._ask(reader, page)
                        if answer:
                            self._count(reader.reader, case, answer)
                        else:
                            readers.remove(reader)

    def _set_upright(self, helper: ReaderProcess, case: Case) -> PageFile:
        """The page and how it is set upright; as it is when nobody tells."""
        answer = self._ask(helper, case.page)
        if answer is None:
            return case.page
        if answer.error:
            self._fail(helper.reader, case, answer)
            return case.page
        return replace(case.page, upright=answer.line)

    def _fail(self, reader: ReaderName, case: Case, answer: Answer) -> None:
        self.result.failures.append(
            f"{reader.name} on {case.set_name}/{case.label['file']}: {answer.error}"
        )

    def _ask(self, reader: ReaderProcess, page: PageFile) -> Answer | None:
        """None of a reader that is gone."""
        try:
            return reader.ask(page)
        except ReaderError as error:
            self.result.missing[reader.reader.name] = str(error)
            return None

    def _count(self, reader: ReaderName, case: Case, answer: Answer) -> None:
        name = reader.name
        self._peaks[name] = answer.peak_bytes
        if answer.error:
            self._fail(reader, case, answer)
        if reader.everywhere:
            self._add(self._tallies, case, name, answer)
        if case.compared:
            self._add(self._compared, case, name, answer)
        if reader is self._measure.readers[0]:
            alone = self._measure.new_score()
            self._measure.judge(alone, case.set_name, case.label, answer.line)
            self.result.readings.append(Reading(case, answer.line, alone.mistakes))

    def _add(
        self, tallies: dict[tuple[str, str], Tally], case: Case, name: str, answer: Answer
    ) -> None:
        tally = tallies.setdefault((case.group, name), Tally(self._measure.new_score()))
        self._measure.judge(tally.score, case.set_name, case.label, answer.line)
        tally.pages += 1
        tally.failed += bool(answer.error)
        tally.cpu_seconds += answer.cpu_seconds
        tally.wall_seconds += answer.wall_seconds

    def comparison(self) -> Comparison:
        self.result.whole = self._rows(self._tallies)
        self.result.compared = self._rows(self._compared)
        return self.result

    def _rows(self, tallies: dict[tuple[str, str], Tally]) -> list[dict[str, Figure]]:
        rows = []
        for (group, name), tally in sorted(tallies.items(), key=lambda item: item[0][0]):
            baseline = tallies.get((group, self._measure.baseline))
            share: dict[str, Figure] = (
                {f"of {self._measure.baseline}": tally.cpu_seconds / baseline.cpu_seconds}
                if baseline and baseline.cpu_seconds
                else {}
            )
            peak = round(self._peaks[name] / MEGABYTE)
            rows.append(
                {"set": group, "reader": name, **tally.row(), **share, "peak MB": peak},
            )
        return rows
