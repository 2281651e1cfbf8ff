"""The classifier on the shipped documents and on pages nobody should send."""

import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pypdfium2
import pytest
from PIL import Image as PilImage
from PIL import ImageSequence

from meshkit.errors import ModelNotReady, PagemeshError
from meshkit.model import Image, PageInput
from servers.classify.config import ClassifyConfig
from servers.classify.model import UNKNOWN, ClassifyModel, ClassifyOptions, ClassifyResult

SAMPLES = Path(__file__).parents[4] / "samples"
TRUTH = json.loads((SAMPLES / "truth.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def model() -> Iterator[ClassifyModel]:
    model = ClassifyModel(ClassifyConfig(device="cpu", intra_op_threads=1))
    model.load()
    yield model
    model.close()


def page(image: Image, threshold: float | None = None) -> PageInput[ClassifyOptions]:
    return PageInput(image, None, ClassifyOptions(threshold))


def ask(model: ClassifyModel, *images: Image, threshold: float | None = None) -> ClassifyResult:
    (*_, last) = model.predict([page(image, threshold) for image in images])
    assert not isinstance(last, PagemeshError)
    return last


def upright(image: Image, truth: dict[str, float]) -> Image:
    """As the deskew step hands it on."""
    image = np.ascontiguousarray(np.rot90(image, int(truth["orientation"]) // 90))
    height, width = image.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), truth["skew_degrees"], 1)
    white = (255, 255, 255)
    return np.asarray(cv2.warpAffine(image, turn, (width, height), borderValue=white), np.uint8)


def sample_pages(name: str) -> list[Image]:
    if name.endswith(".pdf"):
        document = pypdfium2.PdfDocument(SAMPLES / name)
        scales = [page["dpi"] / 72 for page in TRUTH[name]["pages"]]
        images = [document[i].render(scale=s).to_numpy().copy() for i, s in enumerate(scales)]
        document.close()
        return [image[..., :3] if image.ndim == 3 else image for image in images]
    with PilImage.open(SAMPLES / name) as file:
        return [np.array(frame.convert("L")) for frame in ImageSequence.Iterator(file)]


@pytest.mark.parametrize("name", TRUTH)
def test_shipped_documents_are_what_they_are(model: ClassifyModel, name: str) -> None:
    for image, truth in zip(sample_pages(name), TRUTH[name]["pages"], strict=True):
        result = ask(model, upright(image, truth))

        assert result.label == truth["class"], result.scores


@pytest.mark.parametrize("name", ["skewed.png", "upside_down.jpg"])
def test_forms_that_were_not_set_upright_are_still_forms(model: ClassifyModel, name: str) -> None:
    (image,) = sample_pages(name)

    assert ask(model, image).label == "application_form"


@pytest.mark.parametrize(
    "image",
    [
        np.full((1100, 850), 255, np.uint8),
        np.full((1100, 850, 3), 244, np.uint8),
        np.zeros((1100, 850), np.uint8),
        np.zeros((1, 1), np.uint8),
        np.full((1, 1, 3), 255, np.uint8),
        np.full((3, 20000), 255, np.uint8),
        np.full((20000, 3, 3), 128, np.uint8),
    ],
    ids=["white", "paper", "black", "dot", "white dot", "strip", "column"],
)
def test_a_page_of_nothing_is_unknown(model: ClassifyModel, image: Image) -> None:
    result = ask(model, image)

    assert result.label == UNKNOWN, result.scores
    assert 0 < result.score < result.threshold


def test_noise_is_no_form(model: ClassifyModel) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (1100, 850), dtype=np.uint8)

    assert ask(model, noise).label != "application_form"


def test_scores_are_a_ranking_that_adds_up_to_one(model: ClassifyModel) -> None:
    result = ask(model, sample_pages("wrong_type.png")[0])
    scores = [score for _, score in result.scores]

    assert sum(scores) == pytest.approx(1, abs=1e-9)
    assert scores == sorted(scores, reverse=True)
    assert result.score == scores[0]
    assert result.label == result.scores[0][0]
    assert UNKNOWN not in dict(result.scores)
    assert "application_form" in dict(result.scores)


def test_the_threshold_of_the_request_decides(model: ClassifyModel) -> None:
    image = sample_pages("wrong_type.png")[0]
    score = ask(model, image).score
    strict = ask(model, image, threshold=min(1.0, score + 1e-6))
    lax = ask(model, image, threshold=score)

    assert (strict.label, strict.score) == (UNKNOWN, score)
    assert (lax.label, lax.threshold) == ("letter", score)


def test_the_threshold_of_the_server_holds_otherwise() -> None:
    model = ClassifyModel(ClassifyConfig(device="cpu", threshold=1.0))
    model.load()

    result = ask(model, sample_pages("wrong_type.png")[0])

    assert (result.label, result.threshold) == (UNKNOWN, 1.0)


def test_an_answer_does_not_depend_on_the_batch(model: ClassifyModel) -> None:
    images = [sample_pages(name)[0] for name in ("wrong_type.png", "skewed.png", "receipt.jpg")]
    together = model.predict([page(image) for image in images])

    assert list(together) == [ask(model, image) for image in images]


def test_colour_and_resolution_hardly_matter(model: ClassifyModel) -> None:
    grey = sample_pages("ticked_and_signed.png")[0]
    colour = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    small = cv2.resize(grey, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)

    assert ask(model, np.asarray(colour, np.uint8)) == ask(model, grey)
    assert ask(model, np.asarray(small, np.uint8)).label == "application_form"


def test_an_unloaded_model_says_so() -> None:
    with pytest.raises(ModelNotReady):
        ask(ClassifyModel(ClassifyConfig()), np.zeros((9, 9), np.uint8))


def test_the_identity_names_the_weights(model: ClassifyModel) -> None:
    identity = model.load()

    assert identity.name == "classify"
    assert identity.digest.startswith("sha256:")
    assert identity.device == "cpu"
