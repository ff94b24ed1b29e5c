"""From a table of features to scores: blended log-odds and the evidence of each feature family."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rapport.scoring.cards import CardScores
from rapport.scoring.models.blend import LIMIT, sigmoid, weighted_contributions
from rapport.scoring.models.bundle import Bundle
from rapport.scoring.models.leading_features import NO_FEATURE, LeadingFeatureSelector
from rapport.scoring.models.matrix import Floats, Matrix, MatrixReader
from rapport.scoring.models.members.member import Contributions
from rapport.scoring.models.score_batch import ScoreBatch
from rapport.scoring.models.stable_sum import GroupSums, row_sums


@dataclass(frozen=True)
class BlendResult:
    """The blended log-odds and evidence of the rows that get a probability."""

    logit: Floats
    model_logit: Floats
    evidence: Floats
    leading: npt.NDArray[np.int16]


class Scorer:
    """Scores rows with one bundle. Thread-safe; a row's score does not depend on the other rows of its batch."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self._reader = MatrixReader(bundle.columns)
        self._family_index = {family: position for position, family in enumerate(bundle.families)}
        groups = [self._family_index[column.family] for column in bundle.columns]
        self._family_sums = GroupSums(groups, len(self._family_index))
        # This also parses the trees, so an unusable bundle fails here and not at the first request.
        self._base = bundle.base
        self._selector = LeadingFeatureSelector(bundle.columns, bundle.families, bundle.reference)

    def score(self, table: pa.Table, as_of: datetime) -> ScoreBatch:
        """Score a snapshot: ``customer_id``, ``state`` and the features that the bundle reads."""
        ids = np.array(table.column("customer_id").to_pylist(), dtype=object)
        states = np.array(table.column("state").to_pylist(), dtype=object)
        return self.score_rows(self._reader.read(table), ids, states, as_of)

    def score_rows(
        self, rows: Matrix, ids: npt.NDArray[np.object_], states: npt.NDArray[np.object_], as_of: datetime
    ) -> ScoreBatch:
        """Score rows that are already a matrix."""
        eligible = np.flatnonzero(states == self.bundle.eligible)
        scored = rows if len(eligible) == len(rows) else rows.take(eligible)
        card_scores = self.bundle.card.scores(scored) if self.bundle.card else None
        columns = self._columns(self._blend(scored, card_scores), scored, card_scores)
        all_rows = {name: _scatter(values, eligible, len(rows)) for name, values in columns.items()}
        return ScoreBatch(bundle=self.bundle, as_of=as_of, rows=rows, customer_id=ids, state=states, **all_rows)

    def _blend(self, rows: Matrix, card_scores: CardScores | None) -> BlendResult:
        contributions = self._contributions(rows, card_scores)
        weighted = weighted_contributions(self.bundle.blend, contributions, rows.values.shape)
        evidence = self._family_sums.add(weighted.by_feature)
        for family, part in weighted.by_family.items():
            evidence[:, self._family_index[family]] += part
        evidence = _limited(evidence, self._base)
        logits = {name: own.logit() for name, own in contributions.items()}
        return BlendResult(
            logit=self._base + row_sums(evidence),
            model_logit=self.bundle.model_blend.logit(logits, len(rows)),
            evidence=evidence,
            leading=self._selector.select(rows, weighted, evidence, risk=self.bundle.is_risk),
        )

    def _contributions(self, rows: Matrix, card_scores: CardScores | None) -> dict[str, Contributions]:
        card = self.bundle.card
        found = {member.name: member.contributions(rows) for member in self.bundle.members if not member.is_card}
        if card is not None and card_scores is not None:
            found[card.name] = card.contributions_of(rows, card_scores)
        return found

    def _columns(self, result: BlendResult, rows: Matrix, card_scores: CardScores | None) -> dict[str, Any]:
        probability = sigmoid(result.logit)
        nothing = np.full(len(rows), np.nan)
        interval, card = self.bundle.interval, self.bundle.card
        low, high = interval.around(result.logit, rows) if interval else (nothing, nothing)
        return {
            "logit": result.logit,
            "probability": probability,
            "model_probability": sigmoid(result.model_logit) if self.bundle.has_model else nothing,
            "rule_probability": sigmoid(card.logit(card_scores)) if card and card_scores else nothing,
            "rule_score": card_scores.score if card_scores else nothing,
            "tier": np.array(card_scores.tier, dtype=object) if card_scores else np.full(len(rows), None),
            "low": low,
            "high": high,
            "value_at_risk": probability * self.bundle.expected_spend(rows),
            "percentile": self.bundle.reference.percentile(result.logit),
            "evidence": result.evidence,
            "leading": result.leading,
        }


def _limited(evidence: Floats, base: float) -> Floats:
    """Scale a row's evidence down evenly where its log-odds would exceed ``LIMIT``."""
    steps = row_sums(evidence)
    kept = np.clip(base + steps, -LIMIT, LIMIT) - base
    factor = np.divide(kept, steps, out=np.ones_like(steps), where=np.abs(base + steps) > LIMIT)
    return evidence * factor[:, None]


def _scatter(values: npt.NDArray[Any], eligible: npt.NDArray[np.intp], count: int) -> npt.NDArray[Any]:
    """Return the values of the scored rows at their positions among all rows; the others are unknown."""
    if len(eligible) == count:
        return values
    unknown: object = np.nan if values.dtype.kind == "f" else None if values.dtype.kind == "O" else NO_FEATURE
    scattered = np.full((count, *values.shape[1:]), unknown, dtype=values.dtype)
    scattered[eligible] = values
    return scattered
