"""Tasks, recorded facts, saved views and the calendar feed, as stored in work.db."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from rapport.serving.application.account_work import AccountWork
from rapport.serving.errors import RequestError
from rapport.serving.security.keys import KeyRing, Viewer
from rapport.serving.work.accounts import AccountFacts, SavedViews
from rapport.serving.work.calendar_feed import calendar
from rapport.serving.work.feedback import FeedbackEntry, FeedbackStore
from rapport.serving.work.tasks import NewTask, TaskStore, closes_row, is_overdue

MEI = {"by": "mei", "at": "2026-11-02T09:00:00+00:00"}
TODAY = date(2026, 11, 10)


@pytest.fixture
def tasks(tmp_path) -> TaskStore:
    return TaskStore(tmp_path)


def test_a_task_goes_from_steps_and_a_call_to_its_outcome_and_its_log_has_who_and_when(tasks):
    task = tasks.open(
        NewTask("C-1", "churn", "Start the renewal", owner="mei", due="2026-11-09", steps=("Offer",)), **MEI
    )
    tasks.step(task["id"], 0, done=True, **MEI)
    tasks.note(task["id"], "voicemail", kind="call", **MEI)
    tasks.assign(task["id"], "tom", due="2026-11-12", **MEI)
    done = tasks.finish(task["id"], outcome="retained", note="renews", by="tom", at="2026-11-05T10:00:00+00:00")
    assert (done["owner"], done["status"], done["outcome"], done["due"]) == ("tom", "done", "retained", "2026-11-12")
    assert done["steps"] == [{"text": "Offer", "done": True}]
    assert [(line["kind"], line["by"]) for line in done["log"]] == [
        ("opened", "mei"),
        ("step", "mei"),
        ("call", "mei"),
        ("assigned", "mei"),
        ("done", "tom"),
    ]


def test_reopening_undoes_the_last_click(tasks):
    task = tasks.open(NewTask("C-1", "churn", "Call"), **MEI)
    tasks.finish(task["id"], outcome="lost", **MEI)
    opened = tasks.reopen(task["id"], **MEI)
    assert (opened["status"], opened["outcome"], opened["finished_at"]) == ("open", "", None)


def test_the_same_open_task_is_not_stored_twice(tasks):
    first = tasks.open(NewTask("C-1", "churn", "Call", action_code="RHY-01"), **MEI)
    again = tasks.open(NewTask("C-1", "churn", "Call", action_code="RHY-01"), **MEI)
    assert (again["id"], again["repeated"]) == (first["id"], True)
    tasks.finish(first["id"], **MEI)
    assert tasks.open(NewTask("C-1", "churn", "Call", action_code="RHY-01"), **MEI)["id"] != first["id"]


def test_an_alert_that_is_raised_again_with_another_number_is_the_same_open_task(tasks):
    alert = NewTask("C-1", "churn", "Open complaints of Alder: 2.", action_code="complaint_open", source="alert")
    first = tasks.open(alert, **MEI)
    again = tasks.open(replace(alert, title="Open complaints of Alder: 4."), **MEI)
    assert (again["id"], again["repeated"]) == (first["id"], True)
    complaint = replace(alert, source="customer")
    assert tasks.open(complaint, **MEI)["id"] == first["id"]
    assert tasks.open(replace(complaint, title="Close complaint T-7."), **MEI)["id"] != first["id"]


def test_a_file_of_before_titles_had_languages_is_read_and_written(tasks, tmp_path):
    tasks.open(NewTask("C-1", "churn", "Call"), **MEI)
    with closing(sqlite3.connect(tmp_path / "work.db")) as store:
        store.executescript("ALTER TABLE tasks DROP COLUMN titles; PRAGMA user_version = 1")
    tasks.open(NewTask("C-2", "churn", "Visit", titles={"zh": "拜访"}), **MEI)
    assert {task["customer_id"]: task["titles"] for task in tasks.list()} == {"C-1": {}, "C-2": {"zh": "拜访"}}


def test_tasks_are_listed_by_due_day_and_filtered(tasks):
    late = tasks.open(NewTask("C-1", "churn", "late", owner="mei", due="2026-11-20"), **MEI)
    soon = tasks.open(NewTask("C-2", "churn", "soon", owner="mei", due="2026-11-03"), **MEI)
    none = tasks.open(NewTask("L-1", "conversion", "someday", owner="tom"), **MEI)
    assert [task["id"] for task in tasks.list()] == [soon["id"], late["id"], none["id"]]
    assert [task["id"] for task in tasks.list(owner="tom")] == [none["id"]]
    assert [task["title"] for task in tasks.list() if is_overdue(task, TODAY)] == ["soon"]


@pytest.mark.parametrize("refused", [{"due": "soon"}, {"source": "nowhere"}])
def test_impossible_fields_are_refused(tasks, refused):
    with pytest.raises(RequestError, match="not"):
        tasks.open(NewTask("C-1", "churn", "Call", **refused), **MEI)
    with pytest.raises(RequestError, match="No such task"):
        tasks.finish(99, **MEI)


def test_a_closed_task_takes_its_account_off_the_list_for_a_while():
    def closes(status: str, outcome: str = "", due: str | None = None, finished: str | None = None) -> bool:
        return closes_row({"status": status, "outcome": outcome, "due": due, "finished_at": finished}, TODAY)

    assert closes("done", finished="2026-10-20")
    assert not closes("done", finished="2026-10-05")
    assert closes("done", "wrong_prediction", finished="2026-09-01")
    assert closes("snoozed", due="2026-11-11")
    assert not closes("snoozed", due="2026-11-10")
    assert not closes("open", due="2026-11-11")


def test_the_newer_of_task_and_feedback_decides_a_row_and_finishing_counts_as_feedback(tmp_path):
    work = AccountWork(tmp_path, lambda _id, _target: {"owner": "tom", "version": "7", "probability": 0.4})
    viewer = Viewer("mei", frozenset({"feedback"}))
    old = FeedbackEntry("C-1", "churn", "snoozed", until="2026-12-01")
    FeedbackStore(tmp_path).save(old, by="mei", at="2020-01-01T00:00:00+00:00")
    assert work.row_states("churn")["C-1"]["status"] == "snoozed"
    task = work.open(viewer, NewTask("C-1", "churn", "Call"))
    assert (task["owner"], task["probability"], work.row_states("churn")["C-1"]["status"]) == ("tom", 0.4, "open")
    work.finish(viewer, task["id"], outcome="wrong_prediction")
    assert FeedbackStore(tmp_path).latest("churn")["C-1"]["verdict"] == "not_right"
    work.tasks.reopen(task["id"], by="mei", at="2999-01-01T00:00:00+00:00")
    assert work.row_states("churn")["C-1"]["status"] == "open"


def test_recorded_facts_keep_who_and_when_and_the_latest_counts(tmp_path):
    facts = AccountFacts(tmp_path)
    for kind, value, subject in (
        ("note", "asked for a visit", ""),
        ("tag", "strategic", ""),
        ("tag", "at fair", ""),
        ("attitude", "neutral", "P-1"),
        ("attitude", "champion", "P-1"),
        ("influence", "high", "P-1"),
        ("plan", "grow to two sites", ""),
    ):
        facts.record("C-1", kind, value, subject=subject, **MEI)
    facts.record("C-1", "tag", "", subject="at fair", **MEI)
    found = facts.of_customer("C-1")
    assert (found["tags"], found["plan"]["value"], found["notes"][0]["by"]) == (
        ["strategic"],
        "grow to two sites",
        "mei",
    )
    assert {kind: row["value"] for kind, row in found["people"]["P-1"].items()} == {
        "attitude": "champion",
        "influence": "high",
    }
    assert facts.tags() == {"strategic": ["C-1"]}
    with pytest.raises(RequestError, match="champion"):
        facts.record("C-1", "attitude", "lovely", subject="P-1", **MEI)


def test_views_are_private_until_shared(tmp_path):
    views = SavedViews(tmp_path)
    views.save("mei", "worklist", "Mine", "owner=mei", shared=False, at=MEI["at"])
    views.save("mei", "worklist", "Renewals", "renewal=30", shared=True, at=MEI["at"])
    views.save("mei", "worklist", "Renewals", "renewal=60", shared=True, at=MEI["at"])
    (seen,) = views.visible_to("tom", "worklist")
    assert (seen["name"], seen["query"]) == ("Renewals", "renewal=60")
    views.delete(seen["id"], "tom")
    assert [view["name"] for view in views.visible_to("mei", "worklist")] == ["Mine", "Renewals"]


def test_the_calendar_folds_long_lines_and_escapes_text(tasks):
    tasks.open(NewTask("C-1", "churn", "致电，确认续约；" * 9, due="2026-11-09", note="a, b; c\nd"), **MEI)
    text = calendar(tasks.list(), title="Tasks", now=datetime(2026, 11, 2, tzinfo=UTC))
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    unfolded = text.replace("\r\n ", "")
    assert "DTSTART;VALUE=DATE:20261109\r\nDTEND;VALUE=DATE:20261110\r\n" in unfolded
    assert "DESCRIPTION:C-1\\na\\, b\\; c\\nd" in unfolded


def test_a_key_may_see_a_team_and_carry_a_persons_name(tmp_path):
    now = datetime(2026, 11, 2, tzinfo=UTC)
    ring = KeyRing(tmp_path)
    secret = ring.add("lead", ["read"], now)
    ring.set_person("lead", team=["mei", "tom"], person="Lea Lead")
    signed_in = KeyRing(tmp_path).check(secret, now)
    viewer = KeyRing(tmp_path).viewer("lead", signed_in.mark, now)
    assert (viewer.person, viewer.owners) == ("Lea Lead", ("mei", "tom"))
    assert (viewer.sees_owner("tom"), viewer.sees_owner("aisha"), viewer.sees_owner(None)) == (True, False, False)
