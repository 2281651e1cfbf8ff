"""Pages of government forms with their labels: scanned ones, and blank fillable ones filled here.

Two sets of forms, both from the MIT-licensed repository of Code for America's vita-min, are read:
`gov_forms_scansim` (pages filled and scan-simulated, with checkbox labels) and
`gov_form_templates` (fillable PDFs with the rectangle of every field). Families in
`eval.split.VALIDATION_FAMILIES` are never trained on.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pypdfium2
from faker import Faker
from numpy.typing import NDArray

from eval.split import VALIDATION_FAMILIES
from training.detectors.blocks import value
from training.detectors.faces import Faces
from training.detectors.sheet import BoxLabel, LabelledPage, Rect, Sheet
from training.detectors.signing_blocks import any_signature, sign
from training.detectors.strokes import Mask, Random

RENDER_DPI = 150
BORDER_INK = 40


def read_labels(folder: Path) -> Iterator[dict[str, Any]]:
    """The lines of a labelled set. Exits when the set is not there."""
    path = folder / "labels.jsonl"
    if not path.is_file():
        raise SystemExit(f"{path} is missing: --data must name the folder that holds {folder.name}")
    for line in path.read_text(encoding="utf-8").splitlines():
        yield json.loads(line)


def scanned_forms(data: Path, *, validation: bool) -> list[LabelledPage]:
    """The pages of `gov_forms_scansim` to train on, or those kept aside for validation.

    A field whose printed border could not be seen when the page was labelled is ignored.
    """
    folder = data / "gov_forms_scansim"
    pages = []
    for label in read_labels(folder):
        if (label["doc_class"] in VALIDATION_FAMILIES) is not validation:
            continue
        image = cv2.imread(str(folder / label["file"]), cv2.IMREAD_GRAYSCALE)
        if image is None:
            raise SystemExit(f"{folder / label['file']} can't be read")
        page = LabelledPage(np.asarray(image, np.uint8))
        for box in label["checkboxes"]:
            rect: Rect = tuple(box["bbox"])
            if box.get("border_seen", True) and not box.get("ambiguous"):
                page.boxes.append(BoxLabel(rect, box["checked"], None))
            else:
                page.ignore.append(rect)
        pages.append(page)
    return pages


def blank_forms(data: Path) -> list[tuple[LabelledPage, list[dict[str, Any]]]]:
    """Pages of the fillable PDFs to train on, rendered blank, with their fields in pixels."""
    folder = data / "gov_form_templates"
    pages = []
    for label in read_labels(folder):
        if label["doc_class"] in VALIDATION_FAMILIES:
            continue
        document = pypdfium2.PdfDocument(folder / label["file"])
        for number, form in enumerate(label["pages"]):
            scale = RENDER_DPI / 72
            image = document[number].render(scale=scale, grayscale=True).to_numpy()
            fields = [
                {**field, "bbox": tuple(v * scale for v in field["bbox"])}
                for field in form["fields"]
            ]
            fields += _sign_captions(document[number], scale)
            pages.append(
                (LabelledPage(np.asarray(image, np.uint8).reshape(image.shape[:2])), fields)
            )
        document.close()
    return pages


def _sign_captions(page: pypdfium2.PdfPage, scale: float) -> list[dict[str, Any]]:
    """Where a page speaks of a signature, as fields of the type `Caption`."""
    text = page.get_textpage()
    search = text.search("signature")
    captions = []
    while found := search.get_next():
        left, bottom, right, top = text.get_charbox(found[0])
        height = (top - bottom) * scale
        y = (page.get_height() - top) * scale
        captions.append({"type": "Caption", "bbox": (left * scale, y, right - left, height)})
    return captions


def fill_form(
    blank: LabelledPage,
    fields: list[dict[str, Any]],
    seed: int,
    faces: Faces,
    collected: list[Mask],
) -> LabelledPage:
    """A copy of a blank form, ticked and filled at random, by hand or by machine."""
    rng: Random = np.random.default_rng(seed)
    faker = Faker("en_US")
    faker.seed_instance(seed)
    sheet = Sheet(rng, faces, faker, LabelledPage(blank.image.copy()))
    mark = sheet.choice((0.1, 0.3, 0.6))
    hand = sheet.choice(faces.handwritten) if sheet.chance(0.5) else None
    for field in fields:
        rect: Rect = field["bbox"]
        if field["type"] in {"CheckBox", "RadioButton"}:
            _tick(sheet, rect, mark)
        elif field["type"] == "Text" and sheet.chance(0.5):
            size = min(rect[3] / sheet.mm * 0.75, 4.5)
            text = value(sheet)[: max(1, int(rect[2] / (size * sheet.mm * 0.55)))]
            sheet.text(text, rect[0] + 2, rect[1] + rect[3] * 0.2, size, hand)
        elif field["type"] == "Caption" and sheet.chance(0.35):
            _sign_at_caption(sheet, rect, collected)
        elif field["type"] == "Signature" or (_signable(field) and sheet.chance(0.4)):
            width = min(rect[2] / sheet.mm, 70)
            sign(sheet, any_signature(sheet, collected), rect[0], rect[1] + rect[3], width)
    return sheet.page


def _sign_at_caption(sheet: Sheet, caption: Rect, collected: list[Mask]) -> None:
    """Sign above a caption, as on a line, or below it, as in a cell."""
    x, y, _, height = caption
    x += sheet.between(-8, 35) * sheet.mm
    below = sheet.chance(0.5)
    foot = y + height + sheet.between(6, 10) * sheet.mm if below else y
    ink = any_signature(sheet, collected)
    sign(sheet, ink, x, foot, sheet.between(22, 65), sheet.between(6, 14))


def _signable(field: dict[str, Any]) -> bool:
    """Whether a text field is wide enough to be signed and its name speaks of signing."""
    return field["bbox"][2] > 90 and "sign" in str(field.get("name", "")).lower()


def _tick(sheet: Sheet, rect: Rect, chance: float) -> None:
    """Perhaps mark a field; note it as a box when a border is printed around it."""
    bordered = has_border(sheet.page.image, rect)
    checked = sheet.chance(chance)
    if checked:
        sheet.mark(rect, sheet.choice(sheet.marks))
    if bordered:
        sheet.page.boxes.append(BoxLabel(rect, checked, None))
    else:
        sheet.page.ignore.append(rect)


def has_border(image: NDArray[np.uint8], rect: Rect) -> bool:
    """Whether ink runs along at least three sides of a rectangle, three pixels to either side."""
    x0, y0 = round(rect[0]), round(rect[1])
    x1, y1 = round(rect[0] + rect[2]), round(rect[1] + rect[3])
    if x0 < 3 or y0 < 3 or x1 - x0 < 6 or y1 - y0 < 6:
        return False
    sides = (
        image[y0 - 3 : y0 + 4, x0:x1].min(axis=0),
        image[y1 - 3 : y1 + 4, x0:x1].min(axis=0),
        image[y0:y1, x0 - 3 : x0 + 4].min(axis=1),
        image[y0:y1, x1 - 3 : x1 + 4].min(axis=1),
    )
    return sum(bool(side.size and np.mean(side < 255 - BORDER_INK) > 0.8) for side in sides) >= 3
