"""A reviewer says what a value is: beside what was read, and not over another's head."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Locator, Page, expect

from tests.e2e.console.conftest import Console, fragment_of, in_json, saved

pytestmark = [
    pytest.mark.xdist_group("mesh"),
    pytest.mark.timeout(600),
    pytest.mark.asyncio(loop_scope="session"),
]

VALUE = "1455"
"""Read on the page that all look at."""


def place_of(resource: dict[str, Any]) -> dict[str, int]:
    """The first field with the value."""
    fields = resource["result"]["pages"][0]["fields"]
    index = next(n for n, each in enumerate(fields) if each.get("value", "").startswith(VALUE))
    return {"page_number": 1, "field_index": index}


async def chosen(page: Page) -> Locator:
    """The entry of the field, chosen."""
    await page.get_by_role("button", name="All").click()
    entry = page.locator(".entry", has_text="1,455").or_(page.locator(".entry", has_text=VALUE))
    await entry.first.click()
    return entry.first


async def test_a_value_is_corrected_and_taken_back(
    console: Console, read_document: dict[str, Any], tmp_path: Path
) -> None:
    place = place_of(read_document)
    page = await console.open(fragment_of(read_document), viewport={"width": 1280, "height": 800})
    entry = await chosen(page)
    await expect(page.get_by_role("button", name="Confirm")).to_be_visible()
    field = page.get_by_label("Right value of")
    await field.fill("1456")
    await field.press("Enter")
    await expect(entry).to_contain_text("Corrected; read as")
    await expect(entry).to_contain_text("1456")

    await page.reload()
    await page.get_by_role("button", name="Checked").click()
    entry = page.locator(".entry")
    await expect(entry).to_have_count(1)
    await entry.click()
    await expect(page.get_by_text("Said")).to_be_visible()
    assert (await Axe().run(page)).response["violations"] == []

    await page.get_by_text("Download").click()
    result = in_json(await saved(page, page.get_by_role("button", name="JSON"), tmp_path))
    told = result["pages"][0]["fields"][place["field_index"]]
    assert told["correction"]["value"] == "1456"
    assert told["value"].startswith(VALUE)

    await page.get_by_role("button", name="Take back").click()
    await expect(entry).to_have_count(0)


async def test_what_somebody_said_meanwhile_is_shown_before_it_is_replaced(
    console: Console, read_document: dict[str, Any], gateway: str
) -> None:
    place = place_of(read_document)
    page = await console.open(fragment_of(read_document), viewport={"width": 1280, "height": 800})
    entry = await chosen(page)
    url = f"{gateway}v1/documents/{read_document['id']}/corrections"
    async with httpx.AsyncClient(headers={"If-Match": "*"}) as other:
        await other.patch(url, json={"corrections": [place | {"value": "theirs"}]})
        await page.get_by_label("Right value of").fill("ours")
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_text("Somebody corrected")).to_be_visible()
        await expect(entry).to_contain_text("theirs")
        assert len(console.refusals) == 1  # the browser tells of the 412, too
        console.refusals.clear()

        await page.get_by_role("button", name="Save").click()
        await expect(entry).to_contain_text("ours")
        await other.patch(url, json={"corrections": [place | {"value": None}]})
