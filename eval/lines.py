"""A page's result in the pixels and signs of the labels; `eval.prediction` describes them."""

import io
from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from eval.labelled import LETTER_ASPECT
from meshkit.geometry import Points
from pagemesh.classify.v1.classify_service_pb2 import ClassifyResult
from pagemesh.common.v1.geometry_pb2 import Quad
from pagemesh.deskew.v1.deskew_service_pb2 import Orientation
from pagemesh.orchestrator.v1.document_pb2 import PageResult

PARTS = {
    "words": "ocr",
    "skew": "deskew",
    "checkboxes": "checkbox",
    "signatures": "signature",
    "doc_class": "classify",
}
"""What can be asked for, and the pipeline's step that tells it."""
DEGREES = {
    Orientation.ORIENTATION_UP: 0,
    Orientation.ORIENTATION_RIGHT: 90,
    Orientation.ORIENTATION_DOWN: 180,
    Orientation.ORIENTATION_LEFT: 270,
}

Line = dict[str, Any]


def page_line(page: PageResult, parts: Collection[str], size: tuple[int, int]) -> Line:
    """What is known of a page whose file has this width and height in pixels."""
    if not page.width:
        return {"error": page.reason}
    scale = np.array(size) / (page.width, page.height)
    line: Line = {"width": size[0], "height": size[1]}
    if page.reason:
        line["error"] = page.reason
    if "words" in parts and page.HasField("ocr"):
        line["words"] = [
            {
                "text": word.text,
                "quad": _rounded(corners(word.quad, scale).ravel()),
                "confidence": round(word.confidence, 4),
            }
            for text_line in page.ocr.lines
            for word in text_line.words
        ]
    if "skew" in parts and page.HasField("deskew"):
        line["skew_degrees"] = round(page.deskew.skew_degrees, 4) + 0.0  # never -0.0
        line["orientation"] = DEGREES.get(page.deskew.orientation)
    if "checkboxes" in parts and page.HasField("checkbox"):
        line["checkboxes"] = [
            {
                "bbox": bbox(box.quad, scale),
                "checked": box.checked,
                "score": round(box.score, 4),
            }
            for box in page.checkbox.checkboxes
        ]
    if "signatures" in parts and page.HasField("signature"):
        line["signatures"] = [
            {"bbox": bbox(signature.quad, scale), "score": round(signature.score, 4)}
            for signature in page.signature.signatures
        ]
    if "doc_class" in parts and page.HasField("classify"):
        line["doc_class"] = page.classify.label
        line["doc_family"] = _family(page.classify)
    return line


def _family(result: ClassifyResult) -> str | None:
    """The likeliest family of the page's class, such as the form of an office.

    None when the page's class is unknown or has no families.
    """
    if not result.families or result.label != result.scores[0].label:
        return None
    return result.families[0].label


def corners(quad: Quad, scale: Points) -> Points:
    """The quad's corners (4, 2), counted from the outer edge of the file's first pixel.

    Args:
        quad: in pixels of the page as read, counted from the middle of the first.
        scale: (2,) pixels of the file in a pixel of the page as read, across and down.
    """
    points = (quad.top_left, quad.top_right, quad.bottom_right, quad.bottom_left)
    return np.array([(point.x + 0.5, point.y + 0.5) for point in points]) * scale


def bbox(quad: Quad, scale: Points) -> list[float]:
    """x, y, width and height of the upright rectangle around a quad; arguments of `corners`."""
    points = corners(quad, scale)
    low = points.min(axis=0)
    return _rounded([*low, *(points.max(axis=0) - low)])


def unstretched(content: bytes) -> bytes:
    """An image file of a Letter page that was squeezed into another shape, in its own shape."""
    with Image.open(io.BytesIO(content)) as image:
        upright = ImageOps.exif_transpose(image)
        size = (upright.width, round(upright.width * LETTER_ASPECT))
        out = io.BytesIO()
        upright.resize(size, Image.Resampling.BILINEAR).save(out, "PNG", compress_level=1)
    return out.getvalue()


def _rounded(numbers: Iterable[float]) -> list[float]:
    return [round(float(number), 2) for number in numbers]
