"""Cards in use: decks, a fit card learned from won customers, C139 next steps, and a company's own card."""

from dataclasses import replace
from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest

from rapport.errors import CardError
from rapport.history import history_of
from rapport.scoring.analytics.deal_outcomes import deal_card
from rapport.scoring.analytics.deals import open_deals
from rapport.scoring.card_commands import check_card, learned_fit_card, new_card
from rapport.scoring.cards import load_card, parse_card
from rapport.scoring.cards.card_scores import score_card
from rapport.scoring.cards.deck import load_deck
from rapport.scoring.cards.lead_grading import grade_leads, learn_fit_card

DECK = """
default: relationship
segments:
  - {name: large, when: {feature: spend_net_sum_365d, at_least: 1000000}, card: account100}
"""


def rows(spend: list[float | None]) -> pa.Table:
    names = {*load_card("relationship").features, *load_card("account100").features}
    blank = pa.nulls(len(spend), pa.float64())
    return pa.table(dict.fromkeys(names, blank) | {"spend_net_sum_365d": pa.array(spend, pa.float64())})


def test_each_segment_is_scored_on_its_own_card(tmp_path):
    (tmp_path / "deck.yaml").write_text(DECK)
    deck = load_deck(tmp_path / "deck.yaml")
    assert [card.reference for card in deck.cards] == ["account100/2", "relationship/3"]
    score, tier = deck.score(rows([2e6, 6e5, None]))
    assert tier == ["prime", "key", None]
    assert score[:2].tolist() == [100.0, 4.0]


def test_a_segment_of_an_unknown_feature_or_two_bounds_is_refused(tmp_path):
    for written, sentence in (
        (DECK.replace("spend_net_sum_365d", "spend"), "there is no feature “spend”"),
        (DECK.replace("at_least: 1000000", "at_least: 1, below: 2"), "give exactly one of values"),
        (DECK.replace("card: account100", "card: account"), "There is no card “account”"),
    ):
        (tmp_path / "deck.yaml").write_text(written)
        with pytest.raises(CardError, match=sentence):
            load_deck(tmp_path / "deck.yaml", known=rows([1.0]).column_names)


def leads() -> pa.Table:
    """Invent leads: referrals win half of the time, bought lists one in fifty; more employees win more often."""
    source = np.repeat(["referral", "list", "web"], 400)
    employees = np.tile(np.arange(400.0), 3)
    won = np.zeros(1200, dtype=np.int8)
    won[:400:2] = 1
    won[400:800:50] = 1
    won[800:][employees[800:] >= 320] = 1
    return pa.table({"attribute_source": source, "attribute_employees": employees, "label": won})


def test_a_fit_card_is_learned_from_won_customers():
    card = learn_fit_card(leads(), ["attribute_source", "attribute_employees"])
    assert card.names == ("source", "employees")
    marks = score_card(
        card,
        {
            "attribute_source": np.array(["referral", "list", None], dtype=object),
            "attribute_employees": np.array([399.0, 5.0, np.nan]),
        },
    ).band_codes.tolist()
    assert marks[0] > marks[1]
    assert marks[1][0] == 1
    assert marks[2] == [0, 0]
    assert parse_card(card.to_dict(), "again") == card


def test_too_few_won_leads_give_no_profile():
    with pytest.raises(CardError, match="at least 20 won and 20 others are needed"):
        learn_fit_card(leads().slice(400, 400), ["attribute_source"])


def test_a_learned_fit_card_is_written_as_a_file_that_loads(tmp_path):
    written = learned_fit_card(tmp_path / "own.yaml", leads())
    assert load_card(tmp_path / "own.yaml").to_dict() == written.card.to_dict()
    with pytest.raises(CardError, match="no attribute to learn from"):
        learned_fit_card(tmp_path / "other.yaml", leads().select(["label"]))


def test_a_lead_grade_combines_behaviour_fit_and_probability():
    behaviour, fit = (load_card(name) for name in ("behaviour", "fit"))
    columns = {name: np.array([np.nan, np.nan]) for name in (*behaviour.features, *fit.features)}
    columns |= {"days_since_last_touch": np.array([1.0, 90.0]), "attribute_employees": np.array([2000.0, 5.0])}
    columns["attribute_source"] = np.array(["referral", "cold_call"], dtype=object)
    graded = grade_leads(score_card(behaviour, columns), score_card(fit, columns), np.array([95.0, 10.0]))
    assert graded.tier == ["a", "d"]


DEALS = [
    {"opportunity_id": "d1", "customer_id": "ann", "opened_at": "2025-11-01", "recorded_at": "2025-11-02"},
    {"opportunity_id": "d2", "customer_id": "ann", "opened_at": "2025-11-01", "closed_at": "2025-12-01", "won": "true"},
    {"opportunity_id": "d3", "customer_id": "bob", "opened_at": "2025-11-01", "recorded_at": "2025-11-02"},
]


def test_an_open_opportunity_gets_the_heaviest_open_check_as_its_next_step():
    checks = dict.fromkeys(load_card("c139").features, "true")
    deals = [
        DEALS[0] | checks | {"c139_decider": "false", "c139_need": "false", "c139_coverage": None},
        DEALS[1] | checks,
        DEALS[2] | checks,
    ]
    history, as_of = history_of({"opportunities": deals}), datetime(2026, 1, 1)
    table = open_deals(history, as_of, deal_card(history, as_of, load_card("c139")))
    told = {row["opportunity_id"]: (row["next_check"], row["tier"]) for row in table.to_pylist()}
    # A clear no of a key person goes before a coverage that nobody has answered; 70 of the 85 points known are a yes.
    assert told == {"d1": ("decider", "in_hand"), "d3": (None, "in_hand")}
    # Two closed deals say nothing about the weights or about win rates.
    assert not any(table["win_rate"].to_pylist())


def test_a_dimension_whose_checks_have_no_weight_is_scored_by_their_number():
    card = load_card("c139")
    first = card.dimensions[0]
    none = tuple(replace(one, weight=0.0) for one in first.indicators)
    dimensions = (replace(first, indicators=none), *card.dimensions[1:])
    unweighted = replace(card, dimensions=dimensions)
    checks = dict.fromkeys(card.features, "true")
    history, as_of = history_of({"opportunities": [DEALS[0] | checks]}), datetime(2026, 1, 1)
    found = open_deals(history, as_of, replace(deal_card(history, as_of, card), card=unweighted))
    assert [part["score"] for part in found["parts"][0].as_py()] == [100.0] * len(dimensions)


def test_a_new_card_is_valid_and_never_overwritten(tmp_path):
    path = tmp_path / "ours.yaml"
    written = new_card(
        path, "account100", rows=pa.table({name: np.arange(500.0) for name in load_card("account100").features})
    )
    assert written.as_dict()["card"] == "account100/3"
    checked = check_card(path, load_card("account100").features)
    assert "5: ≥ 399; 4: ≥ 299; 3: ≥ 199; 2: ≥ 99; 1: the rest" in checked.as_text()
    with pytest.raises(CardError, match="already exists"):
        new_card(path)
