"""Hand-built results: a page with words, boxes and a signature at known places."""

from collections.abc import Sequence

import cv2
import numpy as np

from meshkit.model import Image
from pagemesh.common.v1.geometry_pb2 import Point, Quad
from pagemesh.ocr.v1.ocr_service_pb2 import TextLine, Word
from pagemesh.orchestrator.v1 import document_pb2 as documents

WIDTH, HEIGHT, DPI = 850, 1100, 100

LINES = (
    ("Application for Passport", 80, 90),
    ("Name: Zoë <Müller> & Søn", 80, 200),
    ("Łódź 東京 «ünïcode»", 80, 300),
    ("I agree", 130, 400),
)


def rotation(degrees: float) -> np.ndarray:
    """(3, 3) homography that turns a page clockwise and keeps all of it."""
    centre = np.array([[1, 0, -(WIDTH - 1) / 2], [0, 1, -(HEIGHT - 1) / 2], [0, 0, 1.0]])
    angle = np.radians(degrees)
    turn = np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1.0]]
    )
    corners = (
        turn
        @ centre
        @ np.array(
            [[0, 0, 1], [WIDTH - 1, 0, 1], [WIDTH - 1, HEIGHT - 1, 1], [0, HEIGHT - 1, 1.0]]
        ).T
    )
    shift = np.eye(3)
    shift[:2, 2] = -corners[:2].min(axis=1)
    return np.asarray(shift @ turn @ centre)


def turned_size(matrix: np.ndarray) -> tuple[int, int]:
    """(width, height) of the page turned by `rotation`."""
    corners = (
        matrix
        @ np.array(
            [[0, 0, 1], [WIDTH - 1, 0, 1], [WIDTH - 1, HEIGHT - 1, 1], [0, HEIGHT - 1, 1.0]]
        ).T
    )
    width, height = np.ceil(corners[:2].max(axis=1) - 1e-6).astype(int) + 1
    return int(width), int(height)


def quad(
    left: float, top: float, right: float, bottom: float, matrix: np.ndarray | None = None
) -> Quad:
    """A box of the upright page, taken to the page as sent by `matrix`."""
    corners = np.array([[left, top, 1], [right, top, 1], [right, bottom, 1], [left, bottom, 1.0]]).T
    x, y, w = (np.eye(3) if matrix is None else matrix) @ corners
    points = [Point(x=a / c, y=b / c) for a, b, c in zip(x, y, w, strict=True)]
    return Quad(
        top_left=points[0], top_right=points[1], bottom_right=points[2], bottom_left=points[3]
    )


def text_line(text: str, left: float, top: float, matrix: np.ndarray | None = None) -> TextLine:
    """A line whose characters are 14 px wide and 24 px high."""
    line = TextLine(text=text, confidence=0.9)
    x = left
    for word in text.split():
        end = x + 14 * len(word)
        line.words.append(Word(text=word, confidence=0.9, quad=quad(x, top, end, top + 24, matrix)))
        x = end + 14
    line.quad.CopyFrom(quad(left, top, x - 14, top + 24, matrix))
    return line


def page_result(
    number: int = 1, degrees: float = 0.0, lines: Sequence[tuple[str, int, int]] = LINES
) -> documents.PageResult:
    """A page that is ok: four lines, a ticked and an empty box, a signature; lying turned."""
    matrix = rotation(degrees)
    width, height = turned_size(matrix)
    page = documents.PageResult(
        page_number=number, outcome=documents.PAGE_OUTCOME_OK, width=width, height=height, dpi=DPI
    )
    upright = page.deskew.upright_transform
    upright.matrix.extend(np.linalg.inv(matrix).ravel().tolist())
    upright.width, upright.height = WIDTH, HEIGHT
    page.deskew.quality.contrast = 0.9
    page.classify.label, page.classify.score = "application_form", 0.97
    page.ocr.lines.extend(text_line(*line, matrix) for line in lines)
    page.checkbox.checkboxes.add(
        quad=quad(80, 400, 104, 424, matrix), checked=True, score=0.9, checked_score=0.95
    )
    page.checkbox.checkboxes.add(
        quad=quad(80, 450, 104, 474, matrix), checked=False, score=0.9, checked_score=0.05
    )
    page.signature.signatures.add(quad=quad(400, 900, 700, 980, matrix), score=0.88)
    page.fields.add(
        name="Name",
        kind=documents.FIELD_KIND_TEXT,
        value="Zoë",
        confidence=0.8,
        quad=quad(164, 200, 206, 224, matrix),
        label_quad=quad(80, 200, 150, 224, matrix),
    )
    page.fields.add(
        name="I agree",
        kind=documents.FIELD_KIND_CHECKBOX,
        value="true",
        confidence=0.9,
        quad=quad(80, 400, 104, 424, matrix),
        label_quad=quad(130, 400, 228, 424, matrix),
        group="Do you agree?",
        group_quad=quad(80, 360, 300, 384, matrix),
        checkbox_index=0,
    )
    page.fields.add(
        name="Guardian's signature",
        kind=documents.FIELD_KIND_SIGNATURE,
        value="false",
        confidence=0.7,
        quad=quad(80, 930, 360, 980, matrix),
        label_quad=quad(80, 985, 300, 1009, matrix),
    )
    return page


def unread_page(
    number: int, outcome: documents.PageOutcome.ValueType, reason: str
) -> documents.PageResult:
    return documents.PageResult(page_number=number, outcome=outcome, reason=reason)


def document(*pages: documents.PageResult, source: str = "form & <copy>.pdf") -> documents.Document:
    """The account of the given pages."""
    outcomes = [page.outcome for page in pages]
    account = documents.PageAccount(
        total=len(pages),
        ok=outcomes.count(documents.PAGE_OUTCOME_OK),
        failed=outcomes.count(documents.PAGE_OUTCOME_FAILED),
        skipped=outcomes.count(documents.PAGE_OUTCOME_SKIPPED),
    )
    pipeline = documents.PipelineIdentity(name="application_form", version="1.0.0")
    return documents.Document(
        request_id="r",
        state=documents.DOCUMENT_STATE_SUCCEEDED,
        source=source,
        pages=account,
        pipeline=pipeline,
    )


def page_image(page: documents.PageResult) -> Image:
    """A picture of the page as sent: every word a grey block, boxes and signature drawn."""
    image = np.full((page.height, page.width, 3), 255, dtype=np.uint8)
    for line in page.ocr.lines:
        for word in line.words:
            cv2.fillConvexPoly(image, _corners(word.quad), (150, 150, 150))
    for box in page.checkbox.checkboxes:
        cv2.polylines(image, [_corners(box.quad)], True, (0, 0, 0), 2)
    for signature in page.signature.signatures:
        corners = _corners(signature.quad)
        cv2.line(image, corners[0].tolist(), corners[2].tolist(), (120, 30, 30), 3)
    return image


def _corners(place: Quad) -> np.ndarray:
    points = (place.top_left, place.top_right, place.bottom_right, place.bottom_left)
    return np.round([(point.x, point.y) for point in points]).astype(np.int32)
