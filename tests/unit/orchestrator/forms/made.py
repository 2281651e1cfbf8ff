"""A fillable form made here, and its pages as a reader would see them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from reportlab.pdfgen import canvas

from meshkit.geometry import Points
from orchestrator.forms.blank import BlankPage
from orchestrator.forms.pdf_form import PdfPage
from orchestrator.forms.words import PageWord

Map = Callable[[Points], Points]
Written = Mapping[tuple[float, float], str]

_PROSE = (
    "Every applicant must complete this sheet with black ink and return it before the closing day.",
    "Statements made here are confidential and will never be passed to other authorities.",
    "Attach certified copies of documents; originals cannot be returned under any circumstances.",
    "Household members above eighteen need separate sheets unless guardianship was granted.",
    "Questions about eligibility are answered by telephone during ordinary office hours.",
    "False declarations may lead to repayment of grants together with interest and penalties.",
)


def fillable(path: Path) -> Path:
    """A one-page PDF: prose, and a name, a birth date, a number, an amount and boxes to fill in."""
    page = canvas.Canvas(str(path), pagesize=(612, 792))
    page.setFont("Helvetica", 18)
    page.drawString(60, 740, "Application for a Harbour Grant")
    page.setFont("Helvetica", 10)
    for row, line in enumerate(_PROSE):
        page.drawString(60, 712 - 14 * row, line)
        page.drawString(60, 330 - 14 * row, " ".join(reversed(line.split())))
    form = page.acroForm
    rows: Sequence[tuple[str, str, str, int]] = (
        ("fullName", "Full name", "Full name of the applicant", 600),
        ("birthDate", "Date of birth", "Date of birth", 570),
        ("ssn", "Social security number", "Social security number", 540),
        ("grantAmount", "Amount asked for", "Amount asked for in dollars", 510),
    )
    for name, label, tip, y in rows:
        page.drawString(60, y + 4, f"{label}:")
        form.textfield(name=name, tooltip=tip, x=200, y=y, width=220, height=16, borderWidth=0)
        page.line(200, y, 420, y)
    for name, label, x in (("isOwner", "Owner of a boat", 60), ("isTenant", "Tenant", 240)):
        form.checkbox(name=name, tooltip=label, x=x, y=470, size=12, borderWidth=1)
        page.rect(x, 470, 12, 12)
        page.drawString(x + 18, 472, label)
    page.save()
    return path


def words_on(
    page: PdfPage | BlankPage, to_page: Map, written: Written | None = None
) -> list[PageWord]:
    """Words of a page as a reader gives them: those printed, and others written at points of the
    blank; all mapped to the page."""
    found = [PageWord(word.text, 0.99, to_page(word.box.corners), 0) for word in page.words]
    for (x, y), text in (written or {}).items():
        left = x
        for part in text.split():
            wide = 5.5 * len(part)
            box = np.array([(left, y - 9), (left + wide, y - 9), (left + wide, y), (left, y)])
            found.append(PageWord(part, 0.95, to_page(box.astype(np.float64)), 1))
            left += wide + 4
    return found


def homography(matrix: NDArray[np.float64]) -> Map:
    """A plane map of points."""

    def apply(points: Points) -> Points:
        mapped = np.column_stack([points, np.ones(len(points))]) @ matrix.T
        return np.asarray(mapped[:, :2] / mapped[:, 2:], np.float64)

    return apply


def scanned(degrees: float, scale: float, shift: tuple[float, float]) -> NDArray[np.float64]:
    """Points of the blank to pixels of a scan."""
    angle = np.deg2rad(degrees)
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[cos, -sin, shift[0]], [sin, cos, shift[1]], [1e-6, 2e-6, 1]])
