"""Who is due for another look: those of the last night whose tier, or the time since, asks for it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from rapport.scoring import Bundle, shelf
from rapport.scoring.cadence import Cadence, due
from rapport.scoring.playbook import read_playbook
from rapport.serving.store import current_run

from rapport.errors import ServingError


def due_customers(home: Path, target: str, as_of: datetime, cadence: Cadence | None = None) -> pa.Table:
    """Return customer_id, what (high_risk, rfm, full) and due_at of everyone who is due at ``as_of``.

    A night looks at everyone in every way, so what counts is how long ago it was. The longest overdue come first.
    """
    bundle = Bundle.load(shelf.champion(home, target))
    if bundle.card is None:
        raise ServingError(f"The {target} model has no card, so no tier says who is at high risk.")
    run = current_run(home, target)
    scores = run.table("scores")
    if scores is None:
        raise ServingError(f"{run.folder}: scores.arrow is missing; score the history again.")
    scores = scores.filter(pc.is_finite(scores["probability"]))
    looked = pa.repeat(pa.scalar(_naive(datetime.fromisoformat(run.manifest.as_of)), pa.timestamp("us")), len(scores))
    columns = {"customer_id": scores["customer_id"].cast(pa.string()), "tier": scores["tier"].cast(pa.string())}
    last = pa.table(columns | {"scored_at": looked, "rfm_at": looked, "full_at": looked})
    return due(last, bundle.card.card, _naive(as_of), cadence or read_playbook().cadence)


def _naive(moment: datetime) -> datetime:
    # Cutoffs stand on the company's own clock, with or without its zone written beside them.
    return moment.replace(tzinfo=None)
