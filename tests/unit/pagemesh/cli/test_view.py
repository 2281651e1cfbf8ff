"""What a person reads."""

import io

import pytest
from rich.console import Console, RenderableType

from pagemesh.cli.view import page_view, summary_view
from pagemesh.deskew.v1 import deskew_service_pb2 as deskew_pb
from pagemesh.orchestrator.v1 import document_pb2 as documents
from tests.unit.pagemesh import results


def shown(view: RenderableType) -> str:
    console = Console(file=io.StringIO(), width=100, highlight=False)
    console.print(view)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.fixture
def page() -> documents.PageResult:
    page = results.page_result(degrees=180)
    page.deskew.orientation = deskew_pb.ORIENTATION_DOWN
    page.deskew.skew_degrees = -2.34
    page.deskew.quality.blur = 0.7
    step = page.steps.add(step="ocr", outcome=documents.STEP_OUTCOME_OK)
    step.duration.FromMilliseconds(2345)
    step.model.name, step.model.version, step.model.device = "ocr", "1.2.3", "cuda:0"
    return page


def test_a_page_says_what_was_found(page: documents.PageResult) -> None:
    text = shown(page_view(page))
    assert "Page 1 application_form 0.97" in text
    assert "upside down, skewed 2.3° counter-clockwise, 850 × 1100 px at 100 dpi" in text
    assert "blurred" in text
    assert "1 of 2 ticked" in text
    assert "☒ Do you agree? I agree 0.90" in text
    assert "signed  yes 0.88" in text
    assert "_ Guardian's signature empty 0.70" in text
    assert "Zoë" in text
    assert "Application for Passport" in text
    assert "4 lines, 13 words, mean confidence 0.90" in text
    assert "ocr 2.3 s" in text


def test_nothing_found_is_said_too(page: documents.PageResult) -> None:
    page.checkbox.Clear()
    page.signature.Clear()
    page.ocr.Clear()
    for name in ("checkbox", "signature", "ocr"):
        getattr(page, name).SetInParent()
    text = shown(page_view(page))
    assert "boxes   none" in text
    assert "signed  no" in text
    assert "no text" in text


@pytest.mark.parametrize(
    ("outcome", "word"),
    [(documents.PAGE_OUTCOME_FAILED, "failed"), (documents.PAGE_OUTCOME_SKIPPED, "skipped")],
)
def test_a_page_that_is_not_ok_says_why(
    outcome: documents.PageOutcome.ValueType, word: str
) -> None:
    page = results.unread_page(3, outcome, "class letter at 0.91")
    assert shown(page_view(page)) == f"Page 3  {word}: class letter at 0.91\n"
    page.steps.add(step="ocr", outcome=documents.STEP_OUTCOME_FAILED)
    text = shown(page_view(page))
    assert f"{word}: class letter at 0.91" in text
    assert "ocr failed" in text


def test_text_is_not_taken_for_markup_or_commands(page: documents.PageResult) -> None:
    page.ocr.lines[0].text = "[red]not\x1b[31m red[/red]"
    page.fields[0].value = "[bold]x[/bold]"
    page.classify.label = "[blink]"
    text = shown(page_view(page))
    assert "[red]not\N{REPLACEMENT CHARACTER}[31m red[/red]" in text
    assert "[bold]x[/bold]" in text
    assert "\x1b" not in text


def test_long_pages_are_cut_and_say_so(page: documents.PageResult) -> None:
    for number in range(60):
        page.fields.add(name=f"f{number}", kind=documents.FIELD_KIND_TEXT, value="v")
    page.fields.add(name="empty", kind=documents.FIELD_KIND_TEXT)
    text = shown(page_view(page))
    assert "21 more, 1 empty" in text


def test_the_account_in_a_line(page: documents.PageResult) -> None:
    failed = results.unread_page(2, documents.PAGE_OUTCOME_FAILED, "x")
    document = results.document(page, failed, source="scan.pdf")
    document.state = documents.DOCUMENT_STATE_PARTIAL
    document.create_time.FromMilliseconds(1000)
    document.end_time.FromMilliseconds(4200)
    document.error.message = "half of it is gone"
    text = " ".join(shown(summary_view(document, [page, failed])).split())
    assert "scan.pdf partial 2 pages: 1 ok, 1 failed, 0 skipped" in text
    assert "3.2 s" in text
    assert "models: ocr 1.2.3 on cuda:0" in text
    assert "half of it is gone" in text
