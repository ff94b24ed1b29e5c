"""Every page over an example application: content, and numbers equal to the answers."""

import re
import time
from datetime import date
from html.parser import HTMLParser

import pytest
from console_client import PAGES, SECRET, ConsoleClient
from example_application import ExampleApplication
from example_portfolio import HOSTILE
from markupsafe import escape

from rapport.serving.application.analysis_catalog import ANALYSES, about
from rapport.serving.console.app import create_console
from rapport.serving.console.formats import percent, points
from rapport.serving.console.rendering import PageRenderer
from rapport.serving.errors import NotReadyError

KIB = 1024


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("path", PAGES)
def test_every_page_renders_in_both_languages_within_its_size_limit(open_app, path, language):
    answer = ConsoleClient(open_app, language).ask("GET", path)
    assert answer.status_code == 200
    assert f'lang="{"zh-Hans" if language == "zh" else "en"}"' in answer.text
    files = re.findall(r'(?:href|src)="(/static/[^"]+)"', answer.text)
    weight = len(answer.content) + sum(len(ConsoleClient(open_app).ask("GET", file).content) for file in set(files))
    assert weight < 600 * KIB


class _Nesting(HTMLParser):
    """Collects what stands inside a paragraph although a browser ends the paragraph there."""

    def __init__(self) -> None:
        super().__init__()
        self.is_open, self.found = False, set()

    def handle_starttag(self, tag: str, _attrs: object) -> None:
        if self.is_open and tag in ("form", "div", "ul", "ol", "dl", "table", "details", "section", "p"):
            self.found.add(tag)
        self.is_open = tag == "p" or (self.is_open and tag not in self.found)

    def handle_endtag(self, tag: str) -> None:
        self.is_open = self.is_open and tag != "p"


def test_no_paragraph_is_torn_apart_by_what_stands_in_it():
    application = ExampleApplication()
    browser, torn = ConsoleClient(application), {}
    browser.send("/customers/C-1120", tag="strategic", back="/")
    browser.send("/work", customer_id="C-1120", act="opened", title="Call", back="/")
    for path in PAGES:
        page = _Nesting()
        page.feed(browser.see(path))
        torn[path] = page.found
    assert {path: tags for path, tags in torn.items() if tags} == {}


def test_work_on_a_lapsed_account_needs_no_score(monkeypatch):
    application = ExampleApplication()
    profile = application.customer("C-1120")
    lapsed = {**profile, "answers": [], "state": "lapsed", "change": None}
    monkeypatch.setattr(application, "customer", lambda *_args, **_more: lapsed)
    browser = ConsoleClient(application)
    browser.send("/customers/C-1120", note="Their new plant opens in May.", back="/")
    browser.send("/work", customer_id="C-1120", act="opened", title="Win-back offer", back="/")
    page = browser.see("/customers/C-1120")
    for words in ("Not scored", "Recommended actions", "Their new plant opens in May.", "Win-back offer", "Log a call"):
        assert words in page
    assert "Prediction incorrect" not in page


@pytest.mark.parametrize(
    ("state", "trained", "missing"), [("new", "churn", "conversion"), ("active", "conversion", "churn")]
)
def test_an_account_whose_model_is_missing_is_told_so_and_not_that_its_state_has_no_score(
    monkeypatch, state, trained, missing
):
    application = ExampleApplication()
    profile = {**application.customer("C-1120"), "answers": [], "state": state, "change": None}
    monkeypatch.setattr(application, "customer", lambda *_args, **_more: profile)
    both = application.about()
    assert "Only active customers" in ConsoleClient(application).see("/customers/C-1120")
    monkeypatch.setattr(application, "about", lambda: {**both, "targets": [trained]})
    for language, of in (
        ("en", {"conversion": "no lead model", "churn": "no churn model"}),
        ("zh", {"conversion": "尚未训练线索模型", "churn": "尚未训练流失模型"}),
    ):
        page = ConsoleClient(application, language).see(f"/customers/C-1120?target={trained}")
        assert of[missing] in page
        assert "Only active customers" not in page


def test_a_lead_list_states_the_expected_revenue_once(open_app):
    page = ConsoleClient(open_app).see("/?target=conversion")
    head = re.sub(r"<[^>]+>", "", page[page.index("<thead>") : page.index("</thead>")])
    assert head.count("Expected revenue") == 1
    csv = ConsoleClient(open_app).see("/worklist.csv?target=conversion").splitlines()[0]
    assert csv.split(",").count("expected revenue") == 1


def test_static_files_are_cached_and_pages_are_not(open_app):
    browser = ConsoleClient(open_app)
    style = re.search(r'href="(/static/console.css[^"]+)"', browser.see("/")).group(1)
    assert "immutable" in browser.ask("GET", style).headers["cache-control"]
    assert browser.ask("GET", "/").headers["cache-control"] == "no-store"


def test_pages_load_nothing_from_other_sites(open_app):
    answer = ConsoleClient(open_app).ask("GET", "/customers/C-1120")
    rules = answer.headers["content-security-policy"]
    assert "default-src 'none'" in rules
    assert "unsafe" not in rules
    assert not re.search(r'(?:src|href|action)="(?:https?:)?//', answer.text)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_shown_as_text(open_app, name):
    page = ConsoleClient(open_app).ask("GET", "/", params={"q": name[:40], "feedback": "all"}).text
    assert f"<bdi>{escape(name)}</bdi>" in page
    assert "<script>alert" not in page
    assert "<img src=x" not in page


def test_numbers_of_the_customer_page_are_those_of_the_answer(open_app):
    (answer,) = open_app.answers(["C-1120"], "churn", reasons=12)
    page = ConsoleClient(open_app).see("/customers/C-1120")
    assert f'<p class="big">{percent(answer["probability"])}</p>' in page
    shown = re.findall(r'<tr class="(?:toward|away)">.*?data-points="([^"]+)">([^<]+)<', page, re.S)
    told = [reason["points"] for reason in answer["reasons"]]
    assert [text for _, text in shown] == [points(share) for share in told]


def test_the_page_of_a_customer_says_what_a_model_of_grade_d_rests_on():
    application = ExampleApplication()
    assert 'class="small basis"' not in ConsoleClient(application).see("/customers/C-1120")
    application.basis_note = "Grade D: no part was better than the expected rate."
    assert '<p class="small basis">Grade D: no part' in ConsoleClient(application).see("/customers/C-1120")


def test_the_model_page_states_the_profit_with_the_assumptions_of_the_worklist(monkeypatch):
    application = ExampleApplication()
    page = ConsoleClient(application).see("/model")
    assert "fixed assumptions of an earlier version" in page
    assumed = {"margin": 0.25, "contact_effect": 0.4, "contact_cost": 12.0}
    earned = {"best_share": 0.61, "best_profit": 9_000.0, "team_calls": 2_600, "team_profit": 8_000.0}
    described = application.model

    def model(target, language):
        found = {**described(target, language=language)}
        return found | {"profit": {"assumed": assumed, "cutoff": "2025-06-01", "curve": [], **earned}}

    monkeypatch.setattr(application, "model", model)
    page = ConsoleClient(application).see("/model")
    assert "the top 61% of the worklist would have earned most" in page
    assert "margin 25%, a contact keeps at best 40%" in page


def test_a_published_run_with_flags_says_so_on_every_page_in_the_language_of_the_reader(monkeypatch):
    application = ExampleApplication()
    flag = {"code": "mean_jumped", "refuses": False, "message": "The mean rose.", "message_zh": "平均值上升。"}
    about = {**application.about(), "flags": [flag]}
    monkeypatch.setattr(application, "about", lambda: about)
    assert "The mean rose." in ConsoleClient(application).see("/home")
    assert "平均值上升。" in ConsoleClient(application, "zh").see("/")
    # A flag may state totals of the company, which an owner's key does not show.
    keyed = ExampleApplication(keys_disabled=False)
    monkeypatch.setattr(keyed, "about", lambda: about)
    own = ConsoleClient(keyed)
    own.sign_in("key-of-maria")
    assert "has flags (1)" in own.see("/home")
    assert "The mean rose." not in own.see("/home")
    flag["refuses"] = True
    forced = ConsoleClient(application).see("/model")
    assert re.search(r"published with --force by [^,]+, [^(]+\(findings: 1\)", forced)


def test_the_page_of_a_lead_shows_the_horizon_of_its_target(open_app):
    assert "90-day conversion probability" in ConsoleClient(open_app).see("/customers/L-1003?target=conversion")


def test_what_if_returns_the_part_of_the_page_that_changes(open_app):
    part = ConsoleClient(open_app).see("/customers/C-1120?part=what-if&if.tickets_open=0")
    assert "22.7%" in part
    assert "<html" not in part
    refusal = ConsoleClient(open_app).see("/customers/C-1120?part=what-if&if.days_since_last_order=0")
    assert "cannot be acted on" in refusal


def test_the_print_button_opens_the_report_in_the_viewer_of_the_browser(open_app):
    page = ConsoleClient(open_app).see("/customers/C-1120")
    assert 'href="/reports/C-1120?format=pdf&amp;view=inline" target="_blank"' in page


def test_the_bottleneck_of_the_funnel_is_named_and_campaigns_have_a_return(open_app, locked):
    page = ConsoleClient(open_app).see("/sales")
    assert "Bottleneck: Opportunity. 80% of the leads that reached “Engaged” (280) did not come further." in page
    assert "31 days (median)" in page
    assert re.search(r"spring fair.*?¥160k</td><td class=\"n\"><b>150%</b>", page, re.S)
    assert "瓶颈：商机。" in ConsoleClient(open_app, "zh").see("/sales")
    assert "These figures cover the whole company" in locked("key-of-maria").see("/sales")


def test_every_analysis_is_listed_shown_and_downloaded_with_heads_of_the_language(open_app, locked):
    browser = ConsoleClient(open_app, "zh")
    listed = browser.see("/analyses")
    assert all(f"/analyses/{name}" in listed and about(name, "zh")["title"] in listed for name in ANALYSES)
    page = browser.see("/analyses/channel_roi")
    assert re.search(r"spring fair.*?150%", page, re.S)
    answer = browser.ask("GET", "/analyses/channel_roi.csv")
    first, *lines = answer.content.decode("utf-8-sig").splitlines()
    assert first.startswith("日期,维度,取值,营销互动,成交客户")
    assert lines[0].startswith("2026-11-01,")
    own = locked("key-of-maria").see("/analyses")
    assert "/analyses/late_tickets" in own
    assert "/analyses/key_figures" not in own


def test_every_glossary_text_stands_on_the_help_page_and_at_its_term(open_app):
    browser = ConsoleClient(open_app)
    texts, helped = PageRenderer().translations["en"], browser.see("/help")
    anchors = set(re.findall(r'id="term-(\w+)"', helped))
    assert len(anchors) >= 40
    for path in PAGES:
        for term, text in re.findall(r'href="/help#term-(\w+)" data-tip="([^"]+)"', browser.see(path)):
            assert term in anchors
            assert text == escape(texts(f"term.{term}.text"))
    assert 'href="/help#term-health"' in browser.see("/customers/C-1120")


def test_the_first_page_of_a_hundred_thousand_customers_takes_less_than_a_third_of_a_second():
    browser = ConsoleClient(ExampleApplication(size=100_000))
    browser.see("/")

    def seconds(path: str) -> float:
        start = time.process_time()
        assert browser.ask("GET", path).status_code == 200
        return time.process_time() - start

    assert min(seconds("/") for _ in range(3)) < 0.3
    assert min(seconds("/customers/C-1120") for _ in range(3)) < 0.1


def test_stale_scores_have_a_notice_in_the_viewers_language(open_app):
    late = create_console(open_app, secret=SECRET, today=lambda _zone: date(2026, 11, 9))
    browser = ConsoleClient(open_app, "zh")
    browser.app = late
    assert "已过 8 天" in browser.see("/")
    assert "已过" not in ConsoleClient(open_app, "zh").see("/")


def test_without_a_scoring_run_the_page_says_what_to_do_in_the_viewers_language(open_app, monkeypatch):
    def nothing() -> dict[str, object]:
        raise NotReadyError("Nothing is scored yet.")

    monkeypatch.setattr(open_app, "about", nothing)
    answer = ConsoleClient(open_app, "zh").ask("GET", "/")
    assert (answer.status_code, "rapport score HISTORY" in answer.text, "开始使用" in answer.text) == (503, True, True)


def test_a_url_without_a_page_gets_a_sentence(open_app):
    answer = ConsoleClient(open_app, "zh").ask("GET", "/no/such/page")
    assert (answer.status_code, "此地址没有页面。" in answer.text) == (404, True)


def test_an_internal_error_gets_a_sentence(open_app, monkeypatch):
    monkeypatch.setattr(open_app, "population_tables", lambda: 1 / 0)
    browser = ConsoleClient(open_app)
    browser.raises = False
    answer = browser.ask("GET", "/portfolio")
    assert (answer.status_code, "An internal error occurred" in answer.text) == (500, True)
    assert "ZeroDivision" not in answer.text


def test_a_category_of_a_reason_is_shown_in_the_language_of_the_page(monkeypatch):
    application = ExampleApplication()
    answer = application._answer

    def with_a_category(*asked):
        found = answer(*asked)
        category = {"facts": {"attribute_source": "exhibition"}, "peers": "website"}
        return {**found, "reasons": [{**reason, **category} for reason in found["reasons"]]}

    monkeypatch.setattr(application, "_answer", with_a_category)
    page = ConsoleClient(application, "zh").see("/customers/C-1120")
    assert "exhibition" not in page
    assert "website" not in page
    assert "展会" in page
