"""Journeys through the console in a real browser: laptop and phone, mouse and keyboard, both languages."""

import re
from pathlib import Path

import console_client
import pytest
from example_portfolio import HOSTILE

LAPTOP, PHONE = {"width": 1366, "height": 850}, {"width": 390, "height": 844}
NARROW = {"width": 320, "height": 640}
PAGES = (
    *console_client.PAGES,
    "/customers/L-1003?target=conversion",
    "/?group=owner&density=compact&list=all",
    "/cards/relationship?customer=C-1120",
    "/alerts/rules?new=event",
    "/sign-in",
    "/setup",
    "/customers/nobody",
)

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("size", "language"), [(LAPTOP, "en-GB"), (PHONE, "zh-CN")])
@pytest.mark.parametrize("path", PAGES)
def test_no_page_has_a_serious_accessibility_finding_or_needs_sideways_scrolling(
    enter, axe, path, size, language, scheme
):
    page = enter(path, size, language, scheme)
    # Chromium's own evaluation of a script, so that the content security policy stays unchanged.
    page.evaluate(axe)
    rules = "{resultTypes: ['violations'], rules: {'target-size': {enabled: true}}}"
    found = page.evaluate(f"axe.run(document, {rules})")["violations"]
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
