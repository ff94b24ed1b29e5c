"""All data quality checks: problems of a history that would mislead a model."""

from collections.abc import Callable, Iterable
from datetime import datetime

from rapport.history.checks.amount_checks import mixed_currency, unpriced_contracts
from rapport.history.checks.change_checks import unused_changes
from rapport.history.checks.customer_checks import (
    duplicate_customers,
    missing_attributes,
    unknown_customers,
    unknown_values,
)
from rapport.history.checks.field_checks import field_formats
from rapport.history.checks.finding import Finding
from rapport.history.checks.gates import run_gates
from rapport.history.checks.time_checks import (
    backward_times,
    late_records,
    rows_ahead,
    stale_tables,
    unrecorded_states,
    volume_drops,
)
from rapport.history.checks.value_checks import (
    damaged_ids,
    rejected_kinds,
    tables_left_out,
    uncounted_deletions,
    uncounted_states,
)
from rapport.history.reading.history import History

_CHECKS: tuple[Callable[[History, datetime], Iterable[Finding]], ...] = (
    rejected_kinds,
    tables_left_out,
    uncounted_states,
    uncounted_deletions,
    damaged_ids,
    mixed_currency,
    unpriced_contracts,
    duplicate_customers,
    unknown_customers,
    stale_tables,
    volume_drops,
    rows_ahead,
    late_records,
    backward_times,
    unrecorded_states,
    unused_changes,
    missing_attributes,
    unknown_values,
    field_formats,
)


def run_checks(history: History, as_of: datetime) -> list[Finding]:
    """Return the findings of all checks, the most severe first."""
    found = [finding for check in _CHECKS for finding in check(history, as_of)]
    found += run_gates(history, as_of)
    return sorted(found, key=lambda finding: ("stop", "warn", "note").index(finding.level))
