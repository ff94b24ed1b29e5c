"""The last steps of a run: the bundle with its interval, its money, its guards and what the console shows of it."""

from dataclasses import replace

import numpy as np
from rapport.scoring import Bundle
from rapport.training.assembly import Made, assemble
from rapport.training.capacity import profit
from rapport.training.card_standing import card_standing
from rapport.training.committee import Making
from rapport.training.guards import direction_cost, guards_of
from rapport.training.record import made_by
from rapport.training.slices import Slices
from rapport.training.spend import fit_spend
from rapport.training.standing import standing
from rapport.training.uncertainty import interval_of

SOME = 4_000


def finished(made: Made, making: Making, plan: Slices, leaks: tuple[str, ...]) -> Bundle:
    """Give the whole bundle."""
    bundle = assemble(made)
    some = made.now.take(np.arange(0, len(made.now), max(1, len(made.now) // SOME)))
    spend, spend_judged = fit_spend(made.history, made.question, made.rows)
    later = made.trial.judged[0].rows if made.trial.judged and made.size.learnt else None
    cost = direction_cost(made.trial.early, later, making) if later is not None else None
    evaluation = {
        **bundle.evaluation,
        **standing(made.assessment, made.trial, bundle, some),
        "card": card_standing(made),
        "guards": guards_of(made.rows, leaks, cost).as_dict(),
        "spend": spend_judged,
    }
    evaluation["profit"] = profit(made, spend)
    if making.searched:
        evaluation["search"] = dict(making.searched)
    record = {**bundle.record, **made_by(making)}
    interval = interval_of(made, making, plan, some)
    return replace(bundle, interval=interval, spend=spend, evaluation=evaluation, record=record)
