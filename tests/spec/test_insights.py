"""Analytics of drawn histories: key accounts, white space, next products, stages, retention and returns by hand."""

from datetime import datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from rapport.history import history_of
from rapport.scoring.analytics import key_accounts as key_accounts_module
from rapport.scoring.analytics import products
from rapport.scoring.analytics.deal_outcomes import deal_card, deal_rates
from rapport.scoring.analytics.deals import open_deals
from rapport.scoring.analytics.key_accounts import account_plans, key_accounts, referrals
from rapport.scoring.analytics.outcomes import best_practice, key_figures, satisfaction
from rapport.scoring.analytics.products import next_products, white_space
from rapport.scoring.analytics.sales import channel_roi, lead_stages
from rapport.scoring.cards import load_card
from rapport.serving.console.home_figures import kpis
from rapport.serving.snapshots.analytics_tables import customer_kpis

AS_OF = datetime(2026, 1, 1)


def order(customer, day, amount=100.0, product=None, number=None):
    name = number or f"{customer}-{day}-{product}"
    return {"customer_id": customer, "order_id": name, "ordered_at": day, "amount": amount, "product": product}


def test_key_accounts_bring_80_percent_and_a_growing_customer_would_join():
    orders = [
        order("big", "2025-03-01", 800.0),
        order("half", "2025-03-01", 150.0),
        # 50 a year, all of it in the last half: kept for a year this is 100, still less than a key account brings.
        order("small", "2025-11-01", 50.0),
    ]
    table, facts = key_accounts(history_of({"orders": orders}), AS_OF)
    assert {row["customer_id"]: row["role"] for row in table.to_pylist()} == {"big": "key"}
    assert facts["share_of_revenue_by_customers_above_average"] == 0.8
    orders.append(order("small", "2025-12-01", 360.0))
    table, facts = key_accounts(history_of({"orders": orders}), AS_OF)
    # 410 of 1,360 since July: with 820 a year it passes the least key account.
    assert {row["customer_id"]: row["role"] for row in table.to_pylist()} == {"big": "key", "small": "key"}
    assert facts["least_revenue_of_a_key_account"] == 410.0


def test_account_plans_are_the_same_however_many_customers_are_planned_at_once(monkeypatch):
    names = [f"c{number:02}" for number in range(9)]
    orders = [order(name, "2023-05-01", product=f"p{place % 3}") for place, name in enumerate(names)]
    contacts = [
        {"customer_id": name, "contact_id": f"{name}-a", "role": "finance", "created_at": "2024-01-01"}
        for name in names[::2]
    ]
    history, keys = history_of({"orders": orders, "contacts": contacts}), pa.table({"customer_id": names[::-1]})
    at_once = account_plans(history, AS_OF, keys)
    monkeypatch.setattr(key_accounts_module, "CUSTOMERS_AT_ONCE", 2)
    assert account_plans(history, AS_OF, keys).equals(at_once)
    assert at_once["customer_id"].to_pylist() == sorted(3 * names)
    missing = {(row["customer_id"], row["layer"]): row["missing"] for row in at_once.to_pylist()}
    assert missing["c00", "key_people"] == ["decision_maker", "finance", "influencer"]
    assert missing["c01", "key_people"] == []
    assert missing["c01", "organisation"] == ["three_products"]


def test_only_referred_customers_that_were_known_count():
    customers = [
        {"customer_id": "ann", "created_at": "2024-01-01"},
        {"customer_id": "bob", "created_at": "2025-06-01", "referred_by": "ann"},
        {"customer_id": "cat", "created_at": "2026-02-01", "referred_by": "ann"},
    ]
    found = referrals(history_of({"customers": customers, "orders": [order("bob", "2025-07-01")]}), AS_OF).to_pylist()
    assert [(row["customer_id"], row["referred"], row["bought"], row["revenue"]) for row in found] == [
        ("ann", 1, 1, 100.0)
    ]


def test_white_space_is_what_a_relative_buys_and_this_customer_does_not():
    customers = [{"customer_id": "north", "parent_id": "group"}, {"customer_id": "south", "parent_id": "group"},
                 {"customer_id": "group"}, {"customer_id": "alien"}]  # fmt: skip
    orders = [order("north", "2025-05-01", product="pump"), order("south", "2025-05-01", product="pump"),
              order("south", "2025-06-01", product="valve"), order("alien", "2025-06-01", product="drill")]  # fmt: skip
    found = white_space(history_of({"customers": customers, "orders": orders}), AS_OF).to_pylist()
    assert [
        (row["customer_id"], row["product"], row["relative_id"]) for row in found if row["customer_id"] != "group"
    ] == [("north", "valve", "south")]


@pytest.mark.parametrize("linked", [True, False])
def test_like_customers_are_served_only_where_they_beat_what_is_most_popular(linked, monkeypatch):
    """Buyers of `a` go on to `b`, buyers of `c` to `d`; or everyone goes on to `x`, which most people have."""
    orders = []
    for at in range(40):
        first, then = ("a", "b") if at % 2 else ("c", "d")
        orders += [order(f"old{at}", "2025-02-01", product=name) for name in (first, then)]
        orders += [order(f"other{at}", "2025-02-01", product=name) for name in ("x", "y", "z")]
        orders.append(order(f"new{at}", "2025-02-01", product=first))
        orders.append(order(f"new{at}", "2025-10-01", product=then if linked else "x"))
    orders.append(order("late", "2025-11-01", product="a"))
    history = history_of({"orders": orders})
    table, facts = next_products(history, AS_OF)
    monkeypatch.setattr(products, "CUSTOMERS_AT_ONCE", 7)
    assert next_products(history, AS_OF) == (table, facts)
    named = [(row["rank"], row["product"], row["because"]) for row in table.to_pylist() if row["customer_id"] == "late"]
    assert named == (
        [(1, "b", "a"), (2, "c", "a"), (3, "d", "a")] if linked else [(1, "x", None), (2, "c", None), (3, "y", None)]
    )
    assert facts["customers_judged"] == 40
    assert facts["served"] == ("like_customers" if linked else "most_popular")
    if linked:
        assert facts["hit_rate_like_customers"] == 1.0
        assert facts["hit_rate_most_popular"] == 0.0


def test_stages_are_nested_and_the_bottleneck_is_named():
    leads = [{"customer_id": f"l{at}", "created_at": "2025-03-01"} for at in range(10)]
    touches = [{"customer_id": f"l{at}", "occurred_at": "2025-03-05"} for at in range(9)]
    # l9 talked to us without a touch: it skipped that stage and counts as past it.
    talks = [{"customer_id": f"l{at}", "occurred_at": "2025-03-10"} for at in (0, 1, 9)]
    deals = [{"opportunity_id": "d", "customer_id": "l0", "opened_at": "2025-04-01"}]
    table, facts = lead_stages(
        history_of({"customers": leads, "touches": touches, "interactions": talks, "opportunities": deals}), AS_OF
    )
    rows = table.to_pylist()
    assert [(row["stage"], row["reached"]) for row in rows] == [
        ("lead", 10), ("touched", 10), ("contacted", 3), ("opportunity", 1),
    ]  # fmt: skip
    assert [row["lost"] for row in rows] == [0, 0, 7, 2]
    # Nobody bought: without a row of a stage nothing is known about it.
    assert (rows[1]["median_days"], rows[2]["median_days"]) == (4, 5)
    assert facts == {"bottleneck": "contacted"}


def test_the_return_of_a_campaign_is_its_share_of_first_year_revenue_less_its_cost():
    touches = [
        {"customer_id": "ann", "occurred_at": "2025-03-01", "campaign": "fair", "channel": "event"},
        {"customer_id": "ann", "occurred_at": "2025-03-05", "campaign": "mail", "channel": "email"},
        {"customer_id": "ann", "occurred_at": "2024-03-05", "campaign": "mail", "channel": "email"},
    ]
    campaigns = [{"campaign": "fair", "cost": 100.0, "started_at": "2025-01-01"}]
    orders = [order("ann", "2025-03-10", 300.0), order("ann", "2025-05-10", 100.0)]
    customers = [{"customer_id": "ann", "source": "web"}, {"customer_id": "bob", "source": "web"}]
    history = history_of({"customers": customers, "touches": touches, "campaigns": campaigns, "orders": orders})
    (web,) = [row for row in channel_roi(history, AS_OF).to_pylist() if row["dimension"] == "source"]
    assert (web["value"], web["customers_won"], web["revenue"], web["touches"], web["roi"]) == (
        "web",
        1,
        400.0,
        3,
        None,
    )
    found = {row["value"]: row for row in channel_roi(history, AS_OF).to_pylist() if row["dimension"] == "campaign"}
    assert (found["fair"]["revenue"], found["fair"]["roi"]) == (200.0, 1.0)
    assert (found["mail"]["revenue"], found["mail"]["roi"], found["mail"]["touches"]) == (200.0, None, 2)


def test_retention_compares_two_whole_years():
    orders = [order("ann", "2023-06-01"), order("ann", "2024-06-01"), order("ann", "2025-06-01", 50.0),
              order("bob", "2024-06-01")]  # fmt: skip
    newest = satisfaction(history_of({"orders": orders}), AS_OF).to_pylist()[-1]
    assert (newest["quarter"], newest["customers"], newest["retention"]) == ("2025-Q4", 2, 0.5)
    assert (newest["net_revenue_retention"], newest["lifetime_value"]) == (0.25, 200.0)


def test_retention_is_the_same_on_the_start_page_by_quarter_and_by_owner():
    # Ann ordered and sent everything back: she came again, and her spend is nothing. Bob sent back more than he bought.
    orders = [order("ann", "2023-06-01"), order("ann", "2024-06-01"), order("ann", "2025-06-01", 50.0),
              order("ann", "2025-06-09", -50.0, number="r"), order("bob", "2024-06-01"),
              order("bob", "2025-02-01", -30.0, number="r2"), order("cat", "2024-06-01"),
              order("cat", "2025-06-01")]  # fmt: skip
    history, ids = history_of({"orders": orders}), ["ann", "bob", "cat"]
    newest = satisfaction(history, AS_OF).to_pylist()[-1]
    owner = key_figures(history, AS_OF, pa.table({"customer_id": ids})).to_pylist()[0]
    listed = SimpleNamespace(row_of_id={name: row for row, name in enumerate(ids)})
    shown = kpis(listed, np.ones(3, dtype=bool), customer_kpis(history, AS_OF))
    assert newest["retention"] == owner["retention"] == shown["retention"] == pytest.approx(2 / 3)
    assert newest["net_revenue_retention"] == shown["nrr"] == pytest.approx(1 / 3)
    assert newest["gross_revenue_retention"] == shown["grr"] == pytest.approx(1 / 3)


def test_recoveries_are_counted_after_contact_and_without():
    def quiet(customer, back):
        days = ["2025-01-01", *(["2025-06-01"] if back else [])]
        return [order(customer, day) for day in days]

    talks = [
        {"customer_id": name, "occurred_at": "2025-04-20", "channel": "call", "direction": "outbound"}
        for name in ("c1", "c2")
    ]
    orders = [*quiet("c1", True), *quiet("c2", True), *quiet("n1", False), *quiet("n2", True)]
    table, facts = best_practice(history_of({"orders": orders, "interactions": talks}), AS_OF)
    call = next(row for row in table.to_pylist() if row["action"] == "call")
    assert (call["customers"], call["recovered"]) == (2, 2)
    # n1, n2 had no call before the point where they were quiet; the orders of June became quiet later, too.
    assert facts["rate_without_contact"] < 0.5


def _deals(won_with, count, first):
    """Return closed deals whose outcome follows one check."""
    rows = []
    for at in range(count):
        yes = at % 2 == 0
        closed = first + timedelta(days=at)
        rows.append({
            "opportunity_id": f"d{first:%y%m}{at}", "customer_id": "ann",
            "opened_at": (closed - timedelta(days=30)).isoformat(), "closed_at": closed.isoformat(),
            "recorded_at": (closed - timedelta(days=10)).isoformat(), "stage": "propose",
            "won": "true" if yes else "false",
            **{f"c139_{name}": "true" if yes == (name == won_with) else "false" for name in ("rival", "value")},
        })  # fmt: skip
    return rows


def test_weights_are_learned_where_later_deals_confirm_them():
    history = history_of({"opportunities": _deals("rival", 200, datetime(2025, 1, 1))})
    card = deal_card(history, AS_OF, load_card("c139"))
    # The written card gives `value` three times the weight of `rival`, and here it is the wrong one.
    assert card.learned
    assert card.suggestion.proposed_auc > 0.99 > card.suggestion.present_auc
    rates = {(row["dimension"], row["value"]): row["win_rate"] for row in deal_rates(history, AS_OF, card).to_pylist()}
    assert (rates["check:rival", "yes"], rates["check:rival", "no"]) == (1.0, 0.0)


def test_a_better_tier_never_has_a_lower_win_rate():
    deals = _deals("rival", 200, datetime(2025, 1, 1))
    for at, deal in enumerate(deals):
        deal["won"] = "true" if at % 3 else "false"
    card = deal_card(history_of({"opportunities": deals}), AS_OF, load_card("c139"))
    rates = [tier["win_rate"] for tier in card.tiers if tier["enough"]]
    assert rates == sorted(rates, reverse=True)


def test_a_stalled_deal_names_its_time_and_whom_nobody_met():
    deals = _deals("rival", 40, datetime(2025, 1, 1))
    opened = {"opened_at": "2025-06-01", "recorded_at": "2025-06-01", "stage": "propose"}
    deals.append({"opportunity_id": "open", "customer_id": "ann"} | opened)
    contacts = [{"contact_id": "f", "customer_id": "ann", "name": "Lena Koch", "role": "finance"},
                {"contact_id": "u", "customer_id": "ann", "name": "Tom", "role": "user"}]  # fmt: skip
    talks = [{"customer_id": "ann", "contact_id": "u", "occurred_at": "2025-05-01"}]
    history = history_of({"opportunities": deals, "contacts": contacts, "interactions": talks})
    (deal,) = open_deals(history, AS_OF, deal_card(history, AS_OF, load_card("c139"))).to_pylist()
    assert (deal["days_in_stage"], deal["usual_days_in_stage"], deal["stalled"]) == (214, 10.0, True)
    assert [person["name"] for person in deal["never_met"]] == ["Lena Koch"]
