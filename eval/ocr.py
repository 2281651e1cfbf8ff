"""How well and how dearly the OCR model reads: `python -m eval.ocr --data DIR [--limit N]`.

DIR holds labelled sets: `SET/labels.jsonl` with a JSON object a line (`file`, and `words` or
`lines` of `{text, quad}`), and the images that `file` names.

`eval.scores.words` says what counts as right. CPU is the processor seconds of this process and its
children, a page. Pages come one at a time, straight to the model.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.progress import track

from eval import sets
from eval.machine import cpu_seconds
from eval.report import Figure, print_table
from eval.scores.words import WordScore, labelled_tokens
from eval.selection import Label, add_arguments, as_part, read_labels
from eval.split import Part
from meshkit.errors import PagemeshError
from meshkit.model import Image, PageInput
from servers.ocr.config import OcrConfig
from servers.ocr.domain import Engine, OcrOptions, OcrResult, Tier
from servers.ocr.model import OcrModel

READERS = {
    "fast": OcrOptions(engine=Engine.PPOCR, tier=Tier.FAST),
    "accurate": OcrOptions(engine=Engine.PPOCR, tier=Tier.ACCURATE),
    "tesseract": OcrOptions(engine=Engine.TESSERACT),
}


def labelled_pages(folder: Path, limit: int | None, part: Part | None = None) -> list[Label]:
    """The set's pages with words or lines, selected by `read_labels`."""
    return read_labels(
        folder, lambda page: page.get("words") or page.get("lines"), part=part, limit=limit
    )


def images(folder: Path, pages: list[Label]) -> Iterator[tuple[Label, Image]]:
    for page in pages:
        image = cv2.imread(str(folder / page["file"]), cv2.IMREAD_COLOR)
        if image is None:
            raise SystemExit(f"{folder / page['file']}: not an image")
        yield page, np.asarray(image, np.uint8)


def evaluate(
    model: OcrModel, folder: Path, options: OcrOptions, limit: int | None, part: Part | None
) -> dict[str, Figure]:
    """Run a loaded model over a set; a row of the table."""
    score, seconds = WordScore(), 0.0
    pages = labelled_pages(folder, limit, part)
    for page, image in track(
        images(folder, pages), folder.name, len(pages), console=Console(stderr=True), transient=True
    ):
        before = cpu_seconds()
        (result,) = model.predict([PageInput(image, page.get("dpi"), options)])
        seconds += cpu_seconds() - before
        if isinstance(result, PagemeshError):
            raise result
        score.add(labelled_tokens(page), words_of(result))
    return {
        "pages": score.pages,
        **score.figures(),
        "CPU s/page": seconds / max(score.pages, 1),
    }


def words_of(result: OcrResult) -> Iterator[tuple[str, float]]:
    """What was read, with confidences."""
    return ((word.text, word.confidence) for line in result.lines for word in line.words)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_arguments(parser, sets.OCR)
    parser.add_argument("--readers", nargs="+", default=list(READERS), choices=list(READERS))
    arguments = parser.parse_args()

    part = as_part(arguments.part)
    model = OcrModel(OcrConfig())
    model.load()
    rows = []
    for name in arguments.sets:
        for reader in arguments.readers:
            folder, options = arguments.data / name, READERS[reader]
            figures = evaluate(model, folder, options, arguments.limit, part)
            rows.append({"set": name, "reader": reader, **figures})
    model.close()
    print_table("text", rows)


if __name__ == "__main__":
    main()
