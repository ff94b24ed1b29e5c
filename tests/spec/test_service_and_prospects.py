"""Cost to serve, late tickets, pre-sale health, effect of engagements and carts of drawn histories, by hand."""

from datetime import datetime, timedelta

import pyarrow as pa
import pytest

from rapport.history import history_of
from rapport.scoring.analytics.outcomes import key_figures
from rapport.scoring.analytics.prospects import presale_health
from rapport.scoring.analytics.service_load import cost_to_serve, late_tickets
from rapport.scoring.analytics.touch_effect import carts, touch_effect
from rapport.scoring.money.assumptions import Assumptions
from rapport.serving.snapshots.insight_tables import clv_concentration
from rapport.serving.snapshots.run_portfolio import customer_attributes

AS_OF = datetime(2026, 1, 1)


def order(customer, day, amount):
    return {"customer_id": customer, "order_id": f"{customer}{day}{amount}", "ordered_at": day, "amount": amount}


def ticket(number, opened, *, kind="support", replied=None, solved=None, customer="ann", **more):
    return {"ticket_id": number, "customer_id": customer, "opened_at": opened, "responded_at": replied,
            "resolved_at": solved, "kind": kind, **more}  # fmt: skip


def test_cost_to_serve_is_contacts_and_tickets_against_the_margin_of_net_revenue():
    orders = [order("ann", "2025-02-01", 1000.0), order("ann", "2025-03-01", -200.0), order("bob", "2024-01-01", 50.0),
              order("bob", "2026-02-01", 9000.0)]  # fmt: skip
    talks = [{"customer_id": "ann", "occurred_at": f"2025-04-0{day}", "channel": "call"} for day in (1, 2, 3)]
    talks += [{"customer_id": "lead", "occurred_at": "2025-04-01", "channel": "call"},
              {"customer_id": "bob", "occurred_at": "2025-12-01", "recorded_at": "2026-01-05"},
              {"customer_id": "bob", "occurred_at": "2024-12-01", "recorded_at": "2024-12-01"}]  # fmt: skip
    tickets = [ticket("t1", "2025-05-01", kind="complaint"), ticket("t2", "2025-05-01", customer="bob")]
    history = history_of({"orders": orders, "interactions": talks, "tickets": tickets})
    table, facts = cost_to_serve(history, AS_OF, Assumptions(margin=0.3, contact_cost=10.0))
    bob, ann = table.to_pylist()
    # bob's order of 2026, the call recorded in 2026 and the call of 2024 do not count; a lead has no revenue to weigh.
    assert bob == {"customer_id": "bob", "revenue": 0.0, "contacts": 0, "tickets": 1, "complaints": 0, "cost": 10.0,
                   "cost_share": None, "margin_after_cost": -10.0}  # fmt: skip
    assert (ann["revenue"], ann["contacts"], ann["tickets"], ann["complaints"]) == (800.0, 3, 1, 1)
    assert (ann["cost"], ann["cost_share"], ann["margin_after_cost"]) == (40.0, 0.05, pytest.approx(200.0))
    assert facts == {"revenue": 800.0, "contacts": 3, "tickets": 2, "cost": 50.0, "customers": 2,
                     "cost_exceeds_margin": 1, "contact_cost": 10.0, "margin": 0.3}  # fmt: skip


def test_a_ticket_is_late_beyond_nine_in_ten_of_its_kind():
    # Solved after 1 to 21 hours: nine in ten took at most 19. Replies after one hour.
    start = datetime(2025, 6, 1)
    solved = [
        ticket(f"s{hours}", start.isoformat(), replied=(start + timedelta(hours=1)).isoformat(),
               solved=(start + timedelta(hours=hours)).isoformat())
        for hours in range(1, 22)
    ]  # fmt: skip
    waiting = [
        ticket("in_time", "2025-12-31T06:00", replied="2025-12-31T07:00"),
        ticket("late", "2025-12-31T04:00", replied="2025-12-31T05:00", severity=3),
        ticket("no_reply", "2025-12-31T22:00", customer="bob"),
        # Few complaints: their limit is that of all kinds. Solved after the date, so open at it.
        ticket("complaint", "2025-12-30T00:00", kind="complaint", replied="2025-12-30T01:00", solved="2026-01-02"),
    ]
    table, facts = late_tickets(history_of({"tickets": [*solved, *waiting]}), AS_OF)
    found = {row["ticket_id"]: (row["waits_for"], row["hours_open"], row["usual_limit_hours"])
             for row in table.to_pylist()}  # fmt: skip
    assert found == {"complaint": ("solution", 48.0, 19.0), "no_reply": ("reply", 2.0, 1.0),
                     "late": ("solution", 20.0, 19.0)}  # fmt: skip
    assert (facts["late"], facts["customers"]) == (3, 2)
    # Fifteen solved tickets are too few to know what is usual.
    assert late_tickets(history_of({"tickets": [*solved[:15], *waiting[:3]]}), AS_OF)[0].num_rows == 0


def test_a_prospect_is_scored_by_the_checks_that_hold_and_those_without_data_count_neither_way():
    customers = [{"customer_id": name, "created_at": "2025-01-01"} for name in ("warm", "cold", "idle", "buyer")]
    tables = {
        "customers": customers,
        "orders": [order("buyer", "2025-02-01", 10.0), order("warm", "2026-01-02", 10.0)],
        "contacts": [{"contact_id": "p", "customer_id": "warm", "role": "decision_maker"}],
        "interactions": [
            {"customer_id": "warm", "occurred_at": "2025-12-20", "direction": "inbound", "sentiment": -0.4},
            {"customer_id": "cold", "occurred_at": "2025-10-01", "direction": "outbound"},
            {"customer_id": "buyer", "occurred_at": "2025-12-20", "direction": "inbound"},
        ],
        "opportunities": [{"opportunity_id": "d", "customer_id": "warm", "opened_at": "2025-12-01", "amount": 500.0,
                           "recorded_at": "2025-12-01", "c139_budget": True}],
    }  # fmt: skip
    warm, cold = presale_health(history_of(tables), AS_OF).to_pylist()
    # There are no engagements at all: six checks are known. The budget of "cold" is not known, nor its tone.
    assert (warm["customer_id"], warm["checks_met"], warm["checks_known"]) == ("warm", 5, 6)
    assert (warm["score"], warm["missing"], warm["open_amount"]) == (pytest.approx(500 / 6), ["no_objection"], 500.0)
    assert (cold["customer_id"], cold["score"], cold["checks_known"]) == ("cold", 0.0, 4)


def test_the_order_rate_after_a_webinar_is_beside_that_of_leads_it_did_not_reach():
    quarter = AS_OF - timedelta(days=91)
    customers = [{"customer_id": f"c{at}", "created_at": (quarter - timedelta(days=10)).isoformat()} for at in range(8)]
    webinars = [{"customer_id": f"c{at}", "occurred_at": (quarter - timedelta(days=5)).isoformat(), "action": "webinar"}
                for at in range(4)]  # fmt: skip
    # One more webinar on the first day of the quarter itself: too late to count for it.
    webinars.append({"customer_id": "c5", "occurred_at": quarter.isoformat(), "action": "webinar"})
    orders = [order(f"c{at}", (quarter + timedelta(days=20)).isoformat(), 10.0) for at in (0, 1, 5)]
    [row] = touch_effect(history_of({"customers": customers, "touches": webinars, "orders": orders}), AS_OF).to_pylist()
    assert (row["state"], row["dimension"], row["value"]) == ("lead", "action", "webinar")
    assert (row["reached"], row["ordered"], row["others"], row["others_ordered"]) == (4, 2, 4, 1)
    assert (row["rate"], row["rate_of_others"], row["multiple"]) == (0.5, 0.25, 2.0)


def test_carts_without_an_order_in_a_week_are_abandoned_and_young_ones_wait():
    touches = [{"customer_id": name, "occurred_at": day, "action": "cart"}
               for name, day in (("ann", "2025-11-03T09:00"), ("ann", "2025-11-03T17:00"), ("bob", "2025-11-03"),
                                 ("bob", "2025-11-20"), ("cat", "2025-12-28"))]  # fmt: skip
    orders = [order("ann", "2025-11-10", 5.0), order("bob", "2025-11-11", 5.0)]
    [row] = carts(history_of({"touches": touches, "orders": orders}), AS_OF).to_pylist()
    assert row == {"quarter": "2025-Q4", "carts": 3, "ordered": 1, "abandoned": 2,
                   "abandoned_share": pytest.approx(2 / 3)}  # fmt: skip


def test_few_customers_bring_most_of_the_lifetime_value():
    portfolio = pa.table({"clv_3y": pa.array([10.0, 60.0, None, 5.0, 20.0, 5.0], pa.float64())})
    rows = {row["group"]: (row["customers"], row["share_of_customers"], row["clv"], row["share_of_clv"])
            for row in clv_concentration(portfolio).to_pylist()}  # fmt: skip
    # Five customers with a CLV, 100 in all, 20 on average: one is above it, and one is a fifth of them.
    assert rows == {"all": (5, 1.0, 100.0, 1.0), "above_average": (1, 0.2, 60.0, 0.6),
                    "top_20_percent": (1, 0.2, 60.0, 0.6)}  # fmt: skip
    assert clv_concentration(pa.table({"customer_id": ["a"]})).num_rows == 0


def test_standing_of_a_customer_is_kept_where_its_table_brings_it():
    customers = [
        {"customer_id": "ann", "industry_position": "top three", "market_reputation": "口碑良好", "shoe_size": "42"}
    ]
    found = customer_attributes(history_of({"customers": customers}), pa.table({"customer_id": ["ann", "bob"]}))
    assert found.select(["industry_position", "market_reputation"]).to_pylist() == [
        {"industry_position": "top three", "market_reputation": "口碑良好"},
        {"industry_position": None, "market_reputation": None},
    ]
    assert "shoe_size" not in found.column_names
    orders = [order("ann", "2025-06-01", 5.0)]
    plain = customer_attributes(history_of({"orders": orders}), pa.table({"customer_id": ["ann"]}))
    assert "market_reputation" not in plain.column_names


def test_key_figures_count_who_was_known_whatever_the_table_of_customers_says():
    customers = [{"customer_id": name, "owner": "li"} for name in ("ann", "later")]
    orders = [order("ann", "2025-06-01", 5.0), order("bob", "2025-07-01", 7.0), order("later", "2026-02-01", 9.0)]
    history = history_of({"customers": customers, "orders": orders})
    found = key_figures(history, AS_OF, pa.table({"customer_id": ["ann", "bob"]})).to_pylist()
    assert [(row["owner"], row["customers"], row["revenue"]) for row in found] == [("", 1, 7.0), ("li", 1, 5.0)]
