"""Tasks: what someone does about an account, by when, with which outcome; and finished ones as interventions."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, cast

from rapport.serving.errors import RequestError, message
from rapport.serving.shapes.task_answers import Task, TaskLogEntry
from rapport.serving.work.database import work_database

STATUSES = ("open", "snoozed", "done", "cancelled")
OUTCOMES = ("reached", "not_reached", "retained", "reordered", "won", "lost", "wrong_prediction", "other")
SOURCES = ("worklist", "customer", "alert", "playbook", "api")
MAX_STEPS = 20
NO_LIMIT = -1
# A finished task closes its row of the worklist for a while; then the account is reviewed again.
_CLOSED_DAYS = {"done": 30, "cancelled": 7}
_WRONG_PREDICTION_DAYS = 90


@dataclass(frozen=True)
class NewTask:
    """A task to open.

    ``steps`` are the steps of a playbook, ``shown`` the score that the person saw, ``titles`` the title by language,
    where it is known in several.
    """

    customer_id: str
    target: str
    title: str
    owner: str = ""
    due: str | None = None
    action_code: str = ""
    note: str = ""
    steps: Sequence[str] = ()
    source: str = "api"
    shown: Mapping[str, object] | None = None
    titles: Mapping[str, str] = field(default_factory=dict)


class TaskStore:
    """The tasks in one data folder."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    def open(self, task: NewTask, *, by: str, at: str) -> Task:
        """Store a task; an open task of the same action for the same account is returned instead of a second one.

        The title tells actions of one code apart, except in alerts: "4 open complaints" were "2 open" before.
        """
        _check_choice(task.source, SOURCES, "source")
        shown = task.shown or {}
        steps = [{"text": text, "done": False} for text in task.steps[:MAX_STEPS]]
        with work_database(self._data_dir) as store:
            same = store.execute(
                "SELECT id FROM tasks WHERE customer_id = ? AND target = ? AND action_code = ? "
                "AND (title = ? OR (source = 'alert' AND ? = 'alert')) AND status IN ('open', 'snoozed')",
                (task.customer_id, task.target, task.action_code, task.title, task.source),
            ).fetchone()
            if same is not None:
                return _task(store, same["id"]) | {"repeated": True}
            values = (
                task.customer_id, task.target, task.owner, task.title, task.action_code, _day(task.due), "open", "",
                task.note, at, by, json.dumps(steps, ensure_ascii=False), task.source, at,
                shown.get("version"), shown.get("probability"), shown.get("money"),
                json.dumps(dict(task.titles), ensure_ascii=False),
            )  # fmt: skip
            inserted = store.execute(
                "INSERT INTO tasks (customer_id, target, owner, title, action_code, due, status, outcome, note, "
                "created_at, created_by, steps, source, updated_at, model_version, probability, money, "
                "titles) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) RETURNING id",
                values,
            ).fetchone()
            _log(store, inserted["id"], at, by, kind="opened", text=task.title)
            return _task(store, inserted["id"])

    def assign(self, task_id: int, owner: str, *, by: str, at: str, due: str | None = None) -> Task:
        """Give a task to another person, with another due day if one is named."""
        return self._change(
            task_id, {"owner": owner} | ({"due": _day(due)} if due else {}), by=by, at=at, kind="assigned", text=owner
        )

    def snooze(self, task_id: int, until: str, *, by: str, at: str) -> Task:
        """Postpone a task to a day."""
        return self._change(
            task_id, {"status": "snoozed", "due": _day(until)}, by=by, at=at, kind="snoozed", text=until
        )

    def note(self, task_id: int, text: str, *, by: str, at: str, kind: str = "note") -> Task:
        """Add a note, or with ``kind="call"`` a logged call."""
        _check_choice(kind, ("note", "call"), "kind")
        return self._change(task_id, {"note": text}, by=by, at=at, kind=kind, text=text)

    def step(self, task_id: int, position: int, *, done: bool, by: str, at: str) -> Task:
        """Check or uncheck one step of the playbook."""
        task = self.get(task_id)
        if not 0 <= position < len(task["steps"]):
            raise RequestError(422, f"This task has {len(task['steps'])} steps.", where="step")
        steps = [one | {"done": done} if place == position else one for place, one in enumerate(task["steps"])]
        text = f"{'✓' if done else '○'} {steps[position]['text']}"
        return self._change(
            task_id, {"steps": json.dumps(steps, ensure_ascii=False)}, by=by, at=at, kind="step", text=text
        )

    def finish(self, task_id: int, *, by: str, at: str, outcome: str = "", note: str = "") -> Task:
        """Close a task with its outcome."""
        if outcome:
            _check_choice(outcome, OUTCOMES, "outcome")
        closed = {"status": "done", "outcome": outcome, "finished_at": at, "finished_by": by}
        text = " · ".join(part for part in (outcome, note) if part)
        return self._change(task_id, closed | ({"note": note} if note else {}), by=by, at=at, kind="done", text=text)

    def cancel(self, task_id: int, *, by: str, at: str, note: str = "") -> Task:
        """Close a task without doing it."""
        closed = {"status": "cancelled", "finished_at": at, "finished_by": by}
        return self._change(
            task_id, closed | ({"note": note} if note else {}), by=by, at=at, kind="cancelled", text=note
        )

    def reopen(self, task_id: int, *, by: str, at: str) -> Task:
        """Open a closed or snoozed task again; this is also how the last click is undone."""
        opened = {"status": "open", "outcome": "", "finished_at": None, "finished_by": None}
        return self._change(task_id, opened, by=by, at=at, kind="reopened", text="")

    def get(self, task_id: int) -> Task:
        """Return one task with its log; raises RequestError for an unknown id."""
        with work_database(self._data_dir) as store:
            return _task(store, task_id)

    def list(
        self, *, owner: str | None = None, target: str | None = None, customer_id: str | None = None,
        status: str | None = None, since: str | None = None, limit: int = 5_000,
    ) -> list[Task]:  # fmt: skip
        """Return tasks without their logs, those due first first; ``since`` selects by the last change."""
        wanted = {"owner": owner, "target": target, "customer_id": customer_id, "status": status}
        chosen = {name: value for name, value in wanted.items() if value is not None}
        where = [f"{name} = ?" for name in chosen] + (["updated_at >= ?"] if since is not None else [])
        values = [*chosen.values(), *([since] if since is not None else []), limit]
        with work_database(self._data_dir) as store:
            rows = store.execute(
                f"SELECT * FROM tasks {'WHERE ' + ' AND '.join(where) if where else ''} "
                "ORDER BY due IS NULL, due, id DESC LIMIT ?",
                values,
            ).fetchall()
        return [_plain(row) for row in rows]

    def latest(self, target: str) -> dict[str, Task]:
        """Return each account's latest task of ``target``."""
        with work_database(self._data_dir) as store:
            rows = store.execute(
                "SELECT * FROM tasks WHERE id IN (SELECT MAX(id) FROM tasks WHERE target = ? GROUP BY customer_id)",
                (target,),
            ).fetchall()
        return {row["customer_id"]: _plain(row) for row in rows}

    def _change(self, task_id: int, fields: Mapping[str, object], *, by: str, at: str, kind: str, text: str) -> Task:
        with work_database(self._data_dir) as store:
            names = ", ".join(f"{name} = ?" for name in (*fields, "updated_at"))
            changed = store.execute(f"UPDATE tasks SET {names} WHERE id = ?", (*fields.values(), at, task_id))
            if not changed.rowcount:
                raise RequestError(404, message("unknown_task"), where="task_id")
            _log(store, task_id, at, by, kind=kind, text=text)
            return _task(store, task_id)


def is_overdue(task: Task, today: date) -> bool:
    """Return whether an open task should have been done before today."""
    return task["status"] in ("open", "snoozed") and task["due"] is not None and task["due"] < today.isoformat()


def closes_row(task: Task, today: date) -> bool:
    """Return whether the task takes its account off this week's open list."""
    if task["status"] == "snoozed":
        return task["due"] is not None and task["due"] > today.isoformat()
    if task["status"] not in _CLOSED_DAYS or not task["finished_at"]:
        return False
    days = _WRONG_PREDICTION_DAYS if task["outcome"] == "wrong_prediction" else _CLOSED_DAYS[task["status"]]
    return date.fromisoformat(task["finished_at"][:10]) + timedelta(days=days) > today


def _task(store: sqlite3.Connection, task_id: int) -> Task:
    row = store.execute("SELECT * FROM tasks WHERE id = ?", (task_id,)).fetchone()
    if row is None:
        raise RequestError(404, message("unknown_task"), where="task_id")
    log = store.execute("SELECT at, by, kind, text FROM task_log WHERE task_id = ? ORDER BY id", (task_id,)).fetchall()
    return _plain(row) | {"log": [cast(TaskLogEntry, dict(line)) for line in log]}


def _plain(row: sqlite3.Row) -> Task:
    return cast(Task, dict(row) | {name: json.loads(row[name]) for name in ("steps", "titles")})


def _log(store: sqlite3.Connection, task_id: int, at: str, by: str, *, kind: str, text: str) -> None:
    store.execute(
        "INSERT INTO task_log (task_id, at, by, kind, text) VALUES (?,?,?,?,?)", (task_id, at, by, kind, text)
    )


def _day(text: str | None) -> str | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise RequestError(422, message("not_a_day", text=text), where="due") from error


def _check_choice(value: str, choices: Sequence[str], where: str) -> None:
    if value not in choices:
        raise RequestError(422, message("not_one_of", value=value, known=", ".join(choices)), where=where)


HEADER = ("customer_id", "at", "action", "outcome", "held_out", "recorded_at")


def interventions(tasks: Iterable[Mapping[str, Any]]) -> list[list[str]]:
    """Return one row for each task that was done; a task that only corrected a prediction did nothing to a customer."""
    return [
        [
            task["customer_id"],
            task["finished_at"],
            task["action_code"] or task["title"],
            task["outcome"],
            "false",
            task["finished_at"],
        ]
        for task in tasks
        if task["status"] == "done" and task["finished_at"] and task["outcome"] != "wrong_prediction"
    ]
