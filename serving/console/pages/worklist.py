"""The worklist, its exports, and the marks that people leave on it."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from rapport.serving.console.book import Book, Rows
from rapport.serving.console.export import Cell, as_csv, as_excel
from rapport.serving.console.visit import Visit
from rapport.serving.console.worklist import MARKS, MOVEMENTS, PAGE, SORTS, Query, Worklist, choices, visible, worklist
from starlette.responses import Response

MOST = 5000
_REASONS, _HEARD = 2, 4
_CALL = ("recency", "rhythm")
_WORTH_SAYING = 1 / 3
# A mark closes a row for a while: what was done a month ago, or judged wrong a quarter ago, is worth another look.
_CLOSED_DAYS = {"done": 30, "not_right": 90}
_EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_NUMBERS = ("probability", "probability_30d", "percentile", "value", "value_at_risk", "expected_saved")


def show(visit: Visit) -> Response:
    """Show whom to call, best first."""
    query, marks, found = _asked(visit)
    rows = _rows(visit, found.shown, (found.page - 1) * PAGE, marks)
    return visit.show(
        "worklist.html",
        list=found,
        query=query,
        rows=rows,
        choices=choices(visit.book, visit.viewer.owner),
        movements=MOVEMENTS,
        mark_kinds=MARKS,
        sorts=SORTS,
        most=MOST,
    )


def find(visit: Visit) -> Response:
    """Go to the customer that was searched for, or to the list of those that fit."""
    text = visit.request.query_params.get("q", "").strip()[:100]
    book = visit.book
    row = book.rows_by_id.get(text)
    if row is not None and visible(book, visit.viewer.owner)[row]:
        return visit.go(visit.address(f"/customers/{text}"))
    return visit.go(visit.address("/", q=text, mark="all"))


def csv_file(visit: Visit) -> Response:
    """Hand out what is seen as CSV."""
    content = as_csv(*_sheet(visit))
    return Response(content, media_type="text/csv; charset=utf-8", headers=_as_file(visit, "csv"))


def excel_file(visit: Visit) -> Response:
    """Hand out what is seen as an Excel workbook."""
    content = as_excel(*_sheet(visit), sheet=visit.target[:31])
    return Response(content, media_type=_EXCEL, headers=_as_file(visit, "xlsx"))


def mark(visit: Visit) -> Response:
    """Keep what a person says about a customer, and go back to where they were."""
    form, customer_id = visit.form, visit.form.get("customer_id", "")
    visit.must_see(customer_id)
    verdict, weeks = form.get("verdict", ""), form.get("weeks", "1")
    until = visit.today + timedelta(weeks=int(weeks) if weeks in ("1", "2", "4") else 1)
    visit.desk.feedback(
        visit.viewer,
        customer_id=customer_id,
        target=visit.target,
        verdict=verdict,
        comment=form.get("comment", "").strip()[:500],
        until=until.isoformat() if verdict == "snoozed" else None,
    )
    return visit.go(form.get("back", ""))


def standing(marks: Mapping[str, Mapping[str, Any]], today: date) -> dict[str, Mapping[str, Any]]:
    """Return the marks that still close a row: snoozed until later, done or judged wrong not long ago."""
    return {key: made for key, made in marks.items() if _stands(made, today)}


def _stands(made: Mapping[str, Any], today: date) -> bool:
    if made["verdict"] == "snoozed":
        return bool(made["until"]) and date.fromisoformat(made["until"][:10]) > today
    days = _CLOSED_DAYS.get(made["verdict"], 0)
    return datetime.fromisoformat(made["at"]).date() + timedelta(days) > today


def _asked(visit: Visit) -> tuple[Query, dict[str, Mapping[str, Any]], Worklist]:
    query = Query.of(visit.request.query_params)
    marks = standing(visit.desk.marks(visit.target), visit.today)
    capacity = visit.about["calls_per_week"]
    return query, marks, worklist(visit.book, query, owner=visit.viewer.owner, marks=marks, capacity=capacity)


def _rows(visit: Visit, rows: Rows, before: int, marks: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    book = visit.book
    ids = [book.text("customer_id", row) for row in rows]
    visit.saw(ids)
    answers = visit.desk.answers(ids, visit.target, reasons=_HEARD, language=visit.language)
    # A night may be swapped in between: who is not in it any more keeps the row, without reasons.
    reasons = [answer.get("reasons", []) for answer in answers]
    return [
        {
            **_facts(book, row),
            "rank": before + place,
            "reasons": told[:_REASONS],
            "advice": next_step(told),
            "mark": marks.get(key),
        }
        for place, (row, key, told) in enumerate(zip(rows, ids, reasons, strict=True), start=1)
    ]


def next_step(told: Sequence[Mapping[str, Any]]) -> str:
    """Return the advice that says more than to call, for everyone on the list is called; else the strongest one."""
    advised = [reason for reason in told if reason.get("advice")]
    if not advised:
        return ""
    worth = _WORTH_SAYING * abs(advised[0]["evidence"])
    more = (each for each in advised if each["family"] not in _CALL and abs(each["evidence"]) >= worth)
    return str(next(more, advised[0])["advice"])


def _facts(book: Book, row: int) -> dict[str, Any]:
    words = {name: book.words(name).at(row) for name in ("segment", "region", "owner", "tier", "due")}
    numbers = {name: float(book.numbers(name)[row]) for name in _NUMBERS}
    named = {name: book.text(name, row) for name in ("customer_id", "name")}
    numbers["value_at_risk"] = float(book.at_risk[row])
    return {**named, **words, **numbers, "change": float(book.movement[row])}


def _sheet(visit: Visit) -> tuple[list[str], list[list[Cell]]]:
    _, marks, found = _asked(visit)
    words = ("customer_id", "name", "owner", "region", "segment", "tier")
    texts = visit.texts
    header = [texts(f"export.{name}") for name in (*words, *_NUMBERS, "reason_1", "reason_2", "due", "marked")]
    lines: list[list[Cell]] = []
    for row in _rows(visit, found.rows[:MOST], 0, marks):
        reasons = [str(reason["text"]) for reason in row["reasons"]]
        said = str(row["mark"]["verdict"]) if row["mark"] else ""
        numbers = [None if row[name] != row[name] else row[name] for name in _NUMBERS]
        lines.append([*(row[name] for name in words), *numbers, *[*reasons, "", ""][:2], row["due"], said])
    return header, lines


def _as_file(visit: Visit, ending: str) -> dict[str, str]:
    name = f"rapport-{visit.target}-{visit.about['as_of'][:10]}.{ending}"
    return {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
