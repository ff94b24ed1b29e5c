"""Rows that were set aside, each with where it stood and why."""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

FILE, LINE = "rapport file", "rapport line"

SCHEMA = pa.schema(
    [
        ("table", pa.string()),
        ("file", pa.string()),
        ("line", pa.int64()),
        ("column", pa.string()),
        ("reason", pa.string()),
        ("value", pa.string()),
    ]
)


@dataclass(frozen=True)
class Reject:
    """One row that was set aside."""

    file: str | None
    line: int
    column: str
    reason: str
    value: str | None


@dataclass(frozen=True)
class Rejected:
    """All rows that were set aside: how many of each table, and the rows themselves."""

    count: Mapping[str, int]
    rows: pa.Table

    @property
    def total(self) -> int:
        """Return how many rows were set aside in all."""
        return sum(self.count.values())

    def summary(self) -> list[tuple[str, str, int, int, str]]:
        """Return table, reason, count, first line and its value, the most frequent first."""
        grouped: dict[tuple[str, str], list[tuple[int, str]]] = {}
        for row in self.rows.to_pylist():
            grouped.setdefault((row["table"], row["reason"]), []).append((row["line"], row["value"] or ""))
        lines = [(table, reason, len(found), *min(found)) for (table, reason), found in grouped.items()]
        return sorted(lines, key=lambda each: (-each[2], each[0], each[1]))


def rejected_of(found: Mapping[str, list[Reject]]) -> Rejected:
    """Gather what each table set aside."""
    rows = [
        {"table": table, **{name: getattr(each, name) for name in SCHEMA.names[1:]}}
        for table, rejects in found.items()
        for each in sorted(rejects, key=lambda reject: (reject.file or "", reject.line))
    ]
    # Turning records into Arrow loads pandas where it is installed, which costs a second; none are the usual case.
    gathered = pa.Table.from_pylist(rows, SCHEMA) if rows else pa.Table.from_batches([], SCHEMA)
    return Rejected({table: len(rejects) for table, rejects in found.items() if rejects}, gathered)
