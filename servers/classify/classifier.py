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
FORMAT_VERSION = 2
MODEL_FILE = "model.json"
WEIGHTS_FILE = "weights.npz"
UNKNOWN = "unknown"
"""Label of a page of no known class; as a class of its own it holds examples of what to refuse."""
FAMILY_SEPARATOR = "/"

_TEXT_SHARE, _LAYOUT_SHARE = 0.3, 0.5
"""Norm of the dense features of a usual page, where that of its hashed words is 1."""
_LIKENESS_SHARE = 9.0
"""How many logits the likeness to a class's mean page is worth: where pages of classes that a
training did not have are told best from others (tuning pages of the labelled sets)."""


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
        mean_words: (HASHED, classes) the hashed words of each class's mean page; None as above.
        mean_dense: (d, classes) its dense features; both together have norm 1.
        temperature: divides the logits so that scores are honest.
        in_class: (m,) rising: how sure it was of training pages that it had not seen.
    """

    words: NDArray[np.float32] | None
    dense: NDArray[np.float32]
    bias: NDArray[np.float64]
    mean_words: NDArray[np.float32] | None
    mean_dense: NDArray[np.float32]
    temperature: float
    in_class: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Look:
    """What one view shows of n pages.

    Attributes:
        logits: (n, leaves), before the temperature.
        likeness: (n, classes) cosine between the page and each class's mean page.
    """

    logits: NDArray[np.float64]
    likeness: NDArray[np.float64]


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
        return labels_of(self.leaves)

    def judge(self, pages: PageMatrix) -> list[Judgement]:
        """What is known of each page; an answer never depends on the other pages."""
        has_text = pages.has_text
        seen = self.look(self.full, pages), self.look(self.bare, pages)
        return [
            self._judgement(head, look.logits[row], look.likeness[row])
            for row, texted in enumerate(has_text)
            for head, look in [(self.full, seen[0]) if texted else (self.bare, seen[1])]
        ]

    def look(self, head: Head, pages: PageMatrix) -> "Look":
        """What one view shows of each page."""
        dense = dense_features(pages, self.statistics, self.layout, head.words is not None)
        logits = _times(dense, head.dense) + head.bias
        likeness = _times(dense, head.mean_dense)
        norms = (dense**2).sum(axis=1)
        if head.words is not None and head.mean_words is not None:
            logits += pages.words_times(head.words)
            likeness += pages.words_times(head.mean_words)
            norms += pages.has_text  # hashed words have norm 1
        return Look(logits, likeness / np.sqrt(np.maximum(norms, 1e-12))[:, None])

    def _judgement(
        self, head: Head, logits: NDArray[np.float64], likeness: NDArray[np.float64]
    ) -> Judgement:
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
        sureness = float(sureness_of(Look(logits[None], likeness[None]), self.leaves)[0])
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
        for name in ("full_words", "full_mean_words"):
            arrays[name] = np.asarray(arrays[name], np.float16)
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
            _head(arrays, "full", with_text=True),
            _head(arrays, "bare", with_text=False),
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


def labels_of(leaves: Sequence[str]) -> tuple[str, ...]:
    """The classes of these leaves, in order of their first leaf."""
    return tuple(dict.fromkeys(map(class_of, leaves)))


def sureness_of(look: Look, leaves: Sequence[str]) -> NDArray[np.float64]:
    """(n,) how much a page looks like any known class: the best one's logit against the mean of all
    classes, and how like that class's mean page it is.

    Unknown pages have small logits throughout ("Scaling Out-of-Distribution Detection for
    Real-World Settings", D. Hendrycks et al., 2022: the maximum logit); those that a word or two
    take to a class are unlike its pages ("Prototypical Networks", J. Snell et al., 2017: distance
    to the class's mean). A class with families has the logit of their summed chances, so that a new
    family of it is not unknown.
    """
    labels = labels_of(leaves)
    classes = np.array([class_of(leaf) for leaf in leaves])
    by_class = np.stack(
        [np.logaddexp.reduce(look.logits[:, classes == name], axis=1) for name in labels], axis=1
    )
    known = [i for i, name in enumerate(labels) if name != UNKNOWN]
    best = by_class[:, known].argmax(axis=1)[:, None]
    logit = np.take_along_axis(by_class[:, known], best, axis=1)[:, 0] - by_class.mean(axis=1)
    likeness = np.take_along_axis(look.likeness[:, known], best, axis=1)[:, 0]
    return np.asarray(logit + _LIKENESS_SHARE * likeness, np.float64)


def _times(rows: NDArray[np.float64], table: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n, d) times (d, m), row by row: a row's product is the same whatever the batch."""
    return np.array([row @ table for row in rows], np.float64).reshape(len(rows), table.shape[1])


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


def _head(arrays: dict[str, Any], name: str, *, with_text: bool) -> Head:
    return Head(
        arrays[f"{name}_words"].astype(np.float32) if with_text else None,
        arrays[f"{name}_dense"],
        arrays[f"{name}_bias"],
        arrays[f"{name}_mean_words"].astype(np.float32) if with_text else None,
        arrays[f"{name}_mean_dense"],
        float(arrays[f"{name}_temperature"]),
        arrays[f"{name}_in_class"],
    )


def _check_shapes(folder: Path, classifier: Classifier) -> None:
    count, classes = len(classifier.leaves), len(classifier.labels)
    full, bare = classifier.full, classifier.bare
    wanted = {
        "full_words": (full.words, (HASHED, count)),
        "full_dense": (full.dense, (STATISTICS + LAYOUT, count)),
        "full_bias": (full.bias, (count,)),
        "full_mean_words": (full.mean_words, (HASHED, classes)),
        "full_mean_dense": (full.mean_dense, (STATISTICS + LAYOUT, classes)),
        "bare_dense": (bare.dense, (LAYOUT, count)),
        "bare_bias": (bare.bias, (count,)),
        "bare_mean_dense": (bare.mean_dense, (LAYOUT, classes)),
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
