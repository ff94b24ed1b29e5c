"""The scores of earlier nights: a thin line for each customer, and single days in full."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from rapport.serving.store import Manifest, kept_days

from rapport.errors import ServingError

_WEEKS, _MONTHS = timedelta(days=70), timedelta(days=550)


def past_line(home: Path, manifest: Manifest) -> pa.Table:
    """Return customer_id, as_of, probability, tier, version of the kept days before, sorted by customer and day.

    Every day of the last ten days, then a day a week, then a day a month: what a line on a page can show.
    """
    today = datetime.fromisoformat(manifest.as_of).date()
    days = [date.fromisoformat(day) for day in kept_days(home, manifest.target)]
    folder = home / "scores" / manifest.target / "history"
    files = [folder / f"{day}.parquet" for day in thinned([day for day in days if day < today], today)]
    parts = [_day(path) for path in files]
    schema = pa.schema(
        {"customer_id": "string", "as_of": "string", "probability": "double", "tier": "string", "version": "string"}
    )
    line = pa.concat_tables([schema.empty_table(), *(part.cast(schema) for part in parts)])
    return line.sort_by([("customer_id", "ascending"), ("as_of", "ascending")])


def thinned(days: Sequence[date], today: date) -> list[date]:
    """Keep the days that a line needs: the last of each day, week or month, the further back the fewer."""
    kept: dict[tuple[int, ...], date] = {}
    for day in sorted(days):
        back = today - day
        if back <= timedelta(days=10):
            kept[(0, day.toordinal())] = day
        elif back <= _WEEKS:
            kept[(1, *day.isocalendar()[:2])] = day
        elif back <= _MONTHS:
            kept[(2, day.year, day.month)] = day
    return sorted(kept.values())


def day_before_or_on(home: Path, target: str, day: str) -> str:
    """Return the kept cutoff that was current on ``day``; refuses a day before all."""
    days = kept_days(home, target)
    fitting = [kept for kept in days if kept <= day]
    if not fitting:
        first = f"the first is {days[0]}" if days else "none is kept yet"
        raise ServingError(f"No {target} scores are kept from {day} or before; {first}.")
    return fitting[-1]


def score_of_day(home: Path, target: str, day: str, customer_id: str) -> tuple[Manifest, pa.Table]:
    """Return what was said of a customer at a kept cutoff (no row: not known then), and which run said it."""
    path = home / "scores" / target / "history" / f"{day}.parquet"
    return _manifest(path), _rows_of(path, customer_id)


def features_of_day(home: Path, manifest: Manifest, customer_id: str) -> pa.Table | None:
    """Return the facts of a customer at a kept cutoff; None when only its scores are kept."""
    path = home / "scores" / manifest.target / "facts" / f"{manifest.as_of[:10]}.parquet"
    return _rows_of(path, customer_id) if path.is_file() else None


def _rows_of(path: Path, customer_id: str) -> pa.Table:
    return pq.read_table(path, filters=[("customer_id", "=", customer_id)], partitioning=None)


def _day(path: Path) -> pa.Table:
    manifest = _manifest(path)
    table = pq.read_table(path, columns=["customer_id", "probability", "tier"])
    count = table.num_rows
    return pa.table(
        {
            "customer_id": table.column("customer_id"),
            "as_of": pa.array([manifest.as_of[:10]] * count, pa.string()),
            "probability": table.column("probability"),
            "tier": table.column("tier"),
            "version": pa.array([manifest.version] * count, pa.string()),
        }
    )


def _manifest(path: Path) -> Manifest:
    stored = json.loads(pq.read_schema(path).metadata[b"manifest"])
    return Manifest(**{**stored, "present": tuple(stored["present"])})
