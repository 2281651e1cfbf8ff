"""The console for everybody: by keyboard, on a small screen, in the dark, by screen reader."""

import asyncio
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, Route, expect

from tests.e2e.console.conftest import Console, fragment_of, until_read

pytestmark = [
    pytest.mark.xdist_group("mesh"),
    pytest.mark.timeout(600),
    pytest.mark.asyncio(loop_scope="session"),
]

ROOMS = ("review", "trace", "json")
TOP_OF_CHIPS = "document.querySelector('.chip').getBoundingClientRect().top"
LARGE, SMALL = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


async def tab_to(page: Page, selector: str, most: int = 60) -> None:
    """Press Tab until an element that the selector names has the focus."""
    for _ in range(most):
        await page.keyboard.press("Tab")
        if await page.evaluate("s => document.activeElement.matches(s)", selector):
            return
    raise AssertionError(f"{selector} is not reached by {most} presses of Tab")


async def test_everything_by_the_keyboard(console: Console, read_document: dict[str, Any]) -> None:
    page = await console.open(viewport=LARGE)
    await expect(page.get_by_role("navigation").get_by_role("link").first).to_be_visible()
    await tab_to(page, "input[type=search]")
    await page.keyboard.type(read_document["id"])
    await page.keyboard.press("Enter")
    await until_read(page)
    await expect(page.get_by_alt_text("Scan of page 1")).to_be_visible()

    await tab_to(page, "[role=tab]")
    await page.keyboard.press("ArrowRight")
    await expect(page.get_by_role("tab", name="Trace")).to_be_focused()
    await page.keyboard.press("ArrowLeft")
    await expect(page.get_by_role("tab", name="Review")).to_be_focused()

    await tab_to(page, ".view")
    width = page.locator(".stage")
    before = await width.evaluate("stage => stage.clientWidth")
    await page.keyboard.press("+")
    await expect(page.locator(".scale")).not_to_have_text("100 %")
    assert await width.evaluate("stage => stage.clientWidth") > before

    await tab_to(page, ".mark")
    first = page.locator(".mark:focus")
    name = await first.get_attribute("aria-label")
    await expect(page.locator(".hint-card")).to_be_visible()
    await page.keyboard.press("ArrowRight")
    assert await page.locator(".mark:focus").get_attribute("aria-label") != name
    await page.keyboard.press("Enter")
    await expect(page.locator(".mark:focus")).to_have_attribute("aria-selected", "true")
    await page.keyboard.press("Escape")
    await expect(page.locator(".hint-card")).to_have_count(0)

    await tab_to(page, ".chip")
    while "All" not in await page.evaluate("document.activeElement.textContent"):
        await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await tab_to(page, ".entry")
    await page.keyboard.press("ArrowDown")
    chosen = page.locator(".entry:focus")
    await expect(chosen).to_have_attribute("aria-pressed", "true")


async def test_the_menu_of_downloads_opens_and_closes_by_the_keyboard(
    console: Console, read_document: dict[str, Any]
) -> None:
    page = await console.open(fragment_of(read_document))
    await until_read(page)
    await tab_to(page, ".menu summary")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Searchable PDF")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("button", name="Searchable PDF")).to_be_hidden()
    await expect(page.locator(".menu summary")).to_be_focused()


async def test_a_small_screen_scrolls_in_one_direction(
    console: Console, read_document: dict[str, Any]
) -> None:
    page = await console.open(viewport=SMALL, has_touch=True)
    for fragment in ("", *(fragment_of(read_document, room) for room in ROOMS)):
        await page.evaluate("hash => location.assign(hash || '#/')", fragment)
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        if fragment.endswith("review"):
            await expect(page.get_by_alt_text("Scan of page 1")).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") == SMALL["width"]


async def test_the_page_stays_in_sight_on_a_small_screen(
    console: Console, read_document: dict[str, Any]
) -> None:
    page = await console.open(fragment_of(read_document), viewport=SMALL, has_touch=True)
    await expect(page.get_by_alt_text("Scan of page 1")).to_be_visible()
    every = page.get_by_role("button", name="All")
    await every.tap()
    await expect(every).to_have_attribute("aria-pressed", "true")
    await page.locator(".entry:not(.blank)").last.tap()
    await expect(page.locator(".mark.chosen")).to_be_in_viewport()


async def test_nothing_moves_under_a_finger_when_a_page_comes(
    console: Console, read_document: dict[str, Any]
) -> None:
    page = await console.open(viewport=SMALL, has_touch=True)
    may_come = asyncio.Event()

    async def late(route: Route) -> None:
        await may_come.wait()
        await route.continue_()

    await page.route("**/pages/1", late)
    await page.evaluate("hash => location.assign(hash)", fragment_of(read_document))
    await page.get_by_role("button", name="All").wait_for()
    before = await page.evaluate(TOP_OF_CHIPS)
    may_come.set()
    await expect(page.get_by_alt_text("Scan of page 1")).to_be_visible()
    assert await page.evaluate(TOP_OF_CHIPS) == before


async def test_dark_and_light_as_the_system_says_or_as_chosen(console: Console) -> None:
    for scheme, is_dark in (("light", False), ("dark", True)):
        page = await console.open(color_scheme=scheme)
        assert await is_background_dark(page) is is_dark
        await page.get_by_role("button", name="Use light" if is_dark else "Use dark").click()
        assert await is_background_dark(page) is not is_dark
        await page.reload()
        assert await is_background_dark(page) is not is_dark


async def is_background_dark(page: Page) -> bool:
    colour = await page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    return sum(int(part) for part in colour.removeprefix("rgb(").rstrip(")").split(",")) < 384


@pytest.mark.parametrize(("scheme", "size"), [("light", LARGE), ("dark", SMALL)])
async def test_axe_finds_nothing(
    console: Console, read_document: dict[str, Any], scheme: str, size: dict[str, int]
) -> None:
    page = await console.open(color_scheme=scheme, viewport=size)
    await expect(page.get_by_role("heading", name="Send a document")).to_be_visible()
    found = {"send": await violations(page)}
    await page.get_by_role("button", name="API key").click()
    found["key"] = await violations(page)
    await page.keyboard.press("Escape")
    for room in ROOMS:
        await page.evaluate("hash => location.assign(hash)", fragment_of(read_document, room))
        await until_read(page)
        await expect(page.get_by_role("tab", selected=True)).to_have_text(room, ignore_case=True)
        if room == "review":
            await page.get_by_role("button", name="Words").click()
            await page.get_by_role("button", name="All").click()
            await page.locator(".entry").first.click()
        found[room] = await violations(page)
    assert found == {name: [] for name in found}


async def violations(page: Page) -> list[str]:
    """What axe-core complains of, with the first element that it names."""
    results = await Axe().run(page)
    return [
        f"{rule['id']}: {rule['help']}: {rule['nodes'][0]['html']}"
        for rule in results.response["violations"]
    ]
