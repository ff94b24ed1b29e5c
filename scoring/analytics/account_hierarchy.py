"""The account hierarchy: expected loss and value roll up from subsidiaries to their parent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pyarrow as pa

from rapport.history import History
from rapport.scoring.analytics.point_in_time import query_as_of, rows_known_at


@dataclass
class _Node:
    parent: str | None
    name: str | None
    loss: float
    value: float
    children: list[str] = field(default_factory=list)


def build_account_hierarchy(history: History, as_of: datetime, scores: pa.Table) -> pa.Table:
    """Return one row per customer: its position, its own expected loss and value, and the totals of its subtree.

    `scores` has customer_id, probability and value. A total is the customer's own part plus its children's totals;
    `driven_by` is the subsidiary with the largest expected loss, where it is larger than the customer's own.
    """
    nodes = _nodes(history, as_of, scores)
    order = _top_down(nodes)
    total: dict[str, float] = {}
    value: dict[str, float] = {}
    count: dict[str, int] = {}
    driver: dict[str, str] = {}
    for name in reversed(order):
        node = nodes[name]
        total[name] = node.loss + sum(total[child] for child in node.children)
        value[name] = node.value + sum(value[child] for child in node.children)
        count[name] = 1 + sum(count[child] for child in node.children)
        driver[name] = _driver(name, node, driver, nodes)
    depth, root = _depths(order, nodes)
    return pa.table(
        {
            "customer_id": pa.array(order, pa.string()),
            "name": pa.array([nodes[each].name for each in order], pa.string()),
            "parent_id": pa.array([nodes[each].parent for each in order], pa.string()),
            "root_id": pa.array([root[each] for each in order], pa.string()),
            "depth": pa.array([depth[each] for each in order], pa.int32()),
            "customers": pa.array([count[each] for each in order], pa.int64()),
            "expected_loss": pa.array([nodes[each].loss for each in order], pa.float64()),
            "total_expected_loss": pa.array([total[each] for each in order], pa.float64()),
            "total_value": pa.array([value[each] for each in order], pa.float64()),
            "driven_by": pa.array([driver[each] if driver[each] != each else None for each in order], pa.string()),
        }
    )


def _nodes(history: History, as_of: datetime, scores: pa.Table) -> dict[str, _Node]:
    rows = query_as_of(
        history, f"SELECT customer_id, name, parent_id FROM {rows_known_at('customers')} ORDER BY customer_id", as_of
    )
    amounts = _amounts(scores)
    nodes = {
        each["customer_id"]: _Node(each["parent_id"], each["name"], *amounts.get(each["customer_id"], (0.0, 0.0)))
        for each in rows.to_pylist()
    }
    # A scored customer without a row in the customers table becomes a root, so that the totals stay complete.
    nodes |= {name: _Node(None, None, *amounts[name]) for name in amounts if name not in nodes}
    for name, node in nodes.items():
        if node.parent not in nodes or _is_circular(name, nodes):
            node.parent = None
    for name, node in nodes.items():
        if node.parent is not None:
            nodes[node.parent].children.append(name)
    return nodes


def _amounts(scores: pa.Table) -> dict[str, tuple[float, float]]:
    probability, value = (np.nan_to_num(np.asarray(scores[name], dtype=float)) for name in ("probability", "value"))
    rows = zip(scores["customer_id"].to_pylist(), (probability * value).tolist(), value.tolist(), strict=True)
    return {name: (loss, amount) for name, loss, amount in rows}


def _is_circular(name: str, nodes: Mapping[str, _Node]) -> bool:
    """Tell whether a customer is its own ancestor; the first such customer becomes a root."""
    seen, at = {name}, nodes[name].parent
    while at is not None and at in nodes:
        if at == name:
            return True
        if at in seen:
            return False
        seen.add(at)
        at = nodes[at].parent
    return False


def _top_down(nodes: Mapping[str, _Node]) -> list[str]:
    order = [name for name, node in nodes.items() if node.parent is None]
    for name in order:
        order.extend(nodes[name].children)
    return order


def _driver(name: str, node: _Node, driver: Mapping[str, str], nodes: Mapping[str, _Node]) -> str:
    candidates = [name, *(driver[child] for child in node.children)]
    return max(candidates, key=lambda each: nodes[each].loss)


def _depths(order: Sequence[str], nodes: Mapping[str, _Node]) -> tuple[dict[str, int], dict[str, str]]:
    depth: dict[str, int] = {}
    root: dict[str, str] = {}
    for name in order:
        parent = nodes[name].parent
        depth[name] = 0 if parent is None else depth[parent] + 1
        root[name] = name if parent is None else root[parent]
    return depth, root
