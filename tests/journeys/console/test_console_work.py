"""What people do on the pages: outcomes, tasks, notes, alerts, cards."""

import re

from console_client import ConsoleClient
from example_application import ExampleApplication

from rapport.history import read_history
from rapport.serving.console.formats import money
from rapport.serving.work.tasks import NewTask


def test_a_logged_outcome_closes_the_row_is_counted_and_can_be_undone():
    application = ExampleApplication()
    browser = ConsoleClient(application)
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
    browser = ConsoleClient(application)
    assert browser.send("/marks", customer_id="C-1003", verdict="snoozed", weeks="2", comment="May").status_code == 303
    (task,) = application.notes
    assert (task["status"], task["due"], task["note"]) == ("snoozed", "2026-11-16", "May")
    assert browser.send("/marks", customer_id="C-1003", verdict="nonsense").status_code == 422


def test_many_rows_are_assigned_tagged_and_done_at_once():
    application = ExampleApplication()
    browser = ConsoleClient(application)
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
    browser = ConsoleClient(application)
    page = browser.see("/")
    token = re.search(r'name="token" value="([^"]+)"', page).group(1)
    first = str(re.search(r"/customers/(C-\d+)", page).group(1))
    form = {"token": token, "customer_id": first, "act": "done", "row": "yes", "rank": "1", "columns": "probability"}
    part = browser.ask("POST", "/work", data=form, headers={"hx-request": "true"}).text
    assert part.lstrip().startswith("<tr")
    assert "<html" not in part
    assert "1 of 20 contacts done this week" in part
    assert "Undo" in part


def test_what_a_task_saved_is_seen_in_the_managers_home():
    application = ExampleApplication()
    browser = ConsoleClient(application)
    browser.send("/work", customer_id="C-1003", act="done", outcome="retained", back="/")
    (task,) = application.notes
    assert money(task["money"], "CNY", "en") in browser.see("/home")


def test_finished_tasks_are_read_as_interventions_of_a_history(tmp_path):
    application = ExampleApplication()
    browser = ConsoleClient(application)
    browser.send("/work", customer_id="C-1003", act="done", outcome="reached", code="renewal", title="Call", back="/")
    browser.send("/work", customer_id="C-1004", act="not_right", back="/")
    browser.send("/work", customer_id="C-1007", act="opened", title="Visit", back="/")
    (tmp_path / "interventions.csv").write_bytes(browser.ask("GET", "/interventions.csv").content)
    (tmp_path / "orders.csv").write_text("customer_id,order_id,ordered_at,amount\nC-1003,1,2026-01-01,5\n")
    with read_history(tmp_path) as history:
        rows = history.connection.execute("SELECT customer_id, action, outcome, held_out FROM interventions").fetchall()
    assert rows == [("C-1003", "renewal", "reached", False)]


def test_an_alert_is_acknowledged_and_leaves_the_open_inbox():
    browser = ConsoleClient(ExampleApplication())
    assert "Churn risk of C-1003 is 63%." in browser.see("/alerts")
    browser.send("/alerts", page="/alerts", alert="a1", act="acknowledged", back="/alerts")
    assert "Churn risk of C-1003" not in browser.see("/alerts")
    assert "Acknowledged" in browser.see("/alerts?show=all")


def test_notes_tags_plan_and_attitudes_are_kept_with_who_wrote_them():
    browser = ConsoleClient(ExampleApplication())
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
    browser = ConsoleClient(application)
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


def test_a_task_that_an_alert_opened_has_its_title_in_the_language_of_whoever_reads_it():
    application = ExampleApplication()
    titles = {"en": "No order for 90 days.", "zh": "已 90 天未下单。"}
    task = NewTask("C-1003", "churn", titles["zh"], source="alert", titles=titles)
    application.work.tasks.open(task, by="alerts", at="2026-11-01T09:00:00+00:00")
    for language, title in titles.items():
        browser = ConsoleClient(application, language)
        assert title in browser.see("/tasks?whose=all")
        assert title in browser.see("/customers/C-1003")


def test_a_card_can_be_tried_and_changed_only_as_a_file(open_app):
    browser = ConsoleClient(open_app)
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


def test_days_compared_count_what_was_saved_and_lost_in_the_30_days_before_each():
    application = ExampleApplication()
    accounts = [row["customer_id"] for row in application.portfolio_table("churn").slice(0, 4).to_pylist()]
    finished = [("2026-10-01", "retained", 1e3), ("2026-10-02", "lost", 9e3)]
    finished += [("2026-10-03", "reordered", 4e3), ("2026-11-01", "lost", 2e3)]
    tasks = application.work.tasks
    for customer_id, (day, outcome, amount) in zip(accounts, finished, strict=True):
        new = NewTask(customer_id, "churn", "Call", shown={"money": amount})
        task = tasks.open(new, by="local", at="2026-07-01T09:00:00+00:00")
        tasks.finish(task["id"], outcome=outcome, by="local", at=f"{day}T09:00:00+00:00")
    page = ConsoleClient(application).see("/home?from=2026-10-01&to=2026-11-01")
    table = page.split('id="o-periods"')[1].split("</section>")[0]
    for name, amounts in (("Saved", ["¥1.0k", "¥4.0k"]), ("Lost", ["¥0", "¥2.0k"])):
        assert re.findall(r"<td[^>]*>(.*?)</td>", table.split(f"{name} in the 30 days before")[1])[:2] == amounts
