"""What people do with the console: send, watch, review, download, find again."""

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.e2e.conftest import SAMPLES
from tests.e2e.console.conftest import (
    READ_SECONDS,
    SIGNED_FORM,
    Console,
    fragment_of,
    in_json,
    saved,
    until_read,
)

pytestmark = [
    pytest.mark.xdist_group("mesh"),
    pytest.mark.timeout(600),
    pytest.mark.asyncio(loop_scope="session"),
]


async def choose_file(page: Page, sample: str, pipeline: str) -> None:
    await page.get_by_label("Pipeline").select_option(pipeline)
    async with page.expect_file_chooser() as chooser:
        await page.get_by_role("button", name="Choose files").click()
    await (await chooser.value).set_files(SAMPLES / sample)


async def test_from_upload_to_overlay_to_download(
    console: Console, truth: dict[str, Any], tmp_path: Path
) -> None:
    (expected,) = truth["ticked_and_signed.png"]["pages"]
    page = await console.open(viewport={"width": 1440, "height": 900})
    await page.get_by_text("More options").click()
    await page.get_by_label("Document id").fill(SIGNED_FORM)
    await choose_file(page, "ticked_and_signed.png", "application_form")
    await until_read(page)

    await expect(page.get_by_alt_text("Scan of page 1")).to_be_visible()
    ticked = sum(box["checked"] for box in expected["checkboxes"])
    await expect(page.locator(".mark.box-ticked")).to_have_count(ticked)
    await expect(page.locator(".mark.signature")).not_to_have_count(0)
    await page.get_by_role("button", name="Words").click()
    await expect(page.locator(".overlay .mark.word").nth(50)).to_be_visible()

    await page.get_by_text("Download").click()
    result = in_json(await saved(page, page.get_by_role("button", name="JSON"), tmp_path))
    assert len(result["pages"]) == 1
    await page.get_by_text("Download").click()
    pdf = await saved(page, page.get_by_role("button", name="Searchable PDF"), tmp_path)
    assert pdf.startswith(b"%PDF-")
    for name, beginning in (("Markdown", b""), ("hOCR", b"<?xml"), ("ALTO", b"<?xml")):
        await page.get_by_text("Download").click()
        content = await saved(page, page.get_by_role("button", name=name), tmp_path)
        assert content.startswith(beginning)
        assert b"1040" in content
    await page.get_by_text("Download").click()
    png = await saved(page, page.get_by_role("button", name="annotated"), tmp_path)
    assert png.startswith(b"\x89PNG")


async def test_a_value_is_shown_where_it_was_read(
    console: Console, read_document: dict[str, Any]
) -> None:
    page = await console.open(fragment_of(read_document), viewport={"width": 1280, "height": 800})
    await page.get_by_role("button", name="All").click()
    entry = page.locator(".entry", has_text="1,455").or_(page.locator(".entry", has_text="1455"))
    await entry.first.click()

    mark = page.locator(".mark.chosen")
    await expect(mark).to_have_count(1)
    await expect(mark).to_be_in_viewport()
    inside = await page.evaluate(
        """() => {
          const view = document.querySelector(".view").getBoundingClientRect();
          const mark = document.querySelector(".mark.chosen").getBoundingClientRect();
          return mark.top >= view.top && mark.bottom <= view.bottom && mark.left >= view.left;
        }"""
    )
    assert inside
    crop = entry.first.locator("canvas.crop")
    await expect(crop).to_be_visible()
    assert await crop.evaluate("canvas => canvas.width") > 20

    await mark.hover()
    hint = page.locator(".hint-card")
    await expect(hint).to_contain_text("1455")
    await expect(hint).to_contain_text("%")


async def test_what_is_not_sure_enough_is_to_review(
    console: Console, read_document: dict[str, Any]
) -> None:
    page = await console.open(fragment_of(read_document))
    chip = page.get_by_role("button", name="To review")
    await expect(chip).to_have_attribute("aria-pressed", "true")
    least = page.get_by_label("Review what is less than")
    await least.fill("100")
    entries = page.locator(".entry")
    await expect(entries.first).to_be_visible()
    many = await entries.count()
    assert await entries.locator(".concern").count() == many
    await least.fill("0")
    await expect(entries).not_to_have_count(many)
    # The reviewer's own threshold is remembered.
    await page.reload()
    await expect(least).to_have_value("0")


async def test_pages_come_in_one_after_the_other(console: Console) -> None:
    page = await console.open()
    await choose_file(page, "pages.tiff", "checkboxes")
    tiles = page.get_by_role("navigation", name="Pages").get_by_role("button")
    await expect(tiles).to_have_count(3, timeout=READ_SECONDS * 1000)
    await until_read(page)
    for number in (1, 2, 3):
        await expect(tiles.nth(number - 1)).to_have_accessible_name(f"Page {number}, ok")
        await expect(tiles.nth(number - 1).locator("img")).to_be_visible()
    await tiles.nth(1).click()
    await expect(page.get_by_alt_text("Scan of page 2")).to_be_visible()
    assert page.url.endswith("?page=2")
    await page.reload()
    await expect(page.get_by_alt_text("Scan of page 2")).to_be_visible()


async def test_a_document_is_sent_by_its_location_and_refusals_are_told(
    console: Console,
) -> None:
    page = await console.open()
    await page.get_by_label("Location").fill("ftp://example.org/form.pdf")
    await page.get_by_role("button", name="Send", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("s3:// or file:// is expected")
    # The browser tells of the refusal on its console, too.
    assert len(console.refusals) == 1
    console.refusals.clear()

    # A location that only the orchestrator can judge: it does not read just any file.
    await page.get_by_label("Location").fill(f"file://{SAMPLES / 'wrong_type.png'}")
    await page.get_by_role("button", name="Send", exact=True).click()
    await until_read(page, "failed")
    await expect(page.get_by_role("alert")).to_contain_text("wrong_type.png")
    await expect(page.get_by_text("The document has no pages to show.")).to_be_visible()


async def test_a_document_that_is_being_read_is_cancelled(console: Console) -> None:
    page = await console.open()
    await choose_file(page, "twenty_pages.pdf", "application_form")
    await page.get_by_role("button", name="Cancel").click()
    await until_read(page, "cancelled")
    await expect(page.get_by_role("button", name="Cancel")).to_have_count(0)


async def test_documents_are_found_by_the_beginning_of_their_id(
    console: Console, read_document: dict[str, Any]
) -> None:
    page = await console.open()
    documents = page.get_by_role("navigation", name="Documents").get_by_role("listitem")
    await expect(documents.filter(has_text=read_document["id"])).to_have_count(1)
    find = page.get_by_role("searchbox")
    await find.fill("no-such")
    await expect(page.get_by_text("No document has an id like that.")).to_be_visible()
    await find.fill("console-s")
    await expect(documents).to_have_count(1)
    await documents.get_by_role("link").click()
    await until_read(page)


async def test_the_trace_shows_where_the_time_went(
    console: Console, read_document: dict[str, Any]
) -> None:
    page = await console.open(fragment_of(read_document, "trace"))
    rows = page.locator(".waterfall tbody tr")
    await expect(rows.filter(has_text="step ocr").first).to_be_visible(timeout=60_000)
    many = await rows.count()
    await rows.filter(has_text="step ocr").first.get_by_role("button").first.click()
    await expect(rows).not_to_have_count(many)
    bar = rows.filter(has_text="step ocr").first.locator(".bar")
    lane = await bar.locator("..").bounding_box()
    box = await bar.bounding_box()
    assert lane is not None
    assert box is not None
    assert 2 < box["width"] <= lane["width"]
    await rows.filter(has_text="step ocr").first.get_by_role("button").last.click()
    await expect(page.get_by_role("complementary")).to_contain_text("pagemesh.")


async def test_the_result_as_json(console: Console, read_document: dict[str, Any]) -> None:
    page = await console.open(fragment_of(read_document, "json"))
    shown = page.get_by_role("region", name="Page 1", exact=True)
    await expect(shown).to_contain_text("PAGE_OUTCOME_OK")
    lines = shown.locator("details", has_text="lines: [").last
    await lines.locator("summary").first.click()
    await expect(lines.locator("details").first).to_be_visible()


async def test_what_is_dropped_is_sent_and_what_is_no_document_says_so(console: Console) -> None:
    page = await console.open()
    dropped = await page.evaluate_handle(
        """() => {
          const dropped = new DataTransfer();
          dropped.items.add(new File(["Dear reader"], "letter.txt"));
          return dropped;
        }"""
    )
    await page.dispatch_event(".drop", "drop", {"dataTransfer": dropped})
    await until_read(page, "failed")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("letter.txt")
    await expect(page.get_by_role("alert")).to_contain_text("PDF")
