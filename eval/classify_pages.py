"""Labelled pages as a classifier sees them: their look, and their text as the fast tier reads."""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pypdfium2
from numpy.typing import NDArray

from eval.selection import read_labels
from eval.sets import WHOLE_SETS
from eval.split import Part, part_of
from meshkit.errors import PagemeshError
from meshkit.model import Image, PageInput
from servers.classify.layout import LayoutNetwork
from servers.ocr.config import OcrConfig
from servers.ocr.domain import OcrOptions, Tier
from servers.ocr.model import OcrModel

MIXED, FAMILIES = "doc_class_mixed", "gov_forms_scansim"
BLANKS = "gov_form_templates"
BLANK_DPI = 130


@dataclass(frozen=True, slots=True)
class Page:
    """A labelled page.

    Attributes:
        source: the set, and where its pages are of several classes the class and origin.
        set_name, file: where it is.
        truth: its class.
        leaf: the finer label that the set gives it.
        year: of the form; None when unknown.
        part: of the set's split.
        layout: from the layout network.
        lines: its text as the fast tier read it.
    """

    source: str
    set_name: str
    file: str
    truth: str
    leaf: str
    year: int | None
    part: Part
    layout: NDArray[np.float32]
    lines: tuple[str, ...]


def labelled_pages(data: Path, given: argparse.Namespace, part: Part | None) -> list[Page]:
    """The pages of `given.sets`, at most `given.limit` of each, read. Texts are kept in the folder
    `given.texts`, for the next time."""
    reader = Reader(given.texts)
    network = LayoutNetwork("cpu", intra_op_threads=1)
    pages = []
    for name in given.sets:
        for wanted in [part] if part else list(Part):
            for row in read_labels(data / name, part=wanted, limit=given.limit):
                image = _upright(data / name, row)
                truth = WHOLE_SETS.get(name) or row["doc_class"]
                source = f"{name}: {truth}, {row['origin']}" if name == MIXED else name
                pages.append(
                    Page(
                        source, name, row["file"], truth, str(row.get("doc_class", truth)),
                        row.get("year"), wanted, network.vectors([image])[0],
                        reader.lines(f"{name}/{row['file']}", image),
                    )
                )  # fmt: skip
    return pages


class Reader:
    """Reads pages with the fast tier, or finds what it read before."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._model: OcrModel | None = None

    def lines(self, name: str, image: Image) -> tuple[str, ...]:
        path = self._folder / f"{name.replace('/', '__')}.json" if self._folder else None
        if path is not None and path.is_file():
            return tuple(json.loads(path.read_text(encoding="utf-8")))
        if self._model is None:
            self._model = OcrModel(OcrConfig(device="cpu", tier=Tier.FAST))
            self._model.load()
        (result,) = self._model.predict([PageInput(image, None, OcrOptions(tier=Tier.FAST))])
        if isinstance(result, PagemeshError):
            raise result
        lines = tuple(line.text for line in result.lines)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(lines), encoding="utf-8")
        return lines


def _upright(folder: Path, row: dict[str, Any]) -> Image:
    image = cv2.imread(str(folder / row["file"]), cv2.IMREAD_COLOR)
    if image is None:
        raise FileNotFoundError(folder / row["file"])
    turned = np.rot90(image, (row.get("orientation") or 0) // 90)
    return np.ascontiguousarray(turned, np.uint8)


def blank_pages(data: Path, texts: Path | None) -> list[Page]:
    """The pages of the blank forms, rendered and read; they have years, too."""
    reader, network = Reader(texts), LayoutNetwork("cpu", intra_op_threads=1)
    pages = []
    for row in read_labels(data / BLANKS):
        with pypdfium2.PdfDocument(data / BLANKS / row["file"]) as document:
            for number, sheet in enumerate(document):
                bitmap = sheet.render(scale=BLANK_DPI / 72, may_draw_forms=True)
                image = np.asarray(bitmap.to_numpy()[..., :3], np.uint8).copy()
                name = f"{row['file']}-{number + 1}"
                pages.append(
                    Page(
                        BLANKS, BLANKS, name, "tax_form", row["doc_class"], row["year"],
                        part_of(BLANKS, row), network.vectors([image])[0],
                        reader.lines(f"{BLANKS}/{name}", image),
                    )
                )  # fmt: skip
    return pages
