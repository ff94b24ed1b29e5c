"""A small company for tests of training: orders at each customer's own pace, some of whom leave."""

import random
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from rapport.durations import parse_duration
from rapport.history import History, history_of
from rapport.training import TrainedModel, train

BEGIN, NOW = datetime(2024, 1, 1), datetime(2026, 1, 1)
HORIZON, ACTIVE = parse_duration("90d"), parse_duration("180d")
ASKED: dict[str, Any] = {"as_of": NOW, "horizon": HORIZON, "active": ACTIVE}


def orders(customers: int = 240, seed: int = 3) -> list[dict[str, Any]]:
    """Return order lines; who buys at longer gaps leaves sooner."""
    draw = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for place in range(customers):
        gap = draw.gammavariate(2, 15)
        at = BEGIN + timedelta(days=draw.uniform(0, 400))
        leaves = at + timedelta(days=draw.expovariate(1 / 300) + 20)
        while at < min(leaves, NOW):
            order = {"customer_id": f"C{place}", "order_id": f"{place}-{len(rows)}", "ordered_at": at}
            rows.append(order | {"amount": draw.gammavariate(2, 50)})
            at += timedelta(days=draw.expovariate(1 / gap) + 1)
    return rows


def company(rows: list[dict[str, Any]] | None = None) -> History:
    """Return the history of these orders."""
    return history_of({"orders": orders() if rows is None else rows})


@cache
def trained() -> TrainedModel:
    """Return the churn model of this company, trained once in a process; no test changes it."""
    return train(company(), "churn", **ASKED)
