"""Train a classifier: `python -m servers.classify.fit EXAMPLES --out MODEL_DIR [--base MODEL_DIR]`.

Softmax regression with an L2 penalty on the hashed words, the text's statistics and the layout, and
another one on the layout alone for pages whose text was not read. There are far fewer pages than
features, so it is solved among the pages: the weights are a sum of pages (representer theorem: G.
Kimeldorf, G. Wahba, 1971). Scores are made honest and `unknown` is set by pages that training left
out, in turns (cross-validation).
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from servers.classify.classifier import (
    UNKNOWN,
    Classifier,
    Head,
    Scaling,
    WrongModelError,
    class_of,
    dense_features,
    softmax,
    sureness_of,
)
from servers.classify.config import DEFAULT_MODEL
from servers.classify.examples import (
    EXAMPLES_FILE,
    BadExamplesError,
    Examples,
    helping,
    join,
    read_examples,
    read_vectors,
    weights_of,
)
from servers.classify.page_vector import PageMatrix
from servers.classify.text import HASHED

FOLDS = 5
PENALTY = 1 / 30
"""Of the weights' squares, for a training set in which each page weighs 1."""
OWN_WEIGHT = 4.0
"""How much more an own page counts than one of the classes that it is added to."""
FEWEST = 2
RECOMMENDED = 10
BINS = 10


class TooFewExamplesError(ValueError):
    """There is nothing to tell apart, or too little to learn it from."""


@dataclass(frozen=True, slots=True)
class Report:
    """How good a classifier is on pages that its training left out.

    Attributes:
        pages, classes: how many there are.
        accuracy: over classes; that over leaves is `leaf_accuracy`.
        layout_accuracy: over classes, without the text.
        calibration_error: expected calibration error of the scores, in [0, 1].
        unknown_auroc: chance that a page of a class left out of training looks less known than one
            of a class that was in; None with fewer than three classes.
        by_class: recall and number of pages.
    """

    pages: int
    classes: int
    accuracy: float
    leaf_accuracy: float
    layout_accuracy: float
    calibration_error: float
    unknown_auroc: float | None
    by_class: dict[str, tuple[float, int]]


def fit(own: Examples, base: Examples | None = None) -> tuple[Classifier, Report]:
    """A classifier of the examples' classes, and of the base's.

    Args:
        own: the pages that matter: scores are calibrated and judged on them.
        base: pages of classes to be known besides.

    Raises:
        TooFewExamplesError: fewer than two classes, or a class with one page.
    """
    everything = own if base is None else join(own, base)
    _check(own, everything)
    weights = _weights(own, base)
    statistics, layout = _scalings(everything.pages)
    kernels = [_Kernel(everything.pages, statistics, layout, text) for text in (True, False)]
    tests = folds_of(own)
    leaves = sorted(set(everything.leaves))
    truth = np.array(everything.leaves)
    heads, held_out = [], []
    for kernel in kernels:
        logits = _cross_validate(kernel, truth, weights, tests, leaves)
        mine = truth[: len(own.leaves)]
        heads.append(_head(kernel, truth, weights, leaves, logits, mine))
        held_out.append(logits)
    classifier = Classifier(tuple(leaves), statistics, layout, *heads)
    auroc = _unknown_auroc(kernels[0], truth, weights, tests, leaves)
    return classifier, _report(own, leaves, heads, held_out, auroc)


def folds_of(examples: Examples, count: int = FOLDS) -> NDArray[np.int64]:
    """(n,) the turn in which each page is left out: files whole, classes spread evenly."""
    turns: dict[str, int] = {}
    per_leaf: Counter[str] = Counter()
    for leaf, file in sorted(set(zip(examples.leaves, examples.files, strict=True))):
        if file not in turns:
            turns[file] = (per_leaf[leaf] + len(leaf)) % count
            per_leaf[leaf] += 1
    return np.array([turns[file] for file in examples.files], np.int64)


class _Kernel:
    """Pages by their similarity to each other, for one view of them."""

    def __init__(
        self, pages: PageMatrix, statistics: Scaling, layout: Scaling, with_text: bool
    ) -> None:
        self._pages = pages if with_text else None
        self.dense = dense_features(pages, statistics, layout, with_text)
        gram = self.dense @ self.dense.T
        if with_text:
            gram += _word_gram(pages)
        values, vectors = np.linalg.eigh(gram)
        kept = values > values[-1] * 1e-7
        self._back = vectors[:, kept] / np.sqrt(values[kept])
        self.rows: NDArray[np.float64] = vectors[:, kept] * np.sqrt(values[kept])
        """(n, r) coordinates of the pages with the same similarities."""

    def weights(
        self, coefficients: NDArray[np.float64]
    ) -> tuple[NDArray[np.float32] | None, NDArray[np.float32]]:
        """Coefficients (k, r) of the coordinates as weights of words (HASHED, k), dense (d, k)."""
        shares = self._back @ coefficients.T
        dense = (self.dense.T @ shares).astype(np.float32)
        if self._pages is None:
            return None, dense
        words = np.zeros((HASHED, len(coefficients)))
        pages = self._pages
        for share, start, end in zip(shares, pages.starts, pages.starts[1:], strict=False):
            words[pages.places[start:end]] += np.outer(pages.values[start:end], share)
        return words.astype(np.float32), dense


def _word_gram(pages: PageMatrix) -> NDArray[np.float64]:
    """(n, n) inner products of the hashed words."""
    used, columns = np.unique(pages.places, return_inverse=True)
    table = np.zeros((len(pages), len(used)), np.float32)
    rows = np.repeat(np.arange(len(pages)), np.diff(pages.starts))
    table[rows, columns] = pages.values
    return np.asarray(table @ table.T, np.float64)


def _weights(own: Examples, base: Examples | None) -> NDArray[np.float64]:
    mine = weights_of(own)
    return mine if base is None else np.concatenate([mine * OWN_WEIGHT, weights_of(base)])


def _scalings(pages: PageMatrix) -> tuple[Scaling, Scaling]:
    texts = pages.statistics[pages.has_text]
    texts = texts if len(texts) else pages.statistics
    pairs = []
    for features in (texts, pages.layout):
        values = features.astype(np.float64)
        pairs.append(Scaling(values.mean(axis=0), values.std(axis=0) + 0.05))
    return pairs[0], pairs[1]


def _solve(
    rows: NDArray[np.float64], truth: NDArray[np.str_], weights: NDArray[np.float64]
) -> tuple[list[str], NDArray[np.float64], NDArray[np.float64]]:
    """Leaves, coefficients (k, r) and biases (k,)."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  only training needs it

    model = LogisticRegression(C=1 / PENALTY, max_iter=400, tol=1e-3)
    model.fit(rows, truth, sample_weight=weights)
    coefficients, bias = model.coef_, model.intercept_
    if len(model.classes_) == 2:  # sklearn keeps one row for two classes
        coefficients, bias = np.vstack([-coefficients, coefficients]) / 2, np.r_[-bias, bias] / 2
    return [str(leaf) for leaf in model.classes_], coefficients, bias


def _logits(
    kernel: _Kernel,
    truth: NDArray[np.str_],
    weights: NDArray[np.float64],
    split: tuple[NDArray[np.int64], NDArray[np.int64]],
    leaves: Sequence[str],
) -> NDArray[np.float64]:
    """(tested, leaves) logits of pages from the others; leaves that were not trained are lowest."""
    trained, tested = split
    known, coefficients, bias = _solve(kernel.rows[trained], truth[trained], weights[trained])
    logits = kernel.rows[tested] @ coefficients.T + bias
    full = np.full((len(tested), len(leaves)), logits.min(axis=1, keepdims=True))
    full[:, [leaves.index(leaf) for leaf in known]] = logits
    return full


def _cross_validate(
    kernel: _Kernel,
    truth: NDArray[np.str_],
    weights: NDArray[np.float64],
    tests: NDArray[np.int64],
    leaves: Sequence[str],
) -> NDArray[np.float64]:
    """(own, leaves) logits of the own pages, each from a training that left it out."""
    logits = np.zeros((len(tests), len(leaves)))
    everything = np.arange(len(truth))
    for turn in np.unique(tests):
        tested = np.flatnonzero(tests == turn)
        trained = np.setdiff1d(everything, tested)
        if len(set(truth[trained])) > 1:
            logits[tested] = _logits(kernel, truth, weights, (trained, tested), leaves)
    return logits


def _head(
    kernel: _Kernel,
    truth: NDArray[np.str_],
    weights: NDArray[np.float64],
    leaves: Sequence[str],
    held_out: NDArray[np.float64],
    mine: NDArray[np.str_],
) -> Head:
    _, coefficients, bias = _solve(kernel.rows, truth, weights)
    words, dense = kernel.weights(coefficients)
    places = np.array([leaves.index(leaf) for leaf in mine])
    known = np.array([class_of(leaf) != UNKNOWN for leaf in mine])
    in_class = np.sort(sureness_of(held_out[known], leaves))
    return Head(words, dense, bias, _temperature(held_out, places), in_class)


def _temperature(logits: NDArray[np.float64], places: NDArray[np.int64]) -> float:
    """The divisor that makes held-out pages likeliest (C. Guo et al., 2017)."""
    grid = np.geomspace(0.05, 5, 120)
    chances = [softmax(logits / t)[np.arange(len(places)), places] for t in grid]
    return float(grid[np.argmax([np.log(np.maximum(c, 1e-9)).mean() for c in chances])])


def _unknown_auroc(
    kernel: _Kernel,
    truth: NDArray[np.str_],
    weights: NDArray[np.float64],
    tests: NDArray[np.int64],
    leaves: Sequence[str],
) -> float | None:
    """Leave the classes of each turn out of a training, and some pages of all others."""
    classes = sorted({class_of(leaf) for leaf in truth} - {UNKNOWN})
    if len(classes) < 3:
        return None
    own = np.arange(len(truth)) < len(tests)
    turns = np.concatenate([tests, np.full(len(truth) - len(tests), -1)])
    of_class = np.array([class_of(leaf) for leaf in truth])
    known_scores, unknown_scores = [], []
    for turn in range(FOLDS):
        out = np.isin(of_class, classes[turn::FOLDS])
        tested = own & (turns == turn)
        trained = ~out & ~tested
        if len(set(of_class[trained])) < 2 or not (tested & ~out).any() or not (out & own).any():
            continue
        judged = np.flatnonzero((tested | (out & own)) & (of_class != UNKNOWN))
        logits = _logits(kernel, truth, weights, (np.flatnonzero(trained), judged), leaves)
        sureness = sureness_of(logits, leaves)
        known_scores.append(sureness[~out[judged]])
        unknown_scores.append(sureness[out[judged]])
    if not known_scores:
        return None
    pairs = [
        ((k[:, None] > u).mean() + (k[:, None] == u).mean() / 2, len(k) * len(u))
        for k, u in zip(known_scores, unknown_scores, strict=True)
        if len(k) and len(u)
    ]
    total = sum(count for _, count in pairs)
    return float(sum(share * count for share, count in pairs) / total) if total else None


def _report(
    own: Examples,
    leaves: Sequence[str],
    heads: Sequence[Head],
    held_out: Sequence[NDArray[np.float64]],
    auroc: float | None,
) -> Report:
    truth = np.array([class_of(leaf) for leaf in own.leaves])
    classes = sorted({class_of(leaf) for leaf in leaves})
    member = np.array([[class_of(leaf) == c for c in classes] for leaf in leaves], float)
    full, bare = (
        softmax(logits / head.temperature) @ member
        for logits, head in zip(held_out, heads, strict=True)
    )
    names = np.array(classes)
    said = names[full.argmax(axis=1)]
    right = said == truth
    best_leaf = np.array(leaves)[held_out[0].argmax(axis=1)]
    return Report(
        pages=len(truth),
        classes=len(classes),
        accuracy=float(right.mean()),
        leaf_accuracy=float((best_leaf == np.array(own.leaves)).mean()),
        layout_accuracy=float((names[bare.argmax(axis=1)] == truth).mean()),
        calibration_error=calibration_error(full.max(axis=1), right),
        unknown_auroc=auroc,
        by_class={
            name: (float(right[truth == name].mean()), int((truth == name).sum()))
            for name in sorted(set(truth))
        },
    )


def calibration_error(scores: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Expected calibration error over BINS bins of equal width."""
    bins = np.minimum((scores * BINS).astype(int), BINS - 1)
    gaps = [
        abs(scores[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean()
        for b in np.unique(bins)
    ]
    return float(sum(gaps))


def _check(own: Examples, everything: Examples) -> None:
    if len({class_of(leaf) for leaf in everything.leaves}) < 2:
        raise TooFewExamplesError("there is one class: at least two are needed to tell apart")
    counts = Counter(everything.leaves)
    few = sorted(leaf for leaf in set(own.leaves) if counts[leaf] < FEWEST)
    if few:
        raise TooFewExamplesError(
            f"{', '.join(few)}: one page is not enough; give {RECOMMENDED} or more"
        )


def describe(report: Report) -> dict[str, Any]:
    """The report as `model.json` keeps it."""
    return {
        "pages": report.pages,
        "accuracy": round(report.accuracy, 4),
        "leaf_accuracy": round(report.leaf_accuracy, 4),
        "layout_accuracy": round(report.layout_accuracy, 4),
        "calibration_error": round(report.calibration_error, 4),
        "unknown_auroc": None if report.unknown_auroc is None else round(report.unknown_auroc, 4),
        "by_class": {
            name: {"recall": round(recall, 4), "pages": pages}
            for name, (recall, pages) in report.by_class.items()
        },
    }


def main() -> int:
    """Train and write the model folder; the report goes to standard output as JSON.

    Returns 1, with one line of why on standard error, when it cannot.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("vectors", type=Path, help="a file of labelled page vectors")
    parser.add_argument("--out", type=Path, required=True, help="the model folder to write")
    parser.add_argument(
        "--shipped", action="store_true", help="learn from shipped pages of the same classes too"
    )
    parser.add_argument("--extend", action="store_true", help="know all shipped classes besides")
    given = parser.parse_args()
    try:
        own = read_vectors(given.vectors)
        base = read_examples(DEFAULT_MODEL / EXAMPLES_FILE) if given.shipped else None
        if base is not None and not given.extend:
            base = helping(own, base)
        classifier, report = fit(own, base)
    except (BadExamplesError, WrongModelError, TooFewExamplesError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except ModuleNotFoundError as error:
        sys.stderr.write(f"{error.name} is missing: pip install 'pagemesh[classifier]'\n")
        return 1
    everything = own if base is None else join(own, base)
    about = {"held_out": describe(report)}
    classifier.save(given.out, about)
    everything.save(given.out / EXAMPLES_FILE)
    sys.stdout.write(json.dumps({"classes": classifier.labels, **about}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
