"""Other horizons than the model's own, over the API."""

import pytest
from serving_world import history_body


def test_other_horizons_are_answered_by_the_same_model_and_agree_at_its_own(ask, company, active):
    answers = ask("score", customer_ids=active[:40], reasons=0, horizons=["3mo", "12mo", "24mo"])["answers"]
    for answer in answers:
        early, own, late = answer["timing"]["curve"]
        assert own["probability"] == pytest.approx(answer["probability"], abs=1e-9)
        assert early["probability"] >= own["probability"] >= late["probability"]
        assert [point["extrapolated"] for point in (early, own, late)] == [False, False, True]
        assert own["date"] == "2027-11-01" if answer["as_of"] == "2026-11-01" else own["date"]
        assert answer["timing"]["expected_from"] <= answer["timing"]["expected_date"] <= answer["timing"]["expected_to"]
    assert "timing" not in ask("score", customer_ids=active[:1])["answers"][0]
    body = history_body(company, active[0])
    told = ask("score_history", as_of="2026-11-01", histories=[body], reasons=0, horizons=["3mo", "12mo", "24mo"])
    assert told["answers"][0]["timing"] == answers[0]["timing"]
    profile = ask("customer", customer_id=active[0])
    assert len(profile["answers"][0]["timing"]["curve"]) == 24
    assert (
        profile["answers"][0]["timing"]["curve"][11]["probability"] == answers[0]["timing"]["curve"][1]["probability"]
    )


@pytest.mark.parametrize(
    ("horizons", "sentence"), [(["36mo"], "36mo: a horizon has at most 24 months"), (["soon"], "is not a duration")]
)
def test_a_horizon_that_cannot_be_answered_is_refused_with_a_sentence(ask, active, horizons, sentence):
    error = ask("score", status=422, customer_ids=active[:1], horizons=horizons)["error"]
    assert sentence in error["message"]
    assert error["where"] == "horizons"
