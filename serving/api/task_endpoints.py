"""The endpoints about tasks, and their requests."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from rapport.languages import LanguageCode
from rapport.serving.api.endpoint import Endpoint
from rapport.serving.api.schemas import Body, Day, Id, Target
from rapport.serving.shapes.task_answers import Task, TaskList, WidgetAddress

Text = Annotated[str, StringConstraints(max_length=2_000)]
Short = Annotated[str, StringConstraints(max_length=200)]
TaskId = Annotated[int, Field(ge=1, le=2**53)]
Status = Literal["open", "snoozed", "done", "cancelled"]
Outcome = Literal[
    "", "reached", "not_reached", "retained", "reordered", "won", "lost", "wrong_prediction", "other"
]  # fmt: skip


class TasksRequest(Body):
    """List tasks, those due first first."""

    customer_id: Id | None = None
    owner: Short | None = None
    target: Target | None = None
    status: Status | None = None
    since: Annotated[str, StringConstraints(max_length=40)] | None = Field(None, description="Changed at or after.")
    limit: int = Field(500, ge=1, le=5_000)


class OpenTaskRequest(Body):
    """Open a task; without an owner it belongs to the account's owner."""

    customer_id: Id
    target: Target = "churn"
    title: Annotated[str, StringConstraints(min_length=1, max_length=300)]
    owner: Short = ""
    due: Day | None = None
    action_code: Short = ""
    note: Text = ""
    steps: Annotated[list[Annotated[str, StringConstraints(max_length=300)]], Field(max_length=20)] = Field(
        default_factory=list
    )


class AssignTaskRequest(Body):
    """Give a task to another person."""

    task_id: TaskId
    owner: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    due: Day | None = None


class NoteTaskRequest(Body):
    """Add a note or log a call."""

    task_id: TaskId
    text: Text
    kind: Literal["note", "call"] = "note"


class SnoozeTaskRequest(Body):
    """Postpone a task to a day."""

    task_id: TaskId
    until: Day


class StepTaskRequest(Body):
    """Check one step of a task's playbook, counted from 0."""

    task_id: TaskId
    step: int = Field(ge=0, le=50)
    done: bool = True


class FinishTaskRequest(Body):
    """Close a task with its outcome."""

    task_id: TaskId
    outcome: Outcome = ""
    note: Text = ""


class ReopenTaskRequest(Body):
    """Open a closed or postponed task again."""

    task_id: TaskId


class WidgetRequest(Body):
    """Request the address of a customer's widget, to be embedded in a CRM."""

    customer_id: Id
    language: LanguageCode | None = None


_TASK = {
    "id": 7, "customer_id": "C-1042", "target": "churn", "owner": "Maria Lopez", "title": "Start the renewal talk",
    "titles": {}, "action_code": "CON-01", "due": "2026-11-09", "status": "open", "outcome": "", "note": "",
    "created_at": "2026-11-02T09:00:00+00:00", "created_by": "crm",
    "steps": [{"text": "Send the offer", "done": False}],
    "source": "api", "updated_at": "2026-11-02T09:00:00+00:00", "finished_at": None, "finished_by": None,
    "model_version": "7", "probability": 0.46, "money": 12_000.0,
}  # fmt: skip
_DONE = _TASK | {"status": "done", "outcome": "retained", "note": "They renew.", "finished_by": "crm"}

TASK_ENDPOINTS = (
    Endpoint(
        "/v1/tasks", "read", "Tasks, those due first first",
        TasksRequest, TaskList, {"status": "open"}, {"tasks": [_TASK], "overdue": 0},
    ),
    Endpoint(
        "/v1/tasks/open", "feedback", "Open a task; without an owner it belongs to the account's owner",
        OpenTaskRequest, Task,
        {"customer_id": "C-1042", "title": "Start the renewal talk", "due": "2026-11-09", "steps": ["Send the offer"]},
        _TASK,
    ),
    Endpoint(
        "/v1/tasks/assign", "feedback", "Give a task to another person",
        AssignTaskRequest, Task, {"task_id": 7, "owner": "Tom Becker"}, _TASK | {"owner": "Tom Becker"},
    ),
    Endpoint(
        "/v1/tasks/note", "feedback", "Add a note or log a call",
        NoteTaskRequest, Task, {"task_id": 7, "text": "Voicemail.", "kind": "call"},
        _TASK | {"note": "Voicemail."},
    ),
    Endpoint(
        "/v1/tasks/snooze", "feedback", "Postpone a task to a day",
        SnoozeTaskRequest, Task, {"task_id": 7, "until": "2026-11-16"},
        _TASK | {"status": "snoozed", "due": "2026-11-16"},
    ),
    Endpoint(
        "/v1/tasks/step", "feedback", "Check one step of a task's playbook, counted from 0",
        StepTaskRequest, Task, {"task_id": 7, "step": 0, "done": True},
        _TASK | {"steps": [{"text": "Send the offer", "done": True}]},
    ),
    Endpoint(
        "/v1/tasks/finish", "feedback", "Close a task with its outcome",
        FinishTaskRequest, Task, {"task_id": 7, "outcome": "retained", "note": "They renew."}, _DONE,
    ),
    Endpoint(
        "/v1/tasks/reopen", "feedback", "Open a closed or postponed task again",
        ReopenTaskRequest, Task, {"task_id": 7}, _TASK,
    ),
    Endpoint(
        "/v1/widget", "read", "The address of a customer's widget for a CRM page, valid for 15 minutes",
        WidgetRequest, WidgetAddress, {"customer_id": "C-1042", "language": "en"},
        {"path": "/widget/customers/C-1042?token=…&language=en", "seconds": 900},
    ),
)  # fmt: skip
