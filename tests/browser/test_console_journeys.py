"""Journeys of the people who use the console, counted in clicks: what each needs stands where they look for it."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from example_application import ExampleApplication

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

PHONE, SMALL_PHONE = {"width": 390, "height": 844}, {"width": 320, "height": 640}
TABLET, LAPTOP, WALL = {"width": 768, "height": 1024}, {"width": 1366, "height": 768}, {"width": 3840, "height": 2160}

pytestmark = pytest.mark.slow
# Panels that lie on one another.
COVERED = """() => [...document.querySelectorAll(".grid")].flatMap((grid) => {
  const boxes = [...grid.children].map((one) => [one.getAttribute("aria-labelledby"), one.getBoundingClientRect()]);
  return boxes.flatMap(([name, a], at) => boxes.slice(at + 1)
    .filter(([, b]) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1)
    .map(([other]) => [name, other]));
})"""
SMALLEST = """() => {
  const found = {};
  for (const element of document.querySelectorAll("body *")) {
    const words = [...element.childNodes].filter((node) => node.nodeType === 3 && node.textContent.trim());
    const box = element.getBoundingClientRect();
    if (!words.length || !box.width || !box.height || getComputedStyle(element).visibility === "hidden") continue;
    const scale = element.ownerSVGElement ? element.getScreenCTM().a : 1;
    const size = parseFloat(getComputedStyle(element).fontSize) * scale;
    if (size < 11.95) found[`${element.tagName} ${words[0].textContent.trim().slice(0, 20)}`] = size.toFixed(1);
  }
  return found;
}"""


# What a finger has to hit; a link within a sentence may be as high as its line.
TINY = """() => [...document.querySelectorAll("a, button, select, input, summary, textarea")].filter((one) => {
  const box = one.getBoundingClientRect(), style = getComputedStyle(one);
  const seen = one.checkVisibility() && style.visibility !== "hidden" && box.width && !one.closest(".skip, .hidden");
  const around = one.parentElement.textContent.trim().length - one.textContent.trim().length;
  const inSentence = one.tagName === "A" && style.display === "inline" && around > 3;
  return seen && !inSentence && (box.height < 23.5 || box.width < 23.5);
}).map((one) => `${one.tagName} ${(one.textContent.trim() || one.name).slice(0, 24)}`)"""


class Walk:
    """A visitor who counts clicks: a choice in a list is one, typing is none."""

    def __init__(self, page: "Page") -> None:
        self.page, self.clicks = page, 0

    def click(self, target: "Locator | str", path: str = "**") -> None:
        found = self.page.get_by_role("link", name=target, exact=True).first if isinstance(target, str) else target
        self.clicks += 1
        found.click()
        self.page.wait_for_url(path)
        self.page.wait_for_load_state("networkidle")

    def choose(self, field: "Locator", value: str, path: str = "**") -> None:
        self.clicks += 1
        field.select_option(value)
        self.page.wait_for_url(path)
        self.page.wait_for_load_state("networkidle")


@pytest.fixture
def walk(enter) -> Callable[..., Walk]:
    """Open a page and start to count."""
    return lambda path, *more: Walk(enter(path, *more))


def test_a_manager_takes_the_riskiest_renewal_to_its_outcome_and_sees_it_at_home(walk, application):
    visit = walk("/home", LAPTOP)
    visit.click("Within 90 days", "**renewal=90**")
    visit.click("12-month churn risk", "**sort=probability**")
    page = visit.page
    riskiest = page.locator("tbody .name a").first
    soon = {
        row["customer_id"]: row["probability"]
        for row in application.portfolio_table("churn").to_pylist()
        if "2026-11-02" <= row["renewal_at"] <= "2027-01-31"
    }
    customer_id = re.search(r"/customers/([\w-]+)", riskiest.get_attribute("href")).group(1)
    assert customer_id == max(soon, key=soon.get)
    visit.click(riskiest, "**/customers/**")
    assert page.get_by_role("heading", name="Score drivers").is_visible()
    visit.click(page.get_by_role("button", name="Open as task").first, "**did=opened**")
    (task,) = application.notes
    assert (task["owner"], bool(task["due"])) == (application.facts(customer_id, "churn")["owner"], True)
    visit.click(page.locator(".recommended .notes a").first, "**/tasks**")
    page.locator(".task select[name=outcome]").select_option("retained")
    visit.clicks += 1
    visit.click(page.get_by_role("button", name="Done"), "**did=done**")
    visit.click("Overview", "**/home")
    assert visit.clicks <= 8
    assert page.locator(".facts").get_by_text(re.compile("^¥")).nth(1).inner_text() != "¥0"


def test_a_sales_lead_goes_from_the_grade_to_the_deal(walk, application):
    visit = walk("/?target=conversion", LAPTOP)
    page = visit.page
    visit.choose(page.locator("select[name=lead_grade]"), "A", "**lead_grade=A**")
    lead = page.locator("tbody .name a").first
    name = lead.inner_text()
    visit.click(lead, "**/customers/L-**")
    assert page.get_by_role("heading", name="Recommended actions").is_visible()
    assert page.locator("h1 .tier").inner_text() == "Lead grade A"
    visit.click(page.get_by_role("button", name="Open as task").first, "**did=opened**")
    visit.click("Deals", "**/deals**")
    assert page.locator(".deal-list li.stalled").count()
    visit.click(page.locator(".deal-list").get_by_role("link", name=name), "**/customers/L-**")
    assert visit.clicks <= 5
    assert [task["target"] for task in application.notes] == ["conversion"]


def test_an_executives_monday_is_one_page(walk):
    page = walk("/home", LAPTOP).page
    for heading in ("Contracts that end soon", "Retention and satisfaction", "Key accounts", "Saved and lost by week"):
        assert page.get_by_role("heading", name=heading).is_visible()
    assert [page.locator(".facts dt").nth(place).inner_text() for place in range(4)] == [
        "Health",
        "Revenue at risk",
        "Saved",
        "Lost",
    ]


def test_on_a_phone_in_chinese_an_account_is_opened_and_done(walk, application):
    visit = walk("/", PHONE, "zh-CN")
    page = visit.page
    visit.click(page.locator("tbody .name a").first, "**/customers/**")
    visit.click(page.get_by_role("button", name="已完成"), "**did=done**")
    assert visit.clicks == 2
    assert page.get_by_text("已完成 1 项。").is_visible()
    assert [task["status"] for task in application.notes] == ["done"]


def test_a_term_is_explained_at_the_pointer_and_at_the_keyboard(walk):
    page = walk("/", LAPTOP).page
    tip = page.get_by_role("tooltip")
    page.get_by_role("link", name="Revenue at risk").first.hover()
    assert "Churn risk × spend if retained" in tip.inner_text()
    page.keyboard.press("Escape")
    assert not tip.is_visible()
    page.locator("thead").get_by_role("link", name="Score drivers").focus()
    assert "raises (▲) or lowers (▼)" in tip.inner_text()
    box = tip.bounding_box()
    assert box
    assert 0 <= box["x"] <= LAPTOP["width"] - box["width"]
    page.keyboard.press("Enter")
    page.wait_for_url("**/help#term-driver")


@pytest.mark.parametrize("size", [SMALL_PHONE, PHONE, TABLET, LAPTOP, WALL], ids=lambda size: str(size["width"]))
def test_no_text_is_smaller_than_12_pixels_nothing_is_wider_than_the_window_and_no_panel_covers_another(enter, size):
    page = enter("/sign-in", size, "zh-CN")
    small, wide, covered = {}, {}, {}
    for path in ("/", "/home", "/tasks", "/deals", "/sales", "/customers/C-1120", "/portfolio", "/model", "/cards"):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        if found := page.evaluate(SMALLEST):
            small[path] = found
        if (over := page.evaluate("document.documentElement.scrollWidth - innerWidth")) > 0:
            wide[path] = over
        if pairs := page.evaluate(COVERED):
            covered[path] = pairs
    assert (small, wide, covered) == ({}, {}, {})


@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
@pytest.mark.parametrize("width", [1000, 1100, 1280, 1440])
def test_a_compact_list_stays_within_the_window(enter, language, width):
    page = enter("/?density=compact&group=owner", {"width": width, "height": 800}, language)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.mark.parametrize("size", [PHONE, LAPTOP], ids=lambda size: str(size["width"]))
def test_all_columns_and_an_open_menu_stay_within_the_window(enter, size):
    columns = "health,probability,money,saved,why,next,renewal,last_order,spend,movement,segment,region,owner"
    page = enter(f"/?group=owner&columns={columns}", size)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    for path in (f"/?columns={columns}", "/"):
        page.goto(path)
        page.locator("tr[data-row] details.menu > summary").nth(1).click()
        box = page.locator("tr[data-row] .log-outcome").nth(1).bounding_box()
        assert box
        assert 0 <= box["x"] <= size["width"] - box["width"]
        page.locator("tr[data-row] .log-outcome input[name=note]").nth(1).fill("voicemail")


def test_on_a_phone_every_filter_and_every_figure_has_its_name_in_sight(enter):
    page = enter("/?list=all", PHONE, "zh-CN")
    first = page.locator("tr[data-row] .name a").first.bounding_box()
    assert first
    assert first["y"] < PHONE["height"] - 100
    page.locator(".more-filters > summary").click()
    for field in page.locator(".filters select").all():
        box = field.bounding_box()
        assert box
        assert 0 <= box["x"] <= PHONE["width"] - box["width"]
    named = page.locator("tr[data-row]").first.locator("[data-label]")
    assert named.count() == 3
    assert all(
        "预计" in text or "金额" in text or "健康度" in text
        for text in named.evaluate_all("all => all.map(e => getComputedStyle(e, '::before').content)")
    )


def test_a_finger_hits_everything_on_a_phone(enter, application):
    page = enter("/", PHONE)
    page.locator("tr[data-row] details.menu > summary").first.click()
    page.locator("tr[data-row] button[value=done]").first.click()
    page.get_by_role("button", name="Undo").first.wait_for()
    tiny = {"/": page.evaluate(TINY)}
    for path in (
        "/home",
        "/tasks?state=all",
        "/deals",
        "/customers/C-1120",
        "/portfolio",
        "/cards/relationship",
        "/find?q=a",
    ):
        page.goto(path)
        page.evaluate("document.querySelectorAll('main details').forEach((one) => { one.open = true; })")
        tiny[path] = page.evaluate(TINY)
    assert application.notes
    assert {path: found for path, found in tiny.items() if found} == {}


def test_many_rows_are_within_sight_of_a_laptop(enter):
    page = enter("/?density=compact", LAPTOP)
    bottoms = page.locator("tr[data-row]").evaluate_all("rows => rows.map(row => row.getBoundingClientRect().bottom)")
    assert sum(bottom <= LAPTOP["height"] for bottom in bottoms) >= 8


def test_selected_rows_are_downloaded(enter, application):
    page = enter("/", LAPTOP)
    for place in (0, 2):
        page.locator("tr[data-row] input[type=checkbox]").nth(place).check()
    with page.expect_download() as waiting:
        page.locator("#bulk button[name=format][value=csv]").click()
    lines = waiting.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == 3
    assert isinstance(application, ExampleApplication)
