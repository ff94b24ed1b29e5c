"""The account hierarchy: expected loss and value roll up from subsidiaries to their parent."""

from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from rapport.history import History
from rapport.scoring.analytics.point_in_time import query_as_of, rows_known_at

Places = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float64]


def build_account_hierarchy(history: History, as_of: datetime, scores: pa.Table) -> pa.Table:
    """Return one row per customer: its position, its own expected loss and value, and the totals of its subtree.

    `scores` has customer_id, probability and value. A total is the customer's own part plus its children's totals;
    `driven_by` is the subsidiary with the largest expected loss, where it is larger than the customer's own. Customers
    are arrays, because most have no relatives; only those with a parent pass through Python.
    """
    rows = query_as_of(
        history, f"SELECT customer_id, name, parent_id FROM {rows_known_at('customers')} ORDER BY customer_id", as_of
    )
    # A scored customer without a row in the customers table becomes a root, so that the totals stay complete.
    ids = pc.unique(pa.chunked_array([*rows["customer_id"].chunks, *scores["customer_id"].chunks], pa.string()))
    loss, value = _own(ids, scores)
    parent = np.full(len(ids), -1, np.intp)
    parent[: len(rows)] = pc.index_in(rows["parent_id"], value_set=ids).fill_null(-1).to_numpy()
    levels = _levels(_without_circles(parent))
    order = np.concatenate(levels)
    own = pa.array(order)
    relatives = pa.array(parent[order], mask=parent[order] < 0)
    root, driver = _roots(parent, levels)[order], _drivers(parent, levels, loss)[order]
    return pa.table(
        {
            "customer_id": ids.take(own),
            "name": pa.chunked_array([*rows["name"].chunks, pa.nulls(len(ids) - len(rows), pa.string())]).take(own),
            "parent_id": ids.take(relatives),
            "root_id": ids.take(pa.array(root)),
            "depth": pa.array(np.repeat(np.arange(len(levels)), list(map(len, levels))), pa.int32()),
            "customers": pa.array(_totals(parent, levels, np.ones(len(ids), np.int64))[order]),
            "expected_loss": pa.array(loss[order]),
            "total_expected_loss": pa.array(_totals(parent, levels, loss)[order]),
            "total_value": pa.array(_totals(parent, levels, value)[order]),
            "driven_by": ids.take(pa.array(driver, mask=driver == order)),
        }
    )


def _own(ids: pa.Array, scores: pa.Table) -> tuple[Floats, Floats]:
    """Return each customer's own expected loss and value; 0 without a score."""
    probability, value = (np.nan_to_num(np.asarray(scores[name], dtype=float)) for name in ("probability", "value"))
    at = pc.index_in(ids, value_set=scores["customer_id"]).fill_null(len(scores)).to_numpy()
    loss, amount = (np.append(each, 0.0)[at] for each in (probability * value, value))
    return loss, amount


def _without_circles(parent: Places) -> Places:
    """Make roots of the customers that are their own ancestors: of each circle the first."""
    for first in np.flatnonzero(parent >= 0).tolist():
        seen, at = {first}, int(parent[first])
        while at >= 0 and at not in seen:
            seen.add(at)
            at = int(parent[at])
        if at == first:
            parent[first] = -1
    return parent


def _levels(parent: Places) -> list[Places]:
    """Return the roots, their children, and so on; each level in the order of the one above."""
    levels, below = [np.flatnonzero(parent < 0)], np.flatnonzero(parent >= 0)
    place = np.full(len(parent), -1, np.intp)
    while len(below):
        place[levels[-1]] = np.arange(len(levels[-1]))
        above = place[parent[below]]
        children = below[above >= 0]
        levels.append(children[np.argsort(above[above >= 0], kind="stable")])
        below = below[above < 0]
    return levels


def _totals(parent: Places, levels: list[Places], own: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return each customer's own amount plus its children's totals."""
    total, of_children = own.copy(), np.zeros_like(own)
    for level in reversed(levels[1:]):
        above = parent[level]
        np.add.at(of_children, above, total[level])
        total[above] = own[above] + of_children[above]
    return total


def _drivers(parent: Places, levels: list[Places], loss: Floats) -> Places:
    """Return who in each customer's subtree has the largest expected loss; of equals the one nearest to the root."""
    driver = np.arange(len(parent))
    for level in reversed(levels[1:]):
        for child in level.tolist():
            if loss[driver[child]] > loss[driver[parent[child]]]:
                driver[parent[child]] = driver[child]
    return driver


def _roots(parent: Places, levels: list[Places]) -> Places:
    root = np.arange(len(parent))
    for level in levels[1:]:
        root[level] = root[parent[level]]
    return root
