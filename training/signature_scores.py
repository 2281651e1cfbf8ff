"""Fit what a page's words tell of found signatures: `python -m training.signature_scores`.

    python -m training.signature_scores --data DATA [--composed 60] [--readings FOLDER]

Signatures are looked for on the tuning parts of the labelled sets of real pages in DATA, and on
composed pages, half of them forms of offices, which have more dates and written values; the
accurate tier reads the pages. The script prints the weights of
`orchestrator.reading.signature_scores`, and what scores decide with and without them. Numbers of a
logistic regression, and nothing else, come from the real pages.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from eval.labelled import Rects, Truth, bounds, read_pages
from eval.matching import WRONG, match
from eval.report import print_table
from eval.split import Part
from meshkit.errors import PagemeshError
from meshkit.model import PageInput
from orchestrator.reading.layout import Box, Token, upright_words
from orchestrator.reading.signature_scores import (
    LEAST_SCORE,
    WEIGHTS,
    InkEvidence,
    ScoreWeights,
    ink_evidence,
)
from servers.ocr.config import OcrConfig
from servers.ocr.domain import OcrOptions, Tier
from servers.ocr.model import OcrModel
from servers.signature.config import SignatureConfig
from servers.signature.model import SignatureModel, SignatureOptions
from training.detectors.calibration import fit_chances
from training.detectors.decision import MIN_IOU, Found, both_f1
from training.detectors.faces import find_faces
from training.detectors.letters import KINDS, compose_document
from training.detectors.office_forms import OFFICE_FORMS
from training.detectors.sheet import LabelledPage, Rect
from training.detectors.validation import worn

REAL_SETS = "tobacco_signatures", "signature_pages_640", "funsd_forms"
COMPOSED = "composed"
LONG_SIDE_PX = 1600
FORM_PX = 1100
SEED = 1 << 62
LEAST_FOUND = 0.05


@dataclass(frozen=True, slots=True)
class Sample:
    """What was found on a page, and what was read of it.

    Attributes:
        set_name: where the page is from.
        scores: (n,) the model's.
        evidence: of each; none on a page without words.
        labels: (n,) index of the signature that each is, or below 0 (`eval.matching`).
        truth: of the page.
    """

    set_name: str
    scores: NDArray[np.float64]
    evidence: list[InkEvidence]
    labels: NDArray[np.int64]
    truth: Truth


class Reader:
    """Reads pages with the accurate tier, or finds what it read before.

    Args:
        folder: where readings are kept; None keeps none.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._model = OcrModel(OcrConfig(device="cpu"))
        self._is_loaded = False

    def tokens(self, name: str, image: NDArray[np.uint8]) -> list[Token]:
        """The words of an upright page."""
        path = self._folder / f"{name.replace('/', '__')}.json" if self._folder else None
        if path is not None and path.is_file():
            rows = json.loads(path.read_text(encoding="utf-8"))
        else:
            rows = self._read(image)
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps(rows), encoding="utf-8")
        return upright_words([Token(row[0], Box(*row[1:5]), row[5], 0) for row in rows])

    def _read(self, image: NDArray[np.uint8]) -> list[list[str | float]]:
        if not self._is_loaded:
            self._model.load()
            self._is_loaded = True
        (result,) = self._model.predict([PageInput(image, None, OcrOptions(tier=Tier.ACCURATE))])
        if isinstance(result, PagemeshError):
            raise result
        words = [word for line in result.lines for word in line.words]
        return [
            [word.text, *map(float, rect[:2]), *map(float, rect[:2] + rect[2:]), word.confidence]
            for word, rect in zip(words, bounds([word.quad for word in words]), strict=True)
        ]


def real_pages(data: Path) -> Iterator[tuple[str, str, NDArray[np.uint8], Truth]]:
    """Set, file, upright image and truth of each tuning page."""
    for name in REAL_SETS:
        for page in read_pages(data / name, "signatures", part=Part.TUNING):
            yield name, page.file, page.image, page.truth


def composed_pages(
    fonts: list[Path], count: int
) -> Iterator[tuple[str, str, NDArray[np.uint8], Truth]]:
    """The same of pages that are composed: documents, and forms of offices at 100 dpi."""
    faces, rng = find_faces(fonts), np.random.default_rng(SEED)
    for seed in range(count):
        kinds, side = (OFFICE_FORMS, FORM_PX) if seed % 2 else (KINDS, LONG_SIDE_PX)
        composed = compose_document(SEED + seed, faces, [], LONG_SIDE_PX, kinds)
        (page,) = worn([shrunk(composed, side / LONG_SIDE_PX)], rng)
        rects, ignore = (_rects(some) for some in (page.signatures, page.ignore))
        items = [{"bbox": list(rect)} for rect in rects]
        yield COMPOSED, f"{seed}", page.image, Truth(items, rects, ignore, complete=True)


def shrunk(page: LabelledPage, scale: float) -> LabelledPage:
    """The page at a lower resolution."""

    def moved(rects: list[Rect]) -> list[Rect]:
        return [(x * scale, y * scale, w * scale, h * scale) for x, y, w, h in rects]

    image = cv2.resize(page.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return LabelledPage(np.asarray(image, np.uint8), [], moved(page.signatures), moved(page.ignore))


def _rects(rects: list[Rect]) -> Rects:
    return np.array(rects, np.float64).reshape(-1, 4)


def look_at(
    pages: Iterator[tuple[str, str, NDArray[np.uint8], Truth]], reader: Reader
) -> Iterator[Sample]:
    """What is found and read on pages whose labels are complete."""
    model = SignatureModel(SignatureConfig())
    model.load()
    for name, file, image, truth in pages:
        if not truth.complete:
            continue
        (found,) = model.predict([PageInput(image, None, SignatureOptions(LEAST_FOUND))])
        if isinstance(found, PagemeshError):
            raise found
        rects = bounds([one.quad for one in found])
        boxes = [Box(x, y, x + w, y + h) for x, y, w, h in rects.tolist()]
        tokens = reader.tokens(f"{name}/{file}", image)
        evidence = ink_evidence(boxes, tokens) if tokens else []
        labels = match(rects, truth.rects, truth.ignore, min_iou=MIN_IOU)
        yield Sample(name, np.array([one.score for one in found]), evidence, labels, truth)


def fit(samples: list[Sample]) -> ScoreWeights:
    """The weights that make what was found likeliest, its scores shifted to decide at one half.

    That of ink which was read surely stays: the pages have too few to fit it.
    """
    rows, right = [], []
    for sample in samples:
        for score, evidence, label in zip(
            sample.scores, sample.evidence, sample.labels, strict=bool(sample.evidence)
        ):
            if label >= WRONG:
                sure = min(max(score, LEAST_SCORE), 1 - LEAST_SCORE)
                rows.append([np.log(sure / (1 - sure)), *evidence.features])
                right.append(float(label >= 0))
    logit, read, figures, dated, invited, shift = map(
        float, fit_chances(np.array(rows), np.array(right))
    )
    fitted = ScoreWeights(logit, read, figures, dated, invited, shift, WEIGHTS.surely)
    found = [_decided(sample, fitted) for sample in samples]
    places = np.unique(np.concatenate([one.scores for one in found]))
    best = max(places, key=lambda place: _worth(found, float(place)))
    return replace(fitted, shift=shift - float(np.log(best / (1 - best))))


def _worth(found: list[Found], threshold: float) -> float:
    """Both F1 in one number. Whether a page is signed counts twice: people ask for that first."""
    pages, boxes = both_f1(found, threshold)
    return 2 * pages + boxes


def _decided(sample: Sample, weights: ScoreWeights | None) -> Found:
    scores = sample.scores
    if weights is not None and sample.evidence:
        pairs = zip(scores, sample.evidence, strict=True)
        scores = np.array([weights.score(score, evidence) for score, evidence in pairs])
    counts = sample.labels >= WRONG
    right = (sample.labels[counts] >= 0).astype(np.float64)
    return Found(scores[counts], right, len(sample.truth.items))


def main() -> None:
    """Fit, and print the weights and a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled sets")
    parser.add_argument("--fonts", type=Path, action="append", default=[Path("/usr/share/fonts")])
    parser.add_argument("--composed", type=int, default=60, help="how many composed pages")
    parser.add_argument("--readings", type=Path, help="folder to keep what was read in")
    given = parser.parse_args()
    reader = Reader(given.readings)
    samples = list(look_at(real_pages(given.data), reader))
    if given.composed:
        samples += look_at(composed_pages(given.fonts, given.composed), reader)
    weights = fit(samples)
    print(weights)
    rows: list[dict[str, str | float | None]] = []
    for name in dict.fromkeys(sample.set_name for sample in samples):
        some = [sample for sample in samples if sample.set_name == name]
        for how, used in (("ink", None), ("ink and words", weights)):
            pages, boxes = both_f1([_decided(sample, used) for sample in some], 0.5)
            rows.append(
                {"set": name, "judged by": how, "pages": len(some), "presence F1": pages,
                 "signature F1": boxes}
            )  # fmt: skip
    print_table("signatures of tuning pages", rows)


if __name__ == "__main__":
    main()
