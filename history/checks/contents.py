"""The contents of a check report."""

from dataclasses import dataclass
from datetime import datetime

from rapport.history.checks.finding import Finding
from rapport.history.checks.readiness import Readiness
from rapport.localized import LocalizedText


@dataclass(frozen=True)
class TableSummary:
    """What was read of one table.

    ``share`` is the share of all buyers that have rows in it; ``left_out`` counts the rows that the mapping or a mark
    of deletion leaves out; ``tracked`` are the columns with a history of change.
    """

    name: str
    title: LocalizedText
    rows: int
    first: datetime | None
    last: datetime | None
    columns: tuple[str, ...]
    missing: tuple[str, ...]
    share: float | None
    months: tuple[tuple[str, int], ...]
    left_out: int = 0
    tracked: tuple[str, ...] = ()


@dataclass(frozen=True)
class RejectionSummary:
    """A reason for which rows of a table were rejected, their number, and the first of them."""

    table: str
    reason: str
    rows: int
    line: int
    value: str


@dataclass(frozen=True)
class ReportContents:
    """Everything that a check report shows."""

    origin: str
    as_of: datetime
    language: str
    currency: str
    tables: tuple[TableSummary, ...]
    rejections: tuple[RejectionSummary, ...]
    trainable: tuple[Readiness, ...]
    findings: tuple[Finding, ...]
