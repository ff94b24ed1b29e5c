"""The search for the shape of the trees: its budget, its seed, and that it never ends worse than it began."""

import sys
from functools import cache

import pytest
from rapport.training import train
from training_world import ASKED, company, orders

from rapport.cli import main


@cache
def found(tries):
    return train(company(), "churn", search=tries, **ASKED).bundle


def test_the_search_tries_as_many_shapes_as_it_may():
    assert [found(tries).evaluation["search"]["tries"] for tries in (1, 16)] == [1, 16]
    assert "search" not in found(0).evaluation


def test_one_try_is_the_shape_as_given_and_changes_nothing():
    assert found(1).record["shapes"] == found(0).record["shapes"]
    assert found(1).evaluation["measures"] == found(0).evaluation["measures"]


def test_the_best_is_no_worse_on_later_slices_than_the_start():
    told = found(16).evaluation["search"]
    assert told["best"] < told["start"] == found(1).evaluation["search"]["start"]
    assert found(16).record["shapes"]["many"] != found(0).record["shapes"]["many"]


def test_a_shape_found_keeps_the_cost_of_reasons():
    many = found(16).record["shapes"]["many"]
    assert (many["leaves"] <= 15, many["rounds"] <= 100, many["seeds"]) == (True, True, 2)


def test_the_same_search_finds_the_same_shape_again():
    again = train(company(), "churn", search=16, **ASKED).bundle
    assert again.record == found(16).record


def test_without_the_extra_the_command_says_what_to_install(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "optuna", None)
    monkeypatch.delitem(sys.modules, "rapport.training.search", raising=False)
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
    assert "This command needs optuna. Install it with: pip install 'rapport[search]'" in " ".join(
        capsys.readouterr().err.split()
    )
