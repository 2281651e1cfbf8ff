"""Train the classes that the classifier ships with: `python -m training.classes compose|read|fit`.

`compose` draws pages of every class in `wording.yaml`; `read` reads labelled scans and blank forms
of government offices with the OCR server's fast tier; `fit` trains on both. Nothing here needs
PyTorch; `fit` needs scikit-learn.
"""

import argparse
import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pypdfium2

from meshkit.errors import PagemeshError
from meshkit.model import Image, PageInput
from servers.classify.classifier import UNKNOWN, Classifier
from servers.classify.examples import EXAMPLES_FILE, Examples, examples_of, join, read_examples
from servers.classify.fit import fit
from servers.classify.layout import LayoutNetwork
from servers.classify.page_vector import PageVector, page_vector
from servers.classify.report import describe
from servers.ocr.config import OcrConfig
from servers.ocr.domain import OcrOptions, Tier
from servers.ocr.model import OcrModel
from training import assembled, compose, composed_forms, printed_matter
from training.classify import nothing
from training.clutter import add_clutter
from training.scan import random_settings, simulate_scan
from training.wording import kinds, misread, page_text, sentence

READING_DPI = 130
SCANS_A_PAGE = 2
"""How often each real page is taken, scanned and misread differently every time."""
REAL_SHARE = 0.15
"""How much a real page counts beside a composed one. Only forms of offices are real here: were they
to count in full, whatever is real would be taken for one."""
_COMPOSERS = (compose, assembled, composed_forms, printed_matter)


def compose_example(seed: int) -> tuple[str, PageVector]:
    """A class and a page of it, wholly decided by the seed. One in six is of no class.

    Look and text are drawn apart: both are the kind's, and neither depends on the other.
    """
    rng, text_rng = np.random.default_rng([seed, 7]), np.random.default_rng([seed, 77])
    names = [*kinds(), *[UNKNOWN] * 3]
    label = names[seed % len(names)]
    if label == UNKNOWN:
        return label, _vector(nothing(rng), _scraps(text_rng))
    kind = kinds()[label]
    name = kind.layouts[int(rng.integers(len(kind.layouts)))]
    composer = next(getattr(m, name) for m in _COMPOSERS if hasattr(m, name))
    page = composer(rng, float(rng.uniform(60, 110))).image
    settings = random_settings(rng, max_skew=1.5)
    scan = simulate_scan(add_clutter(page, rng), settings, rng).image
    return label, _vector(scan, page_text(kind, text_rng))


def _scraps(rng: np.random.Generator) -> list[str]:
    """What a reader makes of a page of nothing: mostly nothing."""
    if rng.random() < 0.7:
        return []
    return [sentence(rng, int(rng.integers(1, 5))) for _ in range(int(rng.integers(1, 6)))]


def compose_examples(count: int, workers: int) -> Examples:
    """`count` composed pages, each a file of its own."""
    with ProcessPoolExecutor(workers) as pool:
        rows = list(pool.map(compose_example, range(count), chunksize=16))
    files = tuple(f"composed {seed}" for seed in range(count))
    return examples_of([row[0] for row in rows], files, [row[1] for row in rows])


def read_examples_of(pages: Iterator[tuple[str, str, Image]]) -> Examples:
    """Real pages (leaf, file, image), each SCANS_A_PAGE times."""
    reader = OcrModel(OcrConfig(device="cpu"))
    reader.load()
    leaves: list[str] = []
    files: list[str] = []
    vectors: list[PageVector] = []
    for leaf, file, image in pages:
        lines = _lines(reader, image)
        rng = np.random.default_rng([len(files), 11])
        for turn in range(SCANS_A_PAGE):
            scan = image
            if turn:
                scan = simulate_scan(image, random_settings(rng, max_skew=1.5), rng).image
            read = [misread(line, 0.04 * turn, rng) for line in lines if rng.random() > 0.1 * turn]
            leaves.append(leaf)
            files.append(file)
            vectors.append(_vector(scan, read))
    reader.close()
    examples = examples_of(leaves, files, vectors)
    return replace(examples, shares=examples.shares * REAL_SHARE)


def labelled_scans(folder: Path, general: str) -> Iterator[tuple[str, str, Image]]:
    """Leaf `general/doc_class`, file and upright image of each page of a labelled set."""
    for line in (folder / "labels.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        image = cv2.imread(str(folder / row["file"]), cv2.IMREAD_COLOR)
        if image is None:
            raise FileNotFoundError(folder / row["file"])
        upright = np.ascontiguousarray(np.rot90(image, (row.get("orientation") or 0) // 90))
        yield f"{general}/{row['doc_class']}", row["file"], np.asarray(upright, np.uint8)


def blank_forms(folder: Path, general: str) -> Iterator[tuple[str, str, Image]]:
    """The same of each page of the PDF forms of a labelled set."""
    for line in (folder / "labels.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        with pypdfium2.PdfDocument(folder / row["file"]) as document:
            for page in document:
                bitmap = page.render(scale=READING_DPI / 72, may_draw_forms=True)
                image = np.asarray(bitmap.to_numpy()[..., :3], np.uint8).copy()
                yield f"{general}/{row['doc_class']}", row["file"], image


def calibrated(classifier: Classifier, found: dict[str, dict[str, Any]]) -> Classifier:
    """The classifier with temperatures and typical sureness found on real pages.

    Composed pages are easier than real ones: by them it would think too well of itself.
    """
    heads = {
        name: replace(
            getattr(classifier, name),
            temperature=float(values["temperature"]),
            in_class=np.array(values["in_class"], np.float64),
        )
        for name, values in found.items()
    }
    return replace(classifier, **heads)


def _lines(reader: OcrModel, image: Image) -> list[str]:
    (result,) = reader.predict([PageInput(image, None, OcrOptions(tier=Tier.FAST))])
    if isinstance(result, PagemeshError):
        raise result
    return [line.text for line in result.lines]


def _vector(image: Image, lines: list[str]) -> PageVector:
    return page_vector(_network().vectors([image])[0], lines)


@lru_cache(maxsize=1)
def _network() -> LayoutNetwork:
    cv2.setNumThreads(1)
    return LayoutNetwork("cpu", intra_op_threads=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    composing = commands.add_parser("compose", help="draw pages of every class")
    composing.add_argument("--count", type=int, default=1800)
    composing.add_argument("--workers", type=int, default=2)
    composing.add_argument("--out", type=Path, required=True)
    reading = commands.add_parser("read", help="read government forms")
    reading.add_argument("--scans", type=Path, required=True, help="a set of labelled pages")
    reading.add_argument("--forms", type=Path, required=True, help="a set of labelled PDF forms")
    reading.add_argument("--out", type=Path, required=True)
    fitting = commands.add_parser("fit", help="train on files of examples")
    fitting.add_argument("examples", type=Path, nargs="+")
    fitting.add_argument("--out", type=Path, required=True, help="the model folder to write")
    fitting.add_argument(
        "--calibration", type=Path, help="what `eval.classify --calibration` wrote of real pages"
    )
    given = parser.parse_args()
    match given.command:
        case "compose":
            compose_examples(given.count, given.workers).save(given.out)
        case "read":
            pages = _government(given.scans, given.forms)
            read_examples_of(pages).save(given.out)
        case _:
            _fit(given.examples, given.out, given.calibration)


def _government(scans: Path, forms: Path) -> Iterator[tuple[str, str, Image]]:
    yield from labelled_scans(scans, "tax_form")
    yield from blank_forms(forms, "tax_form")


def _fit(paths: list[Path], out: Path, calibration: Path | None) -> None:
    examples, *others = [read_examples(path) for path in paths]
    for other in others:
        examples = join(examples, other)
    classifier, report = fit(examples)
    if calibration is not None:
        classifier = calibrated(classifier, json.loads(calibration.read_text(encoding="utf-8")))
    about: dict[str, Any] = {"held_out": describe(report)}
    classifier.save(out, about)
    examples.save(out / EXAMPLES_FILE)
    print(json.dumps(about, indent=1))


if __name__ == "__main__":
    main()
