"""Held-out customers of a data folder: drawn once when they enter a work list, logged with the seed, kept for good."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rapport.files import WatchedFile
from rapport.history.settings import Settings
from rapport.scoring.experiments.holdout import draw_holdout
from rapport.scoring.money.amounts import owner_ranks, this_week
from rapport.serving.sqlite_files import open_store

DATABASE = "experiments.db"
LISTS = ("at_risk", "win_back")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS assignments (
    seed INTEGER NOT NULL, customer_id TEXT NOT NULL, held_out INTEGER NOT NULL, drawn_at TEXT NOT NULL,
    target TEXT NOT NULL, probability REAL, list TEXT, segment TEXT, action TEXT, share REAL NOT NULL,
    PRIMARY KEY (seed, customer_id)) STRICT, WITHOUT ROWID;
"""
_COLUMNS = "customer_id, held_out, drawn_at, target, probability, list, segment, action, share"


@dataclass(frozen=True)
class HoldoutStore:
    """The draws of one data folder."""

    data_dir: Path

    def held_out(self, seed: int) -> frozenset[str]:
        """Return the held-out customers of one experiment."""
        return frozenset(row["customer_id"] for row in self.assignments(seed) if row["held_out"])

    def assignments(self, seed: int) -> list[dict[str, Any]]:
        """Return everyone who was drawn from, with what was known then."""
        if not (self.data_dir / DATABASE).is_file():
            return []
        with open_store(self.data_dir / DATABASE, _SCHEMA) as store:
            rows = store.execute(f"SELECT {_COLUMNS} FROM assignments WHERE seed = ? ORDER BY customer_id", (seed,))
            return [dict(row) | {"held_out": bool(row["held_out"])} for row in rows.fetchall()]

    def draw(self, portfolio: pa.Table, target: str, as_of: datetime, settings: Settings) -> int:
        """Draw among the customers who are new on a work list; return how many were held out."""
        rows = portfolio.filter(pc.is_in(portfolio["list"], value_set=pa.array(LISTS))).to_pylist()
        known = {row["customer_id"] for row in self.assignments(settings.holdout_seed)}
        new = [row for row in rows if row["customer_id"] not in known]
        if not new:
            return 0
        scores = np.array([row["probability"] if row["probability"] is not None else 0.0 for row in new])
        held = draw_holdout(scores, settings.holdout_share, (settings.holdout_seed, len(known)))
        values = [
            (
                settings.holdout_seed, row["customer_id"], int(flag), as_of.isoformat(), target, row["probability"],
                row["list"], row.get("segment"), row.get("next_action_code"), settings.holdout_share,
            )
            for row, flag in zip(new, held.tolist(), strict=True)
        ]  # fmt: skip
        with open_store(self.data_dir / DATABASE, _SCHEMA) as store:
            store.executemany(f"INSERT INTO assignments VALUES ({','.join('?' * 10)})", values)
        return int(held.sum())


def held_out_now(data_dir: Path, settings: Settings) -> frozenset[str]:
    """Return who is left alone at present, which every way out of the product asks; nobody without an experiment."""
    return HoldoutStore(data_dir).held_out(settings.holdout_seed) if settings.holdout_share > 0 else frozenset()


def watched_held_out(data_dir: Path, settings: Settings) -> WatchedFile[frozenset[str]]:
    """Return who is left alone, for a program that keeps running: read again when the draws change."""
    return WatchedFile(data_dir / DATABASE, lambda _: held_out_now(data_dir, settings), frozenset())


def without_held_out(table: pa.Table, data_dir: Path, settings: Settings) -> pa.Table:
    """Return the rows of a table that may leave the product."""
    return table.filter(pc.invert(_is_held_out(table, data_dir, settings)))


def apply_holdout(data_dir: Path, portfolio: pa.Table, target: str, as_of: datetime, settings: Settings) -> pa.Table:
    """Draw for one run, and take held-out customers off its lists; the column ``held_out`` shows them to admins."""
    if "list" not in portfolio.column_names:
        return portfolio
    store = HoldoutStore(data_dir)
    if settings.holdout_share > 0:
        store.draw(portfolio, target, as_of, settings)
    held = _is_held_out(portfolio, data_dir, settings)
    lists = pc.if_else(held, pa.scalar("none"), portfolio["list"])
    portfolio = _replaced(portfolio.append_column("held_out", held), "list", lists)
    return without_actions(_ranked_again(portfolio, settings) if pc.any(held).as_py() else portfolio)


def without_actions(portfolio: pa.Table) -> pa.Table:
    """Return a portfolio in which held-out customers have no next action, which would lead someone to call."""
    if "held_out" not in portfolio.column_names:
        return portfolio
    for name in ("next_action_code", "next_action_due", "due"):
        nothing = pa.scalar(None, portfolio[name].type)
        portfolio = _replaced(portfolio, name, pc.if_else(portfolio["held_out"], nothing, portfolio[name]))
    return portfolio


def _is_held_out(table: pa.Table, data_dir: Path, settings: Settings) -> object:
    held_out = pa.array(sorted(held_out_now(data_dir, settings)), pa.string())
    return pc.is_in(table["customer_id"], value_set=held_out)


def _ranked_again(portfolio: pa.Table, settings: Settings) -> pa.Table:
    """Return a portfolio whose ranks and week are of those who are still on a list."""
    lists, owners = (np.array(portfolio[name].to_pylist(), dtype=object) for name in ("list", "owner"))
    savable = portfolio["savable"].to_numpy().astype(np.float64)
    ranks = owner_ranks(lists, savable, owners)
    week = this_week(lists, savable, ranks, per_week=settings.calls_per_week, per_owner=settings.calls_per_owner)
    portfolio = _replaced(portfolio, "owner_rank", pa.array(ranks, pa.int64(), mask=ranks == 0))
    return _replaced(portfolio, "this_week", pa.array(week, pa.bool_()))


def _replaced(portfolio: pa.Table, name: str, values: object) -> pa.Table:
    return portfolio.set_column(portfolio.column_names.index(name), name, values)
