"""The list of customers over the API: every scored customer once, by pages and filters."""

import pytest


def test_pages_list_every_scored_customer_once_most_at_risk_first(ask, active):
    seen, after = [], None
    while after is not None or not seen:
        page = ask("customers", limit=37, **({"after": after} if after else {}))
        seen += page["customers"]
        after = page["next"]
        if after is None:
            break
    assert sorted(row["customer_id"] for row in seen) == active
    risks = [row["value_at_risk"] for row in seen]
    assert risks == sorted(risks, reverse=True)


def test_the_least_probability_leaves_out_exactly_those_below_it(ask):
    rows = ask("customers", limit=1000)["customers"]
    edge = sorted(row["probability"] for row in rows)[len(rows) // 2]
    found = ask("customers", limit=1000, min_probability=edge)["customers"]
    assert found == [row for row in rows if row["probability"] >= edge]
    assert 0 < len(found) < len(rows)
    assert ask("customers", status=400, min_probability=1.5)["error"]["where"] == "min_probability"


def test_a_cursor_of_another_list_is_refused(ask):
    assert ask("customers", status=422, after="nonsense")["error"]["where"] == "after"


def test_an_unknown_tier_is_refused_and_not_an_empty_list(ask):
    assert "at_risk" in ask("customers", status=422, tier="red")["error"]["message"]


@pytest.mark.parametrize("asked", [{"list": "at_risk"}, {"risk_band": "high"}, {"grade": "prime"}])
def test_a_filter_that_the_target_does_not_have_is_refused_and_not_ignored(open_client, asked):
    response = open_client.post("/v1/customers", json={"target": "conversion", **asked})
    assert (response.status_code, response.json()["error"]["where"]) == (422, next(iter(asked)))
