"""All gates: findings of level ``stop`` refuse a run, the others are recorded with it."""

from collections.abc import Callable, Iterable
from datetime import datetime

from rapport.history.checks.finding import Finding
from rapport.history.checks.gates.amounts import giant_orders, rescaled_amounts
from rapport.history.checks.gates.baseline import Baseline
from rapport.history.checks.gates.feeds import empty_tables, future_cutoff, lone_future_rows, stale_feeds
from rapport.history.checks.gates.rows import doubled_rows, lookalike_ids
from rapport.history.checks.gates.signs import contradicting_signs, zero_amounts
from rapport.history.reading.history import History

_GATES: tuple[Callable[[History, datetime, Baseline], Iterable[Finding]], ...] = (
    future_cutoff,
    empty_tables,
    stale_feeds,
    doubled_rows,
    rescaled_amounts,
    zero_amounts,
    giant_orders,
    lookalike_ids,
    contradicting_signs,
    lone_future_rows,
)


def run_gates(history: History, as_of: datetime, baseline: Baseline | None = None) -> list[Finding]:
    """Return what the gates found before the cutoff, refusals first."""
    moment = as_of.replace(tzinfo=None)
    found = [finding for gate in _GATES for finding in gate(history, moment, baseline or Baseline())]
    return sorted(found, key=lambda finding: finding.level != "stop")


def gate_facts(findings: Iterable[Finding]) -> list[dict[str, object]]:
    """Return findings as plain values, for the record of a run."""
    return [
        {
            "code": each.code,
            "refuses": each.level == "stop",
            "table": each.table,
            **each.message.stored("message"),
            **{name: value for name, value in each.facts.items() if name not in ("code", "table")},
        }
        for each in findings
    ]
