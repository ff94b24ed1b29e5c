"""The worklist, its exports, and the outcomes that people log on it."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from starlette.responses import Response

from rapport.serving.console.export import Cell, to_csv, to_excel
from rapport.serving.console.page_context import PageContext
from rapport.serving.console.portfolio_columns import PortfolioColumns, RowIndexes
from rapport.serving.console.worklist import (
    FEEDBACK_STATES,
    MOVEMENTS,
    PAGE_SIZE,
    SORTS,
    Worklist,
    WorklistQuery,
    build_worklist,
    filter_options,
    visible_rows,
)

EXPORT_LIMIT = 5000
_SHOWN_REASONS, _READ_REASONS = 2, 4
_CONTACT_FAMILIES = ("recency", "rhythm")
_MIN_EVIDENCE_RATIO = 1 / 3
# A logged outcome closes a row for a while; after a month (done) or a quarter (incorrect) it is reviewed again.
_CLOSED_DAYS = {"done": 30, "not_right": 90}
_EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_TEXT_COLUMNS = ("customer_id", "name", "owner", "region", "segment", "tier")
_NUMERIC_COLUMNS = ("probability", "probability_30d", "percentile", "value_basis", "value_at_risk", "expected_saved")
_BY_TARGET = ("probability", "probability_30d", "value_basis", "value_at_risk", "expected_saved")


def show(page: PageContext) -> Response:
    """Show the accounts to contact, ranked."""
    query, feedback, found = _query_worklist(page)
    return page.render(
        "worklist.html",
        list=found,
        query=query,
        rows=_rows(page, found.page_rows, (found.page - 1) * PAGE_SIZE, feedback),
        filter_options=filter_options(page.portfolio, page.viewer.owner),
        movements=MOVEMENTS,
        feedback_states=FEEDBACK_STATES,
        sorts=SORTS,
        export_limit=EXPORT_LIMIT,
    )


def find(page: PageContext) -> Response:
    """Redirect to the customer with the given id, or to the list of customers whose name matches."""
    text = page.request.query_params.get("q", "").strip()[:100]
    row = page.portfolio.row_of_id.get(text)
    if row is not None and visible_rows(page.portfolio, page.viewer.owner)[row]:
        return page.redirect(page.url(f"/customers/{text}"))
    return page.redirect(page.url("/", q=text, feedback="all"))


def csv_file(page: PageContext) -> Response:
    """Return the filtered rows as CSV."""
    content = to_csv(*_export_table(page))
    return Response(content, media_type="text/csv; charset=utf-8", headers=_attachment(page, "csv"))


def excel_file(page: PageContext) -> Response:
    """Return the filtered rows as an Excel workbook."""
    content = to_excel(*_export_table(page), sheet=page.target[:31])
    return Response(content, media_type=_EXCEL, headers=_attachment(page, "xlsx"))


def log_feedback(page: PageContext) -> Response:
    """Store the outcome that a person logs for a customer, and go back."""
    form, customer_id = page.form, page.form.get("customer_id", "")
    page.require_visible(customer_id)
    verdict, weeks = form.get("verdict", ""), form.get("weeks", "1")
    until = page.today + timedelta(weeks=int(weeks) if weeks in ("1", "2", "4") else 1)
    page.application.feedback(
        page.viewer,
        customer_id=customer_id,
        target=page.target,
        verdict=verdict,
        comment=form.get("comment", "").strip()[:500],
        until=until.isoformat() if verdict == "snoozed" else None,
    )
    return page.redirect(form.get("back", ""))


def active_feedback(feedback: Mapping[str, Mapping[str, Any]], today: date) -> dict[str, Mapping[str, Any]]:
    """Return the outcomes that still close a row: snoozed until later, done or incorrect not long ago."""
    return {key: note for key, note in feedback.items() if _is_active(note, today)}


def _is_active(note: Mapping[str, Any], today: date) -> bool:
    if note["verdict"] == "snoozed":
        return bool(note["until"]) and date.fromisoformat(note["until"][:10]) > today
    days = _CLOSED_DAYS.get(note["verdict"], 0)
    return datetime.fromisoformat(note["at"]).date() + timedelta(days) > today


def _query_worklist(page: PageContext) -> tuple[WorklistQuery, dict[str, Mapping[str, Any]], Worklist]:
    query = WorklistQuery.of(page.request.query_params)
    feedback = active_feedback(page.application.latest_feedback(page.target), page.today)
    capacity = page.about["calls_per_week"]
    found = build_worklist(page.portfolio, query, owner=page.viewer.owner, feedback=feedback, capacity=capacity)
    return query, feedback, found


def _rows(
    page: PageContext, rows: RowIndexes, offset: int, feedback: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    portfolio = page.portfolio
    ids = [portfolio.text("customer_id", row) for row in rows]
    page.record_view(ids)
    answers = page.application.answers(ids, page.target, reasons=_READ_REASONS, language=page.language)
    # A new snapshot may be published in between: a customer that left it keeps the row, without reasons.
    reasons_of = [answer.get("reasons", []) for answer in answers]
    return [
        {
            **_facts(portfolio, row),
            "rank": offset + place,
            "reasons": reasons[:_SHOWN_REASONS],
            "advice": recommended_step(reasons),
            "feedback": feedback.get(key),
        }
        for place, (row, key, reasons) in enumerate(zip(rows, ids, reasons_of, strict=True), start=1)
    ]


def recommended_step(reasons: Sequence[Mapping[str, Any]]) -> str:
    """Return the most specific advice: one beyond "contact them", if its evidence is strong, else the strongest."""
    advised = [reason for reason in reasons if reason.get("advice")]
    if not advised:
        return ""
    least = _MIN_EVIDENCE_RATIO * abs(advised[0]["evidence"])
    specific = (one for one in advised if one["family"] not in _CONTACT_FAMILIES and abs(one["evidence"]) >= least)
    return str(next(specific, advised[0])["advice"])


def _facts(portfolio: PortfolioColumns, row: int) -> dict[str, Any]:
    texts = {name: portfolio.category(name).at(row) for name in ("segment", "region", "owner", "tier", "due")}
    scored = ("probability", "probability_30d", "percentile", "expected_saved")
    return {
        **{name: portfolio.text(name, row) for name in ("customer_id", "name")},
        **texts,
        **{name: float(portfolio.numeric(name)[row]) for name in scored},
        "value_at_risk": float(portfolio.revenue_at_risk[row]),
        "value_basis": float(portfolio.value_basis[row]),
        "change": float(portfolio.score_change[row]),
    }


def _export_table(page: PageContext) -> tuple[list[str], list[list[Cell]]]:
    _, feedback, found = _query_worklist(page)
    lines: list[list[Cell]] = []
    for row in _rows(page, found.rows[:EXPORT_LIMIT], 0, feedback):
        reasons = [str(reason["text"]) for reason in row["reasons"]]
        verdict = str(row["feedback"]["verdict"]) if row["feedback"] else ""
        numbers = [None if row[name] != row[name] else row[name] for name in _NUMERIC_COLUMNS]
        lines.append([*(row[name] for name in _TEXT_COLUMNS), *numbers, *[*reasons, "", ""][:2], row["due"], verdict])
    return _export_header(page), lines


def _export_header(page: PageContext) -> list[str]:
    names = (*_TEXT_COLUMNS, *_NUMERIC_COLUMNS, "reason_1", "reason_2", "due", "feedback")
    keys = [f"export.{name}.{page.target}" if name in _BY_TARGET else f"export.{name}" for name in names]
    return [page.translate(key, horizon=page.horizon(page.target)) for key in keys]


def _attachment(page: PageContext, extension: str) -> dict[str, str]:
    name = f"rapport-{page.target}-{page.about['as_of'][:10]}.{extension}"
    return {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
