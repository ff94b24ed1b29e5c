"""The portfolio table: one row for every customer of a scoring run, computed once and read by every page and answer."""

from __future__ import annotations

import json
import threading
import weakref
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import partial
from typing import TypedDict, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rapport.history.settings import Settings
from rapport.scoring.actions.playbook import Playbook
from rapport.scoring.models.score_batch import ScoreBatch
from rapport.serving.errors import RequestError, message
from rapport.serving.snapshots.customer_index import id_bytes
from rapport.serving.snapshots.live_model import LiveModel
from rapport.serving.snapshots.next_actions import refreshed
from rapport.serving.snapshots.portfolio_policy import PortfolioPolicy, freeze_policy
from rapport.serving.snapshots.portfolio_rows import portfolio_rows

TABLE, POLICY_FILE = "portfolio", "portfolio.json"
# Days until the first action is due, by minimum percentile: higher risk is due sooner.
_DUE_DAYS = ((90, 7), (70, 14), (0, 30))
LISTED = (
    "customer_id", "owner", "tier", "probability", "percentile", "value_at_risk", "health_score", "health_grade",
    "risk_band", "spend_if_retained", "revenue_at_risk", "expected_revenue", "savable", "list", "expected_value",
    "lead_grade", "win_back_value",
)  # fmt: skip
Filters = Mapping[str, str | float | tuple[str, ...] | None]
_RANKED_BY = {"at_risk": "savable", "probably_lost": "revenue_at_risk", "win_back": "win_back_value"}
_BEFORE_DAYS = (7, 30)


class PortfolioTables:
    """Cache of portfolio tables and their policies, each kept as long as its live model."""

    def __init__(self, settings: Settings, playbook: Playbook | Callable[[], Playbook]) -> None:
        self._settings = settings
        self._current: Callable[[], Playbook] = partial(_same, playbook) if isinstance(playbook, Playbook) else playbook
        self._playbook = self._current()
        self._found: weakref.WeakKeyDictionary[LiveModel, tuple[PortfolioPolicy, pa.Table]] = (
            weakref.WeakKeyDictionary()
        )
        self._lock = threading.Lock()

    def of(self, model: LiveModel) -> pa.Table:
        """Return the portfolio table of a live model; always the same object for the same model."""
        return self.with_policy(model)[1]

    def policy(self, model: LiveModel) -> PortfolioPolicy:
        """Return the policy of the live model's scoring run."""
        return self.with_policy(model)[0]

    def with_policy(self, model: LiveModel) -> tuple[PortfolioPolicy, pa.Table]:
        """Return the policy and the table together, of one playbook."""
        with self._lock:
            if (playbook := self._current()) is not self._playbook:
                self._playbook = playbook
                self._found.clear()
            if model not in self._found:
                policy, table = self._read(model) or self._computed(model)
                snapshot = model.snapshot
                self._found[model] = policy, refreshed(table, snapshot.run, self._playbook, snapshot.scored)
            return self._found[model]

    def _read(self, model: LiveModel) -> tuple[PortfolioPolicy, pa.Table] | None:
        """Return what the run stored; None for a run of an earlier version or one that another bundle scored."""
        table, policy = model.snapshot.run.cached_table(TABLE), self._stored_policy(model)
        return None if table is None or policy is None or model.rescored else (policy, table)

    def _stored_policy(self, model: LiveModel) -> PortfolioPolicy | None:
        path = model.snapshot.run.folder / POLICY_FILE
        if not path.is_file():
            return None
        return PortfolioPolicy.from_dict(json.loads(path.read_text("utf-8")), self._playbook.segments)

    def _computed(self, model: LiveModel) -> tuple[PortfolioPolicy, pa.Table]:
        snapshot, stored = model.snapshot, self._stored_policy(model)
        features = snapshot.run.cached_table("features")
        assert features is not None, "a live model was scored from its features"
        # A new champion does not undo what an experiment had proved when the run was made.
        proven = stored.proven if stored is not None else None
        policy = freeze_policy(model.bundle, self._settings, self._playbook, features, proven)
        past = snapshot.run.cached_table("past")
        return policy, build_portfolio(policy, snapshot.scored, features, snapshot.customers, past)


class PortfolioRow(TypedDict, total=False):
    """What answers and profiles read of a row; leads have no money at risk, customers no grade of leads."""

    customer_id: str
    owner: str | None
    industry: str | None
    probability: float | None
    tier: str | None
    value: float | None
    value_at_risk: float | None
    savable: float | None
    health_score: float | None
    health_grade: str | None
    r: int | None
    f: int | None
    m: int | None
    rfm_cell: str | None
    rfm_grade: int | None
    rfm_top: bool | None
    segment: str | None
    recency_days: float | None
    orders_12m: float | None


class PortfolioLookup:
    """The rows of a portfolio table, found by customer."""

    def __init__(self, table: pa.Table) -> None:
        self._table, self._ids = table, table.column("customer_id")

    def get(self, customer_id: str) -> PortfolioRow:
        """Return a customer's row; empty for an unknown customer."""
        row = self._ids.index(pa.scalar(customer_id)).as_py()
        return PortfolioRow() if row < 0 else cast(PortfolioRow, self._table.slice(row, 1).to_pylist()[0])


def _same(playbook: Playbook) -> Playbook:
    return playbook


def build_portfolio(
    policy: PortfolioPolicy, scored: ScoreBatch, features: pa.Table, customers: pa.Table | None, past: pa.Table | None
) -> pa.Table:
    """Return the portfolio of a scoring run; ``past`` has the archived scores of earlier days."""
    table = portfolio_rows(policy, scored, features, customers)
    day = scored.as_of.date()
    percentiles = [None if one is None else int(one) for one in table["percentile"].to_pylist()]
    due = pa.array([None if one is None else due_date(day, one) for one in percentiles], pa.string())
    columns: dict[str, object] = {"due": due, "next_action_due": due}
    columns |= _earlier_scores(scored, past)
    for name, values in columns.items():
        table = table.append_column(name, values)
    return table


def stored_files(policy: PortfolioPolicy) -> Mapping[str, bytes]:
    """Return the files that a run stores beside its portfolio table."""
    return {POLICY_FILE: json.dumps(policy.to_dict(), ensure_ascii=False, indent=1).encode()}


def with_health(scores: pa.Table, portfolio: pa.Table) -> pa.Table:
    """Return the scores that are archived: with the health columns, where the target has them."""
    for name in ("health_score", "health_grade"):
        if name in portfolio.column_names:
            scores = scores.append_column(name, portfolio.column(name))
    return scores


def list_page(
    table: pa.Table, *, filters: Filters, hidden: frozenset[str], first: int, count: int
) -> tuple[list[dict[str, object]], bool]:
    """Return a page of customers and whether more follow."""
    found, order = ranked(table, filters, hidden)
    listed = [name for name in LISTED if name in table.column_names]
    return found.select(listed).take(order.slice(first, count)).to_pylist(), len(order) > first + count


def ranked(table: pa.Table, filters: Filters, hidden: frozenset[str]) -> tuple[pa.Table, pa.Array]:
    """Return the rows that the filters find but those that are ``hidden``, and their order.

    Scored customers come by revenue at risk; those of one list in the order in which they are worth a contact.
    A number is the least value of the column after ``min_``.
    """
    listed_as = filters.get("list")
    if hidden:
        table = table.filter(pc.invert(pc.is_in(table.column("customer_id"), pa.array(sorted(hidden), pa.string()))))
    if listed_as is None:
        table = table.filter(pc.is_valid(table.column("probability")))
    for name, wanted in filters.items():
        if isinstance(wanted, float):
            table = table.filter(pc.greater_equal(table.column(name.removeprefix("min_")), wanted))
        elif wanted is not None:
            _check_filter(table, name)
            allowed = [wanted] if isinstance(wanted, str) else list(wanted)
            table = table.filter(pc.is_in(table.column(name), pa.array(allowed, pa.string())))
    by = _RANKED_BY.get(str(listed_as), "value_at_risk" if "savable" in table.column_names else "expected_value")
    keys = [(by, "descending"), ("probability", "descending"), ("customer_id", "ascending")]
    return table, pc.sort_indices(table, sort_keys=keys)


def _check_filter(table: pa.Table, name: str) -> None:
    if name not in table.column_names:
        asked = name.removeprefix("health_")
        raise RequestError(422, message("no_such_column", column=asked), where=asked)


def due_date(as_of: date, percentile: int, step: int = 0) -> str:
    """Return the day on which the first action is due; each further ``step`` adds a week."""
    days = next(days for edge, days in _DUE_DAYS if percentile >= edge)
    return (as_of + timedelta(days=days + 7 * step)).isoformat()


def _earlier_scores(scored: ScoreBatch, past: pa.Table | None) -> dict[str, object]:
    """Return the scores, tiers and health of a week and a month ago."""
    numbers, texts = ("probability", "health_score"), ("tier", "health_grade")
    kinds = dict.fromkeys(numbers, pa.float64()) | dict.fromkeys(texts, pa.string())
    found: dict[str, object] = {}
    for days in _BEFORE_DAYS:
        before = None if past is None else _rows_before(scored, past, days)
        for name, kind in kinds.items():
            has = before is not None and name in before.column_names
            column = before.column(name).cast(kind) if has and before is not None else pa.nulls(len(scored), kind)
            # The archive keeps "no probability" as nan.
            found[f"{name}_{days}d"] = pc.if_else(pc.is_nan(column), None, column) if name in numbers else column
    found["health_before_30d"] = found["health_score_30d"]
    found["grade_30d"] = found["health_grade_30d"]
    return found


def _rows_before(scored: ScoreBatch, past: pa.Table, days: int) -> pa.Table:
    """Return each customer's archived row nearest to ``days`` days ago; null where there is none.

    A score of twice that age does not describe the change of the period.
    """
    day, oldest = ((scored.as_of.date() - timedelta(days=n * days)).isoformat() for n in (1, 2))
    at = past.column("as_of")
    rows = past.filter(pc.and_(pc.less_equal(at, day), pc.greater_equal(at, oldest)))
    # Rows are sorted by customer and day, so the last one of a customer is the nearest.
    ids = id_bytes(rows.column("customer_id"))
    wanted = id_bytes(pa.array(scored.customer_id, pa.string()))
    if not len(ids):
        return rows.take(pa.nulls(len(wanted), pa.int64()))
    place = np.searchsorted(ids, wanted, side="right") - 1
    missing = (place < 0) | (ids[place] != wanted)
    return rows.take(pa.array(place, pa.int64(), mask=missing))
