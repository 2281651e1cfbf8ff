"""The blank form beside a definition: its pages' words and pictures."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from meshkit.errors import InvalidDocument
from meshkit.model import Image
from orchestrator.forms.definition import InvalidForm
from orchestrator.forms.frame import POINTS_PER_INCH, Rect
from orchestrator.forms.pdf_form import PdfPage, PrintedWord, read_pages, render_page

INK_DPI = 120.0
"""At which a blank page and the page laid on it are compared."""
WORDS_FILE = "blank.words.json"
"""The blank's words as `pagemesh form init` found them, so that they need not be looked for again:
`{"digest", "pages": [{"width", "height", "words": [[text, left, top, width, height], ...]}]}`, in
points. It counts only while the blank is the one that it was made from."""
MIN_WORDS = 8
"""A page with fewer words is laid on its blank by what it looks like, not by its words."""


@dataclass(frozen=True)
class BlankPage:
    """One page of a blank form.

    Attributes:
        number: from 1.
        width, height: in points.
        words: its printed words.
        source: where its picture comes from, the PDF or PNG file.
    """

    number: int
    width: float
    height: float
    words: tuple[PrintedWord, ...]
    source: Path = field(repr=False)

    def picture(self) -> Image:
        """The page in grey at `INK_DPI`, without the content of its fillable fields."""
        return np.asarray(cv2.imdecode(self._png, cv2.IMREAD_GRAYSCALE), np.uint8)

    @cached_property
    def _png(self) -> NDArray[np.uint8]:
        """The picture as PNG: a tenth of its pixels, for the many pages that wait to be met."""
        size = (
            round(self.width * INK_DPI / POINTS_PER_INCH),
            round(self.height * INK_DPI / POINTS_PER_INCH),
        )
        if self.source.suffix.lower() == ".pdf":
            image = render_page(self.source, self.number, INK_DPI)
        else:
            grey = cv2.imread(str(self.source), cv2.IMREAD_GRAYSCALE)
            if grey is None:
                raise InvalidForm(f"{self.source.name}: not a picture that can be read")
            image = np.asarray(grey, np.uint8)
        resized = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        _, png = cv2.imencode(".png", resized, [cv2.IMWRITE_PNG_COMPRESSION, 1])
        return np.asarray(png, np.uint8)


def read_blank(folder: Path, pattern: str) -> tuple[BlankPage, ...]:
    """The blank form's pages.

    Args:
        folder: of the definition.
        pattern: the definition's `blank`: a PDF, or a pattern of pictures, one a page.

    Raises:
        InvalidForm: it is not there or cannot be read, or is a picture whose words nobody read.
    """
    sources = sorted(folder.glob(pattern))
    if not sources:
        raise InvalidForm(f"`blank`: there is no {pattern} in {folder}")
    pages = _read_words(folder / WORDS_FILE, digest_of(sources))
    is_pdf = sources[0].suffix.lower() == ".pdf"
    if pages is None and is_pdf:
        try:
            pages = read_pages(sources[0])
        except InvalidDocument as error:
            raise InvalidForm(f"`blank`: {error.message}") from error
    if pages is None or not (is_pdf or len(pages) == len(sources)):
        raise InvalidForm(
            f"`blank`: the words of these pictures are not in {WORDS_FILE}: draft the definition "
            "anew with `pagemesh form init`, which reads them"
        )
    return tuple(
        BlankPage(number, page.width, page.height, page.words, sources[0 if is_pdf else number - 1])
        for number, page in enumerate(pages, 1)
    )


def write_words(folder: Path, pattern: str, pages: Sequence[PdfPage]) -> None:
    """Keep the words of the blank beside it.

    Args:
        folder: of the definition.
        pattern: the definition's `blank`.
        pages: its pages.
    """
    data = {
        "digest": digest_of(sorted(folder.glob(pattern))),
        "pages": [
            {
                "width": page.width,
                "height": page.height,
                "words": [[word.text, *_rounded(word.box)] for word in page.words],
            }
            for page in pages
        ],
    }
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    (folder / WORDS_FILE).write_text(text + "\n", encoding="utf-8")


def digest_of(paths: Sequence[Path]) -> str:
    """`sha256:<hex>` of files' names and contents."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(f"{path.name}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return f"sha256:{digest.hexdigest()}"


def _rounded(box: Rect) -> tuple[float, ...]:
    return tuple(round(side, 1) for side in (box.left, box.top, box.width, box.height))


def _read_words(path: Path, digest: str) -> list[PdfPage] | None:
    """The kept words; None when there are none, or they are of another blank."""
    if not path.is_file():
        return None
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["digest"] != digest:
            return None
        return [
            PdfPage(
                float(page["width"]),
                float(page["height"]),
                tuple(
                    PrintedWord(str(text), Rect(left, top, left + width, top + height))
                    for text, left, top, width, height in page["words"]
                ),
            )
            for page in data["pages"]
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidForm(f"{path.name}: not as `pagemesh form init` writes it: {error}") from error
