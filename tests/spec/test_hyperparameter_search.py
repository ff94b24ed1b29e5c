"""The search for tree parameters: its budget, its seed, and that the result is never worse than the default."""

import sys
from functools import cache

import pytest
from training_world import ASKED, company, orders, trained

from rapport.cli.app import main
from rapport.training import train


@cache
def found(tries):
    return train(company(), "churn", search=tries, **ASKED).bundle if tries else trained().bundle


def test_the_search_uses_its_budget():
    assert [found(tries).evaluation["search"]["tries"] for tries in (1, 8)] == [1, 8]
    assert "search" not in found(0).evaluation


def test_one_try_is_the_default_and_changes_nothing():
    assert found(1).provenance["gbm_params"] == found(0).provenance["gbm_params"]
    assert found(1).evaluation["measures"] == found(0).evaluation["measures"]


def test_the_best_is_better_in_validation_than_the_default():
    search = found(8).evaluation["search"]
    assert search["best"] < search["start"] == found(1).evaluation["search"]["start"]
    assert found(8).provenance["gbm_params"]["historical"] != found(0).provenance["gbm_params"]["historical"]


def test_found_parameters_keep_the_cost_of_reasons_bounded():
    many = found(8).provenance["gbm_params"]["historical"]
    assert (many["num_leaves"] <= 15, many["n_estimators"] <= 100, many["seeds"]) == (True, True, 2)


def test_the_same_search_finds_the_same_parameters():
    again = train(company(), "churn", search=8, **ASKED).bundle
    assert again.provenance == found(8).provenance


def test_without_the_extra_the_command_names_what_to_install(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "optuna", None)
    monkeypatch.delitem(sys.modules, "rapport.training.hyperparameter_search", raising=False)
    (tmp_path / "orders.csv").write_text(
        "customer_id,order_id,ordered_at,amount\n"
        + "".join(
            f"{row['customer_id']},{row['order_id']},{row['ordered_at']:%Y-%m-%d},{row['amount']:.2f}\n"
            for row in orders(60)
        )
    )
    monkeypatch.setattr(sys, "argv", ["rapport", "train", str(tmp_path), "--horizon", "90d", "--search", "3"])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 3
    assert "This command needs optuna. Install it with: pip install 'rapport-crm[search]'" in " ".join(
        capsys.readouterr().err.split()
    )
