"""The picture of the console in the documentation, taken from a gateway that runs.

`make run` in one terminal, `make console-screenshot GATEWAY=http://127.0.0.1:8080` in another:
sends a sample, waits until it is read, looks at it in Chromium, writes docs/console.webp.
"""

import io
import shutil
import sys
import time
from pathlib import Path

import httpx
from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "samples" / "application_form.pdf"
PICTURE = ROOT / "docs" / "console.webp"
DOCUMENT = "claim-4711"
QUALITY = 80
"""Of the picture, in percent: text stays sharp."""


def main() -> None:
    gateway = sys.argv[1].rstrip("/")
    _have_read(gateway)
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("needs Debian's package chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(f"{gateway}/#/documents/{DOCUMENT}")
        _arrange(page)
        # What it took says more about the machine than about pagemesh.
        content = page.screenshot(mask=[page.locator(".took")], mask_color="#ffffff")
        browser.close()
    Image.open(io.BytesIO(content)).convert("RGB").save(PICTURE, quality=QUALITY, method=6)
    print(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size // 1000} kB")


def _have_read(gateway: str) -> None:
    with httpx.Client(base_url=gateway, timeout=30) as client:
        client.post(
            "/v1/documents",
            data={"request_id": DOCUMENT, "pipeline": "application_form"},
            files={"file": (SAMPLE.name, SAMPLE.read_bytes(), "application/pdf")},
        ).raise_for_status()
        while client.get(f"/v1/documents/{DOCUMENT}").json()["status"] in {"queued", "processing"}:
            time.sleep(1)


def _arrange(page: Page) -> None:
    """The value that is least sure, where it was read."""
    page.get_by_alt_text("Scan of page 1").wait_for()
    page.get_by_label("Review what is less than").fill("96")
    page.locator(".entry", has_text="Mailing address").click()
    page.locator(".entry .crop").first.wait_for()
    page.wait_for_timeout(1000)


if __name__ == "__main__":
    main()
