"""Tasks: mine, my team's, overdue; steps, notes, calls, outcomes; and the calendar feed."""

from datetime import UTC, datetime

from starlette.responses import Response

from rapport.serving.application.account_work import visible_tasks
from rapport.serving.console.export import to_csv
from rapport.serving.console.page_context import PageContext
from rapport.serving.errors import RequestError
from rapport.serving.shapes.task_answers import Task
from rapport.serving.work.calendar_feed import calendar
from rapport.serving.work.tasks import HEADER, NO_LIMIT, OUTCOMES, interventions, is_overdue

WHOSE = ("mine", "all")
STATES = ("open", "overdue", "snoozed", "done", "all")
_SHOWN, _MOST = 300, 5_000


class ShownTask(Task):
    """A task as the page shows it, with the name of its account."""

    name: str
    is_overdue: bool


def show(page: PageContext) -> Response:
    """Show the tasks of the viewer or of everyone in its scope."""
    seen = _seen(page)
    mine = [task for task in seen if task["owner"] in page.own_names]
    params = page.request.query_params
    whose = params.get("whose") if params.get("whose") in WHOSE else ("mine" if mine else "all")
    state = params.get("state", "") if params.get("state") in STATES else "open"
    owner = params.get("owner", "")[:200]
    chosen = [
        task
        for task in (mine if whose == "mine" else seen)
        if _is_in(page, task, state) and (not owner or task["owner"] == owner)
    ]
    return page.render(
        "tasks.html",
        tasks=_with_names(page, chosen[:_SHOWN]),
        total=len(chosen),
        counts={name: sum(_is_in(page, task, name) for task in (mine if whose == "mine" else seen)) for name in STATES},
        whose=whose,
        state=state,
        owner=owner,
        task_owners=sorted({task["owner"] for task in seen}),
        owners=[name for name in page.portfolio.category("owner").values[1:] if page.viewer.sees_owner(name)],
        outcomes=OUTCOMES,
        opened=params.get("task", ""),
        feed=f"{page.root}/tasks.ics?token={page.calendar_token}" if page.calendar_token else "",
    )


def change(page: PageContext) -> Response:
    """Change one task: assign, note, call, step, done, snooze, cancel or reopen."""
    task_id, form, tasks = int(page.request.path_params["task_id"]), page.form, page.work.tasks
    page.require_task(task_id)
    note, kind = form.get("note", "").strip()[:2_000], form.get("act", "")
    changes = {
        "assigned": lambda: tasks.assign(task_id, form.get("owner", ""), due=form.get("due"), **page.stamp),
        "noted": lambda: tasks.note(task_id, note, **page.stamp),
        "call": lambda: tasks.note(task_id, note, kind="call", **page.stamp),
        "step": lambda: tasks.step(task_id, int(form["step"]), done=form.get("checked") == "yes", **page.stamp),
        "done": lambda: page.work.finish(page.viewer, task_id, outcome=form.get("outcome", ""), note=note),
        "snoozed": lambda: tasks.snooze(task_id, form.get("due", ""), **page.stamp),
        "cancelled": lambda: tasks.cancel(task_id, note=note, **page.stamp),
        "reopened": lambda: tasks.reopen(task_id, **page.stamp),
    }
    if kind not in changes or (kind == "step" and not form.get("step", "").isdigit()):
        raise RequestError(422, page.translate("work.unknown_act"), where="act")
    changes[kind]()
    undoable = str(task_id) if kind in ("done", "snoozed", "cancelled") else ""
    return page.redirect_with(form.get("back", ""), did=kind, tasks=undoable, n="1")


def calendar_file(page: PageContext) -> Response:
    """Return the viewer's open tasks as a calendar."""
    seen = [task for task in _seen(page) if task["status"] in ("open", "snoozed")]
    mine = [task for task in seen if task["owner"] in page.own_names] or seen
    base = str(page.request.base_url).rstrip("/")
    entries = [{**task, "url": f"{base}/customers/{task['customer_id']}"} for task in _with_names(page, mine)]
    text = calendar(entries, title=f"Rapport · {page.viewer.person or page.viewer.name}", now=datetime.now(UTC))
    return Response(text, media_type="text/calendar; charset=utf-8")


def interventions_file(page: PageContext) -> Response:
    """Return the finished tasks of the viewer's scope as rows of the history's table interventions."""
    done = visible_tasks(page.work.tasks.list(status="done", limit=NO_LIMIT), page.is_visible)
    content = to_csv(HEADER, interventions(sorted(done, key=lambda task: str(task["finished_at"]))))
    return page.file(content, "interventions.csv")


def _seen(page: PageContext) -> list[Task]:
    return visible_tasks(page.work.tasks.list(limit=NO_LIMIT), page.is_visible)[:_MOST]


def _is_in(page: PageContext, task: Task, state: str) -> bool:
    if state == "overdue":
        return is_overdue(task, page.today)
    if state == "open":
        return task["status"] in ("open", "snoozed")
    return state in ("all", task["status"])


def _with_names(page: PageContext, tasks: list[Task]) -> list[ShownTask]:
    """Add the name of each account, and whether its task is overdue."""
    names: dict[str, str] = {}
    for target in page.about["targets"]:
        portfolio = page.portfolios.of(target)
        rows = {task["customer_id"]: portfolio.row_of_id.get(task["customer_id"]) for task in tasks}
        names |= {key: portfolio.text("name", row) for key, row in rows.items() if row is not None and key not in names}
    return [
        {**task, "name": names.get(task["customer_id"], ""), "is_overdue": is_overdue(task, page.today)}
        for task in tasks
    ]
