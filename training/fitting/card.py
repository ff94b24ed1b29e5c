"""Turn a company's card into log-odds by a straight line, so that it can sit on the committee."""

import numpy as np
from rapport.scoring.cards import Card
from rapport.scoring.experts.card import CardExpert
from rapport.scoring.matrix import Floats
from rapport.training.rows import Rows
from scipy.optimize import minimize

RIDGE = 10.0


def fit_card(card: Card, rows: Rows, *, offset: Floats, weight: Floats) -> CardExpert | None:
    """Fit the card's usual bands and its line; nothing where the card knows none of the customers."""
    fitted = card.fitted(rows.matrix.by_name(card.features))
    expert = CardExpert(fitted, 0.0, 1.0)
    score = expert.scores(rows.matrix).score
    known = ~np.isnan(score)
    if known.sum() < 2 or score[known].std() == 0:
        return None
    scaled = (score[known] - score[known].mean()) / score[known].std()

    def loss(line: Floats) -> float:
        logit = line[0] + line[1] * scaled + offset[known]
        each = weight[known] * (np.logaddexp(0, logit) - rows.label[known] * logit)
        return float(each.sum() + RIDGE / 2 * line[1] ** 2)

    intercept, slope = minimize(loss, np.zeros(2), method="BFGS").x
    steep = slope / score[known].std()
    return CardExpert(fitted, float(intercept - steep * score[known].mean()), float(steep))
