"""What the writers are given: a document, its pages and, where needed, its page images."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from meshkit.errors import InvalidInput
from meshkit.model import Image
from pagemesh.ocr.v1.ocr_service_pb2 import TextLine, Word
from pagemesh.orchestrator.v1 import document_pb2 as documents

ImageOf = Callable[[documents.PageResult], Image | None]
"""From a page's result to the pixels of the page as sent, at the resolution of the result: (h, w)
grey or (h, w, 3) BGR. None for a page that cannot be rasterised."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """A finished result.

    Attributes:
        document: the account in its final state.
        pages: the pages by ascending number; consumed once, so a generator will do.
        image_of: where page images come from; None when they are not at hand.
    """

    document: documents.Document
    pages: Iterable[documents.PageResult]
    image_of: ImageOf | None = None

    def image(self, page: documents.PageResult) -> Image | None:
        """The page's pixels.

        Raises:
            InvalidInput: no images were given, or the image is not the page that was read.
        """
        if self.image_of is None:
            raise InvalidInput(
                "this output needs the page images; give the document itself, not only its result",
                reason="PAGE_IMAGES_MISSING",
            )
        image = self.image_of(page)
        if image is not None and page.width and image.shape[:2] != (page.height, page.width):
            height, width = image.shape[:2]
            raise InvalidInput(
                f"page {page.page_number}: the result is for a page of {page.width} x "
                f"{page.height} px, the document's page has {width} x {height} px; give the "
                "document that was read, at the same dpi",
                reason="PAGE_IMAGE_MISMATCH",
                metadata={"page": str(page.page_number)},
            )
        return image


OUTCOMES = {
    documents.PAGE_OUTCOME_OK: "ok",
    documents.PAGE_OUTCOME_FAILED: "failed",
    documents.PAGE_OUTCOME_SKIPPED: "skipped",
}


def outcome_of(page: documents.PageResult) -> str:
    """`ok`, `failed` or `skipped`."""
    return OUTCOMES.get(page.outcome, "unknown")


def note_on(page: documents.PageResult) -> str | None:
    """Why a page is not ok, in one line: `page 3 failed: ...`; None for a page that is."""
    if page.outcome == documents.PAGE_OUTCOME_OK:
        return None
    return f"page {page.page_number} {outcome_of(page)}: {reason_of(page)}"


def reason_of(page: documents.PageResult) -> str:
    """Why a page is not ok, in one line that leaves its number to others."""
    reason = page.reason or page.error.message or "no reason was given"
    return " ".join(reason.split()).removeprefix(f"page {page.page_number}: ")


def words_of(line: TextLine) -> Sequence[Word]:
    """The words of a line; a line that came without words is one."""
    return line.words or [Word(text=line.text, quad=line.quad, confidence=line.confidence)]


_PROBLEMS = {
    documents.FIELD_REASON_MISSING_REQUIRED: "required, and empty",
    documents.FIELD_REASON_NOT_FOUND: "not on the page",
    documents.FIELD_REASON_ILLEGIBLE: "illegible",
    documents.FIELD_REASON_WRONG_TYPE: "not of its type",
    documents.FIELD_REASON_BREAKS_RULE: "breaks its rule",
    documents.FIELD_REASON_BAD_CHECKSUM: "check digits do not fit",
    documents.FIELD_REASON_SEVERAL_TICKED: "several ticked",
    documents.FIELD_REASON_NOT_LOOKED_FOR: "not looked for",
}


def problem_of(field: documents.Field) -> str:
    """What is wrong with a field's value, for a person; empty when nothing is."""
    problem = _PROBLEMS.get(field.reason, "")
    is_read = problem and field.raw_text and field.raw_text != field.value
    return f"{problem}: {field.raw_text}" if is_read else problem


def form_of(page: documents.PageResult) -> str:
    """The registered form that a page is, for a person; empty when it is none."""
    form = page.form
    if not form.name:
        return ""
    return f"{form.name} {form.version}, page {form.blank_page}"
