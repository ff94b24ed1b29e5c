"""Take the pictures of docs/pictures from a running console: python tests/browser/pictures.py http://127.0.0.1:3000."""

import re
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

HERE = Path(__file__).resolve().parents[2] / "docs" / "pictures"
LAPTOP, TALL, PHONE = {"width": 1366, "height": 900}, {"width": 1366, "height": 1640}, {"width": 390, "height": 844}
ENGLISH, CHINESE = "en-GB", "zh-CN"


def take(address: str) -> None:
    """Take every picture; the customer is the first of the list that is more likely to leave than not."""
    HERE.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as tool:
        browser = tool.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        customer = _customer(browser, address)
        card = f"/cards?customer={customer.rpartition('/')[2]}"
        for name, path, size, language, scheme in (
            ("worklist-en", "/", LAPTOP, ENGLISH, "light"),
            ("worklist-zh", "/", LAPTOP, CHINESE, "light"),
            ("customer-en", customer, TALL, ENGLISH, "light"),
            ("customer-zh", customer, TALL, CHINESE, "light"),
            ("customer-dark", customer, LAPTOP, ENGLISH, "dark"),
            ("portfolio-en", "/portfolio", TALL, ENGLISH, "light"),
            ("model-en", "/model", LAPTOP, ENGLISH, "light"),
            ("cards-zh", card, LAPTOP, CHINESE, "light"),
            ("phone-zh", "/", PHONE, CHINESE, "light"),
        ):
            page = browser.new_page(viewport=size, locale=language, color_scheme=scheme, base_url=address)
            page.goto(path)
            page.wait_for_load_state("networkidle")
            page.screenshot(path=HERE / f"{name}.png")
            page.close()
        browser.close()


def _customer(browser: Browser, address: str) -> str:
    page = browser.new_page(base_url=address)
    page.goto("/")
    page.wait_for_load_state("networkidle")
    likely = page.locator("tbody tr").filter(has=page.locator(".probability b", has_text=re.compile(r"^[5-9]\d%")))
    found = likely.locator(".name a").first.get_attribute("href")
    page.close()
    return found or "/"


if __name__ == "__main__":
    take(sys.argv[1])
