"""Deals, analytics and reports as their callers get them: complete, in both languages, and no more than may be seen."""

import base64

import pytest
from serving_world import AS_OF, bearer

from rapport.features.catalog.feature import FAMILIES
from rapport.serving.application.analysis_catalog import ANALYSES
from rapport.serving.translations import Translations


def test_every_analysis_answers_in_both_languages(ask):
    listed = [each["name"] for each in ask("analytics")["names"]]
    assert listed == list(ANALYSES)
    texts = [Translations(one) for one in ("en", "zh")]
    for name in listed:
        english, chinese = (ask("analytics", name=name, language=one) for one in ("en", "zh"))
        assert english["rows"] == chinese["rows"]
        assert english["title"] != chinese["title"]
        for column in (english["rows"] or [{}])[0]:
            assert all(each.has(f"analysis.{column}") for each in texts), (name, column)
        # The invented company has everything but campaign costs and referrals.
        assert english["rows"] or name == "referrals", name


def test_deals_of_the_board_are_those_of_the_customers_pages(ask):
    board = ask("deals", limit=2000, language="en")
    assert board["count"] == len(board["deals"]) > 0
    for deal in board["deals"][:10]:
        profile = ask("customer", customer_id=deal["customer_id"], language="en")
        own = next(one for one in profile["deals"] if one["opportunity_id"] == deal["opportunity_id"])
        assert {name: deal[name] for name in own} == own
        assert deal["missing"] == [] or deal["missing"][0]["step"]
    stalled = ask("deals", stalled=True)["deals"]
    assert stalled
    assert all(deal["blockers"] for deal in stalled)


def test_the_list_shows_the_first_action_of_each_page(ask, active, company):  # the run must be there
    from rapport.serving.snapshots.live_model import load_live_model  # noqa: PLC0415

    table = load_live_model(company.home, "churn").snapshot.run.cached_table("portfolio")
    listed = {row["customer_id"]: row for row in table.to_pylist()}
    by_reason = [key for key in active if listed[key]["next_action_code"] in (None, *FAMILIES)]
    assert by_reason
    for customer in [*active[::40], *by_reason[:40]]:
        actions = ask("customer", customer_id=customer)["actions"]
        first = (actions[0]["code"], actions[0]["due"]) if actions else (None, None)
        assert (listed[customer]["next_action_code"], listed[customer]["next_action_due"]) == first
        assert all(action["due"] >= AS_OF.date().isoformat() for action in actions)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_report_has_health_reasons_and_plan(ask, active, language):
    report = ask("report", customer_id=active[0], language=language)["content"]
    profile = ask("customer", customer_id=active[0], language=language)
    for action in profile["actions"]:
        assert action["due"] in report
    assert profile["answers"][0]["health"]["label"] in report
    assert ("客户评估报告" if language == "zh" else "Customer evaluation report") in report
    pdf = base64.b64decode(ask("report", customer_id=active[0], language=language, format="pdf")["content"])
    assert pdf.startswith(b"%PDF-")
    assert pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") <= 3


def test_an_owners_key_sees_only_its_own_deals_and_no_figure_of_the_company(keyed, keyed_home, ask):
    from datetime import UTC, datetime  # noqa: PLC0415

    from rapport.serving.security.keys import KeyRing  # noqa: PLC0415

    every = ask("deals", limit=2000)["deals"]
    owner = next(deal["owner"] for deal in every if deal["owner"])
    secret = KeyRing(keyed_home).add("of-one-owner", ["read"], datetime.now(UTC), owner=owner)

    def own(address, **body):
        return keyed.post(f"/v1/{address}", json=body, headers=bearer(secret))

    seen = own("deals", limit=2000).json()
    assert {deal["owner"] for deal in seen["deals"]} == {owner}
    assert seen["card"] == {}
    assert own("analytics", name="key_figures").status_code == 403
    accounts = own("analytics", name="key_accounts").json()
    assert {row["owner"] for row in accounts["rows"]} <= {owner}
    assert accounts["hidden"] > 0
    assert accounts["facts"] == {}
    others = next(deal["customer_id"] for deal in every if deal["owner"] != owner)
    assert own("report", customer_id=others).status_code == 404


def test_the_health_change_of_owners_is_adjusted_with_an_interval(ask):
    rows = [one for one in ask("analytics", name="key_figures")["rows"] if one["health_change_adjusted"] is not None]
    assert rows
    for row in rows:
        assert row["health_change_low"] <= row["health_change_adjusted"] <= row["health_change_high"]
        assert row["health_change_adjusted"] != row["health_change_30d"]
