from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from servers.ocr.detection import STRIDE, DetectionSettings, boxes_of_map, find_lines, map_size


@pytest.mark.parametrize(
    ("width", "height"),
    [(1, 1), (850, 1100), (2480, 3508), (600, 4000), (20_000, 40), (1, 50_000), (9000, 9000)],
)
def test_the_map_is_in_strides_and_bounded(width: int, height: int) -> None:
    map_width, map_height = map_size(width, height, 1216)
    assert map_width % STRIDE == map_height % STRIDE == 0
    assert min(map_width, map_height) >= STRIDE
    assert map_width * map_height <= 1.1 * 1216**2


def test_a_page_is_shrunk_to_the_long_side_and_never_grown() -> None:
    assert map_size(2480, 3508, 1216) == (864, 1216)
    assert map_size(640, 320, 1216) == (640, 320)


def test_a_scale_shrinks_every_page() -> None:
    assert map_size(2480, 3508, 1216, 0.75) == (640, 896)
    assert map_size(640, 320, 1216, 0.75) == (480, 256)


def test_a_long_receipt_is_shrunk_less() -> None:
    assert map_size(700, 4000, 1216)[1] > 1216


def drawn_map(angle: float, size: tuple[int, int] = (200, 12), at: float = 0.9) -> np.ndarray:
    text_map = np.zeros((320, 320), np.float32)
    corners = cv2.boxPoints(((160, 160), size, angle))
    cv2.fillPoly(text_map, [corners.round().astype(np.int32)], at)
    return text_map


@pytest.mark.parametrize("angle", [-40, -8, 0, 3, 40])
def test_a_box_starts_at_the_top_left_of_its_text(angle: float) -> None:
    (quad,) = boxes_of_map(drawn_map(angle), DetectionSettings())
    along, down = quad[1] - quad[0], quad[3] - quad[0]
    assert np.degrees(np.arctan2(along[1], along[0])) == pytest.approx(angle, abs=1)
    assert down[1] > 0
    assert np.cross([*along, 0], [*down, 0])[2] > 0


@pytest.mark.parametrize("angle", [-5, 0, 5])
def test_a_tall_box_keeps_its_upright_corners(angle: float) -> None:
    (quad,) = boxes_of_map(drawn_map(angle, size=(12, 200)), DetectionSettings())
    assert np.linalg.norm(quad[3] - quad[0]) > 5 * np.linalg.norm(quad[1] - quad[0])
    assert quad[3, 1] > quad[0, 1]


def test_a_box_grows_by_the_ratio_of_area_and_perimeter() -> None:
    (quad,) = boxes_of_map(drawn_map(0), DetectionSettings(growth=1.6))
    grown = 200 * 12 * 1.6 / (200 + 12)
    assert np.linalg.norm(quad[1] - quad[0]) == pytest.approx(200 + grown, abs=2)
    assert np.linalg.norm(quad[3] - quad[0]) == pytest.approx(12 + grown, abs=2)


def test_faint_and_thin_blobs_are_no_lines() -> None:
    assert boxes_of_map(drawn_map(0, at=0.4), DetectionSettings(box_threshold=0.5)) == []
    assert boxes_of_map(drawn_map(0, size=(200, 1)), DetectionSettings()) == []


def test_boxes_are_in_the_pages_pixels() -> None:
    page = np.full((640, 1280, 3), 255, np.uint8)
    marked = np.zeros((320, 608), np.float32)

    def network(tensors: Sequence[np.ndarray]) -> list[np.ndarray]:
        height, width = tensors[0].shape[1:]
        text_map = np.zeros((height, width), np.float32)
        text_map[height // 2 : height // 2 + 10, width // 4 : width // 2] = 1
        return [text_map]

    (quads,) = find_lines([page], network, DetectionSettings(long_side=marked.shape[1]))
    (quad,) = quads
    assert quad[:, 0].mean() == pytest.approx(1280 * 3 / 8, abs=4)
    assert quad[:, 1].mean() == pytest.approx(320 + 10, abs=4)
