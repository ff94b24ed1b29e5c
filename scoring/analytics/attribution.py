"""Marketing attribution: five models of credit for conversions, from first touch to the removal effect."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

import numpy as np
import pyarrow as pa

from rapport.errors import TableError
from rapport.history import History
from rapport.scoring.analytics.point_in_time import query_as_of, rows_known_at

BY = ("channel", "campaign", "action", "asset")
METHODS = ("first", "last", "linear", "u_shape", "removal")
LOOK_BACK_DAYS = 90
"""A touch earlier than this before the first order gets no credit."""

Path = tuple[str, ...]
_START, _WON, _LOST = "(start)", "(won)", "(lost)"
_END_CREDIT = 0.4


def attribution(history: History, as_of: datetime, by: str = "channel") -> pa.Table:
    """Return one row per channel (or campaign, action, asset): the conversions that each model credits to it.

    Every model distributes the same conversions, so each column sums to their number.
    """
    if by not in BY:
        raise TableError(f"attribution by “{by}”: choose one of {', '.join(BY)}.")
    won, lost = _paths(history, as_of, by)
    names = sorted({name for path in (*won, *lost) for name in path})
    credit = {
        "first": _position_credit(won, lambda count: [1.0, *[0.0] * (count - 1)]),
        "last": _position_credit(won, lambda count: [*[0.0] * (count - 1), 1.0]),
        "linear": _position_credit(won, lambda count: [1 / count] * count),
        "u_shape": _position_credit(won, u_shape),
        "removal": _removal_effect(won, lost, names),
    }
    columns = {method: pa.array([credit[method].get(name, 0.0) for name in names], pa.float64()) for method in METHODS}
    journeys = Counter(name for path, count in (won + lost).items() for name in set(path) for _ in range(count))
    return pa.table({by: pa.array(names, pa.string()), "journeys": [journeys[name] for name in names], **columns})


def u_shape(count: int) -> list[float]:
    """Return position-based credit: 40 % for the first touch, 40 % for the last, the rest for the others."""
    if count <= 2:
        return [1 / count] * count
    return [_END_CREDIT, *[(1 - 2 * _END_CREDIT) / (count - 2)] * (count - 2), _END_CREDIT]


def _paths(history: History, as_of: datetime, by: str) -> tuple[Counter[Path], Counter[Path]]:
    """Count the journeys that ended in a first order, and those of customers without an order."""
    rows = query_as_of(
        history,
        f"""
        WITH bought AS (SELECT customer_id, min(ordered_at) AS bought_at FROM {rows_known_at("orders")} WHERE amount > 0
                        GROUP BY customer_id)
        SELECT list(coalesce({by}, '(none)') ORDER BY occurred_at, {by}) AS path, bought_at IS NOT NULL AS won
        FROM {rows_known_at("touches")} AS touches LEFT JOIN bought USING (customer_id)
        WHERE bought_at IS NULL
           OR (occurred_at < bought_at AND occurred_at >= bought_at - INTERVAL {LOOK_BACK_DAYS} DAY)
        GROUP BY customer_id, bought_at ORDER BY customer_id
        """,
        as_of,
    )
    found: dict[bool, Counter[Path]] = {True: Counter(), False: Counter()}
    for path, won in zip(rows["path"].to_pylist(), rows["won"].to_pylist(), strict=True):
        found[won][tuple(path)] += 1
    return found[True], found[False]


def _position_credit(won: Mapping[Path, int], share: Callable[[int], list[float]]) -> dict[str, float]:
    credit: dict[str, float] = defaultdict(float)
    for path, count in won.items():
        for name, part in zip(path, share(len(path)), strict=True):
            credit[name] += part * count
    return credit


def _removal_effect(won: Mapping[Path, int], lost: Mapping[Path, int], names: list[str]) -> dict[str, float]:
    """Distribute conversions by the loss without each channel, in a first-order Markov chain of journeys.

    Anderl et al., "Mapping the customer journey" (2016).
    """
    steps: dict[str, Counter[str]] = defaultdict(Counter)
    for journeys, end in ((won, _WON), (lost, _LOST)):
        for path, count in journeys.items():
            for here, there in zip((_START, *path), (*path, end), strict=True):
                steps[here][there] += count
    conversions = sum(won.values())
    whole = _conversion_probability(steps, names)
    effects = {
        name: 1 - _conversion_probability(steps, [each for each in names if each != name]) / whole
        for name in names
        if whole
    }
    total = sum(effects.values())
    return {name: conversions * effect / total for name, effect in effects.items()} if total else {}


def _conversion_probability(steps: Mapping[str, Counter[str]], names: Iterable[str]) -> float:
    """Return the probability of a conversion from the start, if only these channels remain; any other one loses."""
    states = [_START, *names]
    position = {name: at for at, name in enumerate(states)}
    onward, wins = np.zeros((len(states), len(states))), np.zeros(len(states))
    for name in states:
        total = sum(steps[name].values()) or 1
        for there, count in steps[name].items():
            if there in position:
                onward[position[name], position[there]] = count / total
            elif there == _WON:
                wins[position[name]] = count / total
    return float(np.linalg.solve(np.eye(len(states)) - onward, wins)[0])
