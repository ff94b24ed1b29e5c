"""Health, money and lists: contributions add up, caps, fifths, grades, and the lists of work."""

from dataclasses import replace

import numpy as np
import pytest

from rapport.errors import CardError
from rapport.scoring.actions.playbook import read_playbook
from rapport.scoring.cards import load_card
from rapport.scoring.cards.card_scores import score_card
from rapport.scoring.cards.company_bands import adapt_card
from rapport.scoring.cards.strict_yaml import parse_yaml
from rapport.scoring.health.health_score import HealthInputs, HealthScores, score_health
from rapport.scoring.health.outlook import GradeOutlook, fit_carry, fit_moves
from rapport.scoring.health.rules import read_health_rules
from rapport.scoring.health.threshold import at_risk_threshold, least_risk_to_contact, risk_bands
from rapport.scoring.models.blend import logit_of, sigmoid
from rapport.scoring.money.amounts import CustomerFacts, carried, customer_amounts, owner_ranks, this_week, work_lists
from rapport.scoring.money.assumptions import Assumptions

RULES = read_playbook().health
CARD = load_card("relationship")


def health(
    probability: list[float], spend: list[float], facts: dict | None = None, lapsed=(), weight=0.5
) -> HealthScores:
    """Return the health of customers of whom only the yearly spend and some grave facts are known."""
    count = len(probability)
    columns = {name: np.full(count, np.nan) for name in CARD.features} | {"spend_net_sum_365d": np.array(spend)}
    p = np.array(probability)
    inputs = HealthInputs(
        probability=p,
        model_probability=p,
        card=score_card(CARD, columns),
        facts={name: np.array(values) for name, values in (facts or {}).items()},
        graded=np.ones(count, dtype=bool),
        lapsed=np.isin(np.arange(count), lapsed),
    )
    return score_health(inputs, RULES, weight, 0.5)


def test_parts_and_caps_add_up_to_the_score():
    facts = {"complaints_count_365d": [0.0, 20.0, 0.0, 12.0, 0.0]}
    found = health([0.05, 0.2, 0.5, np.nan, 0.97], [2e6, 2e6, 2e6, 2e6, np.nan], facts, lapsed=(3,))
    total = found.model_part + found.dimension_points.sum(axis=1) + np.nansum(found.cap_points, axis=1)
    assert np.abs(total - found.score).max() < 1e-9
    # 0.5 × 95 + 0.5 × 100; complaints and the threshold cap at 44; lapsed is 0; without a card the model counts alone.
    assert found.score == pytest.approx([97.5, 44, 44, 0, 3])
    assert found.grade_names.tolist() == ["prime", "at_risk", "at_risk", "lost", "at_risk"]
    assert found.weight.tolist() == [0.5, 0.5, 0.5, 0.0, 1.0]


def test_nobody_at_the_threshold_is_better_than_at_risk_even_with_the_best_card():
    found = health([0.4999, 0.5], [2e6, 2e6], weight=0.0)
    assert found.grade_names.tolist() == ["prime", "at_risk"]


def test_the_threshold_is_half_or_half_above_the_base_rate_and_below_one():
    assert [at_risk_threshold(rate) for rate in (0.1, 0.4, 0.8)] == pytest.approx([0.5, 0.6, 0.9])
    assert at_risk_threshold(0.1, 0.3) == 0.3
    bands = risk_bands(np.array([0.1, 0.3, 0.6, np.nan]), 0.6)
    assert bands.tolist() == ["low", "medium", "high", None]


def test_crowded_bands_become_fifths_of_the_company_and_others_stay():
    spend = np.arange(1.0, 1001.0)
    late = np.where(np.arange(1000) < 20, 0.5, 0.0)
    columns = {name: np.full(1000, np.nan) for name in CARD.features}
    columns |= {"spend_net_sum_365d": spend, "late_share_365d": late, "orders_count_365d": np.arange(1000.0) % 14}
    found = adapt_card(CARD, columns)
    # Nearly nobody pays late: its fifths would be as crowded. Orders spread over the bands as written.
    assert found.own_fifths == ("spend_12m",)
    codes = score_card(found.card, columns).band_codes[:, CARD.names.index("spend_12m")]
    assert np.bincount(codes).tolist()[1:] == pytest.approx([200] * 5, abs=2)


def test_money_is_never_more_than_the_spend_and_falls_with_silence():
    facts = CustomerFacts(
        state=np.array(["active", "active", "active", "lapsed"], dtype=object),
        probability=np.array([0.5, 0.5, 0.95, np.nan]),
        low=np.array([0.4, 0.4, 0.9, np.nan]),
        high=np.array([0.6, 0.6, 1.0, np.nan]),
        spend=np.array([1000.0, 1000.0, -50.0, 10.0]),
        silence=np.array([1.0, 3.0, 1.0, 9.0]),
        horizon_days=365,
    )
    amounts = customer_amounts(facts, Assumptions(margin=1, contact_cost=0, contact_effect=0.4))
    assert amounts.spend_if_retained.tolist()[:3] == [1000, 1000, 0]
    assert amounts.revenue_at_risk.tolist()[:3] == [500, 500, 0]
    assert (amounts.revenue_at_risk + amounts.expected_revenue)[:3].tolist() == [1000, 1000, 0]
    assert amounts.savable[0] == pytest.approx(500 * 0.4 * np.sqrt(0.5))
    # Two further cadences of silence: a quarter of the chance.
    assert amounts.savable[1] == pytest.approx(amounts.savable[0] / 4)
    assert amounts.clv[1][0] == pytest.approx(1000 * 0.5 / 1.1**0.5)
    assert amounts.clv[1][0] < amounts.clv[3][0] < amounts.clv[5][0]
    # Who stays is less likely to leave next time: a horizon at 0.5, then at 0.2 each.
    steady = replace(facts, carry=(float(logit_of(np.array([0.2]))[0]), 0.0))
    later = customer_amounts(steady, Assumptions(margin=1, contact_cost=0, discount_rate=0)).clv
    assert later[1][:3] == pytest.approx(amounts.expected_revenue[:3])
    assert later[3][0] == pytest.approx(1000 * 0.5 * (1 + 0.8 + 0.8**2))
    longer = customer_amounts(replace(steady, horizon_days=730), Assumptions(margin=1, discount_rate=0)).clv
    assert (longer[1][0], longer[3][0]) == pytest.approx((250, 500 + 250 * 0.8))
    blocked = np.array([False, True, False, False])
    assert work_lists(facts, amounts.savable, blocked).tolist() == ["at_risk", "none", "probably_lost", "win_back"]
    # A large account that is much safer than a typical customer does not head the list by its size.
    assert work_lists(facts, amounts.savable, blocked, 0.51).tolist() == ["none", "none", "probably_lost", "win_back"]
    assert least_risk_to_contact(0.1, 0.5) == 0.05
    # Contracts without amounts: nobody's money is known, and the probability alone decides.
    unknown = replace(facts, spend=np.full(4, np.nan))
    nothing = customer_amounts(unknown, Assumptions()).savable
    assert work_lists(unknown, nothing, blocked).tolist() == ["at_risk", "none", "probably_lost", "win_back"]
    zero = replace(facts, spend=np.zeros(4))
    assert work_lists(zero, np.zeros(4), blocked).tolist()[0] == "at_risk"
    assert least_risk_to_contact(0.7, 0.6) == 0.3


def test_money_counts_margin_cost_horizon_and_an_unknown_silence_as_one_cadence():
    active = np.full(4, "active", dtype=object)
    facts = CustomerFacts(
        state=active,
        probability=np.full(4, 0.5),
        low=np.full(4, 0.4),
        high=np.full(4, 0.6),
        spend=np.full(4, 100.0),
        silence=np.array([np.nan, 0.2, 3.0, 3.0]),
        horizon_days=73,
    )
    assumptions = Assumptions(margin=0.25, contact_cost=2, contact_effect=0.4, contact_half_life=2, discount_rate=0.2)
    amounts = customer_amounts(facts, assumptions)
    assert amounts.revenue_at_risk_low.tolist() == [40.0] * 4
    assert amounts.revenue_at_risk_high.tolist() == [60.0] * 4
    assert amounts.contact_effect == pytest.approx(0.4 * 0.5**0.5 * np.array([1, 1, 0.5, 0.5]))
    assert amounts.savable == pytest.approx(50 * amounts.contact_effect * 0.25 - 2)
    # A year is five horizons, each discounted from its middle.
    horizons = [0.5**number / 1.2 ** ((number - 0.5) / 5) for number in range(1, 6)]
    assert amounts.clv[1] == pytest.approx(100 * 0.25 * sum(horizons))
    assert customer_amounts(replace(facts, helps=np.full(4, 0.1)), assumptions).savable == pytest.approx(-0.75)


@pytest.mark.parametrize(
    ("probability", "silence", "savable", "expected"),
    [
        (0.9, 1.0, 1.0, "probably_lost"),
        (0.89, 4.9, 1.0, "at_risk"),
        (0.89, 5.0, 1.0, "probably_lost"),
        (0.4, 1.0, 1.0, "at_risk"),
        (0.39, 1.0, 1.0, "none"),
        (0.4, 1.0, 0.0, "none"),
        (np.nan, 9.0, 1.0, "none"),
    ],
)
def test_a_customer_is_on_a_list_from_its_limit_on(probability, silence, savable, expected):
    one = [np.array([value]) for value in (probability, 0.0, 1.0, 1.0, silence)]
    facts = CustomerFacts(np.array(["active"], dtype=object), *one, horizon_days=90)
    assert work_lists(facts, np.array([savable]), np.array([False]), 0.4).tolist() == [expected]


def test_capacity_is_counted_for_each_owner_and_in_total():
    lists = np.array(["at_risk", "at_risk", "none", "at_risk", "at_risk"], dtype=object)
    savable, owners = np.array([5.0, 9, 99, 7, 1]), np.array(["ann", "ann", "ann", "bob", None], dtype=object)
    ranks = owner_ranks(lists, savable, owners)
    assert ranks.tolist() == [2, 1, 0, 1, 1]
    marked = {
        limit: this_week(lists, savable, ranks, per_week=limit[0], per_owner=limit[1]) for limit in ((9, 1), (2, 0))
    }
    assert marked[9, 1].tolist() == [False, True, False, True, True]
    assert marked[2, 0].tolist() == [False, True, False, True, False]


def test_an_outlook_is_the_probability_and_shares_of_the_rest():
    before, after = (
        np.array([0] * 60 + [1] * 40, dtype=np.int8),
        np.array([0] * 45 + [1] * 15 + [2] * 40, dtype=np.int8),
    )
    outlook = GradeOutlook(("prime", "ordinary", "at_risk"), fit_moves(before, after, 3), 100)
    chances = outlook.of_customer("prime", "lost", 0.25)
    assert sum(chances.values()) == pytest.approx(1, abs=1e-12)
    assert chances["lost"] == 0.25
    assert chances["prime"] > chances["ordinary"] > chances["at_risk"]
    assert outlook.of_customer("lost", "lost", 0.25) is None
    assert GradeOutlook.from_dict(outlook.as_dict()) == outlook


def test_the_probability_after_a_horizon_is_fitted_to_those_who_stayed():
    before = np.array([0.1, 0.3, 0.5, 0.8])
    after = sigmoid(-1.0 + 0.5 * logit_of(before))
    assert fit_carry(before, after) == pytest.approx((-1.0, 0.5))
    assert carried(before, (-1.0, 0.5)).tolist() == pytest.approx(after.tolist())
    # What is certain stays nearly so, and is still a number.
    assert carried(np.array([0.0, 1.0]), (0.0, 1.0)) == pytest.approx([0.0, 1.0], abs=1e-8)
    # A falling line, and one through a single probability, become the mean.
    assert fit_carry(before, after[::-1].copy())[1] == 0.0
    assert fit_carry(np.full(3, 0.4), np.full(3, 0.2)) == pytest.approx((logit_of(np.array([0.2]))[0], 0.0))
    outlook = GradeOutlook(("prime",), ((1.0,),), 9, carry=(-1.0, 0.5), survival={"observed": 0.6})
    assert GradeOutlook.from_dict(outlook.as_dict()) == outlook
    stored = {name: value for name, value in outlook.as_dict().items() if name not in ("carry", "survival")}
    assert GradeOutlook.from_dict(stored).carry == (0.0, 1.0)


OWN = """
card: relationship
weight: 0.2
grades:
  - {name: gold, label: {en: Gold, zh: 金}, at_least: 90, strategy: {en: Keep., zh: 维护。}}
  - {name: silver, label: {en: Silver, zh: 银}, at_least: 50, strategy: {en: Grow., zh: 发展。}}
  - {name: watch, label: {en: Watch, zh: 关注}, strategy: {en: Call., zh: 致电。}}
  - {name: gone, label: {en: Gone, zh: 离开}, strategy: {en: Win back., zh: 挽回。}}
"""


def test_a_company_has_its_own_grades():
    own = read_health_rules(parse_yaml(OWN, "health.yaml"), "health.yaml")
    assert (own.names, own.weight, own.limit(own.at_risk)) == (("gold", "silver", "watch", "gone"), 0.2, 49)
    unknown = score_card(CARD, {name: np.array([np.nan] * 2) for name in CARD.features})
    p = np.array([0.0, 0.9])
    inputs = HealthInputs(p, p, unknown, {}, np.ones(2, dtype=bool), np.zeros(2, dtype=bool))
    assert score_health(inputs, own, own.weight, 0.5).grade_names.tolist() == ["gold", "watch"]
    assert replace(own, caps=()) == own


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ("at_least: 90", "at_least 50 is not below 40 of the grade above it"),
        ("weight: 0.2", "7 is not a share from 0 to 1"),
        ("name: watch", "grade “silver” is there twice"),
    ],
)
def test_wrong_rules_are_refused_with_a_sentence(wrong, sentence):
    mended = {"at_least: 90": "at_least: 40", "weight: 0.2": "weight: 7", "name: watch": "name: silver"}[wrong]
    with pytest.raises(CardError, match=sentence):
        read_health_rules(parse_yaml(OWN.replace(wrong, mended), "health.yaml"), "health.yaml")
