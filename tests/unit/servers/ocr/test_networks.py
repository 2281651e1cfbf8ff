from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest

from meshkit.model import Image
from meshkit.onnx import OnnxSession, open_session
from servers.ocr.alphabet import western
from servers.ocr.ctc import decode
from servers.ocr.detection import STRIDE
from servers.ocr.networks import (
    STRIP_PIXELS,
    LinesInBatches,
    LinesOneByOne,
    PagesInBatches,
    PagesOneByOne,
    characters_of,
    strips,
)
from servers.ocr.ppocr import WEIGHTS
from tests.unit.servers.ocr.pages import draw

LINES = ("Application for a fishing licence", "Harbour Road", "1742", "Street and number: 7")


@pytest.fixture(scope="module")
def recogniser() -> OnnxSession:
    return open_session(WEIGHTS / "rec_tiny.onnx", device="cpu", intra_op_threads=1)


def crops() -> list[Image]:
    found = []
    for line in LINES:
        page, _ = draw((line,), size=32, width=24 * len(line) // 8 * 8, height=48, origin=(8, 4))
        found.append(np.stack([page] * 3, axis=2))
    return found


def test_lines_in_batches_say_what_lines_one_by_one_say(recogniser: OnnxSession) -> None:
    alphabet = western(characters_of(recogniser), 0.5)
    with ThreadPoolExecutor(2) as workers:
        single = LinesOneByOne(recogniser, workers)(crops(), alphabet)
    together = LinesInBatches(recogniser)(crops(), alphabet)
    for crop, (ids, probabilities), steps, line in zip(
        crops(), together, single, LINES, strict=True
    ):
        assert len(ids) == len(probabilities) == crop.shape[1] // 8
        texts = [
            "".join(glyph.text for glyph in decode(one, alphabet.texts))
            for one in ((ids, probabilities), steps)
        ]
        assert texts == [line, line]


def test_a_line_is_the_same_whatever_it_is_batched_with(recogniser: OnnxSession) -> None:
    alphabet = western(characters_of(recogniser), 0.5)
    network = LinesInBatches(recogniser)
    alone = [network([crop], alphabet)[0] for crop in crops()[:2]]
    backwards = network(crops()[1::-1] * 2, alphabet)
    for (ids, probabilities), other in zip(alone, backwards[1::-1], strict=True):
        assert np.array_equal(ids, other[0])
        assert np.array_equal(probabilities, other[1])


def test_pages_in_batches_have_the_maps_of_pages_one_by_one() -> None:
    detector = open_session(WEIGHTS / "det_tiny.onnx", device="cpu")
    pages = []
    for width, height in ((320, 224), (256, 256), (288, 160)):
        page, _ = draw(("Harbour",), size=28, width=width, height=height)
        pages.append(np.stack([page / np.float32(128) - 1] * 3).astype(np.float32))
    together, single = PagesInBatches(detector)(pages), PagesOneByOne(detector)(pages)
    for tensor, one, other in zip(pages, together, single, strict=True):
        assert one.shape == other.shape == tensor.shape[1:]
        # What lies beyond the edge differs: padding there, nothing here.
        assert np.mean((one > 0.3) == (other > 0.3)) > 0.98
        assert (other > 0.3).any()


@pytest.mark.parametrize(("height", "width"), [(32, 32), (1216, 928), (9728, 160), (1216, 1216)])
def test_strips_are_all_of_the_page_in_whole_strides(height: int, width: int) -> None:
    cut = strips(height, width)
    assert (cut[0][0], cut[-1][1]) == (0, height)
    assert all(a[1] == b[0] for a, b in pairwise(cut))
    assert all(start % STRIDE == 0 and start < end for start, end in cut)
    assert all((end - start) * width <= STRIP_PIXELS + STRIDE * width for start, end in cut)


def test_a_page_in_strips_has_the_map_of_the_whole_page() -> None:
    detector = open_session(WEIGHTS / "det_tiny.onnx", device="cpu")
    page, _ = draw(("Harbour Road",) * 20, size=24, width=928, height=1216)
    tensor = (np.stack([page] * 3) / 64 - 2).astype(np.float32)
    (whole,) = detector.run({"x": tensor[None]})
    (in_strips,) = PagesOneByOne(detector)([tensor])
    assert len(strips(1216, 928)) == 2
    assert np.mean((whole[0, 0] > 0.3) == (in_strips > 0.3)) > 0.998
    assert (in_strips > 0.3).any()


def test_nothing_to_read_is_no_run(recogniser: OnnxSession) -> None:
    alphabet = western(characters_of(recogniser), 0.5)
    assert LinesInBatches(recogniser)([], alphabet) == []
    assert PagesInBatches(recogniser)([]) == []
