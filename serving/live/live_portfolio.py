"""The portfolio rows of live scores: health, money, cards and lists as the latest scoring run would compute them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pyarrow as pa

from rapport.scoring.models.score_batch import ScoreBatch
from rapport.serving.snapshots.live_model import LiveModel
from rapport.serving.snapshots.portfolio_row import PortfolioRow, rows_of
from rapport.serving.snapshots.portfolio_rows import CUSTOMER_COLUMNS
from rapport.serving.snapshots.portfolio_table import TABLE, PortfolioTables, build_portfolio

# Ranks compare all customers of a run: like the order of lists, they stay the run's.
_RANKS = ("owner_rank", "this_week")
_HELD_OUT = {"list": "none", "held_out": True}


def live_portfolio(
    model: LiveModel,
    batch: ScoreBatch,
    features: pa.Table,
    attributes: Mapping[str, Mapping[str, object]],
    portfolios: PortfolioTables,
) -> list[PortfolioRow]:
    """Return the portfolio rows of live scores, sorted by customer, by the policy of the latest scoring run.

    ``attributes`` is the newest row of ``customers`` of each customer that has one.
    """
    ids = [str(one) for one in batch.customer_id]
    at = [model.snapshot.ids.row_of(one) for one in ids]
    people = _people(model, at, [attributes.get(one, {}) for one in ids])
    past = [each for row in at if row is not None for each in model.snapshot.run.customer_rows("past", row)]
    earlier = pa.Table.from_pylist(past) if past else None
    policy, of_run = portfolios.policy(model), portfolios.of(model)
    rows = rows_of(build_portfolio(policy, batch, features, people, earlier))
    ranks, held_out = _rows(of_run, _RANKS, at), _held_out(model, at)
    return [
        cast(PortfolioRow, {**row, **own, **(_HELD_OUT if out else {})})
        for row, own, out in zip(rows, ranks, held_out, strict=True)
    ]


def _people(model: LiveModel, at: Sequence[int | None], newest: Sequence[Mapping[str, object]]) -> pa.Table:
    stored = _rows(model.snapshot.customers, model.snapshot.customers.column_names, at)
    changed = [{name: one[name] for name in CUSTOMER_COLUMNS if name in one} for one in newest]
    return pa.Table.from_pylist(
        [dict.fromkeys(CUSTOMER_COLUMNS) | old | new for old, new in zip(stored, changed, strict=True)]
    )


def _held_out(model: LiveModel, at: Sequence[int | None]) -> list[bool]:
    stored = model.snapshot.run.cached_table(TABLE)
    found = _rows(stored, ["held_out"], at) if stored is not None else [{} for _ in at]
    return [bool(each.get("held_out")) for each in found]


def _rows(of_run: pa.Table, names: Sequence[str], at: Sequence[int | None]) -> list[dict[str, Any]]:
    """Return some columns of a run's rows; null for a new customer, who is in no run yet."""
    known = [name for name in names if name in of_run.column_names]
    return of_run.select(known).take(pa.array(at, pa.int64())).to_pylist() if known else [{} for _ in at]
