"""The endpoints about tasks."""

from __future__ import annotations

from rapport.serving.api import task_schemas as schemas
from rapport.serving.api.endpoint import Endpoint
from rapport.serving.shapes.task_answers import Task, TaskList, WidgetAddress

_TASK = {
    "id": 7, "customer_id": "C-1042", "target": "churn", "owner": "Maria Lopez", "title": "Start the renewal talk",
    "action_code": "CON-01", "due": "2026-11-09", "status": "open", "outcome": "", "note": "",
    "created_at": "2026-11-02T09:00:00+00:00", "created_by": "crm",
    "steps": [{"text": "Send the offer", "done": False}],
    "source": "api", "updated_at": "2026-11-02T09:00:00+00:00", "finished_at": None, "finished_by": None,
    "model_version": "7", "probability": 0.46, "money": 12_000.0,
}  # fmt: skip
_DONE = _TASK | {"status": "done", "outcome": "retained", "note": "They renew.", "finished_by": "crm"}

TASK_ENDPOINTS = (
    Endpoint(
        "/v1/tasks", "read", "Tasks, those due first first",
        schemas.TasksRequest, TaskList, {"status": "open"}, {"tasks": [_TASK], "overdue": 0},
    ),
    Endpoint(
        "/v1/tasks/open", "feedback", "Open a task; without an owner it belongs to the account's owner",
        schemas.OpenTaskRequest, Task,
        {"customer_id": "C-1042", "title": "Start the renewal talk", "due": "2026-11-09", "steps": ["Send the offer"]},
        _TASK,
    ),
    Endpoint(
        "/v1/tasks/assign", "feedback", "Give a task to another person",
        schemas.AssignTaskRequest, Task, {"task_id": 7, "owner": "Tom Becker"}, _TASK | {"owner": "Tom Becker"},
    ),
    Endpoint(
        "/v1/tasks/note", "feedback", "Add a note or log a call",
        schemas.NoteTaskRequest, Task, {"task_id": 7, "text": "Voicemail.", "kind": "call"},
        _TASK | {"note": "Voicemail."},
    ),
    Endpoint(
        "/v1/tasks/snooze", "feedback", "Postpone a task to a day",
        schemas.SnoozeTaskRequest, Task, {"task_id": 7, "until": "2026-11-16"},
        _TASK | {"status": "snoozed", "due": "2026-11-16"},
    ),
    Endpoint(
        "/v1/tasks/step", "feedback", "Check one step of a task's playbook, counted from 0",
        schemas.StepTaskRequest, Task, {"task_id": 7, "step": 0, "done": True},
        _TASK | {"steps": [{"text": "Send the offer", "done": True}]},
    ),
    Endpoint(
        "/v1/tasks/finish", "feedback", "Close a task with its outcome",
        schemas.FinishTaskRequest, Task, {"task_id": 7, "outcome": "retained", "note": "They renew."}, _DONE,
    ),
    Endpoint(
        "/v1/tasks/reopen", "feedback", "Open a closed or postponed task again",
        schemas.ReopenTaskRequest, Task, {"task_id": 7}, _TASK,
    ),
    Endpoint(
        "/v1/widget", "read", "The address of a customer's widget for a CRM page, valid for 15 minutes",
        schemas.WidgetRequest, WidgetAddress, {"customer_id": "C-1042", "language": "en"},
        {"path": "/widget/customers/C-1042?token=…&language=en", "seconds": 900},
    ),
)  # fmt: skip
