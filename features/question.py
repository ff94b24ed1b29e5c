"""What training asks of a history, and the history opened for it: prepared, with its outcomes noted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rapport.features.by_contract import ChurnRule, expiring_sql, kept_sql
from rapport.features.sources import Moment, on_clock, one_turn, prepare
from rapport.features.targets import outcomes_sql
from rapport.features.windows import Cutoff
from rapport.history import History, Settings

from rapport.durations import Span
from rapport.errors import SettingsError


@dataclass(frozen=True)
class Question:
    """What training asks of a history: which outcome, at which cutoffs, told from what was known by when.

    ``rule`` says what churn is judged by; without one, the history's settings do.
    """

    target: str
    cutoffs: Sequence[datetime]
    active: Span
    horizon: Span
    known_by: datetime
    rule: ChurnRule | None = None

    def contracts_of(self, settings: Settings) -> ChurnRule | None:
        """Return the rule by which contracts decide the outcome; None where they do not."""
        rule = self.rule or ChurnRule.of(settings)
        return rule if self.target == "churn" and rule.is_by_contract else None


def opened(history: History, question: Question) -> list[Cutoff]:
    """Prepare the tables as known by the end, and note the outcomes."""
    contracts = question.contracts_of(history.settings)
    settled = contracts.outcome_span(question.target, question.horizon) if contracts else question.horizon
    for cutoff in question.cutoffs:
        end = settled.after(cutoff)
        if end > question.known_by:
            raise SettingsError(
                f"The outcome at cutoff {cutoff:%Y-%m-%d} needs events until {end:%Y-%m-%d}, but only what was known "
                f"by {question.known_by:%Y-%m-%d} may be used. Use an earlier cutoff or a shorter horizon."
            )
    zone, connection = history.settings.zone, history.connection
    moments = [Moment.of(cutoff, zone) for cutoff in question.cutoffs]
    turn = one_turn(moments)
    prepare(connection, turn, on_clock(question.known_by, zone))
    ends = [
        moment.day_of(question.horizon.after(cutoff), zone)
        for moment, cutoff in zip(moments, question.cutoffs, strict=True)
    ]
    spans = sorted({(moment.day, end) for moment, end in zip(moments, ends, strict=True)})
    outcomes = outcomes_sql(question.target, spans)
    if contracts:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE expiring AS {expiring_sql(spans)}")
        outcomes = kept_sql(contracts)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE outcomes AS {outcomes}")
    return [
        Cutoff(moment.day, moment.day_of(question.active.before(cutoff), zone))
        for moment, cutoff in zip(moments, question.cutoffs, strict=True)
    ]
