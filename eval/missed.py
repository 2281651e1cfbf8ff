"""Which labelled words are not read, and why: `python -m eval.missed --data DIR --sets SET`.

A table of causes, and with `--crops FOLDER` a picture of each line with such a word, named by its
page and place. Look at tuning pages only (`--part tuning`, which is the default). A word's line is
what was read inside of its label:

- not found: nothing was;
- spaces: the same letters, parted elsewhere;
- misread: other letters;
- counted elsewhere: its line has it, and the page has it once less than its labels do.
"""

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from eval import sets
from eval.ocr import READERS, images, labelled_pages
from eval.report import print_table
from eval.scores.words import labelled_tokens, tokens
from eval.selection import Label
from eval.split import Part
from meshkit.errors import PagemeshError
from meshkit.model import Image, PageInput
from servers.ocr.config import OcrConfig
from servers.ocr.domain import Quad, Word
from servers.ocr.model import OcrModel

MARGIN = 6
"""Pixels around a line in its picture."""


@dataclass(frozen=True, slots=True)
class Missed:
    """Tokens of a labelled line that the page lacks.

    Attributes:
        tokens: in lower case.
        cause: see the module.
        label: the line's, or the word's, of `text` and `quad`.
        read: what was read inside of it.
        confidence: of its least sure word; None where nothing was read.
    """

    tokens: tuple[str, ...]
    cause: str
    label: dict[str, Any]
    read: str
    confidence: float | None


def missed_of(page: Label, words: Sequence[Word]) -> Iterator[Missed]:
    """What of a page's labels is not among the words read; first where it was not read."""
    read = Counter(token for word in words for token in tokens(word.text))
    lacking = labelled_tokens(page) - read
    labels = page.get("words") or page["lines"]
    insides = [[word for word in words if _lies_on(word.quad, _quad(label))] for label in labels]
    for elsewhere in (False, True):
        for label, inside in zip(labels, insides, strict=True):
            said = " ".join(word.text for word in inside)
            found = Counter[str]() if elsewhere else Counter(tokens(said))
            lost = (Counter(tokens(label["text"])) - found) & lacking
            if lost:
                lacking -= lost
                sureness = min((word.confidence for word in inside), default=None)
                cause = "counted elsewhere" if elsewhere else cause_of(label["text"], said)
                yield Missed(tuple(lost.elements()), cause, label, said, sureness)


def cause_of(text: str, said: str) -> str:
    """Why tokens of a label's text are missing from what was read in its place."""
    wanted, found = tokens(text), tokens(said)
    if not found:
        return "not found"
    return "spaces" if "".join(wanted) == "".join(found) else "misread"


def _lies_on(word: Quad, label: Quad) -> bool:
    """Whether one has its middle inside of the other."""
    return _holds(label, word.mean(axis=0)) or _holds(word, label.mean(axis=0))


def _holds(quad: Quad, point: NDArray[np.float64]) -> bool:
    x, y = point.tolist()
    return cv2.pointPolygonTest(quad.astype(np.float32), (x, y), measureDist=False) >= 0


def _quad(label: dict[str, Any]) -> Quad:
    return np.array(label["quad"], np.float64).reshape(4, 2)


def picture(image: Image, label: dict[str, Any]) -> Image:
    """A label's part of its page."""
    low = np.maximum(_quad(label).min(axis=0).astype(int) - MARGIN, 0)
    high = _quad(label).max(axis=0).astype(int) + MARGIN
    return image[low[1] : high[1], low[0] : high[0]]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of labelled sets")
    parser.add_argument("--sets", nargs="+", default=list(sets.OCR), choices=sets.OCR)
    parser.add_argument("--part", choices=[*map(str, Part)], default=str(Part.TUNING))
    parser.add_argument("--limit", type=int, help="pages of each set; all when omitted")
    parser.add_argument("--reader", choices=list(READERS), default="accurate")
    parser.add_argument("--crops", type=Path, help="folder for pictures")
    arguments = parser.parse_args()
    model = OcrModel(OcrConfig())
    model.load()
    rows, causes = [], []
    for name in arguments.sets:
        folder, counts, labelled = arguments.data / name, Counter[str](), 0
        pages = labelled_pages(folder, arguments.limit, Part(arguments.part))
        for page, image in images(folder, pages):
            (result,) = model.predict(
                [PageInput(image, page.get("dpi"), READERS[arguments.reader])]
            )
            if isinstance(result, PagemeshError):
                raise result
            labelled += labelled_tokens(page).total()
            words = [word for line in result.lines for word in line.words]
            for place, missed in enumerate(missed_of(page, words)):
                counts[missed.cause] += len(missed.tokens)
                sureness = "" if missed.confidence is None else f"{missed.confidence:.2f}"
                rows.append(
                    {
                        "page": page["file"], "word": " ".join(missed.tokens),
                        "cause": missed.cause, "label": missed.label["text"],
                        "read": missed.read, "confidence": sureness,
                    }
                )  # fmt: skip
                if arguments.crops:
                    arguments.crops.mkdir(parents=True, exist_ok=True)
                    path = arguments.crops / f"{name}-{Path(page['file']).stem}-{place}.png"
                    cv2.imwrite(str(path), picture(image, missed.label))
        causes.append({"set": name, "words": labelled, "missed": counts.total(), **counts})
    model.close()
    print_table("missed words", rows)
    print_table("causes", causes)


if __name__ == "__main__":
    main()
