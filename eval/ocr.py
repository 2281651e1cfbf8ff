"""How well and how dearly the OCR model reads: `python -m eval.ocr --data DIR [--limit N]`.

DIR holds labelled sets: `SET/labels.jsonl` with a JSON object a line (`file`, and `words` or
`lines` of `{text, quad}`), and the images that `file` names.

A page's words are the multiset of its lower-case alphanumeric tokens. Recall and precision are over
all tokens of a set. ECE is the expected calibration error of the words' confidences in ten equal
bins, a word being right when its tokens are among the page's labels that no surer word took. CPU is
the processor seconds of this process and its children, a page. Pages come one at a time.
"""

import argparse
import re
import resource
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from eval.selection import Label, add_arguments, as_part, read_labels
from eval.split import Part
from meshkit.errors import PagemeshError
from meshkit.model import Image, PageInput
from servers.ocr.config import OcrConfig
from servers.ocr.domain import Engine, OcrOptions, OcrResult, Tier
from servers.ocr.model import OcrModel

SETS = ("funsd_forms", "gov_forms_scansim", "sroie_receipts")
READERS = {
    "fast": OcrOptions(engine=Engine.PPOCR, tier=Tier.FAST),
    "accurate": OcrOptions(engine=Engine.PPOCR, tier=Tier.ACCURATE),
    "tesseract": OcrOptions(engine=Engine.TESSERACT),
}
TOKEN = re.compile(r"[^\W_]+")
BINS = 10


@dataclass
class Score:
    """Sums over the pages of one set."""

    pages: int = 0
    labelled: int = 0
    read: int = 0
    right: int = 0
    cpu_seconds: float = 0.0
    sureness: list[float] = field(default_factory=list)
    truth: list[bool] = field(default_factory=list)

    @property
    def recall(self) -> float:
        return self.right / max(self.labelled, 1)

    @property
    def precision(self) -> float:
        return self.right / max(self.read, 1)

    def add(self, labels: Counter[str], result: OcrResult, cpu_seconds: float) -> None:
        words = [
            (word.confidence, tokens(word.text)) for line in result.lines for word in line.words
        ]
        read = Counter(token for _, found in words for token in found)
        self.pages += 1
        self.labelled += labels.total()
        self.read += read.total()
        self.right += (labels & read).total()
        self.cpu_seconds += cpu_seconds
        left = labels.copy()
        for confidence, found in sorted(words, key=lambda word: -word[0]):
            if found:
                wanted = Counter(found)
                right = wanted <= left
                left -= wanted if right else Counter()
                self.sureness.append(confidence)
                self.truth.append(right)

    def calibration_error(self) -> float:
        return expected_calibration_error(np.array(self.sureness), np.array(self.truth, np.float64))


def tokens(text: str) -> list[str]:
    return TOKEN.findall(text.lower())


def expected_calibration_error(
    confidences: NDArray[np.float64], right: NDArray[np.float64]
) -> float:
    """Mean distance of confidence and share of right answers, weighed over equal bins."""
    bins = np.minimum((confidences * BINS).astype(int), BINS - 1)
    distances = (
        abs(confidences[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean()
        for b in np.unique(bins)
    )
    return float(sum(distances))


def labelled_pages(folder: Path, limit: int | None, part: Part | None = None) -> list[Label]:
    """The set's pages with words or lines, selected by `read_labels`."""
    return read_labels(
        folder, lambda page: page.get("words") or page.get("lines"), part=part, limit=limit
    )


def labels_of(page: dict[str, Any]) -> Counter[str]:
    parts: Iterable[dict[str, Any]] = page.get("words") or page["lines"]
    return Counter(token for part in parts for token in tokens(part["text"]))


def images(folder: Path, pages: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], Image]]:
    for page in pages:
        image = cv2.imread(str(folder / page["file"]), cv2.IMREAD_COLOR)
        if image is None:
            raise SystemExit(f"{folder / page['file']}: not an image")
        yield page, np.asarray(image, np.uint8)


def evaluate(
    model: OcrModel, folder: Path, options: OcrOptions, limit: int | None, part: Part | None
) -> Score:
    score = Score()
    pages = labelled_pages(folder, limit, part)
    for page, image in track(
        images(folder, pages), folder.name, len(pages), console=Console(stderr=True), transient=True
    ):
        before = _cpu_seconds()
        (result,) = model.predict([PageInput(image, page.get("dpi"), options)])
        if isinstance(result, PagemeshError):
            raise result
        score.add(labels_of(page), result, _cpu_seconds() - before)
    return score


def _cpu_seconds() -> float:
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_arguments(parser, SETS)
    parser.add_argument("--readers", nargs="+", default=list(READERS), choices=list(READERS))
    arguments = parser.parse_args()

    part = as_part(arguments.part)
    model = OcrModel(OcrConfig())
    model.load()
    table = Table("set", "reader", "pages", "recall", "precision", "ECE", "CPU s/page")
    for name in arguments.sets:
        for reader in arguments.readers:
            score = evaluate(model, arguments.data / name, READERS[reader], arguments.limit, part)
            table.add_row(
                name,
                reader,
                str(score.pages),
                f"{score.recall:.3f}",
                f"{score.precision:.3f}",
                f"{score.calibration_error():.3f}",
                f"{score.cpu_seconds / max(score.pages, 1):.2f}",
            )
    model.close()
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
