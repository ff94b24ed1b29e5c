"""The book: one row for each customer with a probability, with all that lists and pictures are made from."""

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
from rapport.scoring.cards.rfm import Segments, rfm_table
from rapport.scoring.matrix import Floats
from rapport.scoring.scored import Scored
from rapport.serving.current import Current, Night
from rapport.serving.funnel import grade_of

_PEOPLE = ("name", "owner", "region", "industry", "source", "parent_id")
# Whoever stands higher is called sooner: a week, two, a month.
_DUE_DAYS = ((90, 7), (70, 14), (0, 30))
_LISTED = ("customer_id", "owner", "tier", "probability", "percentile", "value_at_risk")


class Books:
    """Books already made, for as long as their night answers."""

    def __init__(self, segments: Segments) -> None:
        self._segments = segments
        self._made: weakref.WeakKeyDictionary[Current, pa.Table] = weakref.WeakKeyDictionary()
        self._lock = threading.Lock()

    def of(self, current: Current) -> pa.Table:
        """Return the book of what is current; the same object while it is."""
        with self._lock:
            if current not in self._made:
                self._made[current] = make_book(current, self._segments)
            return self._made[current]


class Lines:
    """The book's lines, found by customer."""

    def __init__(self, book: pa.Table) -> None:
        self._book, self._ids = book, book.column("customer_id")

    def get(self, customer_id: str, default: Any = None) -> Any:
        """Return a customer's line, else ``default``."""
        place = self._ids.index(pa.scalar(customer_id)).as_py()
        return default if place < 0 else self._book.slice(place, 1).to_pylist()[0]


def listed(
    book: pa.Table, *, owner: str | None, tier: str | None, first: int, count: int
) -> tuple[list[dict[str, Any]], bool]:
    """Return a page, most value at risk first, and whether more follow."""
    for name, wanted in (("owner", owner), ("tier", tier)):
        if wanted is not None:
            book = book.filter(pc.equal(book.column(name), wanted))
    order = pc.sort_indices(
        book,
        sort_keys=[("value_at_risk", "descending"), ("probability", "descending"), ("customer_id", "ascending")],
    )
    page = book.select(_LISTED).take(order.slice(first, count))
    return page.to_pylist(), book.num_rows > first + count


def make_book(current: Current, segments: Segments) -> pa.Table:
    """Make the book of one night."""
    night = current.night
    places = np.flatnonzero(night.scored.eligible)
    scored = night.scored.take(places)
    value = _value(current, places)
    people = night.people.take(places)
    columns: dict[str, Any] = {"customer_id": pa.array(scored.customer_id, pa.string())}
    for name in _PEOPLE:
        known = name in people.column_names
        columns[name] = people.column(name) if known else pa.nulls(len(places), pa.string())
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
        "expected_saved": _known(_above_usual(scored)),
        "family": pa.array(_strongest(current, places), pa.string()),
        "recency_days": _known(_fact(current, places, "days_since_last_order")),
        "orders_12m": _known(_fact(current, places, "orders_count_365d")),
        "due": pa.array([due_on(night.as_of.date(), int(one)) for one in scored.percentile], pa.string()),
        "grade": pa.array(_grades(current, scored.percentile), pa.string()),
    }
    columns |= _before(night, places) | _rfm(night, places, segments)
    return pa.table(columns)


def due_on(as_of: date, percentile: int, step: int = 0) -> str:
    """Return the day by which the first step is due (and a week more for each further ``step``)."""
    days = next(days for edge, days in _DUE_DAYS if percentile >= edge)
    return (as_of + timedelta(days=days + 7 * step)).isoformat()


def _value(current: Current, places: npt.NDArray[np.intp]) -> Floats:
    name = "spend_sum_365d" if current.bundle.is_risk else "opportunities_open_amount"
    return _fact(current, places, name)


def _fact(current: Current, places: npt.NDArray[np.intp], name: str) -> Floats:
    rows = current.night.scored.rows
    if name not in rows.place:
        return np.full(len(places), np.nan)
    return np.asarray(rows.values[places, rows.place[name]])


def _above_usual(scored: Scored) -> Floats:
    """Return the value at risk that is more than usual: at best, care brings a customer back to the average.

    Of leads nothing is known to be lost, so nothing is said; a page sorts them by what they may bring.
    """
    if not scored.bundle.is_risk:
        return np.full(len(scored.probability), np.nan)
    above = np.maximum(scored.probability - scored.base_rate, 0.0)
    return np.asarray(scored.value_at_risk * above / np.maximum(scored.probability, 1e-12))


def _strongest(current: Current, places: npt.NDArray[np.intp]) -> list[str | None]:
    evidence = current.night.scored.evidence[places]
    if not len(evidence):
        return []
    best = evidence.argmax(axis=1)
    families = current.bundle.families
    return [families[family] if evidence[row, family] > 0 else None for row, family in enumerate(best.tolist())]


def _grades(current: Current, percentile: npt.NDArray[np.int64]) -> list[str | None]:
    if current.bundle.is_risk:
        return [None] * len(percentile)
    return [grade_of(place) for place in percentile.tolist()]


def _before(night: Night, places: npt.NDArray[np.intp]) -> dict[str, Any]:
    """Return what was said a week and a month ago."""
    found: dict[str, Any] = {}
    ids = [night.scored.customer_id[place] for place in places]
    past = night.run.kept("past")
    for days in (7, 30):
        day, oldest = ((night.as_of.date() - timedelta(days=n * days)).isoformat() for n in (1, 2))
        said: dict[str, tuple[float | None, str | None]] = {}
        if past is not None:
            # Sorted by customer and day, so the last one seen is the nearest.
            # A score twice as old says nothing of the last days.
            at = past.column("as_of")
            then = past.filter(pc.and_(pc.less_equal(at, day), pc.greater_equal(at, oldest)))
            columns = (then.column(name).to_pylist() for name in ("customer_id", "probability", "tier"))
            said = {customer: (probability, tier) for customer, probability, tier in zip(*columns, strict=True)}
        before = [said.get(one, (None, None)) for one in ids]
        numbers = [None if one[0] is None or np.isnan(one[0]) else one[0] for one in before]
        found[f"probability_{days}d"] = pa.array(numbers, pa.float64())
        if days == 30:
            found["tier_30d"] = pa.array([one[1] for one in before], pa.string())
    return found


def _rfm(night: Night, places: npt.NDArray[np.intp], segments: Segments) -> dict[str, Any]:
    """Return each customer's RFM cell among the customers of the night."""
    features = night.run.kept("features")
    card = load_card("rfm")
    if features is None or not set(card.features) <= set(features.column_names):
        nothing = pa.nulls(len(places), pa.int8())
        return {"r": nothing, "f": nothing, "m": nothing, "segment": pa.nulls(len(places), pa.string())}
    rows = features.take(places)
    scores = card.fitted(rows).score(rows)
    table = rfm_table(rows.column("customer_id"), scores, np.zeros(len(places)), segments)
    return {name: table.column(name) for name in ("r", "f", "m", "segment")}


def _known(values: Floats) -> pa.Array:
    return pa.array(values, from_pandas=True)
