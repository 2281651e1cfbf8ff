"""The Tesseract engine: the `tesseract` program by way of pytesseract, page segmentation mode 3."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from unicodedata import normalize

import cv2
import numpy as np
import pytesseract

from meshkit.errors import DeadlineExceeded, DependencyUnavailable, InvalidPage
from meshkit.model import Image
from servers.ocr import languages
from servers.ocr.domain import Quad, TextLine, Word

LOWEST_DPI, HIGHEST_DPI = 70, 2400
"""What Tesseract takes for a resolution; it guesses outside."""

LONGEST_SIDE = 32767
SHORTEST_SIDE = 3
"""Pixels a side: Tesseract refuses longer ones and finds nothing in smaller."""

WORD_LEVEL = 5


@dataclass(frozen=True, slots=True)
class TesseractEngine:
    """Reads pages with an installed Tesseract.

    Attributes:
        version: of the program.
        available: BCP 47 tags of the installed languages.
        timeout: seconds a page.
    """

    version: str
    available: tuple[str, ...]
    timeout: float

    @classmethod
    def start(cls, timeout: float) -> "TesseractEngine":
        """Look at what is installed.

        Raises:
            DependencyUnavailable: there is no Tesseract, or it does not start.
        """
        # Pages run side by side; its own threads within a page only get in each other's way.
        os.environ.setdefault("OMP_THREAD_LIMIT", "1")
        try:
            version = str(pytesseract.get_tesseract_version())
            installed = set(pytesseract.get_languages())
        except (pytesseract.TesseractNotFoundError, pytesseract.TesseractError) as error:
            raise not_installed() from error
        names = languages.TESSERACT_NAMES.items()
        return cls(version, tuple(tag for tag, name in names if name in installed), timeout)

    def read(self, image: Image, dpi: float | None, wanted: Sequence[str]) -> tuple[TextLine, ...]:
        """Lines of a grey or BGR page in Tesseract's reading order.

        Raises:
            InvalidInput: a wanted language is not installed.
            InvalidPage: the page is larger than Tesseract takes, or it cannot read it.
            DeadlineExceeded: it took longer than `timeout`.
            DependencyUnavailable: Tesseract has gone.
        """
        chosen = languages.choose(wanted or ("en",), self.available, "tesseract")
        if max(image.shape[:2]) > LONGEST_SIDE:
            raise InvalidPage(
                f"page: {image.shape[1]} x {image.shape[0]} px; Tesseract takes at most "
                f"{LONGEST_SIDE} a side. Use the PP-OCR engine or send a smaller page",
                reason="PAGE_TOO_LARGE_FOR_ENGINE",
            )
        if min(image.shape[:2]) < SHORTEST_SIDE:
            return ()
        names = "+".join(languages.TESSERACT_NAMES[tag] for tag in chosen)
        return lines_of(self._run(image, dpi, names))

    def _run(self, image: Image, dpi: float | None, names: str) -> dict[str, list[Any]]:
        known = dpi is not None and LOWEST_DPI <= dpi <= HIGHEST_DPI
        rgb = cv2.cvtColor(image, cv2.COLOR_BGR2RGB) if image.ndim == 3 else image
        try:
            table: dict[str, list[Any]] = pytesseract.image_to_data(
                rgb,
                lang=names,
                config="--psm 3" + (f" --dpi {dpi:.0f}" if known else ""),
                timeout=self.timeout,
                output_type=pytesseract.Output.DICT,
            )
        except pytesseract.TesseractNotFoundError as error:
            raise not_installed() from error
        except pytesseract.TesseractError as error:
            raise InvalidPage(
                "page: Tesseract could not read this page; the PP-OCR engine may",
                reason="ENGINE_FAILED",
            ) from error
        except RuntimeError as error:
            raise DeadlineExceeded(
                f"page: Tesseract took longer than {self.timeout:g} s; use the PP-OCR engine, or "
                "raise PAGEMESH_OCR_TESSERACT_TIMEOUT",
                reason="ENGINE_TIMEOUT",
            ) from error
        return table


def lines_of(table: dict[str, list[Any]]) -> tuple[TextLine, ...]:
    """Lines of words from Tesseract's TSV table, column name to values."""
    rows = (dict(zip(table, values, strict=True)) for values in zip(*table.values(), strict=True))
    words = (row for row in rows if row["level"] == WORD_LEVEL and str(row["text"]).strip())
    by_line = groupby(words, key=lambda row: (row["block_num"], row["par_num"], row["line_num"]))
    return tuple(_line([_word(row) for row in line]) for _, line in by_line)


def _word(row: dict[str, Any]) -> Word:
    left, top = float(row["left"]), float(row["top"])
    right, bottom = left + float(row["width"]) - 1, top + float(row["height"]) - 1
    confidence = min(max(float(row["conf"]) / 100, 0.0), 1.0)
    text = "".join(normalize("NFC", str(row["text"])).split())
    return Word(text, _box(left, top, right, bottom), confidence)


def _line(words: list[Word]) -> TextLine:
    corners = np.concatenate([word.quad for word in words])
    return TextLine(
        text=" ".join(word.text for word in words),
        quad=_box(*corners.min(axis=0), *corners.max(axis=0)),
        confidence=float(np.mean([word.confidence for word in words])),
        words=tuple(words),
    )


def _box(left: float, top: float, right: float, bottom: float) -> Quad:
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float64)


def not_installed() -> DependencyUnavailable:
    """The error when there is no Tesseract."""
    return DependencyUnavailable(
        "options.engine: Tesseract is not installed on this server (Debian: apt-get install "
        "tesseract-ocr tesseract-ocr-eng); use the PP-OCR engine",
        reason="TESSERACT_MISSING",
        retry_after=None,
    )
