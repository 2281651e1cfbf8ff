"""The shipped documents are what their truth says."""

import json
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
from PIL import Image, ImageSequence

SAMPLES = Path(__file__).parents[3] / "samples"
TRUTH = json.loads((SAMPLES / "truth.json").read_text(encoding="utf-8"))


def open_grey(name: str) -> list[np.ndarray]:
    """Every page at the resolution its truth gives, as the file shows it."""
    if name.endswith(".pdf"):
        document = pypdfium2.PdfDocument(SAMPLES / name)
        scales = [page["dpi"] / 72 for page in TRUTH[name]["pages"]]
        pages = [document[i].render(scale=s, grayscale=True) for i, s in enumerate(scales)]
        images = [np.array(page.to_pil().convert("L")) for page in pages]
        assert len(document) == len(images)
        document.close()
        return images
    with Image.open(SAMPLES / name) as image:
        return [np.array(frame.convert("L")) for frame in ImageSequence.Iterator(image)]


@pytest.mark.parametrize("name", TRUTH)
def test_every_page_has_its_truth(name: str) -> None:
    images = open_grey(name)

    for image, page in zip(images, TRUTH[name]["pages"], strict=True):
        assert image.shape == pytest.approx((page["height"], page["width"]), abs=1)


@pytest.mark.parametrize("name", TRUTH)
def test_every_labelled_thing_lies_on_ink(name: str) -> None:
    for image, page in zip(open_grey(name), TRUTH[name]["pages"], strict=True):
        paper = np.median(image)
        things = page["words"] + page["checkboxes"] + page["signatures"]
        for thing in things:
            xs, ys = thing["quad"][::2], thing["quad"][1::2]
            patch = image[
                max(int(min(ys)) - 2, 0) : int(max(ys)) + 3,
                max(int(min(xs)) - 2, 0) : int(max(xs)) + 3,
            ]
            assert patch.min() < paper - 60, thing


def test_checked_boxes_carry_ink_and_empty_ones_do_not() -> None:
    image, page = open_grey("application_form.pdf")[0], TRUTH["application_form.pdf"]["pages"][0]
    for box in page["checkboxes"]:
        xs, ys = box["quad"][::2], box["quad"][1::2]
        inner = image[int(min(ys)) + 6 : int(max(ys)) - 5, int(min(xs)) + 6 : int(max(xs)) - 5]
        assert (inner < 140).any() == box["checked"], box
    assert sum(box["checked"] for box in page["checkboxes"]) == 17


def test_the_set_has_what_the_demos_need() -> None:
    assert TRUTH["skewed.png"]["pages"][0]["skew_degrees"] == 5.3
    assert TRUTH["upside_down.jpg"]["pages"][0]["orientation"] == 180
    assert TRUTH["wrong_type.png"]["pages"][0]["class"] == "letter"
    assert len(TRUTH["twenty_pages.pdf"]["pages"]) == 20
    assert len(TRUTH["pages.tiff"]["pages"]) == 3
    assert TRUTH["ticked_and_signed.png"]["pages"][0]["signatures"]


def test_they_stay_small() -> None:
    assert sum(path.stat().st_size for path in SAMPLES.rglob("*")) < 8e6
