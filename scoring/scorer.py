"""From a table of features to scores: the committee's vote and what each family of facts adds to it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from rapport.scoring.blend import LIMIT, sigmoid, vote
from rapport.scoring.bundle import Bundle
from rapport.scoring.cards import CardScores
from rapport.scoring.experts import Reading
from rapport.scoring.leads import NOBODY, Leads
from rapport.scoring.matrix import Floats, Matrix, Reader
from rapport.scoring.scored import Scored
from rapport.scoring.sums import Grouping, across


@dataclass(frozen=True)
class Judged:
    """What is said of the rows that get a probability."""

    logit: Floats
    model_logit: Floats
    evidence: Floats
    leads: npt.NDArray[np.int16]


class Scorer:
    """Scores rows with one bundle. Safe to share between threads; a batch is scored as its rows alone would be."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self._reader = Reader(bundle.columns)
        place = {family: at for at, family in enumerate(bundle.families)}
        self._place = place
        self._grouping = Grouping([place[column.family] for column in bundle.columns], len(place))
        # Also reads the trees, so that a bundle that cannot speak fails here and not at the first request.
        self._base = bundle.base
        self._leads = Leads(bundle.columns, bundle.families, bundle.reference)

    def score(self, table: pa.Table, as_of: datetime) -> Scored:
        """Score a snapshot: ``customer_id``, ``state`` and the features that the bundle reads."""
        ids = np.array(table.column("customer_id").to_pylist(), dtype=object)
        states = np.array(table.column("state").to_pylist(), dtype=object)
        return self.score_rows(self._reader.read(table), ids, states, as_of)

    def score_rows(
        self, rows: Matrix, ids: npt.NDArray[np.object_], states: npt.NDArray[np.object_], as_of: datetime
    ) -> Scored:
        """Score rows that are numbers already."""
        chosen = np.flatnonzero(states == self.bundle.eligible)
        some = rows if len(chosen) == len(rows) else rows.take(chosen)
        marks = self.bundle.card.scores(some) if self.bundle.card else None
        judged = self._judge(some, marks)
        columns = self._columns(judged, some, marks)
        spread = {name: _spread(values, chosen, len(rows)) for name, values in columns.items()}
        return Scored(bundle=self.bundle, as_of=as_of, rows=rows, customer_id=ids, state=states, **spread)

    def _judge(self, rows: Matrix, marks: CardScores | None) -> Judged:
        readings = self._readings(rows, marks)
        voted = vote(self.bundle.blend, readings, rows.values.shape)
        evidence = self._grouping.add(voted.by_feature)
        for family, part in voted.by_family.items():
            evidence[:, self._place[family]] += part
        evidence = _kept_within(evidence, self._base)
        said = {name: reading.logit() for name, reading in readings.items()}
        return Judged(
            logit=self._base + across(evidence),
            model_logit=self.bundle.model_blend.logit(said, len(rows)),
            evidence=evidence,
            leads=self._leads.choose(rows, voted, evidence, risk=self.bundle.is_risk),
        )

    def _readings(self, rows: Matrix, marks: CardScores | None) -> dict[str, Reading]:
        card = self.bundle.card
        readings = {expert.name: expert.read(rows) for expert in self.bundle.experts if not expert.is_card}
        if card is not None and marks is not None:
            readings[card.name] = card.reading(rows, marks)
        return readings

    def _columns(self, judged: Judged, rows: Matrix, marks: CardScores | None) -> dict[str, Any]:
        probability = sigmoid(judged.logit)
        nothing = np.full(len(rows), np.nan)
        interval, spend, card = self.bundle.interval, self.bundle.spend, self.bundle.card
        low, high = interval.around(judged.logit, rows) if interval else (nothing, nothing)
        return {
            "logit": judged.logit,
            "probability": probability,
            "model_probability": sigmoid(judged.model_logit) if self.bundle.has_model else nothing,
            "rule_probability": sigmoid(card.line(marks)) if card and marks else nothing,
            "rule_score": marks.score if marks else nothing,
            "tier": np.array(marks.tier, dtype=object) if marks else np.full(len(rows), None),
            "low": low,
            "high": high,
            "value_at_risk": probability * spend.expected(rows) if spend else nothing,
            "percentile": self.bundle.reference.percentile(judged.logit),
            "evidence": judged.evidence,
            "leads": judged.leads,
        }


def _kept_within(evidence: Floats, base: float) -> Floats:
    """Shrink a row's evidence evenly where its log-odds would run past ``LIMIT``."""
    steps = across(evidence)
    kept = np.clip(base + steps, -LIMIT, LIMIT) - base
    factor = np.divide(kept, steps, out=np.ones_like(steps), where=np.abs(base + steps) > LIMIT)
    return evidence * factor[:, None]


def _spread(values: npt.NDArray[Any], chosen: npt.NDArray[np.intp], count: int) -> npt.NDArray[Any]:
    """Put the scored rows back among all; the others are unknown."""
    if len(chosen) == count:
        return values
    unknown: Any = np.nan if values.dtype.kind == "f" else None if values.dtype.kind == "O" else NOBODY
    spread = np.full((count, *values.shape[1:]), unknown, dtype=values.dtype)
    spread[chosen] = values
    return spread
