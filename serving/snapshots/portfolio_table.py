"""The portfolio table: one row for each customer with a probability, with all columns of lists and charts."""

from __future__ import annotations

import threading
import weakref
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from rapport.scoring.cards import load_card
from rapport.scoring.cards.card_scores import fit_bands, score_card
from rapport.scoring.cards.rfm import RfmSegments, rfm_table
from rapport.scoring.models.matrix import Floats
from rapport.scoring.models.score_batch import ScoreBatch
from rapport.serving.snapshots.lead_funnel import lead_grade
from rapport.serving.snapshots.live_model import LiveModel, ScoreSnapshot

_CUSTOMER_COLUMNS = ("name", "owner", "region", "industry", "source", "parent_id")
# Days until the first action is due, by minimum percentile: higher risk is due sooner.
_DUE_DAYS = ((90, 7), (70, 14), (0, 30))
_LISTED = ("customer_id", "owner", "tier", "probability", "percentile", "value_at_risk")


class PortfolioTables:
    """Cache of portfolio tables, each kept as long as its live model."""

    def __init__(self, segments: RfmSegments) -> None:
        self._segments = segments
        self._tables: weakref.WeakKeyDictionary[LiveModel, pa.Table] = weakref.WeakKeyDictionary()
        self._lock = threading.Lock()

    def of(self, model: LiveModel) -> pa.Table:
        """Return the portfolio table of a live model; always the same object for the same model."""
        with self._lock:
            if model not in self._tables:
                self._tables[model] = make_portfolio_table(model, self._segments)
            return self._tables[model]


class PortfolioLookup:
    """The rows of a portfolio table, found by customer."""

    def __init__(self, table: pa.Table) -> None:
        self._table, self._ids = table, table.column("customer_id")

    def get(self, customer_id: str, default: Any = None) -> Any:
        """Return a customer's row, else ``default``."""
        row = self._ids.index(pa.scalar(customer_id)).as_py()
        return default if row < 0 else self._table.slice(row, 1).to_pylist()[0]


def list_page(
    table: pa.Table, *, owner: str | None, tier: str | None, first: int, count: int
) -> tuple[list[dict[str, Any]], bool]:
    """Return a page of rows, most value at risk first, and whether more follow."""
    for name, wanted in (("owner", owner), ("tier", tier)):
        if wanted is not None:
            table = table.filter(pc.equal(table.column(name), wanted))
    order = pc.sort_indices(
        table,
        sort_keys=[("value_at_risk", "descending"), ("probability", "descending"), ("customer_id", "ascending")],
    )
    page = table.select(_LISTED).take(order.slice(first, count))
    return page.to_pylist(), table.num_rows > first + count


def make_portfolio_table(model: LiveModel, segments: RfmSegments) -> pa.Table:
    """Build the portfolio table of a live model."""
    snapshot = model.snapshot
    eligible = np.flatnonzero(snapshot.scored.eligible)
    scored = snapshot.scored.take(eligible)
    value = _value(model, eligible)
    customers = snapshot.customers.take(eligible)
    columns: dict[str, Any] = {"customer_id": pa.array(scored.customer_id, pa.string())}
    for name in _CUSTOMER_COLUMNS:
        known = name in customers.column_names
        columns[name] = customers.column(name) if known else pa.nulls(len(eligible), pa.string())
    columns |= {
        "state": pa.array(scored.state, pa.string()),
        "probability": scored.probability,
        "percentile": scored.percentile.astype(np.float64),
        "tier": pa.array(scored.tier, pa.string()),
        "rule_score": _known(scored.rule_score),
        "rule_probability": _known(scored.rule_probability),
        "model_probability": _known(scored.model_probability),
        "value": _known(value),
        "value_at_risk": _known(scored.value_at_risk),
        "expected_saved": _known(_value_above_base_rate(scored)),
        "family": pa.array(_top_family(model, eligible), pa.string()),
        "recency_days": _known(_fact(model, eligible, "days_since_last_order")),
        "orders_12m": _known(_fact(model, eligible, "orders_count_365d")),
        "due": pa.array([due_date(snapshot.as_of.date(), int(one)) for one in scored.percentile], pa.string()),
        "grade": pa.array(_grades(model, scored.percentile), pa.string()),
    }
    columns |= _earlier_scores(snapshot, eligible) | _rfm(snapshot, eligible, segments)
    return pa.table(columns)


def due_date(as_of: date, percentile: int, step: int = 0) -> str:
    """Return the day on which the first action is due; each further ``step`` adds a week."""
    days = next(days for edge, days in _DUE_DAYS if percentile >= edge)
    return (as_of + timedelta(days=days + 7 * step)).isoformat()


def _value(model: LiveModel, eligible: npt.NDArray[np.intp]) -> Floats:
    name = "spend_sum_365d" if model.bundle.is_risk else "opportunities_open_amount"
    return _fact(model, eligible, name)


def _fact(model: LiveModel, eligible: npt.NDArray[np.intp], name: str) -> Floats:
    rows = model.snapshot.scored.rows
    if name not in rows.positions:
        return np.full(len(eligible), np.nan)
    return np.asarray(rows.values[eligible, rows.positions[name]])


def _value_above_base_rate(scored: ScoreBatch) -> Floats:
    """Return the value at risk above the base rate: outreach brings a customer back to the average at best.

    Leads have no value to lose, so theirs is unknown; pages sort leads by expected value.
    """
    if not scored.bundle.is_risk:
        return np.full(len(scored.probability), np.nan)
    above = np.maximum(scored.probability - scored.base_rate, 0.0)
    return np.asarray(scored.value_at_risk * above / np.maximum(scored.probability, 1e-12))


def _top_family(model: LiveModel, eligible: npt.NDArray[np.intp]) -> list[str | None]:
    evidence = model.snapshot.scored.evidence[eligible]
    if not len(evidence):
        return []
    best = evidence.argmax(axis=1)
    families = model.bundle.families
    return [families[family] if evidence[row, family] > 0 else None for row, family in enumerate(best.tolist())]


def _grades(model: LiveModel, percentile: npt.NDArray[np.int64]) -> list[str | None]:
    if model.bundle.is_risk:
        return [None] * len(percentile)
    return [lead_grade(one) for one in percentile.tolist()]


def _earlier_scores(snapshot: ScoreSnapshot, eligible: npt.NDArray[np.intp]) -> dict[str, Any]:
    """Return the scores of a week and a month ago."""
    found: dict[str, Any] = {}
    ids = [snapshot.scored.customer_id[row] for row in eligible]
    past = snapshot.run.cached_table("past")
    for days in (7, 30):
        day, oldest = ((snapshot.as_of.date() - timedelta(days=n * days)).isoformat() for n in (1, 2))
        scores_then: dict[str, tuple[float | None, str | None]] = {}
        if past is not None:
            # Rows are sorted by customer and day, so the last one is the nearest.
            # A score of twice that age does not describe the change of the period.
            at = past.column("as_of")
            past_rows = past.filter(pc.and_(pc.less_equal(at, day), pc.greater_equal(at, oldest)))
            columns = (past_rows.column(name).to_pylist() for name in ("customer_id", "probability", "tier"))
            scores_then = {customer: (probability, tier) for customer, probability, tier in zip(*columns, strict=True)}
        before = [scores_then.get(one, (None, None)) for one in ids]
        numbers = [None if one[0] is None or np.isnan(one[0]) else one[0] for one in before]
        found[f"probability_{days}d"] = pa.array(numbers, pa.float64())
        if days == 30:
            found["tier_30d"] = pa.array([one[1] for one in before], pa.string())
    return found


def _rfm(snapshot: ScoreSnapshot, eligible: npt.NDArray[np.intp], segments: RfmSegments) -> dict[str, Any]:
    """Return each customer's RFM cell among the customers of the snapshot."""
    features = snapshot.run.cached_table("features")
    card = load_card("rfm")
    if features is None or not set(card.features) <= set(features.column_names):
        nothing = pa.nulls(len(eligible), pa.int8())
        return {"r": nothing, "f": nothing, "m": nothing, "segment": pa.nulls(len(eligible), pa.string())}
    rows = features.take(eligible)
    scores = score_card(fit_bands(card, rows), rows)
    table = rfm_table(rows.column("customer_id"), scores, np.zeros(len(eligible)), segments)
    return {name: table.column(name) for name in ("r", "f", "m", "segment")}


def _known(values: Floats) -> pa.Array:
    return pa.array(values, from_pandas=True)
