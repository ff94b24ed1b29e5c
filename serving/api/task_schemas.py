"""Schemas of the requests about tasks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from rapport.serving.api.schemas import Body, Day, Id, Target

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
    language: Literal["en", "zh"] | None = None
