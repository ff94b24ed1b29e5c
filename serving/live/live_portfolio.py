"""The portfolio rows of live scores: health, money, cards and lists as the latest scoring run would compute them."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from rapport.scoring.models.score_batch import ScoreBatch
from rapport.serving.snapshots.live_model import LiveModel
from rapport.serving.snapshots.portfolio_rows import CUSTOMER_COLUMNS
from rapport.serving.snapshots.portfolio_table import TABLE, PortfolioTables, build_portfolio

# Ranks compare all customers of a run: like the order of lists, they stay the run's.
_RANKS = ("owner_rank", "this_week")


def live_portfolio(
    model: LiveModel,
    batch: ScoreBatch,
    features: pa.Table,
    attributes: Mapping[str, Mapping[str, object]],
    portfolios: PortfolioTables,
) -> list[dict[str, object]]:
    """Return the portfolio rows of live scores, sorted by customer, by the policy of the latest scoring run.

    ``attributes`` is the newest row of ``customers`` of each customer that has one.
    """
    ids = [str(one) for one in batch.customer_id]
    at = [model.snapshot.ids.row_of(one) for one in ids]
    people = [_person(model, row, attributes.get(one, {})) for one, row in zip(ids, at, strict=True)]
    past = [each for row in at if row is not None for each in model.snapshot.run.customer_rows("past", row)]
    earlier = pa.Table.from_pylist(past) if past else None
    policy, of_run = portfolios.policy(model), portfolios.of(model)
    rows = build_portfolio(policy, batch, features, pa.Table.from_pylist(people), earlier).to_pylist()
    return [row | _ranks(of_run, place) | _held_out(model, place) for row, place in zip(rows, at, strict=True)]


def _person(model: LiveModel, row: int | None, newest: Mapping[str, object]) -> dict[str, object]:
    stored = model.snapshot.customers.slice(row, 1).to_pylist()[0] if row is not None else {}
    changed = {name: newest[name] for name in CUSTOMER_COLUMNS if name in newest}
    return dict.fromkeys(CUSTOMER_COLUMNS) | stored | changed


def _ranks(of_run: pa.Table, row: int | None) -> dict[str, object]:
    """Return the ranks of a run's customer; a new customer has none before the next run."""
    names = [name for name in _RANKS if name in of_run.column_names]
    return {name: of_run[name][row].as_py() if row is not None else None for name in names}


def _held_out(model: LiveModel, row: int | None) -> dict[str, object]:
    stored = model.snapshot.run.cached_table(TABLE)
    if row is None or stored is None or "held_out" not in stored.column_names or not stored["held_out"][row].as_py():
        return {}
    return {"list": "none", "held_out": True}
