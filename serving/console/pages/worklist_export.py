"""The worklist as files: the rows that match the filters, or the selected ones, with labels in the page's language."""

import numpy as np
from starlette.responses import Response

from rapport.serving.console.export import Cell, to_csv, to_excel
from rapport.serving.console.page_context import PageContext
from rapport.serving.console.pages.worklist import EXPORT_LIMIT, query_worklist, table_rows
from rapport.serving.console.portfolio_columns import RowIndexes
from rapport.serving.console.worklist import WorkState
from rapport.serving.errors import RequestError

_TEXT_COLUMNS = ("customer_id", "name", "owner", "region", "segment", "tier", "health_grade")
_NUMERIC_COLUMNS = (
    "probability", "probability_30d", "percentile", "health_score", "value_basis", "value_at_risk",
    "expected_saved",
)  # fmt: skip
_BY_TARGET = ("probability", "probability_30d", "value_basis", "value_at_risk", "expected_saved")
_LABELLED = ("segment", "region", "tier", "health_grade")


def csv_file(page: PageContext) -> Response:
    """Return the filtered rows as CSV."""
    return _file(page, "csv", *_filtered(page))


def excel_file(page: PageContext) -> Response:
    """Return the filtered rows as an Excel workbook."""
    return _file(page, "xlsx", *_filtered(page))


def selected_file(page: PageContext) -> Response:
    """Return the selected rows, those worth most first, as CSV or Excel."""
    portfolio = page.portfolio
    chosen = portfolio.with_ids([name[5:] for name in page.form if name.startswith("pick.")]) & page.contactable
    rows = np.flatnonzero(chosen)
    if not len(rows):
        raise RequestError(422, page.translate("work.none_selected"), where="pick")
    ranked = rows[np.argsort(-portfolio.expected_savings[rows], kind="stable")]
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
        reasons = [str(reason["text"]) for reason in row["reasons"]]
        texts = [label(name, row[name]) if name in _LABELLED and row[name] else row[name] for name in _TEXT_COLUMNS]
        numbers = [None if row[name] != row[name] else row[name] for name in _NUMERIC_COLUMNS]
        state = page.translate(f"feedback.{row['state']}") if row["task"] else ""
        lines.append([*texts, *numbers, *[*reasons, "", ""][:2], row["advice"], row["due"], state])
    return lines


def _header(page: PageContext) -> list[str]:
    names = (*_TEXT_COLUMNS, *_NUMERIC_COLUMNS, "reason_1", "reason_2", "next", "due", "feedback")
    keys = [f"export.{name}.{page.target}" if name in _BY_TARGET else f"export.{name}" for name in names]
    return [page.translate(key, horizon=page.horizon(page.target)) for key in keys]
