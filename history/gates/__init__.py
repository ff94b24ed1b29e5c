"""Data gates: what is odd about a history and would mislead a model, each said with its numbers."""

from collections.abc import Callable, Iterable
from datetime import datetime

from rapport.history.gates.finding import Finding
from rapport.history.gates.people import (
    duplicate_customers,
    missing_attributes,
    mixed_currency,
    unknown_customers,
    unknown_words,
)
from rapport.history.gates.times import (
    backward_times,
    late_records,
    rows_ahead,
    stale_tables,
    unrecorded_states,
    volume_drops,
)
from rapport.history.reading import History

__all__ = ["Finding", "findings"]

_GATES: tuple[Callable[[History, datetime], Iterable[Finding]], ...] = (
    mixed_currency,
    duplicate_customers,
    unknown_customers,
    stale_tables,
    volume_drops,
    rows_ahead,
    late_records,
    backward_times,
    unrecorded_states,
    missing_attributes,
    unknown_words,
)


def findings(history: History, as_of: datetime) -> list[Finding]:
    """Return everything odd, the gravest first."""
    found = [finding for gate in _GATES for finding in gate(history, as_of)]
    return sorted(found, key=lambda finding: ("stop", "warn", "note").index(finding.level))
