"""Calibrate a company's scorecard to log-odds, so that it can join the ensemble."""

from dataclasses import replace

import numpy as np
from scipy.optimize import minimize

from rapport.scoring.cards import Card
from rapport.scoring.cards.card_scores import fit_bands
from rapport.scoring.cards.company_bands import adapt_card
from rapport.scoring.models.matrix import Floats
from rapport.scoring.models.members.card import CardMember
from rapport.training.data.dataset import Dataset

RIDGE = 10.0


def fit_card(card: Card, dataset: Dataset, *, offset: Floats, weight: Floats) -> CardMember | None:
    """Fit the card's usual bands and its calibration line; None if the card can score no customer."""
    columns = dataset.matrix.by_name(card.features)
    adapted = adapt_card(card, columns)
    fitted = fit_bands(adapted.card, columns)
    member = CardMember(fitted, 0.0, 1.0, own_fifths=adapted.own_fifths)
    score = member.scores(dataset.matrix).score
    known = ~np.isnan(score)
    if known.sum() < 2 or score[known].std() == 0:
        return None
    scaled = (score[known] - score[known].mean()) / score[known].std()

    def loss(parameters: Floats) -> float:
        logit = parameters[0] + parameters[1] * scaled + offset[known]
        each = weight[known] * (np.logaddexp(0, logit) - dataset.label[known] * logit)
        return float(each.sum() + RIDGE / 2 * parameters[1] ** 2)

    intercept, slope = minimize(loss, np.zeros(2), method="BFGS").x
    steep = slope / score[known].std()
    return replace(member, intercept=float(intercept - steep * score[known].mean()), slope=float(steep))
