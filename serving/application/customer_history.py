"""What happened to one customer: its events, the newest contact, its earlier scores, and why the score moved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow.compute as pc

from rapport.errors import ServingError
from rapport.scoring.analytics.interaction_signals import BAD
from rapport.scoring.analytics.last_contacts import CONTACT_DAYS
from rapport.serving.shapes import answers as shapes
from rapport.serving.shapes.task_answers import Task
from rapport.serving.snapshots.history import latest_day_on_or_before
from rapport.serving.snapshots.live_model import LiveModel
from rapport.serving.snapshots.portfolio_table import PortfolioLookup
from rapport.serving.snapshots.score_change import explain_change
from rapport.serving.snapshots.timeline import TABLES, timeline
from rapport.serving.work.tasks import HEADER, interventions

_MAX_EVENTS = 300
_HISTORY_FIELDS = ("as_of", "probability", "tier", "version")
_HEALTH_FIELDS = ("health_score", "health_grade")


def customer_events(
    model: LiveModel, customer_id: str, row: int, signals: Sequence[Mapping[str, Any]]
) -> list[shapes.Event]:
    """Return the newest events, and among them the signals in what the customer wrote."""
    snapshot = model.snapshot
    # Runs of earlier versions stored the events beside the rows that they are made from.
    stored = snapshot.run.customer_rows("events", row)
    found = (stored or timeline(snapshot.contract_rows.of([customer_id], TABLES), snapshot.as_of))[:_MAX_EVENTS]
    heard = [
        {
            "customer_id": signal["customer_id"],
            "at": signal["at"],
            "kind": "signal",
            "title": signal["signal"],
            "amount": None,
            "bad": signal["signal"] in BAD,
            "detail": signal["quote"],
        }
        for signal in signals
    ]
    ordered = sorted([*found, *heard], key=lambda event: event["at"].replace(tzinfo=None), reverse=True)
    return [cast(shapes.Event, plain(event)) for event in ordered]


def newest_contact(model: LiveModel, customer_id: str, tasks: Sequence[Task], language: str) -> shapes.Contact | None:
    """Return the newest contact of the last 90 days, by the history or by a finished task; None without any."""
    known = rows_of(model, "view_contacts", customer_id)
    done = [
        {**dict(zip(HEADER, row, strict=True)), "action": task["titles"].get(language, task["title"])}
        for task in tasks
        for row in interventions([task])
    ]
    newest = max(map(plain, (*known, *done)), key=lambda contact: str(contact["at"]), default=None)
    oldest = (model.snapshot.as_of - timedelta(days=CONTACT_DAYS)).date().isoformat()
    if newest is None or newest["at"] < oldest:
        return None
    return shapes.Contact(at=newest["at"], action=newest["action"], outcome=newest["outcome"])


def score_history(
    models: Sequence[LiveModel], customer_id: str, portfolio: Callable[[str], PortfolioLookup]
) -> list[shapes.PastScore]:
    """Return the archived scores of every target, oldest first, and today's."""
    points: list[shapes.PastScore] = []
    for model in models:
        snapshot = model.snapshot
        row = snapshot.ids.row_of(customer_id)
        if row is None:
            continue
        for past in snapshot.run.customer_rows("past", row):
            if past["probability"] is not None and not np.isnan(past["probability"]):
                # Days that an earlier version archived have no health.
                health = {name: past.get(name) for name in _HEALTH_FIELDS}
                score = {"target": model.target, **{name: past[name] for name in _HISTORY_FIELDS}, **health}
                points.append(cast(shapes.PastScore, score))
        if snapshot.scored.eligible[row]:
            today = {
                "as_of": snapshot.as_of.date().isoformat(),
                "probability": float(snapshot.scored.probability[row]),
                "tier": snapshot.scored.tier[row],
                "version": model.bundle.version,
            }
            figures = portfolio(model.target).get(customer_id)
            today |= {name: figures.get(name) for name in _HEALTH_FIELDS}
            points.append(cast(shapes.PastScore, {"target": model.target, **today}))
    return points


def recent_change(
    data_dir: Path, models: Sequence[LiveModel], answers: Sequence[shapes.Answer], customer_id: str, *, language: str
) -> shapes.ChangeAnswer | None:
    """Return why the first score moved in the last month; None without an earlier score to compare with."""
    if not answers:
        return None
    target = answers[0]["target"]
    model = next(model for model in models if model.target == target)
    today = model.snapshot.as_of.date()
    try:
        start = latest_day_on_or_before(data_dir, target, (today - timedelta(days=27)).isoformat())
        return explain_change(data_dir, target, customer_id, start=start, end=today.isoformat(), language=language)
    except ServingError:
        # Unknown or without a probability on that day: the page omits this part.
        return None


def rows_of(model: LiveModel, table: str, customer_id: str) -> list[dict[str, Any]]:
    """Return one customer's rows of a table of the run; none in runs of before the table was kept."""
    found = model.snapshot.run.cached_table(table)
    if found is None or "customer_id" not in found.column_names:
        return []
    rows: list[dict[str, object]] = found.filter(pc.equal(found["customer_id"], customer_id)).to_pylist()
    return rows


def plain(row: dict[str, object]) -> dict[str, Any]:
    """Write times as ISO 8601 text, as every endpoint does."""
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}
