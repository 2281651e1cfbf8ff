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

import numpy as np
from numpy.typing import NDArray

from servers.classify.classifier import (
    UNKNOWN,
    Classifier,
    Head,
    Look,
    Scaling,
    WrongModelError,
    class_of,
    labels_of,
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
from servers.classify.kernel import Kernel
from servers.classify.page_vector import PageMatrix
from servers.classify.report import Report, calibration_error, describe

FOLDS = 5
PENALTY = 1 / 30
"""Of the weights' squares, for a training set in which each page weighs 1."""
OWN_WEIGHT = 4.0
"""How much more an own page counts than one of the classes that it is added to."""
FEWEST = 2
"""Pages of a class; a family of it may have one."""
RECOMMENDED = 10


class TooFewExamplesError(ValueError):
    """There is nothing to tell apart, or too little to learn it from."""


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
    statistics, layout = _scalings(everything.pages)
    kernels = [Kernel(everything.pages, statistics, layout, text) for text in (True, False)]
    training = _Training(
        np.array(everything.leaves),
        np.array([class_of(leaf) for leaf in everything.leaves]),
        _weights(own, base),
        sorted(set(everything.leaves)),
    )
    tests = folds_of(own)
    held_out = [_cross_validate(kernel, training, tests) for kernel in kernels]
    again = _known_when_left_out(training, tests)
    heads = [
        _head(kernel, training, look, again) for kernel, look in zip(kernels, held_out, strict=True)
    ]
    classifier = Classifier(tuple(training.leaves), statistics, layout, *heads)
    auroc = _unknown_auroc(kernels[0], training, tests)
    return classifier, _report(own, training.leaves, heads, held_out, again, auroc)


@dataclass(frozen=True, slots=True)
class _Training:
    """All pages of a training, the own ones first.

    Attributes:
        truth, classes: (n,) leaf and class of each.
        weights: (n,).
        leaves: all, in their order.
    """

    truth: NDArray[np.str_]
    classes: NDArray[np.str_]
    weights: NDArray[np.float64]
    leaves: list[str]


def folds_of(examples: Examples, count: int = FOLDS) -> NDArray[np.int64]:
    """(n,) the turn in which each page is left out: files whole, classes spread evenly."""
    turns: dict[str, int] = {}
    per_leaf: Counter[str] = Counter()
    for leaf, file in sorted(set(zip(examples.leaves, examples.files, strict=True))):
        if file not in turns:
            turns[file] = (per_leaf[leaf] + len(leaf)) % count
            per_leaf[leaf] += 1
    return np.array([turns[file] for file in examples.files], np.int64)


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


def _look(
    kernel: Kernel,
    training: _Training,
    split: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> Look:
    """How pages look to a training on the others; leaves that it did not have are lowest."""
    trained, tested = split
    truth, weights, leaves = training.truth, training.weights, training.leaves
    known, coefficients, bias = _solve(kernel.rows[trained], truth[trained], weights[trained])
    logits = kernel.rows[tested] @ coefficients.T + bias
    full = np.full((len(tested), len(leaves)), logits.min(axis=1, keepdims=True))
    full[:, [leaves.index(leaf) for leaf in known]] = logits
    means = kernel.means(trained, training.classes, labels_of(leaves))
    return Look(full, kernel.likeness(tested, means))


def _cross_validate(kernel: Kernel, training: _Training, tests: NDArray[np.int64]) -> Look:
    """How the own pages look, each to a training that left it out."""
    logits = np.zeros((len(tests), len(training.leaves)))
    likeness = np.zeros((len(tests), len(labels_of(training.leaves))))
    everything = np.arange(len(training.truth))
    for turn in np.unique(tests):
        tested = np.flatnonzero(tests == turn)
        trained = np.setdiff1d(everything, tested)
        if len(set(training.truth[trained])) > 1:
            look = _look(kernel, training, (trained, tested))
            logits[tested], likeness[tested] = look.logits, look.likeness
    return Look(logits, likeness)


def _known_when_left_out(training: _Training, tests: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(own,) whether the training that left a page out had its leaf: one of a single file has none.

    What such a page looks like then says nothing of how it will be known.
    """
    turns = np.concatenate([tests, np.full(len(training.truth) - len(tests), -1)])
    return np.array(
        [
            bool(((training.truth == leaf) & (turns != turn)).any())
            for leaf, turn in zip(training.truth, tests, strict=False)
        ]
    )


def _head(kernel: Kernel, training: _Training, held_out: Look, again: NDArray[np.bool_]) -> Head:
    """The head, its scores and typical sureness as the first, the own pages were left out."""
    leaves = training.leaves
    _, coefficients, bias = _solve(kernel.rows, training.truth, training.weights)
    means = kernel.means(np.arange(len(training.truth)), training.classes, labels_of(leaves))
    words, dense = kernel.weights(coefficients)
    mean_words, mean_dense = kernel.weights(means)
    own = len(held_out.logits)
    places = np.array([leaves.index(leaf) for leaf in training.truth[:own]])
    temperature = _temperature(held_out.logits[again], places[again]) if again.any() else 1.0
    known = training.classes[:own] != UNKNOWN
    in_class = np.sort(sureness_of(held_out, leaves)[known])
    return Head(words, dense, bias, mean_words, mean_dense, temperature, in_class)


def _temperature(logits: NDArray[np.float64], places: NDArray[np.int64]) -> float:
    """The divisor that makes held-out pages likeliest (C. Guo et al., 2017)."""
    grid = np.geomspace(0.05, 5, 120)
    chances = [softmax(logits / t)[np.arange(len(places)), places] for t in grid]
    return float(grid[np.argmax([np.log(np.maximum(c, 1e-9)).mean() for c in chances])])


def _unknown_auroc(kernel: Kernel, training: _Training, tests: NDArray[np.int64]) -> float | None:
    """Leave the classes of each turn out of a training, and some pages of all others."""
    of_class = training.classes
    classes = sorted(set(of_class) - {UNKNOWN})
    if len(classes) < 3:
        return None
    own = np.arange(len(of_class)) < len(tests)
    turns = np.concatenate([tests, np.full(len(of_class) - len(tests), -1)])
    known_scores, unknown_scores = [], []
    for turn in range(FOLDS):
        out = np.isin(of_class, classes[turn::FOLDS])
        tested = own & (turns == turn)
        trained = ~out & ~tested
        if len(set(of_class[trained])) < 2 or not (tested & ~out).any() or not (out & own).any():
            continue
        judged = np.flatnonzero((tested | (out & own)) & (of_class != UNKNOWN))
        look = _look(kernel, training, (np.flatnonzero(trained), judged))
        sureness = sureness_of(look, training.leaves)
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
    held_out: Sequence[Look],
    again: NDArray[np.bool_],
    auroc: float | None,
) -> Report:
    truth = np.array([class_of(leaf) for leaf in own.leaves])
    classes = sorted({class_of(leaf) for leaf in leaves})
    member = np.array([[class_of(leaf) == c for c in classes] for leaf in leaves], float)
    full, bare = (
        softmax(look.logits / head.temperature) @ member
        for look, head in zip(held_out, heads, strict=True)
    )
    names = np.array(classes)
    said = names[full.argmax(axis=1)]
    right = said == truth
    best_leaf = np.array(leaves)[held_out[0].logits.argmax(axis=1)]
    leaf_right = (best_leaf == np.array(own.leaves))[again]
    return Report(
        pages=len(truth),
        classes=len(classes),
        accuracy=float(right.mean()),
        leaf_accuracy=float(leaf_right.mean()) if again.any() else 0.0,
        layout_accuracy=float((names[bare.argmax(axis=1)] == truth).mean()),
        calibration_error=calibration_error(full.max(axis=1), right),
        unknown_auroc=auroc,
        by_class={
            name: (float(right[truth == name].mean()), int((truth == name).sum()))
            for name in sorted(set(truth))
        },
    )


def _check(own: Examples, everything: Examples) -> None:
    if len({class_of(leaf) for leaf in everything.leaves}) < 2:
        raise TooFewExamplesError("there is one class: at least two are needed to tell apart")
    counts = Counter(map(class_of, everything.leaves))
    few = sorted(name for name in set(map(class_of, own.leaves)) if counts[name] < FEWEST)
    if few:
        raise TooFewExamplesError(
            f"{', '.join(few)}: one page is not enough; give {RECOMMENDED} or more"
        )


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
