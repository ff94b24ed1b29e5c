"""The score as it would be, for a customer of the latest night."""

from __future__ import annotations

from collections.abc import Mapping

from rapport.history.contract import Words
from rapport.scoring.what_if import WhatIf
from rapport.scoring.what_if import what_if as score_what_if
from rapport.serving.current import Current
from rapport.serving.problem import UNKNOWN_CUSTOMER, RequestError


def what_if(current: Current, customer_id: str, changes: Mapping[str, float]) -> WhatIf:
    """Score a customer again with some facts changed; those that follow from them move along."""
    night = current.night
    row = night.ids.find(customer_id)
    if row is None:
        raise RequestError(404, UNKNOWN_CUSTOMER, where="customer_id")
    customer = night.scored.take([row])
    if not customer.eligible[0]:
        state = customer.state[0]
        said = Words(
            f"The customer is {state}, which gets no {current.target} score.",
            f"该客户的状态为 {state}，没有 {current.target} 评分。",
        )
        raise RequestError(422, said, where="customer_id")
    return score_what_if(current.scorer, customer, changes)
