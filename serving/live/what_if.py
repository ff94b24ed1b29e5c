"""What-if scores: a customer of the latest snapshot with some facts changed."""

from __future__ import annotations

from collections.abc import Mapping

from rapport.scoring.models.what_if import WhatIf
from rapport.scoring.models.what_if import what_if as score_what_if
from rapport.serving.errors import RequestError, message
from rapport.serving.snapshots.live_model import LiveModel


def what_if(model: LiveModel, customer_id: str, changes: Mapping[str, float]) -> WhatIf:
    """Score a customer again with some facts changed; facts derived from them change, too."""
    snapshot = model.snapshot
    row = snapshot.ids.row_of(customer_id)
    if row is None:
        raise RequestError(404, message("unknown_customer"), where="customer_id")
    customer = snapshot.scored.take([row])
    if not customer.eligible[0]:
        text = message("state_without_score", state=customer.state[0], target=model.target)
        raise RequestError(422, text, where="customer_id")
    return score_what_if(model.scorer, customer, changes)
