"""How well boxes are named, against the tooltips of fillable forms.

`python -m eval.checkbox_labels --data DIR [--part validation] [--limit N] [--misses N]`

DIR holds `gov_form_templates`: blank fillable PDFs, some of whose boxes carry a tooltip for people
who cannot see the form: `Are you a U.S. citizen. Yes.` Forms and pages without such boxes are left
out. Pages are read by the product. A tooltip is in its author's words, so the measure is fuzzy: a
label fits when at least 0.5 of its lower-case alphanumeric tokens are in the tooltip; question and
label together fit when they hold at least 0.5 of the tooltip's tokens too, which only counts for
tooltips of several sentences. All shares are of the boxes that were found.
"""

import argparse
import asyncio
import ctypes
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pypdfium2
import pypdfium2.raw as pdfium
from rich.console import Console
from rich.progress import track
from rich.table import Table

from eval import selection
from eval.key_values import OPTIONS, Rect, rect_of
from eval.product import open_product
from eval.scores.words import tokens
from pagemesh.orchestrator.v1.document_pb2 import FIELD_KIND_CHECKBOX, Field, PageResult

SET = "gov_form_templates"
LABEL_SHARE = 0.5
QUESTION_SHARE = 0.5
KINDS = (pdfium.FPDF_FORMFIELD_CHECKBOX, pdfium.FPDF_FORMFIELD_RADIOBUTTON)


@dataclass(frozen=True, slots=True)
class Named:
    """A box of a fillable form.

    Attributes:
        rect: left, top, right, bottom in points from the page's top-left corner.
        tooltip: what is read aloud for it.
    """

    rect: Rect
    tooltip: str


@dataclass
class Score:
    """Sums over boxes with a tooltip."""

    boxes: int = 0
    found: int = 0
    named: int = 0
    label_fits: int = 0
    asked: int = 0
    question_fits: int = 0
    misses: list[str] = field(default_factory=list)

    def add(self, truth: Sequence[Named], page: PageResult, name: str) -> None:
        """Count a page's boxes."""
        scale = (page.dpi or 72) / 72
        fields = [f for f in page.fields if f.kind == FIELD_KIND_CHECKBOX]
        for box in truth:
            self.boxes += 1
            hit = next((f for f in fields if _is_at(f, box.rect, scale)), None)
            if hit is not None:
                self.found += 1
                self._compare(hit, box.tooltip, name)

    def _compare(self, said: Field, tooltip: str, name: str) -> None:
        wanted, label = set(tokens(tooltip)), set(tokens(said.name))
        both = label | set(tokens(said.group))
        fits = bool(label) and len(label & wanted) >= LABEL_SHARE * len(label)
        self.named += bool(label)
        self.label_fits += fits
        has_question = len([part for part in tooltip.split(". ") if tokens(part)]) > 1
        asks = has_question and len(both & wanted) >= QUESTION_SHARE * len(wanted)
        self.asked += has_question
        self.question_fits += asks
        if not fits or (has_question and not asks):
            self.misses.append(f"{name}: [{said.group}] [{said.name}] for {tooltip!r}")


def _is_at(said: Field, rect: Rect, scale: float) -> bool:
    """Whether the middle of a found box lies in a labelled one."""
    left, top, right, bottom = rect_of(said.quad)
    x, y = (left + right) / 2 / scale, (top + bottom) / 2 / scale
    return rect[0] <= x <= rect[2] and rect[1] <= y <= rect[3]


def named_boxes(path: Path) -> list[list[Named]]:
    """Boxes with a tooltip, page by page."""
    document = pypdfium2.PdfDocument(path)
    try:
        document.init_forms()
        if document.formenv is None:
            return [[] for _ in document]
        return [list(_page_boxes(document, page)) for page in document]
    finally:
        document.close()


def _page_boxes(document: pypdfium2.PdfDocument, page: pypdfium2.PdfPage) -> Iterator[Named]:
    height = page.get_height()
    for index in range(pdfium.FPDFPage_GetAnnotCount(page)):
        annotation = pdfium.FPDFPage_GetAnnot(page, index)
        kind = pdfium.FPDFAnnot_GetFormFieldType(document.formenv, annotation)
        tooltip = _tooltip(document, annotation) if kind in KINDS else ""
        rect = pdfium.FS_RECTF()
        if tooltip and pdfium.FPDFAnnot_GetRect(annotation, rect):
            area = (rect.left, height - rect.top, rect.right, height - rect.bottom)
            yield Named(area, tooltip)
        pdfium.FPDFPage_CloseAnnot(annotation)


def _tooltip(document: pypdfium2.PdfDocument, annotation: pdfium.FPDF_ANNOTATION) -> str:
    read = pdfium.FPDFAnnot_GetFormFieldAlternateName
    size = read(document.formenv, annotation, None, 0)
    buffer = ctypes.create_string_buffer(size + 2)
    pointer = ctypes.cast(buffer, ctypes.POINTER(pdfium.FPDF_WCHAR))
    read(document.formenv, annotation, pointer, size)
    return buffer.raw[:size].decode("utf-16-le", "ignore").rstrip("\0")


async def evaluate(folder: Path, labels: Sequence[selection.Label]) -> dict[str, Score]:
    """Read the forms and compare, by form family."""
    scores: dict[str, Score] = {}
    async with open_product(["fields"]) as product:
        for label in track(labels, folder.name, console=Console(stderr=True), transient=True):
            truth = named_boxes(folder / label["file"])
            if not any(truth):
                continue
            score = scores.setdefault(label["doc_class"], Score())
            content = (folder / label["file"]).read_bytes()
            _, pages = await product.read(content, options=OPTIONS)
            for boxes, page in zip(truth, pages, strict=True):
                score.add(boxes, page, f"{label['file']} p{page.page_number}")
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    selection.add_arguments(parser, [SET])
    parser.add_argument("--misses", type=int, default=0, help="print so many that went wrong")
    arguments = parser.parse_args()
    part = selection.as_part(arguments.part)
    console = Console(width=140)
    table = Table("family", "boxes", "found", "named", "label fits", "with question", "both fit")
    for name in arguments.sets:
        folder = arguments.data / name
        labels = selection.read_labels(folder, part=part, limit=arguments.limit)
        for family, score in asyncio.run(evaluate(folder, labels)).items():
            shares = (
                f"{score.named / max(score.found, 1):.3f}",
                f"{score.label_fits / max(score.found, 1):.3f}",
                str(score.asked),
                f"{score.question_fits / max(score.asked, 1):.3f}",
            )
            table.add_row(family, str(score.boxes), str(score.found), *shares)
            for miss in score.misses[: arguments.misses]:
                console.print(miss, markup=False, highlight=False)
    console.print(table)


if __name__ == "__main__":
    main()
