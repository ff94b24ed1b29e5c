"""Archived scores: a thinned score history of each customer, and single days in full."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from rapport.errors import ServingError
from rapport.serving.snapshots.store import Manifest, archived_days

_SCHEMA = pa.schema(
    {
        "customer_id": "string",
        "as_of": "string",
        "probability": "double",
        "tier": "string",
        "health_score": "double",
        "health_grade": "string",
        "version": "string",
    }
)
_SCORES = ("probability", "tier", "health_score", "health_grade")
# "value_at_risk" is what the portfolio of that day calls revenue at risk.
_POPULATION = ("customer_id", "probability", "value_at_risk", "health_score", "health_grade")
_WEEKS, _MONTHS = timedelta(days=70), timedelta(days=550)


def history_table(data_dir: Path, manifest: Manifest, ids: pa.ChunkedArray) -> pa.Table:
    """Return the scores, tiers and health of earlier archived days, sorted by customer and day.

    ``ids`` are sorted; customers between the first and the last of them are read.

    Every day of the last ten days, then one day a week, then one day a month: what a chart on a page can show.
    """
    today = datetime.fromisoformat(manifest.as_of).date()
    days = [date.fromisoformat(day) for day in archived_days(data_dir, manifest.target)]
    folder = data_dir / "scores" / manifest.target / "history"
    files = [folder / f"{day}.parquet" for day in thin_days([day for day in days if day < today], today)]
    archived = [_scores_of_file(path, ids) for path in files] if len(ids) else []
    table = pa.concat_tables([_SCHEMA.empty_table(), *(one.cast(_SCHEMA) for one in archived)])
    return table.sort_by([("customer_id", "ascending"), ("as_of", "ascending")])


def thin_days(days: Sequence[date], today: date) -> list[date]:
    """Keep the days that a chart needs: the last of each day, week or month, fewer the older they are."""
    kept: dict[tuple[int, ...], date] = {}
    for day in sorted(days):
        age = today - day
        if age <= timedelta(days=10):
            kept[(0, day.toordinal())] = day
        elif age <= _WEEKS:
            kept[(1, *day.isocalendar()[:2])] = day
        elif age <= _MONTHS:
            kept[(2, day.year, day.month)] = day
    return sorted(kept.values())


def latest_day_on_or_before(data_dir: Path, target: str, day: str) -> str:
    """Return the archived cutoff that was current on ``day``; raises ServingError for a day before all of them."""
    days = archived_days(data_dir, target)
    earlier = [one for one in days if one <= day]
    if not earlier:
        first = f"the first is {days[0]}" if days else "none is archived yet"
        raise ServingError(f"No {target} scores are archived on or before {day}; {first}.")
    return earlier[-1]


def scores_on_day(data_dir: Path, target: str, day: str, customer_id: str) -> tuple[Manifest, pa.Table]:
    """Return a customer's scores at an archived cutoff (no row: unknown then), and the run that computed them."""
    path = data_dir / "scores" / target / "history" / f"{day}.parquet"
    return _manifest(path), _customer_rows(path, customer_id)


def population_on_day(data_dir: Path, target: str, day: str) -> tuple[str, pa.Table]:
    """Return the model version of an archived cutoff, and every customer's score, money and health of then."""
    path = data_dir / "scores" / target / "history" / f"{day}.parquet"
    names = [name for name in _POPULATION if name in pq.read_schema(path).names]
    return _manifest(path).version, pq.read_table(path, columns=names, partitioning=None)


def features_on_day(data_dir: Path, manifest: Manifest, customer_id: str) -> pa.Table | None:
    """Return a customer's features at an archived cutoff; None when only the scores are archived."""
    path = data_dir / "scores" / manifest.target / "facts" / f"{manifest.as_of[:10]}.parquet"
    return _customer_rows(path, customer_id) if path.is_file() else None


def _customer_rows(path: Path, customer_id: str) -> pa.Table:
    return pq.read_table(path, filters=[("customer_id", "=", customer_id)], partitioning=None)


def _scores_of_file(path: Path, ids: pa.ChunkedArray) -> pa.Table:
    manifest = _manifest(path)
    stored = set(pq.read_schema(path).names)
    # Days that an earlier version archived have no health.
    names = [name for name in _SCORES if name in stored]
    chosen = [("customer_id", ">=", ids[0].as_py()), ("customer_id", "<=", ids[-1].as_py())]
    table = pq.read_table(path, columns=["customer_id", *names], filters=chosen, partitioning=None)
    count = table.num_rows
    columns = {name: table.column(name) if name in names else pa.nulls(count) for name in _SCORES}
    return pa.table(
        {
            "customer_id": table.column("customer_id"),
            "as_of": pa.array([manifest.as_of[:10]] * count, pa.string()),
            **columns,
            "version": pa.array([manifest.version] * count, pa.string()),
        }
    )


def _manifest(path: Path) -> Manifest:
    stored = json.loads(pq.read_schema(path).metadata[b"manifest"])
    return Manifest(**{**stored, "present": tuple(stored["present"])})
