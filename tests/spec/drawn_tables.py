"""Histories written as tables in a test, and their features, states and labels."""

from datetime import datetime
from typing import Any

from rapport.durations import Duration
from rapport.features import catalog, snapshot, training_rows
from rapport.history import History, Settings, history_of

CUTOFF = datetime(2026, 1, 1)


def history(drawn: str, zone: str = "UTC") -> History:
    """Read tables in text form: a name, a line of columns, lines of values; an empty line separates tables."""
    tables = {}
    for block in "\n".join(line.strip() for line in drawn.strip().splitlines()).split("\n\n"):
        name, columns, *rows = block.splitlines()
        names = _cells(columns)
        tables[name] = [dict(zip(names, _cells(row), strict=True)) for row in rows]
    return history_of(tables, Settings(timezone=zone))


def _cells(line: str) -> list[str | None]:
    return [cell.strip() or None for cell in line.split("|")]


def features_of(drawn: str, *names: str, zone: str = "UTC") -> dict[str, dict[str, Any]]:
    """Return these features of every customer at the cutoff."""
    with history(drawn, zone) as read:
        rows = snapshot(read, CUTOFF, catalog(), active=Duration(12)).to_pylist()
    return {row["customer_id"]: {name: row[name] for name in names} for row in rows}


def states_of(drawn: str) -> dict[str, str]:
    """Return every customer's state at the cutoff."""
    with history(drawn) as read:
        table = snapshot(read, CUTOFF, catalog(), active=Duration(12))
    return dict(zip(table["customer_id"].to_pylist(), table["state"].to_pylist(), strict=True))


def labels_of(drawn: str, target: str, known_by: datetime) -> dict[str, int]:
    """Return the half-year labels of the customers eligible at the start of 2025."""
    with history(drawn) as read:
        table = training_rows(
            read,
            target,
            [datetime(2025, 1, 1)],
            active=Duration(12),
            horizon=Duration(6),
            known_by=known_by,
            features=catalog(),
        )
    return dict(zip(table["customer_id"].to_pylist(), table["label"].to_pylist(), strict=True))
