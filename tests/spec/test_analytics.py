"""Analytics of a drawn history: results of a few customers that can be computed by hand."""

from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest

from rapport.errors import CardError, TableError
from rapport.history import history_of
from rapport.scoring.actions.playbook import read_playbook
from rapport.scoring.analytics.account_hierarchy import build_account_hierarchy
from rapport.scoring.analytics.attribution import attribution
from rapport.scoring.analytics.interaction_signals import interaction_signals
from rapport.scoring.analytics.last_contacts import last_contacts
from rapport.scoring.analytics.risk_overview import risk_overview, risk_sentence
from rapport.scoring.analytics.segments import abc, pareto, revenue_shares, segments
from rapport.scoring.analytics.stakeholders import list_stakeholders, stakeholder_coverage
from rapport.scoring.cards import load_card

AS_OF = datetime(2026, 1, 1)


def drawn(text: str) -> list[dict[str, str | None]]:
    """Read a drawn table: the first line names the columns, an empty cell is null."""
    head, *lines = [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()]
    return [dict(zip(head, [cell or None for cell in line], strict=True)) for line in lines]


ORDERS = drawn("""
customer_id | order_id | ordered_at | amount
ann         | o1       | 2025-06-01 | 100
""")

PEOPLE = drawn("""
contact_id | customer_id | role           | level
p1         | ann         | decision_maker | director
p2         | ann         | user           | clerk
p3         | ann         | finance        |
q1         | bob         | user           |
r1         | cat         | decision_maker | ceo
""")
TALKS = drawn("""
customer_id | occurred_at | contact_id | recorded_at
ann         | 2025-12-31  | p1         |
ann         | 2025-11-02  | p2         |
ann         | 2026-01-01  | p3         |
ann         | 2025-12-01  | p3         | 2026-01-02
bob         | 2025-12-31  | q1         |
cat         | 2024-01-01  | r1         |
""")


def test_relationship_strength_uses_recency_frequency_seniority_and_only_the_past():
    people = list_stakeholders(
        history_of({"orders": ORDERS, "contacts": PEOPLE, "interactions": TALKS}), AS_OF
    ).to_pylist()
    strength = {each["contact_id"]: each["strength"] for each in people}
    day, half = 0.5 ** (1 / 60), 0.5
    assert strength["p1"] == pytest.approx(0.5 * day + 0.3 / 6 + 0.2 * day)
    # 60 days ago: recency and seniority are worth half.
    assert strength["p2"] == pytest.approx(0.5 * half + 0.3 / 6 + 0.2 * 0.3 * half)
    # One talk is at the moment itself, the other was recorded after it.
    assert strength["p3"] == 0


def test_coverage_names_gaps_single_threads_and_the_next_step():
    found = stakeholder_coverage(
        history_of({"orders": ORDERS, "contacts": PEOPLE, "interactions": TALKS}), AS_OF
    ).to_pylist()
    told = {
        each["customer_id"]: (each["coverage"], each["gaps"], each["single_thread"], each["next_step"])
        for each in found
    }
    assert told == {
        "ann": (0.5, ["influencer", "finance"], False, "meet_finance"),
        "bob": (0.25, ["decision_maker", "influencer", "finance"], True, "meet_decision_maker"),
        "cat": (0.0, ["decision_maker", "influencer", "user", "finance"], False, "reopen"),
    }
    assert all(read_playbook().step("chain", step, "zh") for *_, step in told.values())


FAMILY = drawn("""
customer_id | name  | parent_id
group       | Group |
north       | North | group
south       | South | group
city        | City  | south
a           | A     | b
b           | B     | a
""")
STAKES = pa.table(
    {
        "customer_id": ["group", "north", "south", "city", "a", "b", "alone"],
        "probability": [0.1, 0.5, None, 0.2, 0.5, 0.5, 1.0],
        "value": [100.0, 40.0, 70.0, 300.0, 10.0, 10.0, 5.0],
    }
)


def test_a_parents_expected_loss_is_its_own_and_its_childrens():
    tree = build_account_hierarchy(history_of({"customers": FAMILY, "orders": ORDERS}), AS_OF, STAKES).to_pylist()
    rolled = {each["customer_id"]: (each["total_expected_loss"], each["driven_by"], each["depth"]) for each in tree}
    assert rolled["group"] == (10 + 20 + 60, "city", 0)
    assert rolled["south"] == (60, "city", 1)
    assert rolled["city"] == (60, None, 2)
    roots = [each for each in tree if each["depth"] == 0]
    assert sum(each["total_expected_loss"] for each in roots) == sum(each["expected_loss"] for each in tree) == 105


def test_a_cycle_of_parents_is_broken_and_no_customer_is_lost():
    tree = build_account_hierarchy(history_of({"customers": FAMILY, "orders": ORDERS}), AS_OF, STAKES).to_pylist()
    assert {each["customer_id"] for each in tree} == {"group", "north", "south", "city", "a", "b", "alone"}
    assert [each["root_id"] for each in tree if each["customer_id"] in ("a", "b")] == ["a", "a"]


RISKS = drawn("""
customer_id | occurred_at | category | kind             | role      | amount
ann         | 2025-10-01  | judicial | contract_dispute | defendant | 900
ann         | 2025-11-01  | judicial | bankruptcy       | defendant | 10
ann         | 2025-12-01  | judicial | contract_dispute | plaintiff | 90
ann         | 2024-12-01  | judicial | contract_dispute | defendant | 5000
ann         | 2026-01-01  | judicial | contract_dispute | defendant | 5000
""")


def test_the_risk_overview_counts_the_last_year_and_shows_the_gravest():
    (one,) = risk_overview(history_of({"orders": ORDERS, "risk_events": RISKS}), AS_OF).to_pylist()
    assert (one["records"], one["amount"], one["defendant_share"]) == (2, 910, 1.0)
    assert (one["grave"], one["important"], one["latest"]) == (True, "bankruptcy · defendant", datetime(2025, 11, 1))


def test_the_sentence_on_a_years_risk_events_names_amounts_categories_and_the_share_as_defendant():
    events = [*RISKS, {"customer_id": "ann", "occurred_at": "2025-12-02", "category": "news", "kind": "舆情"}]
    rows = risk_overview(history_of({"orders": ORDERS, "risk_events": events}), AS_OF).to_pylist()
    assert {row["category"]: row["plaintiff_records"] for row in rows} == {"judicial": 1, "public_opinion": 0}
    assert risk_sentence(rows, "en", "CNY") == (
        "Last 12 months: 3 risk records, 2 as defendant (67%), ¥910 at stake: judicial 2 (¥910), public opinion 1; "
        "1 more with the customer as plaintiff."
    )
    assert risk_sentence(rows, "zh", "CNY") == (
        "近 12 个月共 3 条风险记录，其中作为被告 2 条（67%），涉及金额 910 元：司法 2 条（910 元）、舆情 1 条；"
        "另有 1 条由客户作为原告。"
    )
    assert risk_sentence([], "en", "CNY") is None
    own = risk_overview(history_of({"orders": ORDERS, "risk_events": RISKS[2:3]}), AS_OF).to_pylist()
    assert risk_sentence(own, "en", "CNY") == ("Last 12 months: no risk record; 1 more with the customer as plaintiff.")


def test_a_customer_was_contacted_who_was_not_left_alone_in_the_last_90_days():
    done = drawn("""
customer_id | at         | action | outcome | held_out
ann         | 2025-11-01 | call   | reached |
ann         | 2025-12-01 | visit  |         |
bob         | 2025-12-01 | call   | reached | true
eve         | 2025-09-01 | call   | reached |
dan         | 2026-01-01 | call   | reached |
""")
    (one,) = last_contacts(history_of({"orders": ORDERS, "interventions": done}), AS_OF).to_pylist()
    assert one == {"customer_id": "ann", "at": datetime(2025, 12, 1), "action": "visit", "outcome": ""}


def test_signals_are_those_of_the_last_six_months_in_what_the_customer_wrote():
    told = drawn("""
customer_id | occurred_at | channel | direction | text
ann         | 2025-12-01  | email   | inbound   | 明年不再采购。
ann         | 2025-12-02  | email   | outbound  | 明年不再采购？
ann         | 2025-01-02  | email   | inbound   | 明年不再采购。
ben         | 2025-12-03  | email   | inbound   | We are evaluating alternatives.
""")
    found = interaction_signals(history_of({"orders": ORDERS, "interactions": told}), AS_OF).to_pylist()
    assert [(row["customer_id"], row["signal"], row["quote"]) for row in found] == [
        ("ann", "stop", "明年不再采购"),
        ("ben", "competitor", "We are evaluating alternatives"),
    ]


def journeys(*paths: str) -> pa.Table:
    """Invent one lead a path; a path that ends in + ordered, the touches lie a day apart."""
    touches, orders = [], []
    for number, path in enumerate(paths):
        lead = f"lead{number}"
        steps = path.rstrip("+").split()
        touches += [
            {"customer_id": lead, "occurred_at": f"2025-03-{day:02d}", "action": "view", "channel": channel}
            for day, channel in enumerate(steps, 1)
        ]
        if path.endswith("+"):
            orders.append({"customer_id": lead, "order_id": lead, "ordered_at": "2025-03-20", "amount": "10"})
    return attribution(history_of({"orders": orders, "touches": touches}), AS_OF)


def test_all_attribution_models_share_the_same_conversions():
    table = journeys("ad web mail talk +", "web mail +", "ad", "mail", "web")
    credit = {row["channel"]: row for row in table.to_pylist()}
    assert [credit[name]["first"] for name in ("ad", "web", "mail", "talk")] == [1, 1, 0, 0]
    assert [credit[name]["last"] for name in ("ad", "web", "mail", "talk")] == [0, 0, 1, 1]
    assert [credit[name]["linear"] for name in ("ad", "web", "mail", "talk")] == [0.25, 0.75, 0.75, 0.25]
    assert [credit[name]["u_shape"] for name in ("ad", "web", "mail", "talk")] == pytest.approx([0.4, 0.6, 0.6, 0.4])
    assert {name: sum(table[name].to_pylist()) for name in ("first", "last", "linear", "u_shape", "removal")} == {
        "first": 2, "last": 2, "linear": pytest.approx(2), "u_shape": pytest.approx(2), "removal": pytest.approx(2),
    }  # fmt: skip


def test_the_removal_effect_is_what_would_be_lost_without_a_channel():
    # Half of the journeys start with ad, of which one wins by web; without web nothing is won, without ad half of it.
    table = journeys("ad web +", "web +", "ad", "web")
    # Chance: ad → web 1/2, web wins 2/3; start is half ad, half web: 1/2 · 1/2 · 2/3 + 1/2 · 2/3 = 1/2.
    # Without ad: 1/3, an effect of 1/3; without web: 0, an effect of 1. Two conversions are shared 1 : 3.
    assert {row["channel"]: row["removal"] for row in table.to_pylist()} == pytest.approx({"ad": 0.5, "web": 1.5})


def test_attribution_by_an_unknown_column_is_refused():
    with pytest.raises(TableError, match="choose one of channel, campaign, action, asset"):
        attribution(history_of({"orders": ORDERS}), AS_OF, by="colour")


def test_abc_puts_the_first_80_percent_in_a_and_the_next_15_in_b():
    assert abc(np.array([10.0, 500, 0, 300, 150, 40, -5])).to_pylist() == ["C", "A", "C", "A", "B", "C", "C"]


def test_pareto_is_the_share_of_customers_with_80_percent_of_revenue():
    found = pareto(np.array([500.0, 300, 100, 50, 50]))
    assert found == {"share_of_revenue": 0.8, "customers": 2, "share_of_customers": 0.4}


def test_segments_name_the_cell_and_share_the_revenue():
    snapshot = pa.table(
        {
            "customer_id": ["ann", "bob", "lead"],
            "days_since_last_order": [10.0, 300.0, None],
            "orders_per_quarter_365d": [6.0, 0.0, 0.0],
            "spend_net_sum_ever": [2e6, 2e6, 0.0],
            "spend_net_sum_365d": [900.0, 100.0, 0.0],
        }
    )
    table = segments(snapshot, load_card("rfm"), read_playbook().segments)
    assert [(row["customer_id"], row["cell"], row["segment"], row["abc"]) for row in table.to_pylist()] == [
        ("ann", "R5F5M5", "important_value", "A"),
        ("bob", "R1F1M5", "important_rescue", "B"),
    ]
    shares = revenue_shares(table).to_pylist()
    assert [(row["segment"], row["share_of_revenue"]) for row in shares] == [
        ("important_value", 0.9),
        ("important_rescue", 0.1),
    ]
    with pytest.raises(CardError, match="no column spend_net_sum_365d"):
        segments(snapshot.drop_columns(["spend_net_sum_365d"]), load_card("rfm"), read_playbook().segments)
