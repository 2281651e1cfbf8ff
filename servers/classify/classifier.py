"""A trained classifier, kept as a folder with `model.json` and `weights.npz`."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from servers.classify.page_vector import LAYOUT, PageMatrix
from servers.classify.text import HASHED, STATISTICS

FORMAT = "pagemesh-classifier"
FORMAT_VERSION = 1
MODEL_FILE = "model.json"
WEIGHTS_FILE = "weights.npz"
UNKNOWN = "unknown"
"""Label of a page of no known class; as a class of its own it holds examples of what to refuse."""
FAMILY_SEPARATOR = "/"

_TEXT_SHARE, _LAYOUT_SHARE = 0.3, 0.5
"""Norm of the dense features of a usual page, where that of its hashed words is 1."""


class WrongModelError(ValueError):
    """A folder that holds no classifier of this format; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Scaling:
    """Takes dense features to a common size: (x - mean) / spread."""

    mean: NDArray[np.float64]
    spread: NDArray[np.float64]

    def apply(self, features: NDArray[np.float32], share: float) -> NDArray[np.float64]:
        """(n, d) features so that a usual row has norm `share`."""
        scaled = np.clip((features - self.mean) / self.spread, -5, 5)
        return np.asarray(scaled * (share / np.sqrt(features.shape[1])), np.float64)


@dataclass(frozen=True, slots=True)
class Head:
    """A linear classifier over one view of the page.

    Attributes:
        words: (HASHED, leaves) weights of the hashed words; None for the view without text.
        dense: (d, leaves) weights of the dense features.
        bias: (leaves,).
        temperature: divides the logits so that scores are honest.
        in_class: (m,) rising: how sure it was of training pages that it had not seen.
    """

    words: NDArray[np.float32] | None
    dense: NDArray[np.float32]
    bias: NDArray[np.float64]
    temperature: float
    in_class: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a classifier says of one page.

    Attributes:
        scores: every class and its score, best first; they add up to 1.
        families: of the best class, its families and their scores given that class, best first.
        typicality: share in [0, 1] of the pages of known classes that looked less like any class.
    """

    scores: tuple[tuple[str, float], ...]
    families: tuple[tuple[str, float], ...]
    typicality: float


@dataclass(frozen=True, slots=True)
class Classifier:
    """Classes, and how to tell them apart with and without a page's text.

    Attributes:
        leaves: `class` or `class/family`, one for each column of the weights.
        statistics, layout: scaling of the dense features.
        full: for pages with text.
        bare: for pages without; it sees the layout alone.
    """

    leaves: tuple[str, ...]
    statistics: Scaling
    layout: Scaling
    full: Head
    bare: Head

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes, in order of their first leaf."""
        return tuple(dict.fromkeys(class_of(leaf) for leaf in self.leaves))

    def judge(self, pages: PageMatrix) -> list[Judgement]:
        """What is known of each page; an answer never depends on the other pages."""
        has_text = pages.has_text
        full, bare = self.logits(self.full, pages), self.logits(self.bare, pages)
        return [
            self._judgement(self.full, a) if texted else self._judgement(self.bare, b)
            for texted, a, b in zip(has_text, full, bare, strict=True)
        ]

    def logits(self, head: Head, pages: PageMatrix) -> NDArray[np.float64]:
        """(n, leaves), before the temperature."""
        dense = dense_features(pages, self.statistics, self.layout, head.words is not None)
        sums = [row @ head.dense for row in dense]  # row by row: the same whatever the batch
        logits = np.array(sums, np.float64).reshape(len(pages), -1) + head.bias
        return logits if head.words is None else logits + pages.words_times(head.words)

    def _judgement(self, head: Head, logits: NDArray[np.float64]) -> Judgement:
        chances = softmax(logits[None] / head.temperature)[0]
        by_class: dict[str, float] = dict.fromkeys(self.labels, 0.0)
        for leaf, chance in zip(self.leaves, chances, strict=True):
            by_class[class_of(leaf)] += float(chance)
        ranked = _ranked(by_class)
        best, score = ranked[0]
        families = {
            leaf.partition(FAMILY_SEPARATOR)[2]: float(chance) / max(score, 1e-12)
            for leaf, chance in zip(self.leaves, chances, strict=True)
            if class_of(leaf) == best and FAMILY_SEPARATOR in leaf
        }
        sureness = float(sureness_of(logits[None], self.leaves)[0])
        typicality = np.searchsorted(head.in_class, sureness, "right") / len(head.in_class)
        return Judgement(ranked, _ranked(families), float(typicality))

    def save(self, folder: Path, about: dict[str, Any]) -> None:
        """Write the folder; `about` says how it was made and how good it is."""
        folder.mkdir(parents=True, exist_ok=True)
        arrays: dict[str, Any] = {}
        for name, scaling in (("statistics", self.statistics), ("layout", self.layout)):
            arrays |= {f"{name}_{key}": value for key, value in asdict(scaling).items()}
        for name, head in (("full", self.full), ("bare", self.bare)):
            parts = {f.name: getattr(head, f.name) for f in fields(head)}
            arrays |= {f"{name}_{k}": v for k, v in parts.items() if v is not None}
        arrays["full_words"] = np.asarray(arrays["full_words"], np.float16)
        np.savez_compressed(folder / WEIGHTS_FILE, allow_pickle=False, **arrays)
        description = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "classes": list(self.leaves),
            **about,
        }
        text = json.dumps(description, indent=1, ensure_ascii=False)
        (folder / MODEL_FILE).write_text(text + "\n", encoding="utf-8")


def read_classifier(folder: Path) -> Classifier:
    """The classifier in a folder.

    Raises:
        WrongModelError: the folder holds none, one of another format, or one that is damaged.
    """
    leaves = tuple(_description(folder)["classes"])
    try:
        with np.load(folder / WEIGHTS_FILE, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        classifier = Classifier(
            leaves,
            Scaling(arrays["statistics_mean"], arrays["statistics_spread"]),
            Scaling(arrays["layout_mean"], arrays["layout_spread"]),
            _head(arrays, "full", arrays["full_words"].astype(np.float32)),
            _head(arrays, "bare", None),
        )
    except FileNotFoundError:
        raise WrongModelError(f"{folder} has no {WEIGHTS_FILE}; train it anew") from None
    except Exception as error:
        raise WrongModelError(
            f"{folder / WEIGHTS_FILE} cannot be read: {error}; train it anew"
        ) from None
    _check_shapes(folder, classifier)
    return classifier


def class_of(leaf: str) -> str:
    """`tax_form` of `tax_form/f1040`."""
    return leaf.partition(FAMILY_SEPARATOR)[0]


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows that add up to 1."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float64)


def sureness_of(logits: NDArray[np.float64], leaves: Sequence[str]) -> NDArray[np.float64]:
    """(n,) how much a page looks like any class: its best logit against the mean of all classes.

    Unknown pages have small logits throughout ("Scaling Out-of-Distribution Detection for
    Real-World Settings", D. Hendrycks et al., 2022: the maximum logit). A class with families has
    the logit of their summed chances, so that a new family of it is not unknown.
    """
    classes = np.array([class_of(leaf) for leaf in leaves])
    by_class = np.stack(
        [np.logaddexp.reduce(logits[:, classes == name], axis=1) for name in np.unique(classes)]
    )
    return np.asarray(by_class.max(axis=0) - by_class.mean(axis=0), np.float64)


def dense_features(
    pages: PageMatrix, statistics: Scaling, layout: Scaling, with_text: bool
) -> NDArray[np.float64]:
    """(n, d) scaled dense features of one view: text statistics and layout, or layout alone."""
    seen = layout.apply(pages.layout, _LAYOUT_SHARE)
    if not with_text:
        return seen
    text = statistics.apply(pages.statistics, _TEXT_SHARE)
    return np.concatenate([text, seen], axis=1)


def _description(folder: Path) -> dict[str, Any]:
    path = folder / MODEL_FILE
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WrongModelError(
            f"{folder} is no classifier: it has no {MODEL_FILE}; make one with "
            "`pagemesh train-classifier`"
        ) from None
    except (OSError, ValueError) as error:
        raise WrongModelError(f"{path} cannot be read: {error}") from None
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        raise WrongModelError(f'{path} does not say "format": "{FORMAT}"')
    version = description.get("format_version")
    if version != FORMAT_VERSION:
        raise WrongModelError(
            f"{path} is of format version {version!r}, and this server reads {FORMAT_VERSION}; "
            "train it anew with `pagemesh train-classifier`"
        )
    leaves = description.get("classes")
    if not (isinstance(leaves, list) and leaves and all(isinstance(x, str) for x in leaves)):
        raise WrongModelError(f"{path}: `classes` must be a list of names")
    return description


def _head(arrays: dict[str, Any], name: str, words: NDArray[np.float32] | None) -> Head:
    return Head(
        words,
        arrays[f"{name}_dense"],
        arrays[f"{name}_bias"],
        float(arrays[f"{name}_temperature"]),
        arrays[f"{name}_in_class"],
    )


def _check_shapes(folder: Path, classifier: Classifier) -> None:
    count = len(classifier.leaves)
    full, bare = classifier.full, classifier.bare
    wanted = {
        "full_words": (full.words, (HASHED, count)),
        "full_dense": (full.dense, (STATISTICS + LAYOUT, count)),
        "full_bias": (full.bias, (count,)),
        "bare_dense": (bare.dense, (LAYOUT, count)),
        "bare_bias": (bare.bias, (count,)),
    }
    for name, (array, shape) in wanted.items():
        if array is None or array.shape != shape or not np.isfinite(array).all():
            raise WrongModelError(
                f"{folder / WEIGHTS_FILE}: `{name}` must hold finite numbers of shape {shape}; "
                "train it anew"
            )
    if not (len(full.in_class) and len(bare.in_class)):
        raise WrongModelError(f"{folder / WEIGHTS_FILE}: `in_class` is empty; train it anew")


def _ranked(scores: dict[str, float]) -> tuple[tuple[str, float], ...]:
    return tuple(sorted(scores.items(), key=lambda item: -item[1]))
