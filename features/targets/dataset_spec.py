"""The specification of a training dataset, and the history prepared for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rapport.durations import Duration
from rapport.errors import SettingsError
from rapport.features.engine.clock import LocalCutoff, local_time, shared_day_start
from rapport.features.engine.prepared_tables import create_prepared_views
from rapport.features.engine.windows import Cutoff
from rapport.features.targets.contract_churn import ChurnRule, expiring_sql, retained_sql
from rapport.features.targets.outcomes import outcomes_sql
from rapport.history import History, Settings
from rapport.history.reading.merges import accounts_sql


@dataclass(frozen=True)
class DatasetSpec:
    """A training dataset: the target, the cutoffs, the windows, and the time by which everything read was known.

    ``rule`` defines churn; without one, the history's settings do.
    """

    target: str
    cutoffs: Sequence[datetime]
    active: Duration
    horizon: Duration
    known_by: datetime
    rule: ChurnRule | None = None

    def contract_rule(self, settings: Settings) -> ChurnRule | None:
        """Return the rule if churn is by contract, else None."""
        rule = self.rule or ChurnRule.of(settings)
        return rule if self.target == "churn" and rule.is_by_contract else None


def prepare_dataset(history: History, spec: DatasetSpec) -> list[Cutoff]:
    """Create the prepared tables as of ``known_by`` and the table of outcomes; return the cutoffs."""
    rule = spec.contract_rule(history.settings)
    _refuse_unknown_outcomes(spec, rule)
    timezone, connection = history.settings.timezone, history.connection
    cutoffs = [LocalCutoff.of(cutoff, timezone) for cutoff in spec.cutoffs]
    known_by = local_time(spec.known_by, timezone)
    create_prepared_views(connection, shared_day_start(cutoffs), known_by, every_version=True)
    ends = [
        cutoff.day_of(spec.horizon.after(when), timezone) for cutoff, when in zip(cutoffs, spec.cutoffs, strict=True)
    ]
    spans = sorted({(cutoff.day, end) for cutoff, end in zip(cutoffs, ends, strict=True)})
    outcomes = outcomes_sql(spec.target, spans)
    if rule:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE expiring AS {expiring_sql(spans, rule=rule)}")
        outcomes = retained_sql(rule)
    if "merges" in history.loaded:
        # What a customer does in the horizon counts for those that were merged with it: they are one company.
        connection.execute(f"CREATE OR REPLACE TEMP TABLE members AS {_members_sql(known_by)}")
        outcomes = retained_sql(rule, _of_members) if rule else f"FROM {_of_members(f'({outcomes})')}"
    connection.execute(f"CREATE OR REPLACE TEMP TABLE outcomes AS {outcomes}")
    return [
        Cutoff(cutoff.day, cutoff.day_of(spec.active.before(when), timezone))
        for cutoff, when in zip(cutoffs, spec.cutoffs, strict=True)
    ]


def _members_sql(known_by: datetime) -> str:
    """Return SQL for (number, account): the numbers of merged customers, and the account that they are."""
    return f"SELECT number, account FROM ({accounts_sql(known_by)}) JOIN numbered ON customer_id = member"


def _of_members(rows: str) -> str:
    """Return SQL for the rows of every customer, and those of the customers that it was merged with."""
    others = "JOIN members AS own ON own.number = customer_id JOIN members AS other USING (account)"
    return (
        f"(SELECT * FROM {rows} UNION ALL SELECT found.* REPLACE (other.number AS customer_id) FROM {rows} AS found "
        f"{others} WHERE other.number <> own.number)"
    )


def _refuse_unknown_outcomes(spec: DatasetSpec, rule: ChurnRule | None) -> None:
    span = rule.outcome_span(spec.target, spec.horizon) if rule else spec.horizon
    for cutoff in spec.cutoffs:
        end = span.after(cutoff)
        if end > spec.known_by:
            raise SettingsError(
                f"The outcome at cutoff {cutoff:%Y-%m-%d} needs events until {end:%Y-%m-%d}, but only what was known "
                f"by {spec.known_by:%Y-%m-%d} may be used. Use an earlier cutoff or a shorter horizon."
            )
