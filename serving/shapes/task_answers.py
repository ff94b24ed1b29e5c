"""Types of the answers about tasks; the typed client uses them without pydantic."""

from __future__ import annotations

from typing import NotRequired

from typing_extensions import TypedDict


class TaskStep(TypedDict):
    """One step of a playbook."""

    text: str
    done: bool


class TaskLogEntry(TypedDict):
    """What somebody did with a task."""

    at: str
    by: str
    kind: str
    text: str


class Task(TypedDict):
    """What someone does about an account, by when, with which outcome."""

    id: int
    customer_id: str
    target: str
    owner: str
    title: str
    titles: dict[str, str]
    action_code: str
    due: str | None
    status: str
    outcome: str
    note: str
    created_at: str
    created_by: str
    steps: list[TaskStep]
    source: str
    updated_at: str
    finished_at: str | None
    finished_by: str | None
    model_version: str | None
    probability: float | None
    money: float | None
    log: NotRequired[list[TaskLogEntry]]
    repeated: NotRequired[bool]


class TaskList(TypedDict):
    """Tasks, and how many of them are overdue."""

    tasks: list[Task]
    overdue: int


class WidgetAddress(TypedDict):
    """The path of a widget on this server, and for how many seconds it answers."""

    path: str
    seconds: int
