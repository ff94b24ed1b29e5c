"""A model keeps the rule that it was trained with: a changed rapport.toml does not change what its scores mean."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from training_world import BEGIN, company, orders

from rapport.history import Settings, history_of, parse_duration
from rapport.scoring import Bundle
from rapport.scoring.models import model_store
from rapport.serving.snapshots.scoring_run import run_scoring
from rapport.training import monitor_champion, train

NOW = datetime(2026, 1, 1)
BY_CONTRACT = Settings(churn="contracts", horizon="6mo", grace="1mo")
TODAY = Settings(churn="orders", horizon="12mo")


def contracts():
    """Half-year contracts: those of every third customer are let go after the second."""
    for place in range(240):
        for turn in range(2 if place % 3 == 0 else 6):
            start = BEGIN + timedelta(days=place % 170 + turn * 182)
            yield {
                "customer_id": f"C{place}",
                "contract_id": f"{place}-{turn}",
                "started_at": start,
                "ends_at": start + timedelta(days=182),
            }


def of_contracts(settings):
    return history_of({"orders": orders(), "contracts": list(contracts())}, settings)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    place = tmp_path_factory.mktemp("home")
    asked = {"as_of": NOW, "horizon": parse_duration("6mo"), "active": parse_duration("12mo")}
    bundle = replace(train(of_contracts(BY_CONTRACT), "churn", **asked).bundle, version="1")
    model_store.publish(bundle.save(place / "bundle"), place, "churn", "1")
    model_store.set_champion(place, "churn", "1", NOW)
    return place


def night(home, settings):
    def silent(message, share):
        pass

    return run_scoring(of_contracts(settings), home, "churn", as_of=NOW, now=NOW, progress=silent).scored


def test_the_night_scores_by_the_rule_of_the_model_whatever_the_settings_say_now(home):
    as_trained, as_changed = night(home, BY_CONTRACT), night(home, TODAY)
    assert set(as_trained.state) == {"active", "covered", "lapsed"}
    assert list(as_trained.state) == list(as_changed.state)
    np.testing.assert_array_equal(as_trained.probability, as_changed.probability)


def test_the_watch_waits_for_the_grace_of_the_model(home):
    found = [monitor_champion(of_contracts(each), home, "churn", as_of=NOW).as_dict() for each in (BY_CONTRACT, TODAY)]
    unsaid = {"note": None, "note_zh": None}
    assert found[0] | unsaid == found[1] | unsaid
    assert (found[0]["note"], found[0]["note_zh"]) == (None, None)
    assert "请重新训练" in found[1]["note_zh"]
    assert "Train again to apply the new settings, or write the model's into rapport.toml." in found[1]["note"]


def test_a_rule_that_the_settings_no_longer_say_is_told_in_one_sentence(home):
    bundle = Bundle.load(model_store.champion(home, "churn"))
    assert bundle.settings_mismatch(BY_CONTRACT) is None
    assert bundle.settings_mismatch(TODAY) == (
        "The churn model 1 still uses the settings of its training, which differ from those in force "
        "(horizon: 6mo, not 12mo; "
        "churn: contracts that end within 6mo and are not renewed 1mo later, not orders). "
        "Train again to apply the new settings, or write the model's into rapport.toml."
    )


def test_a_model_by_orders_is_not_turned_into_one_by_contracts(tmp_path):
    asked = {"as_of": NOW, "horizon": parse_duration("90d"), "active": parse_duration("12mo")}
    bundle = replace(train(company(), "churn", **asked).bundle, version="1")
    model_store.publish(bundle.save(tmp_path / "bundle"), tmp_path, "churn", "1")
    model_store.set_champion(tmp_path, "churn", "1", NOW)
    assert set(night(tmp_path, BY_CONTRACT).state) <= {"active", "lapsed"}
