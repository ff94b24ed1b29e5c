"""Handlers of the task endpoints: a viewer reads and changes the tasks of accounts that it may see."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from rapport.serving.api import task_endpoints as schemas
from rapport.serving.api.customer_answers import CustomerAnswers
from rapport.serving.application.account_work import AccountWork, visible_tasks
from rapport.serving.errors import RequestError, message
from rapport.serving.security.keys import LOCAL
from rapport.serving.security.request_context import RequestContext
from rapport.serving.security.widget_tokens import WIDGET_SECONDS
from rapport.serving.work.tasks import NO_LIMIT, NewTask, is_overdue

Body = Mapping[str, object]


class TaskHandlers(CustomerAnswers):
    """One method for each task endpoint."""

    def tasks(self, request: schemas.TasksRequest, context: RequestContext) -> Body:
        """List tasks."""
        # The limit counts what the viewer sees: tasks of others before them take no place.
        found = self._work.tasks.list(**request.model_dump(exclude={"limit"}), limit=NO_LIMIT)
        seen = visible_tasks(found, lambda one: self._application.may_see(context.viewer, one))[: request.limit]
        today = datetime.now(UTC).astimezone(ZoneInfo(self._application.settings.timezone)).date()
        return {"tasks": seen, "overdue": sum(is_overdue(task, today) for task in seen)}

    def tasks_open(self, request: schemas.OpenTaskRequest, context: RequestContext) -> Body:
        """Open a task."""
        self._require_account(context, request.customer_id)
        return self._work.open(context.viewer, NewTask(**request.model_dump(), source="api"))

    def tasks_assign(self, request: schemas.AssignTaskRequest, context: RequestContext) -> Body:
        """Give a task to another person."""
        self._require_task(context, request.task_id)
        return self._work.tasks.assign(request.task_id, request.owner, due=request.due, **_stamp(context))

    def tasks_note(self, request: schemas.NoteTaskRequest, context: RequestContext) -> Body:
        """Add a note or log a call."""
        self._require_task(context, request.task_id)
        return self._work.tasks.note(request.task_id, request.text, kind=request.kind, **_stamp(context))

    def tasks_snooze(self, request: schemas.SnoozeTaskRequest, context: RequestContext) -> Body:
        """Postpone a task."""
        self._require_task(context, request.task_id)
        return self._work.tasks.snooze(request.task_id, request.until, **_stamp(context))

    def tasks_step(self, request: schemas.StepTaskRequest, context: RequestContext) -> Body:
        """Check one step."""
        self._require_task(context, request.task_id)
        return self._work.tasks.step(request.task_id, request.step, done=request.done, **_stamp(context))

    def tasks_finish(self, request: schemas.FinishTaskRequest, context: RequestContext) -> Body:
        """Close a task."""
        self._require_task(context, request.task_id)
        return self._work.finish(context.viewer, request.task_id, outcome=request.outcome, note=request.note)

    def tasks_reopen(self, request: schemas.ReopenTaskRequest, context: RequestContext) -> Body:
        """Open a task again."""
        self._require_task(context, request.task_id)
        return self._work.tasks.reopen(request.task_id, **_stamp(context))

    def widget(self, request: schemas.WidgetRequest, context: RequestContext) -> Body:
        """Return the address of a customer's widget."""
        self._require_account(context, request.customer_id)
        if not context.viewer.mark and context.viewer != LOCAL:
            raise RequestError(403, message("widget_needs_key"))
        token = self._application.widget_token(context.viewer, request.customer_id)
        query = urlencode({"token": token, "language": self.language_of(request)})
        return {"path": f"/widget/customers/{quote(request.customer_id)}?{query}", "seconds": WIDGET_SECONDS}

    @property
    def _work(self) -> AccountWork:
        return self._application.work

    def _require_task(self, context: RequestContext, task_id: int) -> None:
        customer_id = self._work.tasks.get(task_id)["customer_id"]
        if not self._application.may_see(context.viewer, customer_id):
            # The sentence of a task that does not exist: numbers tell nothing about other owners' work.
            raise RequestError(404, message("unknown_task"), where="task_id")
        self._audit.add(context, [customer_id], datetime.now(UTC))

    def _require_account(self, context: RequestContext, customer_id: str) -> None:
        self.require_seen(context, customer_id)
        self._audit.add(context, [customer_id], datetime.now(UTC))


def _stamp(context: RequestContext) -> dict[str, str]:
    return {"by": context.viewer.name, "at": datetime.now(UTC).isoformat(timespec="seconds")}
