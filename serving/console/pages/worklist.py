"""The worklist: the accounts to contact this week, ranked, with what is done about each of them; and its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
from starlette.responses import Response

from rapport.serving.console.export import Cell, to_csv, to_excel
from rapport.serving.console.page_context import PageContext
from rapport.serving.console.portfolio_columns import RowIndexes
from rapport.serving.console.worklist import Worklist, WorkState, build_worklist, filter_options, list_counts
from rapport.serving.console.worklist_query import (
    COLUMN_SORTS,
    COLUMNS,
    DENSITIES,
    FILTERS,
    GROUPS,
    MOVEMENTS,
    PAGE_SIZE,
    RENEWALS,
    SORTS,
    STATES,
    WorklistQuery,
)
from rapport.serving.console.worklist_rows import table_rows
from rapport.serving.errors import RequestError
from rapport.serving.work.tasks import OUTCOMES

EXPORT_LIMIT = 5000
# The first filters stand in the bar, the others behind "more filters".
_FIRST_FILTERS = ("owner", "health_grade", "lead_grade", "segment", "family")


def show(page: PageContext) -> Response:
    """Show the accounts to contact, ranked."""
    query, work, found = query_worklist(page)
    first, columns = (found.page - 1) * PAGE_SIZE, available_columns(page, query)
    options = filter_options(page.portfolio, page.visible, FILTERS)
    return page.render(
        "worklist.html",
        list=found,
        query=query,
        lists=list_counts(page.portfolio, page.contactable),
        rows=table_rows(page, found.page_rows, first, work),
        group_at={group.first: group for group in found.groups if first <= group.first < first + PAGE_SIZE},
        filter_options={name: values for name, values in options.items() if _is_useful(page, name, values)},
        first_filters=_FIRST_FILTERS,
        tags=sorted(work.tags),
        owners=owner_names(page),
        views=page.work.saved_views(page.viewer.name, "worklist"),
        choices={
            "movement": MOVEMENTS,
            "renewal": RENEWALS if page.portfolio.has("renewal_at") else (),
            "feedback": STATES,
            "group": [name for name in GROUPS if len(options.get(name, ())) > 1],
            "density": DENSITIES,
        },
        sort_of={name: COLUMN_SORTS.get(name, name) for name in columns if COLUMN_SORTS.get(name, name) in SORTS},
        row_columns=[name for name in columns if name in query.columns],
        all_columns=columns,
        capacity=page.capacity,
        remaining=max(0, page.capacity - found.done_this_week),
        export_limit=EXPORT_LIMIT,
        outcomes=OUTCOMES,
    )


def query_worklist(page: PageContext) -> tuple[WorklistQuery, WorkState, Worklist]:
    """Read the URL's query and return its list."""
    params = page.request.query_params
    # The form of the columns sends each checked one; links carry them in one parameter.
    checked = {"columns": ",".join(params.getlist("column"))} if "column" in params else {}
    query = WorklistQuery.of({**params, **checked})
    work = WorkState(page.work.row_states(page.target), page.work.tags(), page.today)
    found = build_worklist(page.portfolio, query, visible=page.contactable, work=work, capacity=page.capacity)
    return query, work, found


def owner_names(page: PageContext) -> list[str]:
    """Return the account owners to whom the viewer may assign a task."""
    known = page.portfolio.category("owner").values[1:]
    return [name for name in known if page.viewer.sees_owner(name)]


def available_columns(page: PageContext, query: WorklistQuery) -> list[str]:
    """Return the columns for which the scoring run has values; a lead's expected revenue stands in one column only."""
    needs = {
        "health": "health_score",
        "renewal": "renewal_at",
        "last_order": "recency_days",
        "clv": "clv_3y",
        "segment": "segment",
        "region": "region",
        "owner": "owner",
        "win_back": "win_back_value",
    }
    elsewhere = {"money" if page.target == "conversion" else "", "" if query.list_name == "win_back" else "win_back"}
    return [name for name in COLUMNS if name not in elsewhere and page.portfolio.has(needs.get(name, "customer_id"))]


def _is_useful(page: PageContext, name: str, values: Sequence[object]) -> bool:
    return bool(values) and not (name == "owner" and page.viewer.owner)


_TEXT_COLUMNS = ("customer_id", "name", "owner", "region", "segment", "tier", "health_grade")
_NUMERIC_COLUMNS = (
    "probability", "probability_30d", "percentile", "health_score", "value_basis", "value_at_risk",
    "expected_saved", "win_back_value",
)  # fmt: skip
# Their money is the expected revenue alone, and nobody left who could be won back.
_NOT_OF_LEADS = ("value_at_risk", "win_back_value")
_BY_TARGET = ("probability", "probability_30d", "value_basis", "value_at_risk", "expected_saved")
_LABELLED = ("segment", "region", "tier", "health_grade")


def csv_file(page: PageContext) -> Response:
    """Return the filtered rows as CSV."""
    return _file(page, "csv", *_filtered(page))


def excel_file(page: PageContext) -> Response:
    """Return the filtered rows as an Excel workbook."""
    return _file(page, "xlsx", *_filtered(page))


def selected_file(page: PageContext) -> Response:
    """Return the selected rows, those worth most first, as CSV or Excel; lapsed ones by what they spent."""
    portfolio = page.portfolio
    chosen = portfolio.with_ids([name[5:] for name in page.form if name.startswith("pick.")]) & page.contactable
    rows = np.flatnonzero(chosen)
    if not len(rows):
        raise RequestError(422, page.translate("work.none_selected"), where="pick")
    spent = np.nan_to_num(portfolio.numeric("win_back_value")[rows])
    ranked = rows[np.lexsort((-spent, -np.nan_to_num(portfolio.expected_savings[rows])))]
    work = WorkState(page.work.row_states(page.target), page.work.tags(), page.today)
    return _file(page, "xlsx" if page.form.get("format") == "xlsx" else "csv", ranked, work)


def _filtered(page: PageContext) -> tuple[RowIndexes, WorkState]:
    _, work, found = query_worklist(page)
    return found.rows[:EXPORT_LIMIT], work


def _file(page: PageContext, extension: str, rows: RowIndexes, work: WorkState) -> Response:
    header, lines = _header(page), _lines(page, rows, work)
    name = f"rapport-{page.target}-{page.about['as_of'][:10]}.{extension}"
    content = to_csv(header, lines) if extension == "csv" else to_excel(header, lines, sheet=page.target[:31])
    return page.file(content, name)


def _lines(page: PageContext, rows: RowIndexes, work: WorkState) -> list[list[Cell]]:
    label = page.label
    lines: list[list[Cell]] = []
    for row in table_rows(page, rows, 0, work):
        reasons, cells = [reason["text"] for reason in row["reasons"]], cast("Mapping[str, Cell]", row)
        texts = [
            label(name, str(cells[name])) if name in _LABELLED and cells[name] else cells[name]
            for name in _TEXT_COLUMNS
        ]
        numbers = [None if cells[name] != cells[name] else cells[name] for name in _numeric_columns(page)]
        state = page.translate(f"feedback.{row['state']}") if row["task"] else ""
        lines.append([*texts, *numbers, *[*reasons, "", ""][:2], row["advice"], row["due"], state])
    return lines


def _numeric_columns(page: PageContext) -> list[str]:
    return [name for name in _NUMERIC_COLUMNS if page.target == "churn" or name not in _NOT_OF_LEADS]


def _header(page: PageContext) -> list[str]:
    names = (*_TEXT_COLUMNS, *_numeric_columns(page), "reason_1", "reason_2", "next", "due", "feedback")
    keys = [f"export.{name}.{page.target}" if name in _BY_TARGET else f"export.{name}" for name in names]
    return [page.translate(key, horizon=page.horizon(page.target)) for key in keys]
