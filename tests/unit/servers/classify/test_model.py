"""The classifier on the shipped documents and on pages nobody should send."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as PilImage
from PIL import ImageSequence

from meshkit.errors import ModelNotReady, PagemeshError
from meshkit.model import Image, PageInput
from servers.classify.classifier import UNKNOWN, WrongModelError
from servers.classify.config import ClassifyConfig
from servers.classify.model import ClassifyModel, ClassifyOptions, ClassifyResult

SAMPLES = Path(__file__).parents[4] / "samples"


@pytest.fixture(scope="module")
def model() -> Iterator[ClassifyModel]:
    model = ClassifyModel(ClassifyConfig(device="cpu", intra_op_threads=1))
    model.load()
    yield model
    model.close()


LETTER = (
    *(
        "Harbor Institute",
        "12 Mill Road",
        "May 5, 1994",
        "Dear Mr. Holm:",
        "Thank you for your letter.",
    ),
    *(
        "I am writing in response to it.",
        "Please let me know if I can be of help.",
        "Sincerely yours,",
    ),
)
INTAKE = (
    *(
        "Application for assistance",
        "Please print clearly",
        "Last name",
        "First name",
        "Date of birth",
    ),
    *(
        "Social Security Number",
        "Marital status",
        "Employer name",
        "Signature of applicant",
        "Date",
    ),
)
RECEIPT = (
    *("ORCHARD MART", "TAX INVOICE", "CASHIER: ANN", "TEA 1.20", "MILK 0.99", "TOTAL 2.19"),
    *("CASH 5.00", "CHANGE 2.81", "THANK YOU", "PLEASE COME AGAIN"),
)
FORMS = {"application_form", "form", "survey", "tax_form"}


def page(
    image: Image, threshold: float | None = None, lines: tuple[str, ...] = ()
) -> PageInput[ClassifyOptions]:
    return PageInput(image, None, ClassifyOptions(threshold, lines))


def ask(
    model: ClassifyModel,
    *images: Image,
    threshold: float | None = None,
    lines: tuple[str, ...] = (),
) -> ClassifyResult:
    (*_, last) = model.predict([page(image, threshold, lines) for image in images])
    assert not isinstance(last, PagemeshError)
    return last


def sample_pages(name: str) -> list[Image]:
    with PilImage.open(SAMPLES / name) as file:
        return [np.array(frame.convert("L")) for frame in ImageSequence.Iterator(file)]


@pytest.mark.parametrize(
    ("name", "lines", "labels"),
    [
        ("wrong_type.png", LETTER, {"letter"}),
        ("receipt.jpg", RECEIPT, {"receipt"}),
        ("skewed.png", INTAKE, FORMS),
        ("ticked_and_signed.png", INTAKE, FORMS),
    ],
)
def test_look_and_text_tell_the_class(
    model: ClassifyModel, name: str, lines: tuple[str, ...], labels: set[str]
) -> None:
    result = ask(model, sample_pages(name)[0], lines=lines)

    assert result.scores[0][0] in labels, result.scores
    assert result.used_text


@pytest.mark.parametrize("name", ["skewed.png", "ticked_and_signed.png"])
def test_without_text_the_look_tells_forms_from_letters(model: ClassifyModel, name: str) -> None:
    result = ask(model, sample_pages(name)[0])

    assert result.scores[0][0] in FORMS, result.scores
    assert not result.used_text


def test_features_come_when_they_are_asked_for(model: ClassifyModel) -> None:
    image = sample_pages("wrong_type.png")[0]
    options = ClassifyOptions(lines=LETTER, with_features=True)
    (result,) = model.predict([PageInput(image, None, options)])

    assert isinstance(result, ClassifyResult)
    assert result.features is not None
    assert result.features.has_text
    assert ask(model, image).features is None


def test_a_folder_without_a_model_ends_the_start(tmp_path: Path) -> None:
    with pytest.raises(WrongModelError, match=r"no model\.json"):
        ClassifyModel(ClassifyConfig(device="cpu", model=tmp_path)).load()


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


def test_noise_is_no_form(model: ClassifyModel) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (1100, 850), dtype=np.uint8)

    assert ask(model, noise).label not in FORMS


def test_scores_are_a_ranking_that_adds_up_to_one(model: ClassifyModel) -> None:
    result = ask(model, sample_pages("wrong_type.png")[0], lines=LETTER)
    scores = [score for _, score in result.scores]

    assert sum(scores) == pytest.approx(1, abs=1e-9)
    assert scores == sorted(scores, reverse=True)
    assert result.score == scores[0]
    assert result.label == result.scores[0][0]
    assert set(dict(result.scores)) >= FORMS


def test_the_threshold_of_the_request_decides(model: ClassifyModel) -> None:
    image = sample_pages("wrong_type.png")[0]
    score = ask(model, image, lines=LETTER).score
    strict = ask(model, image, threshold=min(1.0, score + 1e-6), lines=LETTER)
    lax = ask(model, image, threshold=score, lines=LETTER)

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


def test_colour_does_not_matter(model: ClassifyModel) -> None:
    grey = sample_pages("ticked_and_signed.png")[0]
    colour = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)

    assert ask(model, np.asarray(colour, np.uint8)) == ask(model, grey)


def test_an_unloaded_model_says_so() -> None:
    with pytest.raises(ModelNotReady):
        ask(ClassifyModel(ClassifyConfig()), np.zeros((9, 9), np.uint8))


def test_the_identity_names_the_weights(model: ClassifyModel) -> None:
    identity = model.load()

    assert identity.name == "classify"
    assert identity.digest.startswith("sha256:")
    assert identity.device == "cpu"
