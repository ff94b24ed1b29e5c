"""Weights from experts, from points and from history, and the figures of an audit computed by hand."""

import numpy as np
import pyarrow as pa
import pytest

from rapport.errors import CardError
from rapport.metrics import auc, average_precision, stability_index
from rapport.scoring.cards import load_card
from rapport.scoring.cards.ahp import Comparison, Judgment, priorities
from rapport.scoring.cards.audit import audit_scores
from rapport.scoring.cards.card_scores import fit_bands, score_card
from rapport.scoring.cards.company_bands import with_quantile_bands
from rapport.scoring.cards.weight_suggestion import fit_weights
from rapport.scoring.cards.weights import propose_weights_text

ITEMS = ("price", "quality", "service")


def judged(member: str, *times: float) -> Judgment:
    pairs = (("price", "quality"), ("price", "service"), ("quality", "service"))
    lines = (Comparison(more, than, each) for (more, than), each in zip(pairs, times, strict=True))
    return Judgment(member, "supplier", tuple(lines))


def test_consistent_comparisons_recover_the_weights():
    # 6 : 3 : 1 of 10.
    found = priorities(ITEMS, [judged("li", 2.0, 6.0, 3.0)])
    assert found.weights == pytest.approx({"price": 0.6, "quality": 0.3, "service": 0.1})
    assert found.consistency == {"li": pytest.approx(0.0, abs=1e-12)}


def test_a_slight_contradiction_is_accepted_with_saatys_ratio():
    # 3, 5, 3 is Saaty's small example: eigenvalue 3.0385, index 0.0193, ratio 0.0332.
    found = priorities(ITEMS, [judged("li", 3.0, 5.0, 3.0)])
    assert found.weights == pytest.approx({"price": 0.637, "quality": 0.258, "service": 0.105}, abs=5e-4)
    assert found.consistency["li"] == pytest.approx(0.0332, abs=1e-4)


def test_several_experts_are_combined_by_the_geometric_mean():
    # 8 and 2 are 4 together; 4 times, 8 times and 2 times are 8 : 2 : 1.
    found = priorities(ITEMS, [judged("li", 8.0, 8.0, 1.0), judged("wang", 2.0, 8.0, 4.0)])
    assert found.weights == pytest.approx({"price": 8 / 11, "quality": 2 / 11, "service": 1 / 11})


def test_a_contradiction_is_refused_with_the_expert_and_the_three_that_disagree():
    # Cyclic judgments: eigenvalue 1 + 5 + 1/5, index 1.6, ratio 1.6 / 0.58.
    with pytest.raises(CardError) as refused:
        priorities(ITEMS, [judged("li", 2.0, 6.0, 3.0), judged("wang", 5.0, 0.2, 5.0)])
    assert str(refused.value) == (
        "wang, supplier: the comparisons contradict each other (consistency ratio 2.76, at most 0.1). Most of all"
        " price, quality, service: by way of quality, price matters 25 times service; directly 0.2 times."
        " Ask about these three again."
    )


def test_a_missing_comparison_is_named():
    lost = Judgment("li", "supplier", judged("li", 2.0, 6.0, 3.0).comparisons[:2])
    with pytest.raises(CardError, match="1 pairs are not compared, such as quality with service"):
        priorities(ITEMS, [lost])


ACCOUNT = """
experts:
  - name: li
    groups:
      account:
        - {more: annual_purchases, than: renewal_rate, times: 2}
        - {more: annual_purchases, than: feedback, times: 4}
        - {more: annual_purchases, than: training_attendance, times: 8}
        - {more: renewal_rate, than: feedback, times: 2}
        - {more: renewal_rate, than: training_attendance, times: 4}
        - {more: feedback, than: training_attendance, times: 2}
"""


def test_experts_weights_become_a_card_of_the_next_version():
    weighing = propose_weights_text(load_card("account100"), ACCOUNT, "experts.yaml")
    assert [line.weight for line in weighing.proposed] == pytest.approx([800 / 15, 400 / 15, 200 / 15, 100 / 15])
    assert (weighing.present.version, weighing.proposed.version) == (2, 3)
    assert "consistency of account: li 0.000" in weighing.as_text()


def test_direct_points_may_have_any_sum_and_must_cover_every_indicator():
    card = load_card("rfm")
    assert propose_weights_text(card, "points: {r: 5, f: 3, m: 2}", "p.yaml").proposed.weights == {
        "r": 0.5,
        "f": 0.3,
        "m": 0.2,
    }
    with pytest.raises(CardError, match=r"p\.yaml: m: the points must name each indicator of rfm once"):
        propose_weights_text(card, "points: {r: 5, f: 3}", "p.yaml")


def history_of_orders(rows: int, seed: int) -> pa.Table:
    """Invent rows whose outcome depends on recency twice as much as on frequency, and not at all on spend."""
    generator = np.random.default_rng(seed)
    r, f, m = generator.integers(1, 6, size=(3, rows))
    chance = 1 / (1 + np.exp(1.0 * (r - 3) + 0.5 * (f - 3)))
    return pa.table(
        {
            "days_since_last_order": np.array([0, 200, 120, 80, 50, 10])[r],
            "orders_per_quarter_365d": np.array([0, 0, 1, 2, 4, 6])[f],
            "spend_net_sum_ever": np.array([0, 1e3, 6e4, 3e5, 6e5, 2e6])[m],
            "label": (generator.random(rows) < chance).astype(np.int8),
        }
    )


def test_suggested_weights_find_what_drove_the_outcome_and_are_never_negative():
    found = fit_weights(load_card("rfm"), history_of_orders(4000, 1), history_of_orders(2000, 2), good_is=0)
    shares = found.proposed.weights
    assert shares["r"] == pytest.approx(2 / 3, abs=0.05)
    assert shares["m"] == pytest.approx(0.0, abs=0.03)
    assert min(shares.values()) >= 0
    assert found.proposed_auc > found.present_auc


def test_too_few_outcomes_suggest_nothing():
    rows = history_of_orders(30, 3)
    with pytest.raises(CardError, match="outcomes in 30 rows are too few to suggest weights"):
        fit_weights(load_card("rfm"), rows, rows, good_is=0)


LABELS = np.array([1, 0, 1, 0, 0])
RISK = np.array([0.9, 0.8, 0.5, 0.5, 0.1])


def test_ranking_metrics_match_hand_computed_values():
    # Pairs: 0.9 beats three; 0.5 beats one, ties one, loses one: (3 + 1.5) / 6.
    assert auc(LABELS, RISK) == 0.75
    # Half of the outcomes at precision 1, the other half when four are taken: (1 + 2/4) / 2.
    assert average_precision(LABELS, RISK) == 0.75
    assert stability_index(np.array([50.0, 50.0]), np.array([50.0, 50.0])) == 0.0
    assert stability_index(np.array([90.0, 10.0]), np.array([10.0, 90.0])) > 3


def test_an_audit_counts_tiers_outcomes_and_early_warnings():
    rows = pa.table(
        {
            "days_since_last_order": [10.0, 20.0, 290.0, 300.0, 200.0],
            "orders_per_quarter_365d": [6.0, 6.0, 0.0, 0.0, 0.0],
            "spend_net_sum_ever": [2e6, 2e6, 1e3, 2e6, 1e3],
            "label": pa.array([0, 0, 1, 1, 0], pa.int8()),
        }
    )
    found = audit_scores(load_card("rfm"), rows, "churn")
    assert [(tier.name, tier.count, tier.rate) for tier in found.tiers] == [
        ("high", 2, 0.0),
        ("middle", 0, None),
        ("low", 3, pytest.approx(2 / 3)),
        ("unknown", 0, None),
    ]
    assert found.red_over_base == pytest.approx((2 / 3) / (2 / 5))
    # Both who left are 65 to 75 days from being lost, and neither is green.
    assert (found.early_warning, found.early_count, found.green_share) == (1.0, 2, 0.4)
    # R1F1M1 beats two and ties one, R1F1M5 beats two and loses to one: (2.5 + 2) / 6.
    assert found.auc == 0.75


def test_a_card_on_the_companys_own_scale_puts_a_fifth_in_each_band():
    rows = pa.table({name: np.arange(1000.0) for name in load_card("account100").features})
    card = fit_bands(with_quantile_bands(load_card("account100")), rows)
    marks = score_card(card, rows).band_codes[:, 0]
    assert np.bincount(marks)[1:].tolist() == [199, 200, 200, 200, 201]
    with pytest.raises(CardError, match="need the company's own history"):
        score_card(with_quantile_bands(load_card("account100")), rows)
