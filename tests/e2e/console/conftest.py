"""The console in a real Chromium, against the gateway of the mesh that a user starts."""

import json
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    async_playwright,
    expect,
)

from tests.e2e.conftest import SAMPLES, Mesh

SIGNED_FORM = "console-signed-form"
"""Id of the document that most tests look at."""

READ_SECONDS = 120
"""Longest wait for a document to be read on a busy machine."""

expect.set_options(timeout=60_000)


class Console:
    """Opens the console, each time in a fresh browser, and notes what goes wrong in it.

    Args:
        browser: Chromium.
        gateway: the gateway's URL, with a slash at its end.

    Attributes:
        complaints: errors of scripts, what the content security policy stopped, requests that went
            to another host.
        refusals: answers that said 4xx or 5xx.
    """

    def __init__(self, browser: Browser, gateway: str) -> None:
        self._browser = browser
        self._gateway = gateway
        self._contexts: list[BrowserContext] = []
        self.complaints: list[str] = []
        self.refusals: list[str] = []

    async def open(self, fragment: str = "", **options: Any) -> Page:
        """A page at a fragment of the address; `options` are those of `Browser.new_context`."""
        context = await self._browser.new_context(accept_downloads=True, **options)
        self._contexts.append(context)
        page = await context.new_page()
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._see)
        await page.goto(self._gateway + fragment)
        return page

    async def close(self) -> None:
        """Close every browser that was opened."""
        for context in self._contexts:
            await context.close()

    def _hear(self, said: ConsoleMessage) -> None:
        if said.type == "error":
            is_refusal = said.text.startswith("Failed to load resource")
            (self.refusals if is_refusal else self.complaints).append(said.text)

    def _see(self, request: Request) -> None:
        if not request.url.startswith((self._gateway, f"blob:{self._gateway}")):
            self.complaints.append(f"asked for {request.url}")


@pytest.fixture(scope="session")
def gateway(mesh: Mesh) -> str:
    """The gateway's URL, with a slash at its end."""
    return f"{mesh.gateway}/"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium; the tests are skipped where there is none."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("needs Debian's package chromium: `make infra-setup` installs it for root")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def console(browser: Browser, gateway: str) -> AsyncIterator[Console]:
    """The console; at the end nothing may have gone wrong in it."""
    console = Console(browser, gateway)
    yield console
    await console.close()
    assert (console.complaints, console.refusals) == ([], [])


@pytest.fixture(scope="session")
def read_document(gateway: str) -> dict[str, Any]:
    """The resource of a signed form that was sent, by whichever test came first, and read."""
    with httpx.Client(base_url=gateway) as client:
        sample = SAMPLES / "ticked_and_signed.png"
        sent = client.post(
            "v1/documents",
            data={"request_id": SIGNED_FORM, "pipeline": "application_form"},
            files={"file": (sample.name, sample.read_bytes(), "image/png")},
        )
        assert sent.status_code == 202, sent.text
        for _ in range(READ_SECONDS * 2):
            resource: dict[str, Any] = client.get(f"v1/documents/{SIGNED_FORM}").json()
            if resource["status"] not in {"queued", "processing"}:
                break
            time.sleep(0.5)
    assert resource["status"] == "ready", resource
    return resource


def fragment_of(resource: dict[str, Any], room: str = "review") -> str:
    """Where the console shows a document."""
    return f"#/documents/{resource['id']}/{room}"


async def until_read(page: Page, status: str = "ready") -> None:
    """Wait until the document that is shown is final."""
    heading = page.get_by_role("heading", level=1)
    await expect(heading).to_contain_text(status, timeout=READ_SECONDS * 1000)


async def saved(page: Page, button: Locator, folder: Path) -> bytes:
    """The bytes of the file that the browser saves when the button is pressed."""
    async with page.expect_download() as download:
        await button.click()
    path = folder / (await download.value).suggested_filename
    await (await download.value).save_as(path)
    return path.read_bytes()


def in_json(content: bytes) -> dict[str, Any]:
    """A file that holds one JSON object."""
    value: dict[str, Any] = json.loads(content)
    return value
