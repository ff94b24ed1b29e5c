"""Journeys through the console in a real browser: laptop and phone, mouse and keyboard, both languages."""

import importlib.util
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import uvicorn
from console_book import HOSTILE
from console_desk import ExampleApplication

from rapport.serving.console.app import create_console

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
AXE = "axe-core@4.14.1"
LAPTOP, PHONE = {"width": 1366, "height": 850}, {"width": 390, "height": 844}
NARROW = {"width": 320, "height": 640}
PAGES = (
    "/",
    "/home",
    "/tasks",
    "/deals",
    "/alerts",
    "/help",
    "/?target=conversion",
    "/customers/C-1120",
    "/customers/L-1003?target=conversion",
    "/portfolio",
    "/model",
    "/cards/relationship?customer=C-1120",
    "/sign-in",
    "/customers/nobody",
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
    pytest.mark.skipif(importlib.util.find_spec("playwright") is None, reason="playwright is not installed"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  not there on machines without a browser

    with sync_playwright() as tool:
        window = tool.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield window
        window.close()


@pytest.fixture
def application() -> ExampleApplication:
    return ExampleApplication()


@pytest.fixture
def address(application) -> Iterator[str]:
    """Serve the console on a free port of this machine."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        app = create_console(
            application, secret=b"a secret of this test only, no other", today=lambda _zone: date(2026, 11, 2)
        )
        server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.02)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def enter(browser, address) -> Iterator[object]:
    """Open a page that fails the test on any script error and on any request that leaves the machine."""
    opened: list[BrowserContext] = []
    complaints: list[str] = []

    def open_page(
        path: str, size: dict[str, int] | None = None, language: str = "en-GB", scheme: str = "light"
    ) -> "Page":
        context = browser.new_context(viewport=size or LAPTOP, locale=language, color_scheme=scheme, base_url=address)
        opened.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on(
            "request", lambda asked: None if asked.url.startswith((address, "data:")) else complaints.append(asked.url)
        )
        page.goto(path)
        page.wait_for_load_state("networkidle")
        return page

    yield open_page
    for context in opened:
        context.close()
    assert [text for text in complaints if "404 (Not Found)" not in text] == []


@pytest.fixture(scope="session")
def axe(tmp_path_factory) -> str:
    """Fetch the accessibility checker by name and version; it is used by this test only."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not there to fetch axe-core")
    folder: Path = tmp_path_factory.mktemp("axe")
    fetched = subprocess.run(["npm", "pack", "--silent", AXE], cwd=folder, capture_output=True, text=True, check=False)
    if fetched.returncode:
        pytest.skip(f"npm could not fetch {AXE}")
    shutil.unpack_archive(folder / fetched.stdout.split()[-1], folder)
    return (folder / "package" / "axe.min.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("size", "language"), [(LAPTOP, "en-GB"), (PHONE, "zh-CN")])
@pytest.mark.parametrize("path", PAGES)
def test_no_page_has_a_serious_accessibility_finding_or_needs_sideways_scrolling(
    enter, axe, path, size, language, scheme
):
    page = enter(path, size, language, scheme)
    # Chromium's own evaluation of a script, so that the content security policy stays unchanged.
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    serious = {
        finding["id"]: [node["html"][:160] for node in finding["nodes"][:3]]
        for finding in found
        if finding["impact"] in ("serious", "critical")
    }
    assert serious == {}
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
def test_no_page_is_wider_than_the_narrowest_phone(enter, language):
    page = enter("/sign-in", NARROW, language)
    wider = {}
    for path in PAGES:
        page.goto(path)
        wider[path] = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert {path: pixels for path, pixels in wider.items() if pixels > 0} == {}


def test_from_the_riskiest_account_of_an_owner_to_its_drivers_and_an_outcome_in_three_clicks(enter, application):
    page = enter("/")
    page.locator("select[name=owner]").first.select_option("Tom Becker")
    page.wait_for_url("**/?owner=Tom+Becker*")
    page.get_by_role("link", name="12-month churn risk").click()
    page.wait_for_url("**sort=probability*")
    owned = [fact for fact in application.portfolio_table("churn").to_pylist() if fact["owner"] == "Tom Becker"]
    riskiest = max(owned, key=lambda fact: float(fact["probability"]))
    link = page.locator("tbody .name a").first
    assert link.inner_text() == riskiest["name"]
    link.click()
    page.wait_for_url(f"**/customers/{riskiest['customer_id']}*")
    assert page.get_by_role("heading", name="Score drivers").is_visible()
    page.get_by_label("Comment").fill("called, they have a new buyer")
    with page.expect_navigation():
        page.get_by_role("button", name="Done").click()
    (kept,) = application.notes
    assert (kept["customer_id"], kept["status"]) == (riskiest["customer_id"], "done")
    assert page.get_by_text("called, they have a new buyer").is_visible()


def test_the_export_holds_the_rows_that_are_seen(enter):
    page = enter("/?owner=Tom+Becker")
    seen = page.locator("tbody .name a").all_inner_texts()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="CSV").click()
    text = Path(waiting.value.path()).read_text(encoding="utf-8-sig")
    assert [line.split(",")[1] for line in text.splitlines()[1:]][: len(seen)] == [_as_cell(name) for name in seen]


def _as_cell(name: str) -> str:
    return f"'{name}" if name.startswith(("=", "@")) else name


def test_the_language_switches_in_place_and_stays(enter):
    page = enter("/portfolio")
    page.get_by_role("link", name="中文").click()
    page.wait_for_url("**/portfolio")
    assert page.locator("h1").inner_text() == "全部客户"
    page.goto("/customers/C-1120")
    assert page.get_by_role("heading", name="评分依据").is_visible()


def test_the_waterfall_on_the_page_adds_up_to_the_big_number(enter):
    page = enter("/customers/C-1120")
    shown = [
        float(text) for text in page.locator("[data-points]").evaluate_all("cells => cells.map(c => c.dataset.points)")
    ]
    assert round(sum(shown[:-1]), 3) == round(shown[-1], 3)
    assert page.locator(".panel.probability .big").inner_text() == f"{shown[-1]:.0%}"


def test_a_slider_shows_the_what_if_answer_of_the_application(enter, application):
    page = enter("/customers/C-1120")
    page.get_by_label(re.compile("Open tickets")).fill("0")
    answer = page.locator("[data-what-if-answer] b")
    answer.wait_for()
    answered = application.what_if("C-1120", "churn", {"tickets_open": 0.0})
    assert answer.inner_text() == f"{answered['before']['probability']:.1%} → {answered['after']['probability']:.1%}"
    page.get_by_role("button", name="Reset to current values").click()
    answer.wait_for(state="detached")


def test_an_outcome_can_be_logged_by_keyboard_alone(enter, application):
    page = enter("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("j")
    page.keyboard.press("j")
    second = page.locator("tbody .name a").nth(1)
    assert page.evaluate("document.activeElement.getAttribute('href')") == second.get_attribute("href")
    page.keyboard.press("m")
    page.keyboard.type("line was busy")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    page.keyboard.press("Enter")
    for _ in range(3):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("1 of 20 contacts done this week").wait_for()
    assert [(kept["status"], kept["note"]) for kept in application.notes] == [("done", "line was busy")]
    assert page.locator("tr[data-row]").nth(1).get_by_role("button", name="Undo").is_visible()
    page.keyboard.press("/")
    page.keyboard.type("C-1120")
    page.keyboard.press("Enter")
    page.wait_for_url("**/customers/C-1120")


def test_hostile_names_run_nothing_anywhere(enter, application):
    page = enter("/?feedback=all&q=alert")
    assert set(page.locator("tbody .name a").all_inner_texts()) == {HOSTILE[0], HOSTILE[6]}
    table = application.portfolio_table("churn")
    for key, name in zip(table["customer_id"].to_pylist(), table["name"].to_pylist(), strict=True):
        if name in HOSTILE:
            page.goto(f"/customers/{key}")
            assert page.locator("h1 bdi").inner_text().split() == name.split()


def test_signing_in_and_out(browser, address, application):
    application.keys_disabled = False
    context = browser.new_context(base_url=address)
    page = context.new_page()
    page.goto("/portfolio")
    page.get_by_label("Access key").fill("key-of-maria")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/portfolio")
    assert page.get_by_role("heading", name="My customers").is_visible()
    page.get_by_role("button", name="Sign out").click()
    assert page.get_by_label("Access key").is_visible()
    context.close()
