"""What people do on the worklist and on customer pages: close, postpone, assign, tag and undo, one row or many."""

from datetime import date, timedelta

from starlette.responses import Response

from rapport.languages import CODES
from rapport.serving.console.page_context import PageContext
from rapport.serving.console.pages.worklist import query_worklist
from rapport.serving.console.worklist_rows import ListPosition, table_row
from rapport.serving.errors import RequestError
from rapport.serving.shapes.task_answers import Task
from rapport.serving.translations import translations
from rapport.serving.work.tasks import OUTCOMES, NewTask

ACTS = ("done", "snoozed", "not_right", "assigned", "tagged", "opened", "call")
_MAX_BULK = 200


def act(page: PageContext) -> Response:
    """Do one thing about one account; with htmx the row is answered, else the page that the form came from."""
    customer_id, kind = page.form.get("customer_id", ""), page.form.get("act") or page.form.get("verdict", "")
    page.require_visible(customer_id)
    task = _apply(page, customer_id, kind)
    if page.is_htmx and page.form.get("row"):
        return _row(page, customer_id, kind, task)
    return page.redirect_with(page.form.get("back", ""), did=kind, tasks=str(task["id"] if task else ""), n="1")


def act_on_many(page: PageContext) -> Response:
    """Do one thing about all chosen accounts."""
    chosen = [name[5:] for name in page.form if name.startswith("pick.")][:_MAX_BULK]
    for customer_id in chosen:
        page.require_visible(customer_id)
    tasks = [_apply(page, customer_id, page.form.get("act", "")) for customer_id in chosen]
    ids = ",".join(str(task["id"]) for task in tasks if task)
    return page.redirect_with(page.form.get("back", ""), did=page.form.get("act", ""), tasks=ids, n=str(len(chosen)))


def undo(page: PageContext) -> Response:
    """Open the tasks of the last click again."""
    for text in page.form.get("tasks", "").split(",")[:_MAX_BULK]:
        if text.isascii() and text.isdigit():
            task = page.require_task(int(text))
            page.work.tasks.reopen(task["id"], **page.stamp)
            if page.is_htmx and page.form.get("row"):
                return _row(page, task["customer_id"], "reopened", page.work.tasks.get(task["id"]))
    return page.redirect_with(page.form.get("back", ""), did="reopened", tasks="", n="")


def save_view(page: PageContext) -> Response:
    """Save the current filters, order and columns under a name."""
    form = page.form
    page.work.views.save(
        page.viewer.name,
        "worklist",
        form.get("name", ""),
        form.get("query", ""),
        shared=form.get("shared") == "yes",
        at=page.stamp["at"],
    )
    return page.redirect(form.get("back", ""))


def delete_view(page: PageContext) -> Response:
    """Delete one of the viewer's own views."""
    if (view_id := page.form.get("view_id", "")).isdigit():
        page.work.views.delete(int(view_id), page.viewer.name)
    return page.redirect(page.form.get("back", ""))


def _apply(page: PageContext, customer_id: str, kind: str) -> Task | None:
    """Do one thing about one account and return its task; a tag has none."""
    form, work = page.form, page.work
    page.record_view([customer_id])
    if kind not in ACTS:
        raise RequestError(422, page.translate("work.unknown_act"), where="act")
    if kind == "tagged":
        work.facts.record(customer_id, "tag", form.get("tag", "").strip()[:60], **page.stamp)
        return None
    task = _task_of(page, customer_id)
    note = (form.get("note") or form.get("comment") or "").strip()[:500]
    if kind == "snoozed":
        if note:
            work.tasks.note(task["id"], note, **page.stamp)
        return work.tasks.snooze(task["id"], _snoozed_until(page).isoformat(), **page.stamp)
    if kind == "assigned":
        return work.tasks.assign(task["id"], form.get("owner", "") or task["owner"], due=form.get("due"), **page.stamp)
    if kind == "call":
        return work.tasks.note(task["id"], note, kind="call", **page.stamp)
    if kind == "opened":
        return task
    chosen = form.get("outcome", "")
    outcome = "wrong_prediction" if kind == "not_right" else chosen if chosen in OUTCOMES else ""
    return work.finish(page.viewer, task["id"], outcome=outcome, note=note)


def _task_of(page: PageContext, customer_id: str) -> Task:
    """Return the account's open task, else a new one for the recommended step."""
    form, work = page.form, page.work
    latest = work.tasks.latest(page.target).get(customer_id)
    if latest is not None and latest["status"] in ("open", "snoozed") and not form.get("title"):
        return latest
    steps = [line for line in form.get("steps", "").splitlines() if line.strip()]
    title = form.get("title", "").strip()[:300] or form.get("advice", "").strip()[:300]
    return work.open(
        page.viewer,
        NewTask(
            customer_id,
            page.target,
            title or page.translate("task.contact"),
            titles={} if title else {one: translations(one)("task.contact") for one in CODES},
            owner=form.get("owner", ""),
            due=form.get("due") or None,
            action_code=form.get("code", "")[:200],
            steps=steps,
            source="customer" if form.get("from") == "customer" else "worklist",
        ),
    )


def _snoozed_until(page: PageContext) -> date:
    weeks = page.form.get("weeks", "1")
    return page.today + timedelta(weeks=int(weeks) if weeks in ("1", "2", "4") else 1)


def _row(page: PageContext, customer_id: str, kind: str, task: Task | None) -> Response:
    """Answer the row in its new state, with the count of this week and a message for screen readers."""
    row = page.portfolio.row_of_id.get(customer_id)
    if row is None:
        raise page.not_found(customer_id)
    query, _, found = query_worklist(page)
    (answer,) = page.application.answers([customer_id], page.target, reasons=4, language=page.language)
    (step,) = page.application.next_steps([customer_id], page.target, page.language)
    rank = page.form.get("rank", "")
    return page.render(
        "worklist_row.html",
        row=table_row(page, row, answer, step, ListPosition(int(rank) if rank.isdigit() else 0, task)),
        query=query,
        list=found,
        capacity=page.capacity,
        did=kind,
        row_columns=[name for name in page.form.get("columns", "").split(",") if name],
        back=page.form.get("back", ""),
        outcomes=OUTCOMES,
    )
