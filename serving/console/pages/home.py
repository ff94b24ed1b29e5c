"""The home page of managers and executives: health, revenue at risk, what was saved, renewals, key accounts."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
from starlette.responses import Response

from rapport.serving.application.account_work import visible_tasks
from rapport.serving.console import home_figures as figures
from rapport.serving.console.page_context import PageContext
from rapport.serving.console.portfolio_columns import Mask, PortfolioColumns
from rapport.serving.console.worklist import filter_options
from rapport.serving.shapes.task_answers import Task
from rapport.serving.work.tasks import is_overdue

_SAVED, _LOST = ("retained", "reordered", "won"), ("lost",)
_COMPARABLE = ("region", "segment", "owner", "industry", "source", "health_grade")
_WEEKS, _PERIOD = 8, timedelta(days=30)


def show(page: PageContext) -> Response:
    """Show the figures of the viewer's scope."""
    target = page.about["targets"][0]
    portfolio = page.portfolios.of(target)
    seen = page.visible_rows(portfolio) & portfolio.scored
    tasks = visible_tasks(page.work.tasks.list(target=target), page.is_visible)
    by, values = _compared(page)
    # Only values of customers that the viewer may see.
    options = filter_options(portfolio, seen, _COMPARABLE)
    comparable = [(name, [value for value, _ in values]) for name, values in options.items() if values]
    return page.render(
        "home.html",
        shown_target=target,
        horizon=page.horizon(target),
        total=figures.scope_figures(portfolio, seen),
        trend=figures.score_trend(portfolio, seen, page.application.run_table(target, "past"), page.about["as_of"]),
        grades=figures.grade_counts(portfolio, seen, _grade_order(page)),
        owners=_with_tasks(figures.by_group(portfolio, seen, "owner"), tasks, page.today),
        renewals=figures.renewals(portfolio, page.visible_rows(portfolio), page.today),
        key_accounts=figures.key_accounts(portfolio, seen),
        kpis=figures.kpis(portfolio, page.visible_rows(portfolio), page.application.run_table(target, "view_kpis")),
        weeks=_saved_by_week(tasks, page.today),
        outcomes=_outcome_money(tasks),
        overdue=sum(is_overdue(task, page.today) for task in tasks),
        open_tasks=sum(task["status"] in ("open", "snoozed") for task in tasks),
        comparable=comparable,
        sides=_sides(page, comparable),
        compared_by=by,
        compared=[
            (value, figures.scope_figures(portfolio, seen & portfolio.category(by).equals(value))) for value in values
        ],
        **_periods(page, portfolio, tasks),
    )


def _periods(page: PageContext, portfolio: PortfolioColumns, tasks: Sequence[Task]) -> dict[str, Any]:
    """Return the days that can be compared and, where the URL names two, what they and the 30 days before each show."""
    target, params = page.about["targets"][0], page.request.query_params
    days = page.application.archived_days(target)
    wanted = [day for name in ("from", "to") if (day := params.get(name, "")) in days]
    by, _, value = params.get("of", "").partition(":")
    seen = page.visible_rows(portfolio)
    if by in _COMPARABLE:
        seen &= portfolio.category(by).equals(value)
    compared = [_period(page, target, day, portfolio, seen, tasks) for day in wanted] if len(wanted) > 1 else []
    grades = figures.in_order({grade for one in compared for grade in one["grades"]}, _grade_order(page))
    usual = [_month_before(days), days[-1]] if len(days) > 1 else []
    return {"days": days, "chosen_days": wanted if compared else usual, "periods": compared, "period_grades": grades}


def _month_before(days: Sequence[str]) -> str:
    """Return the last day that is 30 days or more before the last one, else the first."""
    latest = (date.fromisoformat(days[-1]) - _PERIOD).isoformat()
    return max((day for day in days if day <= latest), default=days[0])


def _period(
    page: PageContext, target: str, day: str, portfolio: PortfolioColumns, seen: Mask, tasks: Sequence[Task]
) -> dict[str, Any]:
    version, table = page.application.population_on_day(target, day)
    start, rows = (date.fromisoformat(day) - _PERIOD).isoformat(), portfolio.row_of_id
    finished = [task for task in tasks if start < (task["finished_at"] or "")[:10] <= day]
    own = [task for task in finished if (row := rows.get(task["customer_id"])) is not None and seen[row]]
    return {
        "day": day,
        "version": version,
        "outcomes": _outcome_money(own),
        **figures.day_figures(portfolio, seen, table),
    }


def _grade_order(page: PageContext) -> list[str]:
    """Return the company's health grades, best first."""
    own = page.application.own_labels(page.about["targets"][0], page.language)
    return list(own.get("health_grade", ()))


def _compared(page: PageContext) -> tuple[str, list[str]]:
    """Return the category and the two values that the URL compares, written as ``region:East``."""
    chosen = [page.request.query_params.get(name, "").partition(":") for name in ("a", "b")]
    by = chosen[0][0]
    if by not in _COMPARABLE or any(name != by for name, _, _ in chosen):
        return "", []
    return by, [value for _, _, value in chosen]


def _sides(page: PageContext, comparable: Sequence[tuple[str, Sequence[str]]]) -> list[tuple[str, str]]:
    """Return what each side of the comparison has chosen: the URL's, else two values of the first category."""
    name, values = next(((name, values) for name, values in comparable if len(values) > 1), ("", ("", "")))
    usual = {"a": f"{name}:{values[0]}", "b": f"{name}:{values[1]}"}
    return [(side, page.request.query_params.get(side) or usual[side]) for side in ("a", "b")]


def _money(tasks: Sequence[Task]) -> float:
    return float(sum(task["money"] or 0.0 for task in tasks))


def _outcome_money(tasks: Sequence[Task]) -> dict[str, tuple[int, float]]:
    saved = [task for task in tasks if task["outcome"] in _SAVED]
    lost = [task for task in tasks if task["outcome"] in _LOST]
    return {"saved": (len(saved), _money(saved)), "lost": (len(lost), _money(lost))}


def _saved_by_week(tasks: Sequence[Task], today: date) -> list[dict[str, object]]:
    """Return the money of tasks that ended well and of those lost, week by week, oldest first."""
    monday = today - timedelta(days=today.weekday())
    weeks = []
    for back in range(_WEEKS - 1, -1, -1):
        start = monday - timedelta(weeks=back)
        end = (start + timedelta(weeks=1)).isoformat()
        of_week = [task for task in tasks if start.isoformat() <= (task["finished_at"] or "")[:10] < end]
        weeks.append(
            {
                "start": start.isoformat(),
                "done": sum(task["status"] == "done" for task in of_week),
                "saved": _money([task for task in of_week if task["outcome"] in _SAVED]),
                "lost": _money([task for task in of_week if task["outcome"] in _LOST]),
            }
        )
    return weeks


def _with_tasks(groups: list[dict[str, object]], tasks: Sequence[Task], today: date) -> list[dict[str, Any]]:
    """Add to each owner the tasks done this week, those overdue, and the money saved."""
    monday = (today - timedelta(days=today.weekday())).isoformat()
    for group in groups:
        own = [task for task in tasks if task["owner"] == group["name"]]
        group |= {
            "done": sum(task["status"] == "done" and (task["finished_at"] or "") >= monday for task in own),
            "overdue": sum(is_overdue(task, today) for task in own),
            "saved": _money([task for task in own if task["outcome"] in _SAVED]),
        }
    return sorted(groups, key=lambda group: -np.nan_to_num(group["revenue_at_risk"]))
