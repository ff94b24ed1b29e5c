"""Money, cards and products are net of returns: an order that was taken back in full is worth nothing."""

from datetime import datetime

import numpy as np
import pytest
from drawn_tables import features_of

from rapport.durations import parse_duration
from rapport.features import catalog, snapshot
from rapport.history import history_of
from rapport.scoring.analytics.products import white_space
from rapport.scoring.cards import load_card
from rapport.scoring.cards.card_scores import score_card
from rapport.scoring.models.columns import feature_columns
from rapport.scoring.reasons.feature_sentences import feature_templates

AS_OF = datetime(2026, 1, 1)
TAKEN_BACK = [
    {
        "customer_id": "ann",
        "order_id": "1",
        "ordered_at": "2025-06-01",
        "amount": 9e6,
        "product": "pump",
        "quantity": 9,
    },
    {"customer_id": "ann", "order_id": "2", "ordered_at": "2025-06-02", "amount": -9e6, "product": "pump"},
]
NET = ("spend_net_sum_365d", "spend_net_sum_ever", "order_value_net_mean_365d")


def test_net_spend_takes_returns_off_and_is_never_negative() -> None:
    drawn = """
        orders
        customer_id | order_id | ordered_at          | amount
        ann         | 1        | 2025-12-01 10:00:00 | 100
        ann         | 2        | 2025-12-03 10:00:00 | 60
        ann         | r        | 2025-12-05 10:00:00 | -40
        bob         | 3        | 2023-01-01 10:00:00 | 500
        bob         | r        | 2025-12-05 10:00:00 | -700
    """
    assert features_of(drawn, *NET) == {
        "ann": {"spend_net_sum_365d": 120, "spend_net_sum_ever": 120, "order_value_net_mean_365d": 60},
        "bob": {"spend_net_sum_365d": 0, "spend_net_sum_ever": 0, "order_value_net_mean_365d": None},
    }


@pytest.mark.parametrize(("card", "indicator"), [("account100", "annual_purchases"), ("relationship", "spend_12m"),
                                                 ("rfm", "m"), ("health", "spend_12m")])  # fmt: skip
def test_a_card_gives_nothing_for_what_was_taken_back(card: str, indicator: str) -> None:
    rows = snapshot(history_of({"orders": TAKEN_BACK}), AS_OF, active=parse_duration("12mo"))
    scores = score_card(load_card(card), rows)
    assert scores.band_codes[0, scores.card.names.index(indicator)] == 1


def test_a_returned_product_is_no_white_space_of_a_relative() -> None:
    customers = [{"customer_id": name, "parent_id": "group"} for name in ("ann", "bob")] + [{"customer_id": "group"}]
    kept = {"customer_id": "ann", "order_id": "3", "ordered_at": "2025-07-01", "amount": 5.0, "product": "valve"}
    found = white_space(history_of({"customers": customers, "orders": [*TAKEN_BACK, kept]}), AS_OF).to_pylist()
    assert [(row["customer_id"], row["product"], row["amount"]) for row in found] == [
        ("bob", "valve", 5.0), ("group", "valve", 5.0)
    ]  # fmt: skip


@pytest.mark.parametrize(("returned", "said"), [(0.0, False), (0.005, False), (0.02, True), (np.nan, False)])
def test_a_sentence_on_gross_figures_says_so_where_something_came_back(returned: float, said: bool) -> None:
    columns = feature_columns(catalog().features, "churn")
    for name in ("quantity_sum_365d", "spend_sum_90d", "order_value_max_365d"):
        values = {name: 74_215.0, "returned_share_365d": returned}
        first = next(
            each
            for each in feature_templates(columns, "churn")
            if each.peers == name and not each.unknown and all(_holds(bound, values) for bound in each.when)
        )
        assert ("before returns" in first.text.en, "未扣除退货" in first.text.zh) == (said, said)


def _holds(bound, values) -> bool:
    value = values[bound.feature]
    return {"at_least": value >= bound.value, "at_most": value <= bound.value,
            "below": value < bound.value, "above": value > bound.value}[bound.kind]  # fmt: skip
