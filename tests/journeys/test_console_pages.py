"""Every page over an example application, without a browser: access, content, and numbers equal to the answers."""

import asyncio
import io
import re
import time
from collections.abc import Callable
from datetime import date

import httpx
import pytest
from console_book import HOSTILE
from console_desk import ExampleApplication
from markupsafe import escape
from openpyxl import load_workbook

from rapport.history import read_history
from rapport.serving.application.analysis_catalog import ANALYSES
from rapport.serving.console.app import create_console
from rapport.serving.console.formats import money, percent, points
from rapport.serving.console.rendering import PageRenderer
from rapport.serving.errors import NotReadyError
from rapport.serving.security.keys import LOCAL
from rapport.serving.security.widget_tokens import widget_token

PAGES = (
    "/",
    "/home?a=region:East&b=region:West",
    "/tasks",
    "/deals",
    "/sales",
    "/analyses",
    "/analyses/channel_roi",
    "/alerts",
    "/digest",
    "/digest?every=daily",
    "/help",
    "/find?q=a",
    "/portfolio",
    "/model",
    "/cards",
    "/cards/account100",
    "/customers/C-1120",
    "/?target=conversion",
)
KIB = 1024
SECRET = b"a secret of this test only, no other"


class Browser:
    """A test client that keeps cookies and follows no redirects."""

    raises = True

    def __init__(self, application: ExampleApplication, language: str = "en") -> None:
        self.app = create_console(
            application, secret=b"a secret of this test only, no other", today=lambda _zone: date(2026, 11, 2)
        )
        self._cookies = httpx.Cookies({"rapport_language": language})

    def ask(self, method: str, path: str, **more: object) -> httpx.Response:
        async def asked() -> httpx.Response:
            carrier = httpx.ASGITransport(app=self.app, raise_app_exceptions=self.raises)
            async with httpx.AsyncClient(transport=carrier, base_url="http://rapport", cookies=self._cookies) as client:
                answer = await client.request(method, path, **more)
                self._cookies = client.cookies
                return answer

        return asyncio.run(asked())

    def see(self, path: str) -> str:
        return self.ask("GET", path).text

    def send(self, path: str, page: str = "/", **form: str) -> httpx.Response:
        token = re.search(r'name="token" value="([^"]+)"', self.see(page))
        return self.ask("POST", path, data={"token": token.group(1) if token else "", **form})

    def sign_in(self, key: str) -> httpx.Response:
        return self.send("/sign-in", page="/sign-in", key=key)


@pytest.fixture(scope="module")
def open_app() -> ExampleApplication:
    return ExampleApplication()


@pytest.fixture
def locked() -> Callable[[str], Browser]:
    def enter(key: str) -> Browser:
        browser = Browser(ExampleApplication(keys_disabled=False))
        browser.sign_in(key)
        return browser

    return enter


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("path", PAGES)
def test_every_page_renders_in_both_languages_within_its_size_limit(open_app, path, language):
    answer = Browser(open_app, language).ask("GET", path)
    assert answer.status_code == 200
    assert f'lang="{"zh-Hans" if language == "zh" else "en"}"' in answer.text
    files = re.findall(r'(?:href|src)="(/static/[^"]+)"', answer.text)
    weight = len(answer.content) + sum(len(Browser(open_app).ask("GET", file).content) for file in set(files))
    assert weight < 600 * KIB


def test_static_files_are_cached_and_pages_are_not(open_app):
    browser = Browser(open_app)
    style = re.search(r'href="(/static/console.css[^"]+)"', browser.see("/")).group(1)
    assert "immutable" in browser.ask("GET", style).headers["cache-control"]
    assert browser.ask("GET", "/").headers["cache-control"] == "no-store"


def test_pages_load_nothing_from_other_sites(open_app):
    answer = Browser(open_app).ask("GET", "/customers/C-1120")
    rules = answer.headers["content-security-policy"]
    assert "default-src 'none'" in rules
    assert "unsafe" not in rules
    assert not re.search(r'(?:src|href|action)="(?:https?:)?//', answer.text)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_shown_as_text(open_app, name):
    page = Browser(open_app).ask("GET", "/", params={"q": name[:40], "feedback": "all"}).text
    assert f"<bdi>{escape(name)}</bdi>" in page
    assert "<script>alert" not in page
    assert "<img src=x" not in page


def test_numbers_of_the_customer_page_are_those_of_the_answer(open_app):
    (answer,) = open_app.answers(["C-1120"], "churn", reasons=12)
    page = Browser(open_app).see("/customers/C-1120")
    assert f'<p class="big">{percent(answer["probability"])}</p>' in page
    shown = re.findall(r'<tr class="(?:toward|away)">.*?data-points="([^"]+)">([^<]+)<', page, re.S)
    told = [reason["points"] for reason in answer["reasons"]]
    assert [text for _, text in shown] == [points(share) for share in told]


def test_the_page_of_a_customer_says_what_a_model_of_grade_d_rests_on():
    application = ExampleApplication()
    assert 'class="small basis"' not in Browser(application).see("/customers/C-1120")
    application.basis_note = "Grade D: no part was better than the expected rate."
    assert '<p class="small basis">Grade D: no part' in Browser(application).see("/customers/C-1120")


def test_the_model_page_states_the_profit_with_the_assumptions_of_the_worklist(monkeypatch):
    application = ExampleApplication()
    page = Browser(application).see("/model")
    assert "fixed assumptions of an earlier version" in page
    assumed = {"margin": 0.25, "contact_effect": 0.4, "contact_cost": 12.0}
    earned = {"best_share": 0.61, "best_profit": 9_000.0, "team_calls": 2_600, "team_profit": 8_000.0}
    described = application.model

    def model(target, language):
        found = {**described(target, language=language)}
        return found | {"profit": {"assumed": assumed, "cutoff": "2025-06-01", "curve": [], **earned}}

    monkeypatch.setattr(application, "model", model)
    page = Browser(application).see("/model")
    assert "the top 61% of the worklist would have earned most" in page
    assert "margin 25%, a contact keeps at best 40%" in page


def test_a_published_run_with_flags_says_so_on_every_page_in_the_language_of_the_reader(monkeypatch):
    application = ExampleApplication()
    flag = {"code": "mean_jumped", "refuses": False, "message": "The mean rose.", "message_zh": "平均值上升。"}
    about = {**application.about(), "flags": [flag]}
    monkeypatch.setattr(application, "about", lambda: about)
    assert "The mean rose." in Browser(application).see("/home")
    assert "平均值上升。" in Browser(application, "zh").see("/")
    # A flag may state totals of the company, which an owner's key does not show.
    keyed = ExampleApplication(keys_disabled=False)
    monkeypatch.setattr(keyed, "about", lambda: about)
    own = Browser(keyed)
    own.sign_in("key-of-maria")
    assert "has flags (1)" in own.see("/home")
    assert "The mean rose." not in own.see("/home")
    flag["refuses"] = True
    assert "published with --force (findings: 1)" in Browser(application).see("/model")


def test_the_page_of_a_lead_shows_the_horizon_of_its_target(open_app):
    assert "90-day conversion probability" in Browser(open_app).see("/customers/L-1003?target=conversion")


def test_what_if_returns_the_part_of_the_page_that_changes(open_app):
    part = Browser(open_app).see("/customers/C-1120?part=what-if&if.tickets_open=0")
    assert "22.7%" in part
    assert "<html" not in part
    refusal = Browser(open_app).see("/customers/C-1120?part=what-if&if.days_since_last_order=0")
    assert "cannot be acted on" in refusal


def test_a_visitor_without_a_session_signs_in_and_returns_to_the_page():
    browser = Browser(ExampleApplication(keys_disabled=False))
    assert all('name="key"' in browser.see(path) for path in (*PAGES, "/worklist.csv"))
    asked = browser.see("/portfolio")
    assert 'name="back" value="/portfolio"' in asked
    answer = browser.send("/sign-in", page="/sign-in", key="key-of-all", back="/portfolio")
    assert (answer.status_code, answer.headers["location"]) == (303, "/portfolio")
    assert browser.ask("GET", "/portfolio").status_code == 200


def test_a_wrong_key_is_refused_and_no_redirect_leaves_the_site():
    browser = Browser(ExampleApplication(keys_disabled=False))
    assert browser.sign_in("not a key").status_code == 401
    answer = browser.send("/sign-in", page="/sign-in", key="key-of-all", back="//evil.example")
    assert answer.headers["location"] == "/"


def test_a_session_cookie_is_http_only_and_ends_when_its_key_is_revoked():
    application = ExampleApplication(keys_disabled=False)
    browser = Browser(application)
    cookie = browser.sign_in("key-of-all").headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "Worklist" in browser.see("/")
    application.revoke("key-of-all")
    assert 'name="key"' in browser.see("/")


def test_a_forged_cookie_opens_nothing():
    browser = Browser(ExampleApplication(keys_disabled=False))
    browser.ask("GET", "/", headers={"cookie": "rapport_session=ImFsbCI.aaaa.bbbb"})
    assert 'name="key"' in browser.see("/")


def test_signing_out_ends_the_session(locked):
    browser = locked("key-of-all")
    browser.send("/sign-out")
    assert 'name="key"' in browser.see("/")


def test_an_owner_sees_their_own_customers_and_no_others(locked):
    browser = locked("key-of-maria")
    owners = set(re.findall(r"<small>[^<]* · ([^<·]+)</small>", browser.see("/")))
    assert owners == {"Maria Lopez"}
    application = ExampleApplication()
    theirs, others = (
        next(
            key
            for key in application.portfolio_table("churn")["customer_id"].to_pylist()
            if (application.facts(key, "churn")["owner"] == own) is yes
        )
        for own, yes in (("Maria Lopez", True), ("Maria Lopez", False))
    )
    assert browser.ask("GET", f"/customers/{theirs}").status_code == 200
    stranger = browser.ask("GET", f"/customers/{others}")
    nobody = browser.ask("GET", "/customers/nobody")
    assert stranger.status_code == nobody.status_code == 404
    assert stranger.text.replace(others, "?") == nobody.text.replace("nobody", "?")
    assert browser.ask("GET", f"/cards/relationship?customer={others}").text.count("There is no customer") == 1
    assert browser.send("/work", customer_id=others, act="done").status_code == 404


def test_a_key_without_the_feedback_scope_cannot_log_an_outcome(locked):
    browser = locked("key-of-reader")
    assert 'action="/work"' not in browser.see("/")
    refused = browser.send("/work", customer_id="C-1003", act="done")
    assert (refused.status_code, "lacks the scope feedback" in refused.text) == (403, True)
    assert locked("key-of-scorer").ask("GET", "/").status_code == 403


def test_a_form_without_a_valid_token_changes_nothing():
    application = ExampleApplication()
    browser = Browser(application)
    refused = browser.ask("POST", "/work", data={"customer_id": "C-1003", "act": "done"})
    stolen = re.search(r'name="token" value="([^"]+)"', Browser(application).see("/"))
    assert stolen
    foreign = browser.ask("POST", "/work", data={"customer_id": "C-1003", "act": "done", "token": stolen.group(1)})
    assert (refused.status_code, foreign.status_code, application.notes) == (403, 403, [])


def test_a_logged_outcome_closes_the_row_is_counted_and_can_be_undone():
    application = ExampleApplication()
    browser = Browser(application)
    first = str(re.search(r"/customers/(C-\d+)", browser.see("/")).group(1))
    answer = browser.send(
        "/work", customer_id=first, act="done", outcome="retained", note=" renews in May ", back="/?tier=key"
    )
    (task,) = application.notes
    assert answer.headers["location"] == f"/?tier=key&did=done&tasks={task['id']}&n=1"
    assert (task["customer_id"], task["status"], task["outcome"], task["note"], task["finished_by"]) == (
        first,
        "done",
        "retained",
        "renews in May",
        "local",
    )
    after = browser.see(f"/?did=done&tasks={task['id']}&n=1")
    assert f"/customers/{first}" not in after
    assert "Marked as done: 1." in after
    assert f"/customers/{first}" in browser.see("/?feedback=done")
    browser.send("/work/undo", tasks=str(task["id"]), back="/")
    assert f"/customers/{first}" in browser.see("/")


def test_older_pages_may_still_send_a_mark():
    application = ExampleApplication()
    browser = Browser(application)
    assert browser.send("/marks", customer_id="C-1003", verdict="snoozed", weeks="2", comment="May").status_code == 303
    (task,) = application.notes
    assert (task["status"], task["due"], task["note"]) == ("snoozed", "2026-11-16", "May")
    assert browser.send("/marks", customer_id="C-1003", verdict="nonsense").status_code == 422


def test_many_rows_are_assigned_tagged_and_done_at_once():
    application = ExampleApplication()
    browser = Browser(application)
    chosen = {f"pick.{key}": "yes" for key in ("C-1003", "C-1004")}
    browser.send("/work/many", act="assigned", owner="Aisha Khan", back="/", **chosen)
    assert {(task["customer_id"], task["owner"]) for task in application.notes} == {
        ("C-1003", "Aisha Khan"),
        ("C-1004", "Aisha Khan"),
    }
    browser.send("/work/many", act="tagged", tag="fair", back="/", **chosen)
    assert application.work.facts.tags() == {"fair": ["C-1003", "C-1004"]}
    browser.send("/work/many", act="done", back="/", **chosen)
    assert {task["status"] for task in application.notes} == {"done"}


def test_a_click_with_htmx_answers_the_row_the_count_and_a_message():
    application = ExampleApplication()
    browser = Browser(application)
    page = browser.see("/")
    token = re.search(r'name="token" value="([^"]+)"', page).group(1)
    first = str(re.search(r"/customers/(C-\d+)", page).group(1))
    form = {"token": token, "customer_id": first, "act": "done", "row": "yes", "rank": "1", "columns": "probability"}
    part = browser.ask("POST", "/work", data=form, headers={"hx-request": "true"}).text
    assert part.lstrip().startswith("<tr")
    assert "<html" not in part
    assert "1 of 20 contacts done this week" in part
    assert "Undo" in part


def test_the_line_of_the_capacity_is_drawn_also_at_the_end_of_a_page(open_app, monkeypatch):
    monkeypatch.setattr(open_app, "about", lambda kept=open_app.about: {**kept(), "calls_per_week": 50})
    assert "capacity of 50 contacts ends here" in Browser(open_app).see("/")


def test_filters_survive_the_breadcrumb_and_the_switch_of_target(open_app):
    browser = Browser(open_app)
    page = browser.see("/?owner=Tom+Becker&sort=probability")
    assert 'href="?target=conversion&amp;owner=Tom+Becker&amp;sort=probability"' in page
    link = re.search(r'href="(/customers/C-\d+[^"]*)"', page).group(1).replace("&amp;", "&")
    assert 'class="crumb"><a href="/?owner=Tom+Becker&amp;sort=probability"' in browser.see(link)


def test_the_portfolio_of_a_filter_adds_up_its_own_customers(open_app):
    page = Browser(open_app).see("/portfolio?owner=Tom+Becker&region=East")
    rows = [
        row
        for row in open_app.portfolio_table("churn").to_pylist()
        if (row["owner"], row["region"]) == ("Tom Becker", "East")
    ]
    assert f'title="¥{sum(row["revenue_at_risk"] for row in rows):,.0f}"' in page
    assert f"<dd>{len(rows)}</dd>" in page
    assert "Retention by first-order quarter" not in page
    # The links to the list keep the filter, and the switch of target keeps it, too.
    assert "owner=Tom+Becker&amp;region=East" in page


def test_the_print_button_opens_the_report_in_the_viewer_of_the_browser(open_app):
    page = Browser(open_app).see("/customers/C-1120")
    assert 'href="/reports/C-1120?format=pdf&amp;view=inline" target="_blank"' in page


def test_columns_are_chosen_and_a_view_is_saved_and_shared(locked):
    browser = locked("key-of-all")
    assert "Contract end" not in re.search(r"<thead>.*?</thead>", browser.see("/"), re.S).group()
    assert "Contract end" in re.search(r"<thead>.*?</thead>", browser.see("/?column=renewal&column=why"), re.S).group()
    browser.send("/views", name="Renewals", query="renewal=30&sort=renewal", shared="yes", back="/")
    assert 'href="/?renewal=30&amp;sort=renewal"' in browser.see("/")


def test_a_team_sees_its_own_customers_and_titles_say_so(locked):
    browser = locked("key-of-team")
    page = browser.see("/")
    assert set(re.findall(r"<small>[^<]* · ([^<·]+)</small>", page)) == {"Maria Lopez", "Tom Becker"}
    assert "My team&#39;s customers" in page
    assert "<h1>My customers</h1>" in locked("key-of-maria").see("/portfolio")


def test_the_home_of_a_team_adds_up_its_own_customers(locked):
    page = locked("key-of-team").see("/home")
    mine = [
        row
        for row in ExampleApplication().portfolio_table("churn").to_pylist()
        if row["owner"] in ("Maria Lopez", "Tom Becker")
    ]
    assert f'title="¥{sum(row["revenue_at_risk"] for row in mine):,.0f}"' in page
    assert "Aisha Khan" not in page
    assert "90.0%" in page


def test_what_a_task_saved_is_seen_in_the_managers_home():
    application = ExampleApplication()
    browser = Browser(application)
    browser.send("/work", customer_id="C-1003", act="done", outcome="retained", back="/")
    (task,) = application.notes
    assert money(task["money"], "CNY", "en") in browser.see("/home")


def test_the_bottleneck_of_the_funnel_is_named_and_campaigns_have_a_return(open_app, locked):
    page = Browser(open_app).see("/sales")
    assert "Bottleneck: Opportunity. 80% of the leads that reached “Engaged” (280) did not come further." in page
    assert "31 days (median)" in page
    assert re.search(r"spring fair.*?¥160k</td><td class=\"n\"><b>150%</b>", page, re.S)
    assert "瓶颈：商机。" in Browser(open_app, "zh").see("/sales")
    assert "These figures cover the whole company" in locked("key-of-maria").see("/sales")


def test_every_analysis_is_listed_shown_and_downloaded_with_heads_of_the_language(open_app, locked):
    browser = Browser(open_app, "zh")
    listed = browser.see("/analyses")
    assert all(f"/analyses/{name}" in listed and analysis.title.zh in listed for name, analysis in ANALYSES.items())
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
    browser = Browser(open_app)
    texts, helped = PageRenderer().translations["en"], browser.see("/help")
    anchors = set(re.findall(r'id="term-(\w+)"', helped))
    assert len(anchors) >= 40
    for path in PAGES:
        for term, text in re.findall(r'href="/help#term-(\w+)" data-tip="([^"]+)"', browser.see(path)):
            assert term in anchors
            assert text == escape(texts(f"term.{term}.text"))
    assert 'href="/help#term-health"' in browser.see("/customers/C-1120")


def test_selected_rows_are_exported_and_nothing_else(open_app, locked):
    browser = Browser(open_app)
    chosen = {f"pick.{key}": "yes" for key in ("C-1003", "C-1007")}
    answer = browser.send("/work/export", format="csv", **chosen)
    lines = answer.content.decode("utf-8-sig").splitlines()
    assert {line.split(",")[0] for line in lines[1:]} == {"C-1003", "C-1007"}
    sheet = load_workbook(io.BytesIO(browser.send("/work/export", format="xlsx", **chosen).content))["churn"]
    assert sheet.max_row == 3
    assert browser.send("/work/export", format="csv").status_code == 422
    # A reader exports, too, and an owner gets no row of somebody else.
    assert locked("key-of-reader").send("/work/export", **chosen).status_code == 200
    every = {f"pick.C-{1000 + place}": "yes" for place in range(60)}
    own = locked("key-of-maria").send("/work/export", **every).content.decode("utf-8-sig").splitlines()[1:]
    assert own
    assert {line.split(",")[2] for line in own} == {"Maria Lopez"}


def test_finished_tasks_are_read_as_interventions_of_a_history(tmp_path):
    application = ExampleApplication()
    browser = Browser(application)
    browser.send("/work", customer_id="C-1003", act="done", outcome="reached", code="renewal", title="Call", back="/")
    browser.send("/work", customer_id="C-1004", act="not_right", back="/")
    browser.send("/work", customer_id="C-1007", act="opened", title="Visit", back="/")
    (tmp_path / "interventions.csv").write_bytes(browser.ask("GET", "/interventions.csv").content)
    (tmp_path / "orders.csv").write_text("customer_id,order_id,ordered_at,amount\nC-1003,1,2026-01-01,5\n")
    with read_history(tmp_path) as history:
        rows = history.connection.execute("SELECT customer_id, action, outcome, held_out FROM interventions").fetchall()
    assert rows == [("C-1003", "renewal", "reached", False)]


def test_an_alert_is_acknowledged_and_leaves_the_open_inbox():
    browser = Browser(ExampleApplication())
    assert "Churn risk of C-1003 is 63%." in browser.see("/alerts")
    browser.send("/alerts", page="/alerts", alert="a1", act="acknowledged", back="/alerts")
    assert "Churn risk of C-1003" not in browser.see("/alerts")
    assert "Acknowledged" in browser.see("/alerts?show=all")


def test_the_widget_needs_the_token_of_its_customer():
    application = ExampleApplication()
    browser = Browser(application)
    token = widget_token(SECRET, LOCAL, "C-1003")
    answer = browser.ask("GET", f"/widget/customers/C-1003?token={token}&language=zh")
    assert answer.status_code == 200
    assert "流失概率" in answer.text
    assert "frame-ancestors https://crm.example" in answer.headers["content-security-policy"]
    assert browser.ask("GET", f"/widget/customers/C-1004?token={token}").status_code == 403
    assert browser.ask("GET", "/widget/customers/C-1003?token=forged").status_code == 403


def test_notes_tags_plan_and_attitudes_are_kept_with_who_wrote_them():
    browser = Browser(ExampleApplication())
    path = "/customers/C-1120"
    browser.send(path, page=path, note="asked for a visit", back=path)
    browser.send(path, page=path, tag="strategic", back=path)
    browser.send(path, page=path, plan="two sites", back=path)
    page = browser.see(path)
    assert all(text in page for text in ("asked for a visit", "strategic", "two sites", "local · 29 Nov 2026"[:5]))
    browser.send(path, page=path, tag="", remove="strategic", back=path)
    assert ">strategic<" not in browser.see(path)


def test_a_task_is_worked_on_its_page_and_its_calendar_needs_its_token():
    application = ExampleApplication()
    browser = Browser(application)
    browser.send("/work", customer_id="C-1003", act="opened", title="Renew", steps="Offer\nCall", due="2026-10-30")
    (task,) = application.notes
    page = browser.see("/tasks")
    assert "1 open, 1 overdue" in page
    browser.send(f"/tasks/{task['id']}", page="/tasks", act="step", step="0", checked="yes", back="/tasks")
    browser.send(f"/tasks/{task['id']}", page="/tasks", act="call", note="voicemail", back="/tasks")
    assert "1 of 2 steps done" in browser.see("/tasks")
    feed = re.search(r'href="(/tasks.ics[^"]+)"', page).group(1)
    assert "SUMMARY:Renew" in browser.see(feed)
    assert browser.ask("GET", "/tasks.ics?token=forged").status_code == 404
    browser.send(f"/tasks/{task['id']}", page="/tasks", act="done", outcome="retained", back="/tasks")
    assert [one["outcome"] for one in application.notes] == ["retained"]


def test_exports_hold_the_filtered_rows_with_the_numbers_of_the_application(open_app):
    browser = Browser(open_app)
    lines = (
        browser.ask("GET", "/worklist.csv?owner=Tom+Becker&sort=probability").content.decode("utf-8-sig").splitlines()
    )
    header = lines[0].split(",")
    assert header[:2] == ["customer_id", "name"]
    assert {line.split(",")[2] for line in lines[1:]} == {"Tom Becker"}
    first = dict(zip(header, lines[1].split(","), strict=False))
    assert float(first["12-month churn risk"]) == open_app.facts(first["customer_id"], "churn")["probability"]
    sheet = load_workbook(io.BytesIO(browser.ask("GET", "/worklist.xlsx?mark=all").content))["churn"]
    cells = [cell for row in sheet.iter_rows() for cell in row]
    assert not [cell for cell in cells if cell.data_type == "f"]
    assert set(HOSTILE) <= {cell.value for cell in sheet["B"]}


def test_the_search_goes_straight_to_a_customer_whose_id_is_given(open_app):
    browser = Browser(open_app)
    assert browser.ask("GET", "/find?q=C-1120").headers["location"] == "/customers/C-1120"
    assert browser.ask("GET", "/find?q=l-1003").headers["location"] == "/customers/L-1003"
    found = browser.see("/find?q=Harbour")
    assert "Harbour &amp; Finch" in found
    assert "/customers/L-10" in found


def test_the_search_shows_nobody_of_another_owner(locked):
    browser = locked("key-of-maria")
    own = {
        row["customer_id"]
        for target in ("churn", "conversion")
        for row in ExampleApplication().portfolio_table(target).to_pylist()
        if row["owner"] == "Maria Lopez"
    }
    assert set(re.findall(r"/customers/([CL]-\d+)", browser.see("/find?q=-1"))) <= own


def test_a_card_can_be_tried_and_changed_only_as_a_file(open_app):
    browser = Browser(open_app)
    assert 'class="band got band-3"' in browser.see("/cards/relationship?customer=C-1120")
    sent = {"page": "/cards/relationship", "from": "weights"}
    answer = browser.send("/cards/relationship/proposal", **sent, **{"weight.spend_12m": "30"})
    assert "relationship-proposal.yaml" in answer.headers["content-disposition"]
    assert "weight: 30" in answer.text
    assert "# asked each quarter" in answer.text
    bad = browser.send("/cards/relationship/proposal", **sent, **{"weight.spend_12m": "-1"})
    assert (bad.status_code, "zero or more" in bad.text) == (422, True)
    broken = browser.send(
        "/cards/relationship/proposal", page="/cards/relationship", **{"from": "text", "yaml": "card: x"}
    )
    assert (broken.status_code, "no dimensions" in broken.text) == (422, True)


def test_the_first_page_of_a_hundred_thousand_customers_takes_less_than_a_third_of_a_second():
    browser = Browser(ExampleApplication(size=100_000))
    browser.see("/")

    def seconds(path: str) -> float:
        start = time.process_time()
        assert browser.ask("GET", path).status_code == 200
        return time.process_time() - start

    assert min(seconds("/") for _ in range(3)) < 0.3
    assert min(seconds("/customers/C-1120") for _ in range(3)) < 0.1


def test_stale_scores_have_a_notice_in_the_viewers_language(open_app):
    late = create_console(open_app, secret=SECRET, today=lambda _zone: date(2026, 11, 9))
    browser = Browser(open_app, "zh")
    browser.app = late
    assert "已过 8 天" in browser.see("/")
    assert "已过" not in Browser(open_app, "zh").see("/")


def test_without_a_scoring_run_the_page_says_what_to_do_in_the_viewers_language(open_app, monkeypatch):
    def nothing() -> dict[str, object]:
        raise NotReadyError("Nothing is scored yet.")

    monkeypatch.setattr(open_app, "about", nothing)
    answer = Browser(open_app, "zh").ask("GET", "/")
    assert (answer.status_code, "rapport score HISTORY" in answer.text, "开始使用" in answer.text) == (503, True, True)


def test_a_url_without_a_page_gets_a_sentence(open_app):
    answer = Browser(open_app, "zh").ask("GET", "/no/such/page")
    assert (answer.status_code, "此地址没有页面。" in answer.text) == (404, True)


def test_an_internal_error_gets_a_sentence(open_app, monkeypatch):
    monkeypatch.setattr(open_app, "population_tables", lambda: 1 / 0)
    browser = Browser(open_app)
    browser.raises = False
    answer = browser.ask("GET", "/portfolio")
    assert (answer.status_code, "An internal error occurred" in answer.text) == (500, True)
    assert "ZeroDivision" not in answer.text
