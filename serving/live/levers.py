"""The levers of a customer: the facts that the company can act on and that move this customer's score."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rapport.scoring.models.columns import FeatureColumn
from rapport.scoring.models.matrix import Matrix
from rapport.scoring.models.what_if import changeable, changed_row
from rapport.serving.shapes.customer_parts import Lever
from rapport.serving.snapshots.live_model import LiveModel

_MAX_LEVERS = 6
_MIN_GAIN = 0.01
"""A lever that cannot bring one point at either end is not shown."""
_OF_CUSTOMERS = ("payment", "contract", "satisfaction")


def useful_levers(model: LiveModel, row: int, language: str) -> list[Lever]:
    """Return the levers that help most first, at most two of a family, each with the gain of its better end."""
    scored = model.snapshot.scored
    customer = scored.take([row])
    if not customer.eligible[0]:
        return []
    facts = dict(zip(customer.rows.positions, customer.rows.values[0].tolist(), strict=True))
    levers = [
        _lever(model, column, facts[column.name], language)
        for column in changeable(model.bundle.columns)
        if not np.isnan(facts[column.name]) and (model.bundle.is_risk or column.family not in _OF_CUSTOMERS)
    ]
    if not levers:
        return []
    ends = [(lever, end) for lever in levers for end in (lever["low"], lever["high"])]
    columns = customer.rows.columns
    moved = [changed_row(facts, {lever["feature"]: end}) for lever, end in ends]
    values = np.array([[now[column.name] for column in columns] for now in moved], dtype=np.float64)
    count = len(ends)
    ids, states = [customer.customer_id[0]] * count, [customer.state[0]] * count
    after = model.scorer.score_rows(
        Matrix(columns, values), np.array(ids, object), np.array(states, object), scored.as_of
    )
    sign = 1.0 if model.bundle.is_risk else -1.0
    gains = sign * (float(customer.probability[0]) - np.asarray(after.probability).reshape(-1, 2))
    for lever, pair in zip(levers, gains, strict=True):
        better = int(np.argmax(pair))
        lever |= {"gain": float(pair[better]), "best": (lever["low"], lever["high"])[better]}
    return _strongest(levers)


def _strongest(levers: Sequence[Lever]) -> list[Lever]:
    useful = sorted((lever for lever in levers if lever["gain"] >= _MIN_GAIN), key=lambda lever: -lever["gain"])
    chosen: list[Lever] = []
    for lever in useful:
        # Eight windows of one count would be eight levers on the same fact.
        if sum(one["family"] == lever["family"] for one in chosen) < 2:
            chosen.append(lever)
    return chosen[:_MAX_LEVERS]


def _lever(model: LiveModel, column: FeatureColumn, value: float, language: str) -> Lever:
    quantiles = model.bundle.reference.quantiles.get(column.name) or (value,)
    # The second highest quantile covers nearly all customers; the highest may be one outlier.
    high = max(quantiles[-2] if len(quantiles) > 1 else quantiles[-1], value, 1.0)
    step = 0.05 if column.unit == "share" else max(1.0, round(high / 100))
    return {
        "feature": column.name,
        "label": column.meaning(language),
        "unit": column.unit,
        "value": value,
        "low": 0.0,
        "high": 1.0 if column.unit in ("share", "flag") else float(np.ceil(high)),
        "step": step,
        "family": column.family,
    }
