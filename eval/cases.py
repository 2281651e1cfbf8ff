"""Which pages a measure reads: a sample of every set, the same each time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from eval.measures import Measure
from eval.readers.child import PageFile
from eval.selection import Label, read_labels, spread
from eval.sets import KNOWN
from eval.split import Part
from eval.turning import turned

LARGEST_SKEW = 44.0
SMALL_SKEW = 10.0
"""Of pages that everybody reads: jdeskew looks no further than 15 degrees."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which pages are wanted.

    Attributes:
        data: the folder of sets.
        sets: those that are wanted: of a measure's own, and of names that no measure has
            (`eval.sets.KNOWN`); its own when None.
        part: of each set.
        limit: pages of each set, evenly spread over its file; all when 0, as many as the measure
            has for its `sample` when None.
        compared: of these, evenly spread, what every reader reads; all when None.
    """

    data: Path
    sets: Sequence[str] | None
    part: Part | None
    limit: int | None
    compared: int | None


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
class Sample:
    """The chosen pages of one set.

    Attributes:
        set_name: the set.
        labels: of the chosen pages, in the order of their file.
        compared: places in `labels` of those that every reader reads.
        available: pages that could have been chosen.
        lost: files that labels name and that are not there.
    """

    set_name: str
    labels: Sequence[Label]
    compared: frozenset[int]
    available: int
    lost: Sequence[str] = ()

    @property
    def summary(self) -> str:
        """`funsd_forms: 24 of 61 pages, 8 of them by every reader`."""
        is_part = len(self.compared) < len(self.labels)
        by_all = f", {len(self.compared)} of them by every reader" if is_part else ""
        read = f"{self.set_name}: {len(self.labels)} of {self.available} pages{by_all}"
        if not self.lost:
            return read
        files = "file" if len(self.lost) == 1 else "files"
        return f"{read}; not there: {len(self.lost)} {files} of its labels, {self.lost[0]} first"


def absent_sets(measure: Measure, selection: Selection) -> list[str]:
    """The measure's wanted sets that the data folder lacks."""
    return [
        name
        for name in _wanted_sets(measure, selection)
        if not (selection.data / name / "labels.jsonl").is_file()
    ]


def samples(measure: Measure, selection: Selection) -> list[Sample]:
    """What is read of each set that is there.

    Raises:
        ValueError: a line of a set's labels is none.
    """
    absent = absent_sets(measure, selection)
    found = [
        _sample(measure, selection, name)
        for name in _wanted_sets(measure, selection)
        if name not in absent
    ]
    return [sample for sample in found if sample.available or sample.lost]


def _sample(measure: Measure, selection: Selection, name: str) -> Sample:
    folder = selection.data / name
    labels = read_labels(folder, measure.wanted, part=selection.part, part_of=measure.part_of)
    lost = [label["file"] for label in labels if not (folder / label["file"]).is_file()]
    there = [label for label in labels if label["file"] not in lost]
    limit = measure.sample if selection.limit is None else selection.limit or None
    chosen = [there[place] for place in spread(len(there), limit)]
    is_alone = len(measure.readers) == 1
    compared = frozenset(spread(len(chosen), None if is_alone else selection.compared))
    return Sample(name, chosen, compared, len(there), lost)


def cases(measure: Measure, data: Path, chosen: Sequence[Sample], scratch: Path) -> Iterator[Case]:
    """A case a page, and more for those that are turned: all by any angle, for our own readers,
    and those that every reader reads by a quarter turn and a small skew.

    Args:
        scratch: an empty folder for pages that are made; the cases name them.
    """
    any_skew, small_skew = np.random.default_rng(0), np.random.default_rng(0)
    for sample in chosen:
        name, folder = sample.set_name, data / sample.set_name
        for place, label in enumerate(sample.labels):
            page = PageFile(
                str(folder / label["file"]), label.get("dpi") or 0, bool(label.get("stretched"))
            )
            case = Case(name, label, page, measure.group(name, label), place in sample.compared)
            yield case
            if measure.turned:
                yield from _turned(case, scratch, "turned", any_skew, LARGEST_SKEW)
            if measure.turned and case.compared and len(measure.readers) > 1:
                yield from _turned(case, scratch, "turned <10", small_skew, SMALL_SKEW)


def _wanted_sets(measure: Measure, selection: Selection) -> list[str]:
    if selection.sets is None:
        return list(measure.sets)
    own = [name for name in measure.sets if name in selection.sets]
    return own + [name for name in selection.sets if name not in KNOWN and name not in own]


def _turned(
    case: Case, scratch: Path, how: str, rng: np.random.Generator, largest: float
) -> Iterator[Case]:
    """The page turned so that it lies at a random quarter, and skewed by at most so many degrees.

    None of a file that is no image; the readers will say so.
    """
    orientation = 90 * int(rng.integers(4))
    skew = float(rng.uniform(-largest, largest))
    image = cv2.imread(case.page.path, cv2.IMREAD_GRAYSCALE)
    if image is None:
        return
    lies = case.label["orientation"] + case.label["skew_degrees"]
    path = scratch / case.set_name / f"{Path(case.page.path).stem}-{how.replace(' <', '-')}.png"
    path.parent.mkdir(exist_ok=True)
    cv2.imwrite(str(path), turned(np.asarray(image, np.uint8), orientation + skew - lies))
    truth = {"file": path.name, "orientation": orientation, "skew_degrees": skew}
    page = PageFile(str(path), case.page.dpi)
    yield Case(case.set_name, truth, page, f"{case.group}, {how}", largest == SMALL_SKEW)
