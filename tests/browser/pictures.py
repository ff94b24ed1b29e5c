"""Take the pictures of docs/pictures from a running console: python tests/browser/pictures.py http://127.0.0.1:3000."""

import re
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).resolve().parents[2] / "docs" / "pictures"
LAPTOP, PHONE = {"width": 1366, "height": 900}, {"width": 390, "height": 844}


def take(address: str) -> None:
    """Take every picture; the customer is the first of the list that is more likely to leave than not."""
    HERE.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as tool:
        browser = tool.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for language, locale in (("en", "en-GB"), ("zh", "zh-CN")):
            page = browser.new_page(viewport=LAPTOP, locale=locale, base_url=address)
            for name, path in _pages(page).items():
                _keep(page, path, f"{name}-{language}")
            phone = browser.new_page(viewport=PHONE, locale=locale, base_url=address)
            _keep(phone, "/", f"phone-{language}")
        dark = browser.new_page(viewport=LAPTOP, locale="en-GB", base_url=address, color_scheme="dark")
        _keep(dark, _pages(dark)["customer"], "customer-dark")
        browser.close()


def _pages(page: Page) -> dict[str, str]:
    page.goto("/")
    likely = page.locator("tbody tr").filter(has=page.locator(".chance b", has_text=re.compile(r"^[5-9]\d%")))
    first = likely.locator(".name a").first.get_attribute("href") or "/"
    return {
        "worklist": "/",
        "leads": "/?target=conversion",
        "customer": first,
        "portfolio": "/portfolio",
        "model": "/model",
        "cards": f"/cards?customer={re.sub(r'.*/', '', first)}",
    }


def _keep(page: Page, path: str, name: str) -> None:
    page.goto(path)
    page.wait_for_load_state("networkidle")
    page.screenshot(path=HERE / f"{name}.png")


if __name__ == "__main__":
    take(sys.argv[1])
