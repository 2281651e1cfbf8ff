"""A gateway that wants an API key: the console asks for it, and forgets it with the tab."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from gateway.security.keys import create_key
from orchestrator.testing import running_orchestrator
from tests.e2e.console.conftest import Console
from tests.integration.gateway.conftest import config_of, running_gateway

pytestmark = [pytest.mark.xdist_group("mesh"), pytest.mark.asyncio(loop_scope="session")]


@pytest.fixture
def api_key(tmp_path: Path) -> str:
    return create_key(tmp_path / "keys.json", "alice")


@pytest_asyncio.fixture(loop_scope="session")
async def guarded(browser: Browser, tmp_path: Path, api_key: str) -> AsyncIterator[Console]:
    """The console of a gateway with a key, before an orchestrator whose models are fakes."""
    async with (
        running_orchestrator(tmp_path / "orchestrator") as orchestrator,
        running_gateway(
            config_of(tmp_path, orchestrator.address, api_keys_file=tmp_path / "keys.json")
        ) as gateway,
    ):
        console = Console(browser, f"http://{gateway.server.address}/")
        yield console
        await console.close()
        assert console.complaints == []


async def test_the_key_is_asked_for_used_and_forgotten_with_the_tab(
    guarded: Console, api_key: str
) -> None:
    page = await guarded.open()
    key = page.get_by_label("Key", exact=True)
    await key.fill("a guess")
    await page.get_by_role("button", name="Use this key").click()
    told = page.get_by_role("dialog").get_by_role("alert")
    await expect(told).to_have_text("The gateway does not take this key.")
    await key.fill(api_key)
    await page.get_by_role("button", name="Use this key").click()
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await expect(page.get_by_text("Nothing sent yet.")).to_be_visible()
    await expect(page.get_by_label("Pipeline").locator("option").first).to_be_attached()
    assert api_key not in await page.evaluate("Object.values(localStorage).join()")

    await page.reload()
    await expect(page.get_by_text("Nothing sent yet.")).to_be_visible()
    other_tab = await page.context.new_page()
    await other_tab.goto(page.url)
    await expect(other_tab.get_by_role("dialog")).to_be_visible()
