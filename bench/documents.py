"""Documents made for a measurement."""

from pathlib import Path

from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

LINES_A_PAGE = 12


def write_text_pdf(path: Path, pages: int) -> Path:
    """Write an A4 PDF with a few lines of text on each of its `pages` pages."""
    canvas = Canvas(str(path), pagesize=A4)
    for page in range(1, pages + 1):
        canvas.setFont("Helvetica", 14)
        for line in range(LINES_A_PAGE):
            text = f"Page {page} line {line + 1}: the quick brown fox jumps over the lazy dog"
            canvas.drawString(60, 760 - 50 * line, text)
        canvas.showPage()
    canvas.save()
    return path
