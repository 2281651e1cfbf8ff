"""The document classifier: classes read from a model folder, told by a page's layout and text."""

from collections.abc import Sequence
from dataclasses import dataclass

from meshkit.errors import ModelNotReady, PagemeshError
from meshkit.model import ModelIdentity, PageInput, PageModel, digest_of
from servers.classify.classifier import (
    MODEL_FILE,
    UNKNOWN,
    WEIGHTS_FILE,
    Classifier,
    Judgement,
    read_classifier,
)
from servers.classify.config import ClassifyConfig
from servers.classify.layout import LAYOUT_WEIGHTS, LayoutNetwork
from servers.classify.page_vector import PageVector, page_vector, stack

VERSION = "2.1.0"


@dataclass(frozen=True, slots=True)
class ClassifyOptions:
    """How sure to be, and what is known of the page.

    Attributes:
        threshold: below this score the label is `unknown`; None takes the server's.
        lines: the page's text in reading order; empty when it was not read.
        with_features: whether the answer holds the page's vector.
    """

    threshold: float | None = None
    lines: tuple[str, ...] = ()
    with_features: bool = False


@dataclass(frozen=True, slots=True)
class ClassifyResult:
    """The kind of document a page belongs to.

    Attributes:
        label: the best class, or `unknown`.
        score: of the best class, in [0, 1], also when the label is `unknown`.
        threshold: the one that was applied.
        scores: every class and its score, best first; they add up to 1.
        families: of the best class, its families and their scores given that class, best first.
        typicality: share in [0, 1] of known pages that look less like any class.
        used_text: whether the text had a say.
        features: the page's vector when it was asked for.
    """

    label: str
    score: float
    threshold: float
    scores: tuple[tuple[str, float], ...]
    families: tuple[tuple[str, float], ...] = ()
    typicality: float = 1.0
    used_text: bool = False
    features: PageVector | None = None


class ClassifyModel(PageModel[ClassifyOptions, ClassifyResult]):
    """Classifies pages by their layout and, where it is given, by their text."""

    concurrent = True

    def __init__(self, config: ClassifyConfig) -> None:
        self._config = config
        self._loaded: tuple[LayoutNetwork, Classifier] | None = None

    def load(self) -> ModelIdentity:
        """Open the layout network and the model folder.

        Raises:
            FileNotFoundError: the network's weights are missing.
            RuntimeError: the device asked for cannot be had.
            WrongModelError: the model folder holds no classifier.
        """
        config = self._config
        classifier = read_classifier(config.model)
        network = LayoutNetwork(config.device, config.intra_op_threads)
        self._loaded = (network, classifier)
        files = [LAYOUT_WEIGHTS, config.model / MODEL_FILE, config.model / WEIGHTS_FILE]
        return ModelIdentity("classify", VERSION, digest_of(files), network.device)

    def predict(
        self, pages: Sequence[PageInput[ClassifyOptions]]
    ) -> Sequence[ClassifyResult | PagemeshError]:
        """The class of each page. An empty page is `unknown`, not an error."""
        if self._loaded is None:
            raise ModelNotReady("the classifier is not loaded")
        network, classifier = self._loaded
        layouts = network.vectors([page.image for page in pages])
        vectors = [page_vector(v, p.options.lines) for v, p in zip(layouts, pages, strict=True)]
        judgements = classifier.judge(stack(vectors))
        return [
            self._result(judgement, vector, page.options)
            for judgement, vector, page in zip(judgements, vectors, pages, strict=True)
        ]

    def close(self) -> None:
        self._loaded = None

    def _result(
        self, judgement: Judgement, vector: PageVector, options: ClassifyOptions
    ) -> ClassifyResult:
        threshold = self._config.threshold if options.threshold is None else options.threshold
        label, score = judgement.scores[0]
        is_known = score >= threshold and judgement.typicality >= self._config.typicality
        return ClassifyResult(
            label=label if is_known else UNKNOWN,
            score=score,
            threshold=threshold,
            scores=judgement.scores,
            families=judgement.families,
            typicality=judgement.typicality,
            used_text=vector.has_text,
            features=vector if options.with_features else None,
        )
