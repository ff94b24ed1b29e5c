"""Checks of values: rows of one kind that were all rejected or left out, and ids that a spreadsheet damaged."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from rapport.history.checks.finding import Finding, message, one_row
from rapport.history.contract import by_name
from rapport.history.reading.history import History
from rapport.history.sql import quoted

# Fewer rejected rows are no pattern.
_FEWEST = 5
_MOST = 0.8


def rejected_kinds(history: History, _: datetime) -> Iterable[Finding]:
    """Find rejections that strike one kind of row: negative amounts, or one stretch of a file."""
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in history.rejected.rows.to_pylist():
        groups.setdefault((row["table"], row["column"], row["reason"]), []).append(row)
    for (table, column, reason), rows in groups.items():
        if len(rows) < _FEWEST:
            continue
        negative = sum(_is_negative_text(row["value"]) for row in rows) / len(rows)
        if column and negative >= _MOST and _negative_share(history, table, column) < negative / 4:
            kind = message("rejected_kind.negative", count=len(rows), column=column)
        elif (stretch := _stretch(history, table, rows)) is not None:
            kind = message("rejected_kind.stretch", stretch=stretch)
        else:
            continue
        yield Finding.of("warn", "rejected_kind", table, {"reason": reason}, kind=kind)


def _is_negative_text(value: str | None) -> bool:
    text = (value or "").strip()
    return text[:1] in ("-", "(", "−", "–", "－", "（") or text[-1:] in ("-", ")", "−")


def _negative_share(history: History, table: str, column: str) -> float:
    if column not in by_name(table).names or by_name(table).column(column).kind != "number":
        return 1.0
    share = one_row(history, f"SELECT avg(CAST({quoted(column)} < 0 AS INTEGER)) FROM {quoted(table)}")[0]
    return float(share or 0.0)


def _stretch(history: History, table: str, rows: list[dict[str, Any]]) -> str | None:
    """Return the lines of a file if the rejected rows fill them, and the rest of the file has few."""
    files = {row["file"] for row in rows}
    lines = [row["line"] for row in rows]
    length = max(lines) - min(lines) + 1
    whole = history.rows.get(table, 0) + len(rows)
    if len(files) > 1 or len(rows) < _MOST * length or length > whole / 2:
        return None
    return f"{next(iter(files)) or table}, {min(lines)}–{max(lines)}"


def tables_left_out(history: History, _: datetime) -> Iterable[Finding]:
    """Find tables of which no row counts: the condition of the mapping or a join that meets nothing leaves all out."""
    for name, table in history.loaded.items():
        if table.left_out and not table.rows:
            yield Finding.of("warn", "all_left_out", name, {"rows": table.left_out})


def uncounted_states(history: History, _: datetime) -> Iterable[Finding]:
    """Find cancelled and returned lines that are read as orders, because nothing reads the column that says so."""
    for name, table in history.loaded.items():
        for column, values in table.uncounted.items():
            facts = {"column": column, "rows": sum(values.values())}
            yield Finding.of("warn", "uncounted_states", name, facts, values=", ".join(values))


def uncounted_deletions(history: History, _: datetime) -> Iterable[Finding]:
    """Find rows that a system marks as deleted and that are read all the same."""
    for name, table in history.loaded.items():
        for column, rows in table.deleted.items():
            yield Finding.of("warn", "uncounted_deletions", name, {"column": column, "rows": rows})


def damaged_ids(history: History, _: datetime) -> Iterable[Finding]:
    """Find ids that a spreadsheet turned into rounded numbers."""
    everyone = " UNION ".join(f"SELECT customer_id FROM {quoted(name)}" for name in history.rows if _has_ids(name))
    if not everyone:
        return
    mangled = history.connection.execute(
        f"SELECT customer_id FROM ({everyone}) WHERE regexp_full_match(customer_id, '[0-9][.,][0-9]+[eE]\\+[0-9]+')"
    ).fetchall()
    if mangled:
        text = message("damaged_ids", count=len(mangled), example=mangled[0][0])
        yield Finding("mangled_ids", "stop", "customers", text, {"count": len(mangled)})


def _has_ids(name: str) -> bool:
    return "customer_id" in by_name(name).names
