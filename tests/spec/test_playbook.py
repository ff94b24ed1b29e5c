"""The playbook: when a review is due, shipped strategies and actions, and a company's own files."""

from datetime import datetime, timedelta

import pyarrow as pa
import pytest

from rapport.errors import CardError
from rapport.history import Settings
from rapport.scoring.actions.cadence import Cadence, due_reviews
from rapport.scoring.actions.playbook import playbook_of, read_playbook
from rapport.scoring.cards import load_card
from rapport.scoring.health.tiers import Hysteresis

CARD = load_card("relationship")
DAY_ONE = datetime(2026, 1, 1)


def test_high_risk_is_due_weekly_rfm_monthly_and_all_quarterly():
    looked = [DAY_ONE - timedelta(days=days) for days in (8, 31, 91)]
    last = pa.table(
        {
            "customer_id": ["ann", "bob"],
            "tier": ["at_risk", "key"],
            "scored_at": pa.array([looked[0], looked[0]], pa.timestamp("us")),
            "rfm_at": pa.array([looked[0], looked[1]], pa.timestamp("us")),
            "full_at": pa.array([None, looked[2]], pa.timestamp("us")),
        }
    )
    rows = due_reviews(last, CARD, DAY_ONE, Cadence()).to_pylist()
    assert [(row["customer_id"], row["what"]) for row in rows] == [
        ("ann", "full"),
        ("ann", "high_risk"),
        ("bob", "rfm"),
        ("bob", "full"),
    ]


def test_the_shipped_playbook_covers_every_tier_and_check():
    playbook = read_playbook()
    cards = [
        load_card(name) for name in ("relationship", "account100", "health", "rfm", "behaviour", "fit", "lead", "c139")
    ]
    said = [
        playbook.strategy(card.name, tier.name, language)
        for card in cards
        for tier in card.tiers
        for language in ("en", "zh")
    ]
    assert all(said)
    assert all(playbook.step("c139", line.name, "en") for line in load_card("c139"))
    action = playbook.reason_action("RHY-01", "rhythm", 0.01)
    assert (action.who.en, action.within_days) == ("account owner", 7)
    # Nobody is sent to talk about a ticket, an invoice or a rating that is not there.
    silent = ("service", "payment", "satisfaction", "rhythm", "recency")
    assert all(playbook.reason_action("", family, 1.0) is None for family in silent)
    # Nor is anybody for a reason that hardly counts.
    assert playbook.reason_action("", "value", 0.05) is None
    assert playbook.reason_action("", "value", -0.5)


def test_a_companys_file_replaces_the_shipped_one_and_a_misnamed_file_is_refused(tmp_path):
    (tmp_path / "cadence.yaml").write_text(
        "cadence: {high_risk_days: 3, rfm_days: 14, full_days: 60}\ntiers: {margin: 0.1, dwell_days: 5}\n"
    )
    playbook = read_playbook(tmp_path)
    assert (playbook.cadence, playbook.hysteresis) == (Cadence(3, 14, 60), Hysteresis(0.1, 5))
    assert playbook.strategies == read_playbook().strategies
    (tmp_path / "alert.yaml").write_text("rules: []")
    with pytest.raises(CardError, match=r"no such playbook file; did you mean “alerts\.yaml”"):
        read_playbook(tmp_path)


def test_a_playbook_is_read_once_and_nobody_can_change_what_all_share(tmp_path):
    shipped = read_playbook()
    assert read_playbook() is shipped
    (tmp_path / "cadence.yaml").write_text(
        "cadence: {high_risk_days: 3, rfm_days: 30, full_days: 91}\ntiers: {margin: 0.03, dwell_days: 30}\n", "utf-8"
    )
    found = playbook_of(Settings(playbook=str(tmp_path)))
    assert found.cadence.high_risk_days == 3
    assert (found.segments, found.rules) == (shipped.segments, shipped.rules)
    shipped.health.to_dict()["grades"][0]["label"]["en"] = "changed"
    assert shipped.health.grades[0].label.en != "changed"
    for mapping in (shipped.strategies, shipped.families, shipped.facts.by_kind, shipped.rules.rules[0].when):
        with pytest.raises(TypeError, match="does not support item assignment"):
            mapping["changed"] = None
