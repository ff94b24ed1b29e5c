"""Replay alert rules on history before they are enabled: a model of that time, evaluated every few days."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from rapport.durations import Duration
from rapport.features import Vocabulary, catalog, snapshot
from rapport.history import History
from rapport.scoring.alerts import AlertContext, AlertRules, ReplayResult, new_events, replay_rules
from rapport.scoring.health.tiers import Hysteresis, TierStates, update_tiers
from rapport.scoring.models.bundle import Bundle
from rapport.scoring.models.score_batch import ScoreBatch
from rapport.scoring.models.scorer import Scorer
from rapport.training.pipeline import train


@dataclass(frozen=True)
class ReplaySchedule:
    """The moments of evaluation: from ``start`` to before ``end``, every ``every_days`` days."""

    start: datetime
    end: datetime
    every_days: int = 7

    def moments(self) -> list[datetime]:
        """Return the moments in order."""
        count = -(-(self.end - self.start).days // self.every_days)
        return [self.start + timedelta(days=self.every_days * index) for index in range(count)]


def replay_alerts(  # noqa: PLR0913 - the task, the rules and their schedule
    history: History,
    rules: AlertRules,
    hysteresis: Hysteresis,
    schedule: ReplaySchedule,
    *,
    horizon: Duration,
    active: Duration,
    progress: Callable[[str, float], None],
) -> ReplayResult:
    """Train on what was known at the start, evaluate the rules at each moment, and compare with what followed.

    Alerts whose horizon ends after the newest row cannot be evaluated: end the replay one horizon before it.
    """
    rules = rules.for_target("churn")
    bundle = train(history, "churn", as_of=schedule.start, horizon=horizon, active=active, progress=progress).bundle
    contexts = _contexts(history, bundle, rules, hysteresis, schedule, active, progress)
    return replay_rules(history, rules, contexts, active=active, horizon=horizon)


def _contexts(  # noqa: PLR0913 - all that an evaluation reads
    history: History,
    bundle: Bundle,
    rules: AlertRules,
    hysteresis: Hysteresis,
    schedule: ReplaySchedule,
    active: Duration,
    progress: Callable[[str, float], None],
) -> Iterator[AlertContext]:
    scorer, states = Scorer(bundle), None
    assert bundle.card is not None
    vocabulary = {name: tuple(values) for name, values in (bundle.vocabulary or {}).items()}
    card, features = bundle.card.card, catalog(Vocabulary(**vocabulary))
    tables: list[tuple[datetime, pa.Table]] = []
    moments = schedule.moments()
    for index, moment in enumerate(moments):
        progress(f"evaluating rules on {moment:%Y-%m-%d}", index / len(moments))
        scored = scorer.score(snapshot(history, moment, features, active=active, rule=bundle.rule), moment)
        scored = scored.take(np.flatnonzero(scored.eligible))
        states = update_tiers(scored.customer_id, scored.rule_score, card, moment, before=states, hysteresis=hysteresis)
        table = _portfolio_table(scored, states, rules)
        earlier = [stored for at, stored in tables if at <= moment - timedelta(days=rules.rise_days)]
        events = new_events(history, rules, moment - timedelta(days=schedule.every_days), moment)
        yield AlertContext(moment, card, table, earlier[-1] if earlier else None, events)
        tables.append((moment, table))


def _portfolio_table(scored: ScoreBatch, states: TierStates, rules: AlertRules) -> pa.Table:
    order = np.argsort(np.asarray(scored.customer_id, dtype=object), kind="stable")
    columns = {
        "customer_id": pa.array(scored.customer_id[order], pa.string()),
        "probability": pa.array(scored.probability[order]),
        "tier": states.to_table().column("tier"),
        "value_at_risk": pa.array(scored.value_at_risk[order], from_pandas=True),
    }
    for name in rules.features:
        known = name in scored.rows.positions
        values = scored.rows.column(name)[order] if known else np.full(len(order), np.nan)
        columns[name] = pa.array(values, pa.float64(), from_pandas=True)
    return pa.table(columns)
