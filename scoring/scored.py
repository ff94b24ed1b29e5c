"""Scores of many customers, column by column: every number, the evidence, and the answers made of them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from rapport.scoring.answer import Answer, Source
from rapport.scoring.blend import slope_between
from rapport.scoring.bundle import Bundle
from rapport.scoring.leads import Places
from rapport.scoring.matrix import Floats, Matrix
from rapport.scoring.sums import across
from rapport.scoring.wording.speaker import Speaker

NUMBERS = (
    "logit", "probability", "model_probability", "rule_probability", "rule_score", "low", "high", "value_at_risk",
)  # fmt: skip
WORDS = ("customer_id", "state", "tier")
Texts = npt.NDArray[np.object_]


LEAST_POINTS = 0.0005
"""Half of the smallest share of a probability that is shown (0.1 %)."""


@dataclass(frozen=True)
class Scored:
    """Some customers at one moment, scored by one bundle. Numbers are nan where a state gets no probability.

    Parameters
    ----------
    percentile : -1 where there is no probability.
    evidence, leads : rows x families; the log-odds of each family, and the place of the feature that speaks for it.
    rows : the features that were read, for the facts in the reasons.
    """

    bundle: Bundle
    as_of: datetime
    rows: Matrix
    customer_id: Texts
    state: Texts
    tier: Texts
    logit: Floats
    probability: Floats
    model_probability: Floats
    rule_probability: Floats
    rule_score: Floats
    low: Floats
    high: Floats
    value_at_risk: Floats
    percentile: npt.NDArray[np.int64]
    evidence: Floats
    leads: Places

    def __len__(self) -> int:
        return len(self.probability)

    @property
    def base(self) -> float:
        """Give the log-odds that all evidence is measured from."""
        return self.bundle.base

    @property
    def base_rate(self) -> float:
        """Give the probability of a customer with no evidence either way."""
        return self.bundle.base_rate

    @cached_property
    def eligible(self) -> npt.NDArray[np.bool_]:
        """Mark the rows that have a probability."""
        return ~np.isnan(self.probability)

    @cached_property
    def slopes(self) -> Floats:
        """Give each row's points of probability for a unit of its evidence."""
        return slope_between(self.base, across(self.evidence))

    @property
    def points(self) -> Floats:
        """Give each family's share of ``probability - base_rate``, rows x families."""
        return self.evidence * self.slopes[:, None]

    def take(self, rows: Sequence[int] | npt.NDArray[Any]) -> "Scored":
        """Keep some rows, in the order asked."""
        kept = {
            item.name: getattr(self, item.name)[rows]
            for item in fields(self)
            if item.name not in ("bundle", "as_of", "rows")
        }
        return replace(self, rows=self.rows.take(np.asarray(rows)), **kept)

    def answers(self, reasons: int = 5, language: str = "en", rows: Sequence[int] | None = None) -> list[Answer]:
        """Say each row, or those asked for, as an answer with its ``reasons`` strongest reasons."""
        speaker = Speaker.of(self.bundle, language)
        return [self._answer(row, reasons, speaker) for row in (range(len(self)) if rows is None else rows)]

    def to_table(self) -> pa.Table:
        """Give one row a customer with every number, and an evidence and a lead column for each family."""
        columns: dict[str, Any] = {name: pa.array(getattr(self, name), pa.string()) for name in WORDS}
        columns |= {name: pa.array(getattr(self, name)) for name in (*NUMBERS, "percentile")}
        for place, family in enumerate(self.bundle.families):
            columns[f"evidence_{family}"] = pa.array(np.ascontiguousarray(self.evidence[:, place]))
            columns[f"lead_{family}"] = pa.array(np.ascontiguousarray(self.leads[:, place]))
        return pa.table(columns)

    @classmethod
    def of(cls, table: pa.Table, rows: Matrix | pa.Table, bundle: Bundle, as_of: datetime) -> "Scored":
        """Read back what ``to_table`` wrote, beside the features it was made of; equal to the last bit."""
        families = bundle.families
        evidence = [table.column(f"evidence_{family}").to_numpy() for family in families]
        leads = [table.column(f"lead_{family}").to_numpy() for family in families]
        return cls(
            bundle=bundle,
            as_of=as_of,
            rows=rows if isinstance(rows, Matrix) else Matrix.of(rows, bundle.columns),
            **{name: np.array(table.column(name).to_pylist(), dtype=object) for name in WORDS},
            **{name: table.column(name).to_numpy() for name in (*NUMBERS, "percentile")},
            evidence=np.column_stack(evidence),
            leads=np.column_stack(leads),
        )

    def _answer(self, row: int, count: int, speaker: Speaker) -> Answer:
        known = bool(self.eligible[row])
        # Plain numbers: a single answer reads so many one by one that NumPy's own cost more than the words do.
        evidence, slope = self.evidence[row].tolist(), float(self.slopes[row])
        points = [part * slope for part in evidence]
        shown = _strongest(evidence, points, count) if known else []
        values, leads = (self.rows.values[row].tolist(), self.leads[row].tolist()) if shown else ([], [])
        reasons = tuple(
            speaker.reason(place, leads[place], values, evidence=evidence[place], points=points[place])
            for place in shown
        )
        return Answer(
            customer_id=self.customer_id[row],
            as_of=self.as_of.date().isoformat(),
            target=self.bundle.target,
            state=self.state[row],
            probability=_number(self.probability[row]),
            percentile=int(self.percentile[row]) if known else None,
            interval=self._interval(row),
            model_probability=_number(self.model_probability[row]),
            rule_probability=_number(self.rule_probability[row]),
            rule_score=_number(self.rule_score[row]),
            tier=self.tier[row],
            value_at_risk=_number(self.value_at_risk[row]),
            base_rate=self.base_rate if known else None,
            reasons=reasons,
            other_evidence=_rest(evidence, shown) if known else None,
            other_points=_rest(points, shown) if known else None,
            model=self._source(speaker),
            out_of_range=self._strange(row) if known else (),
        )

    def _interval(self, row: int) -> tuple[float, float] | None:
        low, high = _number(self.low[row]), _number(self.high[row])
        return None if low is None or high is None else (low, high)

    def _strange(self, row: int) -> tuple[str, ...]:
        one = Matrix(self.rows.columns, self.rows.values[row : row + 1])
        return tuple(self.bundle.columns[place].name for place in self.bundle.reference.outside(one)[0].nonzero()[0])

    def _source(self, speaker: Speaker) -> Source:
        bundle, card = self.bundle, self.bundle.card
        note = bundle.basis.zh if speaker.language == "zh" else bundle.basis.en
        reference = card.card.reference if card else None
        return Source(bundle.target, bundle.version, reference, bundle.grade, bundle.basis.label, note)


def _strongest(evidence: Sequence[float], points: Sequence[float], count: int) -> list[int]:
    """Return the families that moved the answer; what would show as 0.0 points is no reason, and joins the rest."""
    order = sorted(range(len(evidence)), key=lambda place: -abs(evidence[place]))[:count]
    return [place for place in order if abs(points[place]) >= LEAST_POINTS and evidence[place] != 0]


def _rest(values: Sequence[float], shown: Sequence[int]) -> float:
    return float(sum(value for place, value in enumerate(values) if place not in shown))


def _number(value: float) -> float | None:
    # Only nan differs from itself.
    return None if value != value else float(value)
