"""Customers due for review: their tier, or the time since the last scoring run, requires it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from rapport.errors import ServingError
from rapport.scoring.actions.cadence import Cadence, due_reviews
from rapport.scoring.actions.playbook import read_playbook
from rapport.scoring.models.published import load_published
from rapport.serving.snapshots.store import published_run


def due_customers(data_dir: Path, target: str, as_of: datetime, cadence: Cadence | None = None) -> pa.Table:
    """Return customer_id, what (high_risk, rfm, full) and due_at of everyone who is due at ``as_of``.

    A scoring run reviews everyone in every way, so only its age counts. The longest overdue come first.
    """
    bundle = load_published(data_dir, target)
    if bundle.card is None:
        raise ServingError(f"The {target} model has no card, so it has no tiers and nobody is due by risk.")
    run = published_run(data_dir, target)
    scores = run.table("scores")
    if scores is None:
        raise ServingError(f"{run.folder}: scores.arrow is missing; score the history again.")
    scores = scores.filter(pc.is_finite(scores["probability"]))
    reviewed = pa.repeat(pa.scalar(_naive(datetime.fromisoformat(run.manifest.as_of)), pa.timestamp("us")), len(scores))
    columns = {"customer_id": scores["customer_id"].cast(pa.string()), "tier": scores["tier"].cast(pa.string())}
    last = pa.table(columns | {"scored_at": reviewed, "rfm_at": reviewed, "full_at": reviewed})
    return due_reviews(last, bundle.card.card, _naive(as_of), cadence or read_playbook().cadence)


def _naive(moment: datetime) -> datetime:
    # Cutoffs are in the company's own time zone, with or without its offset.
    return moment.replace(tzinfo=None)
