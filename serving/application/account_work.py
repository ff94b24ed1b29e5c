"""The work on accounts: tasks with the score that a person saw, and what people record about an account."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, cast

from rapport.serving.errors import RequestError, StoreError, message
from rapport.serving.logging_setup import log_event
from rapport.serving.security.keys import Viewer
from rapport.serving.shapes.answers import FeedbackReceipt
from rapport.serving.shapes.task_answers import Task
from rapport.serving.work.accounts import AccountFacts, SavedViews
from rapport.serving.work.feedback import FeedbackEntry, FeedbackStore
from rapport.serving.work.tasks import NewTask, TaskStore

T_ = TypeVar("T_")
ShownScore = Callable[[str, str], Mapping[str, object]]
# A closed task is also feedback on the score: monitoring counts it by verdict.
_VERDICTS = {"wrong_prediction": "not_right"}


class AccountWork:
    """Tasks, recorded facts and saved views of one data folder."""

    def __init__(self, data_dir: Path, shown: ShownScore, held_out: Callable[[], frozenset[str]] = frozenset) -> None:
        self.tasks, self.facts, self.views = TaskStore(data_dir), AccountFacts(data_dir), SavedViews(data_dir)
        self._feedback, self._shown, self._held_out = FeedbackStore(data_dir), shown, held_out
        self.unread: set[str] = set()

    def readable(self, store: str, read: Callable[[], T_], otherwise: T_) -> T_:
        """Return what a store holds; a damaged one counts as empty, and every page says so (``unread``)."""
        try:
            found = read()
        except StoreError as error:
            if store not in self.unread:
                log_event("store cannot be read", logging.ERROR, store=store, reason=str(error))
            self.unread.add(store)
            return otherwise
        self.unread.discard(store)
        return found

    def tags(self) -> dict[str, list[str]]:
        """Return the tags of every account that has some."""
        return self.readable("work", self.facts.tags, {})

    def recorded(self, customer_id: str) -> dict[str, Any]:
        """Return what people recorded about an account."""
        return self.readable(
            "work", lambda: self.facts.of_customer(customer_id), {"notes": [], "tags": [], "plan": None, "people": {}}
        )

    def tasks_of(self, customer_id: str) -> Sequence[Task]:
        """Return the newest tasks of an account."""
        none: Sequence[Task] = []
        return self.readable("work", lambda: self.tasks.list(customer_id=customer_id, limit=50), none)

    def saved_views(self, owner: str, page: str) -> Sequence[dict[str, object]]:
        """Return the saved views of a page that a viewer sees."""
        return self.readable("work", lambda: self.views.visible_to(owner, page), [])

    def open(self, viewer: Viewer, task: NewTask) -> Task:
        """Open a task with the score that the person saw; without an owner it belongs to the account's owner."""
        if task.customer_id in self._held_out() and not viewer.may("admin"):
            raise RequestError(409, message("held_out"), where="customer_id")
        shown = self._shown(task.customer_id, task.target)
        owner = task.owner or str(shown.get("owner") or viewer.owner or viewer.name)
        return self.tasks.open(replace(task, owner=owner, shown=shown), by=viewer.name, at=_now())

    def finish(self, viewer: Viewer, task_id: int, *, outcome: str = "", note: str = "") -> Task:
        """Close a task with its outcome, and count it as feedback on the score."""
        at = _now()
        task = self.tasks.finish(task_id, outcome=outcome, note=note, by=viewer.name, at=at)
        entry = FeedbackEntry(
            task["customer_id"], task["target"], _VERDICTS.get(outcome, "done"), note, task["action_code"]
        )
        shown = {"version": task["model_version"], "probability": task["probability"]}
        self._feedback.save(entry, by=viewer.name, at=at, shown=shown)
        return task

    def row_states(self, target: str) -> dict[str, Task]:
        """Return each account's latest task or, where it is newer, the latest feedback, in the shape of a task."""
        nothing: dict[str, FeedbackReceipt] = {}
        found = dict(self.readable("work", lambda: self.tasks.latest(target), dict[str, Task]()))
        for customer_id, note in self.readable("feedback", lambda: self._feedback.latest(target), nothing).items():
            task = found.get(customer_id)
            if task is None or task["updated_at"] < note["at"]:
                found[customer_id] = _as_task(note)
        return found


def visible_tasks(tasks: Sequence[Task], is_visible: Callable[[str], bool]) -> list[Task]:
    """Return the tasks of accounts that a viewer may see."""
    return [task for task in tasks if is_visible(task["customer_id"])]


def _as_task(note: FeedbackReceipt) -> Task:
    """Return feedback of a version without tasks as a task, so that pages show both in one way."""
    status = {"done": "done", "not_right": "done", "snoozed": "snoozed"}.get(note["verdict"], "open")
    return cast(Task, {
        "id": None, "customer_id": note["customer_id"], "target": note["target"], "owner": note["by"], "title": "",
        "titles": {}, "action_code": note["action"], "due": note["until"] and note["until"][:10], "status": status,
        "outcome": "wrong_prediction" if note["verdict"] == "not_right" else "", "note": note["comment"],
        "created_at": note["at"], "created_by": note["by"], "steps": [], "source": "worklist",
        "updated_at": note["at"], "finished_at": note["at"] if status == "done" else None, "finished_by": note["by"],
    })  # fmt: skip


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
