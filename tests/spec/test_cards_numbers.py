"""The numbers of the shipped cards: a value on each side of every bound, and its band."""

import numpy as np
import pyarrow as pa
import pytest

from rapport.localized import localize
from rapport.scoring.actions.playbook import read_playbook
from rapport.scoring.cards import Card, CardScores, load_card
from rapport.scoring.cards.card_scores import score_card
from rapport.scoring.cards.rfm import cell_name, rfm_cells


def scored(name: str, **columns: float | str | None) -> CardScores:
    """Score one row on a shipped card; what is not given is unknown."""
    card = load_card(name)
    row = {feature: np.array([np.nan]) for feature in card.features}
    row |= {feature: np.array([np.nan if value is None else value]) for feature, value in columns.items()}
    return score_card(card, row)


def band(card: Card, line: str, **columns: float) -> int:
    return int(scored(card.name, **columns).band_codes[0, card.names.index(line)])


def drawn(text: str) -> list[tuple[str, ...]]:
    return [tuple(cell.strip() for cell in line.split("|")) for line in text.strip().splitlines()]


WEIGHTS = """
relationship | value     | spend_12m 25, order_frequency 15, average_order 10
relationship | relation  | communication_satisfaction 15, complaint_rate 10, depth 5
relationship | potential | industry_growth 10, need_fit 8, referral_willingness 7
relationship | risk      | payment_on_time 10, leaving_tendency 5
account100   | account   | annual_purchases 40, renewal_rate 30, feedback 20, training_attendance 10
rfm          | rfm       | r 1, f 1, m 1
"""


@pytest.mark.parametrize(("name", "dimension", "weights"), drawn(WEIGHTS))
def test_the_weights_are_those_of_the_source(name, dimension, weights):
    part = next(part for part in load_card(name).dimensions if part.name == dimension)
    assert ", ".join(f"{line.name} {line.weight:g}" for line in part.indicators) == weights


def test_the_dimensions_of_the_relationship_card_weigh_50_30_25_15_and_are_normalised():
    card = load_card("relationship")
    sums = {part.name: sum(line.weight for line in part.indicators) for part in card.dimensions}
    assert sums == {"value": 50, "relation": 30, "potential": 25, "risk": 15}
    assert card.weights["spend_12m"] == 25 / 120
    (note,) = card.notes
    assert note.en == "relationship: the weights sum to 120 and are normalised to 100."
    assert note.zh == "relationship：权重合计 120，已折算为 100。"


BANDS = """
relationship | spend_12m        | spend_net_sum_365d        | 49999 1, 50000 2, 199999 2, 200000 3, 499999 3
relationship | spend_12m        | spend_net_sum_365d        | 500000 4, 999999 4, 1000000 5
relationship | communication_satisfaction | satisfaction_mean_365d | 1.4 1, 1.5 2, 2.4 2, 2.5 3, 3.4 3
relationship | communication_satisfaction | satisfaction_mean_365d | 3.5 4, 4.4 4, 4.5 5, 5 5
relationship | leaving_tendency | interactions_ratio_90d_to_previous | 0.5 1, 0.8 1, 0.81 2, 0.95 2, 0.96 3
relationship | leaving_tendency | interactions_ratio_90d_to_previous | 1 3, 1.04 3, 1.05 4, 1.19 4, 1.2 5, 3 5
account100   | annual_purchases | spend_net_sum_365d        | 49999 1, 50000 2, 200000 3, 500000 4, 1000000 5
rfm          | r                | days_since_last_order | 0 5, 30 5, 31 4, 60 4, 61 3, 90 3, 91 2, 180 2, 181 1
rfm          | f                | orders_per_quarter_365d | 0 1, 1 2, 2 3, 3.9 3, 4 4, 5 4, 6 5
rfm          | m                | spend_net_sum_ever        | 49999 1, 50000 2, 200000 3, 500000 4, 1000000 5
"""


@pytest.mark.parametrize(("name", "line", "feature", "expected"), drawn(BANDS))
def test_a_value_on_each_side_of_a_bound_gets_its_band(name, line, feature, expected):
    card = load_card(name)
    pairs = [pair.split() for pair in expected.split(", ")]
    assert [(value, band(card, line, **{feature: float(value)})) for value, _ in pairs] == [
        (value, int(wanted)) for value, wanted in pairs
    ]


def test_cancelled_business_puts_the_leaving_tendency_in_band_1_whatever_the_interactions_say():
    card = load_card("relationship")
    busy = {"interactions_ratio_90d_to_previous": 1.5}
    assert band(card, "leaving_tendency", **busy, returned_share_365d=0.1) == 5
    assert band(card, "leaving_tendency", **busy, returned_share_365d=0.3) == 1


TIERS = """
relationship | 5.0 vip, 4.5 vip, 4.4999999 key, 3.5 key, 3.49 normal, 2.5 normal, 2.49 at_risk, 1.0 at_risk
account100   | 100 prime, 80 prime, 79.99 good, 60 good, 59 ordinary, 39 weak, 0 weak
"""


@pytest.mark.parametrize(("name", "expected"), drawn(TIERS))
def test_the_tiers_have_no_gaps(name, expected):
    pairs = [pair.split() for pair in expected.split(", ")]
    tiers = load_card(name).tier_names(np.array([float(value) for value, _ in pairs]))
    assert list(tiers) == [tier for _, tier in pairs]


def test_an_all_round_key_customer_scores_the_weighted_mean_of_the_known_bands():
    # 25 × 5 + 15 × 4 (12-month spend and satisfaction) are known; (125 + 60) / 40 = 4.625.
    one = scored("relationship", spend_net_sum_365d=2e6, satisfaction_mean_365d=4.0)
    assert one.score.tolist() == [4.625]
    assert one.tier == ["vip"]
    assert one.known[0] == pytest.approx(40 / 120)


def test_the_account_card_pays_points_by_band():
    # 40 × 100 % + 30 × 75 % + 20 × 50 % + 10 × 0 % of the points.
    one = scored(
        "account100",
        spend_net_sum_365d=1e6,
        contracts_renewed_share=0.8,
        satisfaction_mean_365d=3.0,
        touches_webinar_count_365d=0.0,
    )
    assert one.score.tolist() == pytest.approx([72.5])
    assert one.tier == ["good"]


def test_touches_of_a_lead_earn_points_that_decay():
    # A form 10 days ago counts in both windows (20 points); one 60 days ago in the longer only (10 points).
    card = load_card("behaviour")
    fresh = {"touches_form_count_30d": 1.0, "touches_form_count_90d": 1.0}
    old = {"touches_form_count_30d": 0.0, "touches_form_count_90d": 1.0}
    assert band(card, "intent_points", **fresh) == 4
    assert band(card, "intent_points", **old) == 3


CELLS = """
R5F5M5 | important_value  | keep
R1F3M4 | to_wake          | wake
R4F2M2 | general_growth   | grow
R4F2M4 | important_growth | grow
R1F1M5 | important_rescue | rescue
R5F4M1 | general_value    | widen
R2F3M2 | general_wake     | wake
R1F1M1 | general_lost     | let_go
"""


@pytest.mark.parametrize(("cell", "segment", "strategy"), drawn(CELLS))
def test_a_cell_has_its_name_and_strategy(cell, segment, strategy):
    found = read_playbook().segments.of((int(cell[1]), int(cell[3]), int(cell[5])))
    assert (found.name, found.strategy) == (segment, strategy)


def test_all_125_cells_are_reached_and_named():
    days, orders, spend = [10, 45, 75, 120, 400], [6, 4, 2, 1, 0], [2e6, 6e5, 3e5, 6e4, 10]
    grid = np.array([[d, o, s] for d in days for o in orders for s in spend], dtype=float)
    names = ("days_since_last_order", "orders_per_quarter_365d", "spend_net_sum_ever")
    table = pa.table(dict(zip(names, grid.T, strict=True)))
    found = [cell for cell in rfm_cells(score_card(load_card("rfm"), table)) if cell is not None]
    assert len({cell_name(cell) for cell in found}) == 125
    segments = read_playbook().segments
    assert {segments.of(cell).name for cell in found} == {each.name for each in segments.segments}


def test_the_health_card_has_four_grades():
    assert [tier.name for tier in load_card("health").tiers] == ["prime", "ordinary", "at_risk", "lost"]
    # One truth: where the card's tier is not the grade, no word stands for both.
    grades, tiers = read_playbook().health.grades, load_card("health").tiers
    for language in ("en", "zh"):
        assert not {localize(one.label, language) for one in grades} & {localize(one.label, language) for one in tiers}
    assert [part.name for part in load_card("health").dimensions] == ["value", "interaction", "risk", "need"]


def test_c139_is_one_coverage_one_value_three_people_and_nine_elements():
    card = load_card("c139")
    assert [len(part.indicators) for part in card.dimensions] == [1, 1, 3, 9]
    assert sum(line.weight for line in card) == 100


def test_a_check_that_nobody_answered_is_unknown_and_one_answered_no_costs():
    checks = {f"c139_{name}": 1.0 for name in ("coverage", "value", "decider")}
    assert scored("c139", **checks).score.tolist() == [100.0]
    # 15 + 15 + 10 of the 50 points that are known.
    assert scored("c139", **checks, c139_coach=0.0).score.tolist() == pytest.approx([80.0])


def test_a_lead_grade_has_three_components():
    # bands 5, 3 and 4 at weights 35, 25 and 40: 4.1; without the model (175 + 75) / 60 = 4.17.
    sides = {"behaviour_score": 4.2, "fit_score": 2.6}
    assert scored("lead", **sides, model_percentile=80.0).score.tolist() == pytest.approx([4.1])
    assert scored("lead", **sides, model_percentile=80.0).tier == ["a"]
    assert scored("lead", behaviour_score=1.0, fit_score=1.5, model_percentile=60.0).tier == ["d"]


def test_card_reasons_are_the_indicators_with_the_largest_parts():
    # 12-month spend at band 5 moves 25 × 2, satisfaction at band 1 moves 15 × −2, depth at the usual band nothing.
    one = scored("relationship", spend_net_sum_365d=2e6, satisfaction_mean_365d=1.0, contacts_active_count_180d=3.0)
    (row,) = one.reasons(3).to_pylist()
    assert (row["reason_1"], row["reason_2"]) == ("12-month spend", "Satisfaction with communication")
    assert (row["part_1"], row["part_2"]) == (pytest.approx(50 / 45), pytest.approx(-30 / 45))
    assert row["reason_3"] is None


def test_a_shipped_card_is_read_once_for_all_who_ask():
    assert load_card("c139") is load_card("c139")
