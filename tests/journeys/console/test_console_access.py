"""Who gets in, and what each key shows and may do."""

import re

from console_client import PAGES, SECRET, ConsoleClient
from example_application import ExampleApplication

from rapport.serving.security.keys import LOCAL
from rapport.serving.security.widget_tokens import widget_token


def test_a_visitor_without_a_session_signs_in_and_returns_to_the_page():
    browser = ConsoleClient(ExampleApplication(keys_disabled=False))
    assert all('name="key"' in browser.see(path) for path in (*PAGES, "/worklist.csv"))
    asked = browser.see("/portfolio")
    assert 'name="back" value="/portfolio"' in asked
    answer = browser.send("/sign-in", page="/sign-in", key="key-of-all", back="/portfolio")
    assert (answer.status_code, answer.headers["location"]) == (303, "/portfolio")
    assert browser.ask("GET", "/portfolio").status_code == 200


def test_a_wrong_key_is_refused_and_no_redirect_leaves_the_site():
    browser = ConsoleClient(ExampleApplication(keys_disabled=False))
    assert browser.sign_in("not a key").status_code == 401
    answer = browser.send("/sign-in", page="/sign-in", key="key-of-all", back="//evil.example")
    assert answer.headers["location"] == "/"


def test_a_session_cookie_is_http_only_and_ends_when_its_key_is_revoked():
    application = ExampleApplication(keys_disabled=False)
    browser = ConsoleClient(application)
    cookie = browser.sign_in("key-of-all").headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "Worklist" in browser.see("/")
    application.revoke("key-of-all")
    assert 'name="key"' in browser.see("/")


def test_a_forged_cookie_opens_nothing():
    browser = ConsoleClient(ExampleApplication(keys_disabled=False))
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
    browser = ConsoleClient(application)
    refused = browser.ask("POST", "/work", data={"customer_id": "C-1003", "act": "done"})
    stolen = re.search(r'name="token" value="([^"]+)"', ConsoleClient(application).see("/"))
    assert stolen
    foreign = browser.ask("POST", "/work", data={"customer_id": "C-1003", "act": "done", "token": stolen.group(1)})
    assert (refused.status_code, foreign.status_code, application.notes) == (403, 403, [])


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


def test_the_widget_needs_the_token_of_its_customer():
    application = ExampleApplication()
    browser = ConsoleClient(application)
    token = widget_token(SECRET, LOCAL, "C-1003")
    answer = browser.ask("GET", f"/widget/customers/C-1003?token={token}&language=zh")
    assert answer.status_code == 200
    assert "流失概率" in answer.text
    assert "frame-ancestors https://crm.example" in answer.headers["content-security-policy"]
    assert browser.ask("GET", f"/widget/customers/C-1004?token={token}").status_code == 403
    assert browser.ask("GET", "/widget/customers/C-1003?token=forged").status_code == 403


def test_the_search_shows_nobody_of_another_owner(locked):
    browser = locked("key-of-maria")
    own = {
        row["customer_id"]
        for target in ("churn", "conversion")
        for row in ExampleApplication().portfolio_table(target).to_pylist()
        if row["owner"] == "Maria Lopez"
    }
    assert set(re.findall(r"/customers/([CL]-\d+)", browser.see("/find?q=-1"))) <= own
