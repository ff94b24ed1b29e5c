"""Replay alert rules on history before they are switched on: a model of that time, a look every few days."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
from rapport.features import Vocabulary, catalog, snapshot
from rapport.history import History
from rapport.scoring.alerts import Moment, Replay, Rules, replay, watch
from rapport.scoring.bundle import Bundle
from rapport.scoring.scored import Scored
from rapport.scoring.scorer import Scorer
from rapport.scoring.tiers import Memory, TierStates, remember
from rapport.training.recipe import train

from rapport.durations import Span


@dataclass(frozen=True)
class Looks:
    """When the rules look: from ``begin`` to before ``end``, every ``every_days`` days."""

    begin: datetime
    end: datetime
    every_days: int = 7

    def moments(self) -> list[datetime]:
        """Return the looks in order."""
        count = -(-(self.end - self.begin).days // self.every_days)
        return [self.begin + timedelta(days=self.every_days * place) for place in range(count)]


def replay_alerts(  # noqa: PLR0913 - the question, the rules and when they look
    history: History,
    rules: Rules,
    memory: Memory,
    looks: Looks,
    *,
    horizon: Span,
    active: Span,
    progress: Callable[[str, float], None],
) -> Replay:
    """Train on what was known when the looks begin, look at each moment, and judge the alerts by what followed.

    Alerts whose horizon ends after the newest row cannot be judged fairly: end the looks a horizon before it.
    """
    bundle = train(history, "churn", as_of=looks.begin, horizon=horizon, active=active, progress=progress).bundle
    seen = _moments(history, bundle, rules, memory, looks, active, progress)
    return replay(history, rules, seen, active=active, horizon=horizon)


def _moments(  # noqa: PLR0913 - what a look reads
    history: History,
    bundle: Bundle,
    rules: Rules,
    memory: Memory,
    looks: Looks,
    active: Span,
    progress: Callable[[str, float], None],
) -> Iterator[Moment]:
    scorer, states = Scorer(bundle), None
    assert bundle.card is not None
    words = {name: tuple(values) for name, values in (bundle.vocabulary or {}).items()}
    card, features = bundle.card.card, catalog(Vocabulary(**words))
    books: list[tuple[datetime, pa.Table]] = []
    every = looks.moments()
    for place, moment in enumerate(every):
        progress(f"looking on {moment:%Y-%m-%d}", place / len(every))
        scored = scorer.score(snapshot(history, moment, features, active=active, rule=bundle.rule), moment)
        scored = scored.take(np.flatnonzero(scored.eligible))
        states = remember(scored.customer_id, scored.rule_score, card, moment, before=states, memory=memory)
        book = _book(scored, states, rules)
        earlier = [kept for at, kept in books if at <= moment - timedelta(days=rules.rise_days)]
        events = watch(history, rules, moment - timedelta(days=looks.every_days), moment)
        yield Moment(moment, card, book, earlier[-1] if earlier else None, events)
        books.append((moment, book))


def _book(scored: Scored, states: TierStates, rules: Rules) -> pa.Table:
    order = np.argsort(np.asarray(scored.customer_id, dtype=object), kind="stable")
    columns = {
        "customer_id": pa.array(scored.customer_id[order], pa.string()),
        "probability": pa.array(scored.probability[order]),
        "tier": states.to_table().column("tier"),
        "value_at_risk": pa.array(scored.value_at_risk[order], from_pandas=True),
    }
    for name in rules.features:
        if name in scored.rows.place:
            columns[name] = pa.array(scored.rows.number(name)[order], from_pandas=True)
    return pa.table(columns)
