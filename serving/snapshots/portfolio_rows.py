"""The rows of a portfolio table: cards, RFM, health and money of each customer of a scored batch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rapport.scoring.cards.card_scores import numpy_columns
from rapport.scoring.cards.lead_grading import behaviour_points, fit_points, grade_leads, grade_letters
from rapport.scoring.cards.rfm import rfm_table
from rapport.scoring.health.health_score import HealthInputs, HealthScores, score_health
from rapport.scoring.health.threshold import risk_bands
from rapport.scoring.models.matrix import Floats
from rapport.scoring.models.score_batch import ScoreBatch
from rapport.serving.snapshots.feature_columns import fact, known
from rapport.serving.snapshots.portfolio_money import customer_money, lead_money
from rapport.serving.snapshots.portfolio_policy import PortfolioPolicy

CUSTOMER_COLUMNS = ("name", "owner", "region", "industry", "source", "parent_id")
GRADED_STATES = ("active", "covered", "lapsed")
DIMENSIONS = ("value", "relation", "potential", "risk")
PART = pa.struct({"name": pa.string(), "points": pa.float64()})
DIMENSION = pa.struct({"name": pa.dictionary(pa.int16(), pa.string()), "score": pa.float64(), "points": pa.float64()})
# RFM overall grade, 5 the best, by the mean of the three levels; the best two are called top.
_RFM_TOP = 4


def portfolio_rows(
    policy: PortfolioPolicy, scored: ScoreBatch, features: pa.Table, customers: pa.Table | None = None
) -> pa.Table:
    """Return one row for each customer of the batch; ``features`` and ``customers`` have its rows in its order."""
    columns: dict[str, object] = {"customer_id": pa.array(scored.customer_id, pa.string())}
    columns |= _attributes(customers, len(scored)) | _scores(scored)
    columns |= _facts(scored, features)
    for card in policy.cards:
        score, tier = card.scored(features)
        columns[f"card_{card.name}_score"] = known(score)
        columns[f"card_{card.name}_tier"] = pa.array(tier, pa.string())
    columns |= _rfm(policy, features)
    if scored.bundle.is_risk:
        columns |= _health(policy, scored, features) | customer_money(policy, scored, features, columns)
    else:
        columns |= lead_money(policy, features, scored) | _lead_grades(policy, features, scored)
    return pa.table(columns)


def _attributes(customers: pa.Table | None, count: int) -> dict[str, object]:
    names = customers.column_names if customers is not None else []
    columns: dict[str, object] = {
        name: customers.column(name) if customers is not None and name in names else pa.nulls(count, pa.string())
        for name in CUSTOMER_COLUMNS
    }
    flag = np.zeros(count, dtype=bool)
    if customers is not None and "do_not_contact" in names:
        flag = np.array([bool(one) for one in customers.column("do_not_contact").to_pylist()], dtype=bool)
    return columns | {"do_not_contact": pa.array(flag)}


def _scores(scored: ScoreBatch) -> dict[str, object]:
    percentile = np.where(scored.eligible, scored.percentile, np.nan).astype(np.float64)
    family, feature = _first_reasons(scored)
    return {
        "state": pa.array(scored.state, pa.string()),
        "probability": known(scored.probability),
        "low": known(scored.low),
        "high": known(scored.high),
        "percentile": known(percentile),
        "base_rate": known(np.where(scored.eligible, scored.base_rate, np.nan)),
        "tier": pa.array(scored.tier, pa.string()),
        "card_tier": pa.array(scored.tier, pa.string()),
        "rule_score": known(scored.rule_score),
        "rule_probability": known(scored.rule_probability),
        "model_probability": known(scored.model_probability),
        "family": family.cast(pa.string()),
        "first_reason_family": family,
        "first_reason_code": feature,
    }


def _first_reasons(scored: ScoreBatch) -> tuple[pa.DictionaryArray, pa.DictionaryArray]:
    """Return the family that raises each probability most, and its leading feature."""
    evidence, rows = np.nan_to_num(scored.evidence), np.arange(len(scored))
    best = evidence.argmax(axis=1)
    raises = evidence[rows, best] > 0
    names = [column.name for column in scored.bundle.columns]
    leading = np.where(raises, scored.leading[rows, best], -1)
    return _named(np.where(raises, best, -1), scored.bundle.families), _named(leading, names)


def _named(positions: npt.NDArray[np.integer[Any]], names: Sequence[str]) -> pa.DictionaryArray:
    """Return the name at each place, null at -1; the names are stored once."""
    return pa.DictionaryArray.from_arrays(
        pa.array(positions.astype(np.int16), pa.int16(), mask=positions < 0), pa.array(names, pa.string())
    )


def _facts(scored: ScoreBatch, features: pa.Table) -> dict[str, object]:
    since, to_end = fact(features, "days_since_last_order"), fact(features, "contract_days_to_end")
    return {
        "recency_days": known(since),
        "orders_12m": known(fact(features, "orders_count_365d")),
        "renewal_at": _days_from(scored, np.where(to_end >= 0, to_end, np.nan)),
    }


def _days_from(scored: ScoreBatch, days: Floats) -> pa.Array:
    # As features count: from the midnight at or after the cutoff.
    today = np.datetime64((scored.as_of + timedelta(days=1, microseconds=-1)).date(), "D")
    dates = today + np.nan_to_num(days).astype("timedelta64[D]")
    return pa.array(dates.astype(object), pa.date32(), mask=np.isnan(days)).cast(pa.string())


def _rfm(policy: PortfolioPolicy, features: pa.Table) -> dict[str, object]:
    """Return levels, cell, segment and overall grade by the company's own RFM rules."""
    card, count = policy.rfm_card, features.num_rows
    if card is None:
        kinds = dict.fromkeys(("r", "f", "m", "rfm_grade"), pa.int8()) | dict.fromkeys(
            ("rfm_cell", "segment"), pa.string()
        )
        return {name: pa.nulls(count, kind) for name, kind in {**kinds, "rfm_top": pa.bool_()}.items()}
    scores = card.scores(features)
    table = rfm_table(features["customer_id"], scores, np.zeros(count), policy.segments)
    total = sum(np.nan_to_num(np.asarray(table[axis].to_numpy(zero_copy_only=False), float)) for axis in "rfm")
    # The mean of three whole levels, rounded half up: (sum + 1.5) // 3, in whole numbers.
    grade = (2 * np.asarray(total) + 3) // 6
    unknown = np.asarray(table["r"].is_null().to_numpy(zero_copy_only=False))
    return {
        **{axis: table[axis] for axis in "rfm"},
        "rfm_cell": table["cell"],
        "segment": table["segment"],
        "rfm_grade": pa.array(grade.astype(np.int8), pa.int8(), mask=unknown),
        "rfm_top": pa.array(grade >= _RFM_TOP, pa.bool_(), mask=unknown),
    }


def _health(policy: PortfolioPolicy, scored: ScoreBatch, features: pa.Table) -> dict[str, Any]:
    """Return the health columns."""
    health = health_of(policy, scored, features)
    columns = {
        "health_score": known(health.score),
        "health_grade": pa.array(health.grade_names, pa.string()),
        "health_weight": known(health.weight),
        "health_model_part": known(health.model_part),
        "health_card_part": known(health.card_part),
        "health_caps": _caps(health),
        "health_dimensions": _dimensions(health),
        "risk_band": pa.array(risk_bands(scored.probability, policy.threshold), pa.string()),
    }
    for name in DIMENSIONS:
        has = name in health.dimensions
        values = health.sub_scores[:, health.dimensions.index(name)] if has else np.full(len(scored), np.nan)
        columns[f"health_{name}"] = known(values)
    return columns


def health_of(policy: PortfolioPolicy, scored: ScoreBatch, features: pa.Table) -> HealthScores:
    """Return the health of each customer of the batch."""
    card = policy.health_card
    assert card is not None, "freeze_policy adds the health card"
    inputs = HealthInputs(
        probability=scored.probability,
        model_probability=scored.model_probability,
        card=card.scores(features),
        facts=numpy_columns(features, policy.rules.features),
        graded=np.isin(scored.state.astype(str), GRADED_STATES),
        lapsed=np.asarray(scored.state == "lapsed"),
    )
    return score_health(inputs, policy.rules, policy.weight, policy.threshold)


def _caps(health: HealthScores) -> pa.Array:
    """Return for each row the caps that apply, as a list of name and points."""
    rows, columns = np.nonzero(~np.isnan(health.cap_points))
    names = np.array(health.caps, dtype=object)[columns]
    values = pa.StructArray.from_arrays(
        [pa.array(names, pa.string()), pa.array(health.cap_points[rows, columns])], fields=list(PART)
    )
    counts = np.bincount(rows, minlength=len(health.score)) if len(health.score) else np.zeros(0, int)
    return pa.ListArray.from_arrays(pa.array(np.concatenate([[0], np.cumsum(counts)]), pa.int32()), values)


def _dimensions(health: HealthScores) -> pa.Array:
    """Return for each graded row every dimension of the card: sub-score (null if unknown) and points."""
    count, width = health.sub_scores.shape
    # The few names once: as texts they would be a tenth of the table.
    values = pa.StructArray.from_arrays(
        [
            _named(np.tile(np.arange(width), count), health.dimensions),
            known(health.sub_scores.reshape(-1)),
            known(health.dimension_points.reshape(-1)),
        ],
        fields=list(DIMENSION),
    )
    return pa.ListArray.from_arrays(pa.array(np.arange(count + 1) * width, pa.int32()), values)


def _lead_grades(policy: PortfolioPolicy, features: pa.Table, scored: ScoreBatch) -> dict[str, object]:
    """Return behaviour points, fit points and the one grade of each lead; null for everyone else."""
    behaviour, fit = policy.card("behaviour"), policy.card("fit")
    nothing = pa.nulls(len(scored), pa.float64())
    if behaviour is None or fit is None or not len(scored):
        empty = pa.nulls(len(scored), pa.string())
        return {"behaviour_points": nothing, "fit_points": nothing, "lead_grade": empty, "grade": empty}
    points = behaviour_points(behaviour.card, features)
    fits = fit.scores(features)
    percentile = np.where(scored.eligible, scored.percentile, np.nan).astype(np.float64)
    letters = grade_letters(grade_leads(behaviour.scores(features), fits, percentile, policy.lead_card.card))
    grades = pa.array(letters, pa.string(), mask=~scored.eligible)
    return {
        "behaviour_points": known(np.where(scored.eligible, points, np.nan)),
        "fit_points": known(np.where(scored.eligible, fit_points(fits), np.nan)),
        "lead_grade": grades,
        "grade": grades,
    }
