"""Trees fitted on binned rows of all customers: the same cells, the same trees, the same leaves."""

from datetime import datetime

import lightgbm as lgb
import numpy as np
import pyarrow as pa
import pytest
from training_world import ACTIVE, ASKED, HORIZON, NOW, company, orders, trained

import rapport.training.data.subsample
from rapport.features import Catalog, catalog, vocabulary_of
from rapport.history import Settings, history_of
from rapport.scoring.models.columns import FeatureColumn
from rapport.training import train
from rapport.training.data.binned_dataset import bin_rows
from rapport.training.data.dataset import labelled_dataset
from rapport.training.data.subsample import SubsamplePlan, stream_labelled_rows
from rapport.training.data.task_spec import TaskSpec
from rapport.training.members.gbm import HISTORICAL_PARAMS, fit_gbm, with_binned_rows
from rapport.training.provenance import data_fingerprint

CUTOFFS = (datetime(2025, 9, 1), datetime(2025, 6, 1), datetime(2025, 3, 1))
TASK = TaskSpec("churn", NOW, HORIZON, ACTIVE)
FAMILIES = Settings(fixed_attributes=("parent_id",))


def families():
    """Give the company's customers a parent each, in threes."""
    at = datetime(2023, 1, 1)
    parent = {f"C{place}": f"C{place - place % 3}" for place in range(240)}
    customers = [{"customer_id": name, "parent_id": up, "created_at": at} for name, up in parent.items()]
    return history_of({"orders": orders(), "customers": customers}, FAMILIES)


def cells(parts):
    return pa.concat_tables(list(parts)).sort_by([("customer_id", "ascending"), ("cutoff", "ascending")])


def test_trees_on_bins_equal_trees_on_numbers():
    history = company()
    features = catalog(vocabulary_of(history, NOW))
    rows = labelled_dataset(history, TASK, CUTOFFS, features)
    everyone = with_binned_rows(history, TASK, SubsamplePlan(2, 2), rows, features)
    offset, weight = (
        rows.per_row({CUTOFFS[1]: -0.5}),
        rows.per_row(dict(zip(CUTOFFS, (1.0, 0.8, 0.5), strict=True))),
    )
    by_bins, by_numbers = (
        fit_gbm("many", each, HISTORICAL_PARAMS, offset=offset, weight=weight) for each in (everyone, rows)
    )
    assert [text.split("parameters:")[0] for text in by_bins.boosters] == [
        text.split("parameters:")[0] for text in by_numbers.boosters
    ]


def test_fits_that_share_the_bins_of_a_sample_give_the_trees_of_their_own_bins():
    history = company()
    features = catalog(vocabulary_of(history, NOW))
    rows = labelled_dataset(history, TASK, CUTOFFS, features)
    shared = with_binned_rows(history, TASK, SubsamplePlan(2, 1), rows, features)
    assert with_binned_rows(history, TASK, SubsamplePlan(1, 1), rows, features).binned is None
    assert data_fingerprint(shared) == data_fingerprint(rows)
    offset, weight = rows.per_row({CUTOFFS[1]: -0.5}), np.ones(len(rows))
    by_shared, by_own = (
        fit_gbm("many", each, HISTORICAL_PARAMS, offset=offset, weight=weight) for each in (shared, rows)
    )
    assert [text.split("parameters:")[0] for text in by_shared.boosters] == [
        text.split("parameters:")[0] for text in by_own.boosters
    ]
    assert (shared.at_cutoffs(CUTOFFS[1:]).binned.lightgbm_dataset(np.zeros(3), np.ones(3)).get_label()
            == rows.at_cutoffs(CUTOFFS[1:]).label).all()  # fmt: skip


def test_binned_rows_can_be_selected_by_cutoff():
    history = company()
    features = catalog(vocabulary_of(history, NOW))
    rows = with_binned_rows(
        history, TASK, SubsamplePlan(2, 2), labelled_dataset(history, TASK, CUTOFFS, features), features
    )
    newest = rows.at_cutoffs(CUTOFFS[:1])
    data = newest.binned.lightgbm_dataset(np.array([0.25, 0, 0]), np.ones(3))
    assert (data.get_label() == newest.label).all()
    assert set(data.get_init_score()) == {0.25}
    assert newest.take(np.arange(5)).binned is None


def test_values_that_float32_cannot_distinguish_fall_into_the_leaves_of_training():
    values = 1 + np.tile(np.arange(100), 40) * 1e-9
    label = (values > 1 + 49.5e-9).astype(float)
    assert len(set(values.astype(np.float32))) < 5
    table = pa.table({"x": values, "label": label.astype(np.int8), "cutoff": [NOW] * len(values)})
    column = FeatureColumn("x", "recency", "days", 0, False, "", "")
    reference = lgb.Dataset(values[:400, None], label[:400], params={"verbose": -1, "min_data_in_bin": 1}).construct()
    parts = (table.slice(first, 1500) for first in range(0, len(table), 1500))
    bins = bin_rows(parts, len(table), reference, chosen=np.array([0]), columns=(column,), cutoffs=(NOW,))
    seen: dict[str, dict[str, list[float]]] = {}
    booster = lgb.train(
        {"objective": "binary", "verbose": -1},
        data := bins.lightgbm_dataset(np.zeros(1), np.ones(1)),
        5,
        valid_sets=[data],
        valid_names=["train"],
        callbacks=[lgb.record_evaluation(seen)],
    )
    predicted = booster.predict(values[:, None])
    scored = -np.mean(np.log(np.where(label == 1, predicted, 1 - predicted)))
    assert scored == pytest.approx(seen["train"]["binary_logloss"][-1], abs=1e-12)
    assert predicted[label == 1].min() > predicted[label == 0].max()


@pytest.mark.parametrize("some", [SubsamplePlan(3, 3), SubsamplePlan(3, 2)])
def test_related_customers_read_in_shares_have_the_same_cells(some):
    history = families()
    features = catalog(vocabulary_of(history, NOW))
    assert any(feature.relatives for feature in features.features)
    bins = cells(stream_labelled_rows(history, TASK, SubsamplePlan(1, 1), CUTOFFS, features))
    shares = cells(stream_labelled_rows(history, TASK, some, CUTOFFS, features))
    chosen_ids = set(shares["customer_id"].to_pylist())
    chosen = bins.filter(pa.array([name in chosen_ids for name in bins["customer_id"].to_pylist()]))
    assert shares.to_pylist() == chosen.to_pylist()
    assert (len(shares) == len(bins)) == (some.shares == some.one_of)


def test_trees_use_all_rows_of_a_history_larger_than_memory_and_can_be_reproduced(monkeypatch):
    bins = trained()
    monkeypatch.setattr(rapport.training.data.subsample, "MAX_ROWS_IN_MEMORY", 700)
    some, again = (train(company(), "churn", **ASKED) for _ in range(2))
    size = some.bundle.evaluation["size"]
    assert size["tree_rows"] == bins.bundle.evaluation["size"]["rows"] > 2 * size["rows"]
    assert f"the trees were trained on {size['tree_rows']:,} rows of all customers" in some.as_text()
    assert some.bundle.provenance == again.bundle.provenance
    assert some.bundle.members == again.bundle.members


def test_the_setting_limits_the_rows_of_the_trees(monkeypatch):
    monkeypatch.setattr(rapport.training.data.subsample, "MAX_ROWS_IN_MEMORY", 100)

    def rows(plan):
        return sum(len(some) for some in stream_labelled_rows(history, TASK, plan, CUTOFFS, Catalog(())))

    with history_of({"orders": orders(1200)}, Settings(max_training_rows=1000)) as history:
        plan = SubsamplePlan.of(history, TASK, CUTOFFS)
        everyone, in_memory, trees = rows(SubsamplePlan()), rows(SubsamplePlan(plan.one_of)), rows(plan)
    assert plan.total_rows == everyone > 1500
    assert in_memory == pytest.approx(100, rel=0.3)
    assert trees == pytest.approx(1000, rel=0.15)


def test_the_rows_of_a_large_history_are_estimated_in_three_digits(monkeypatch):
    monkeypatch.setattr(rapport.training.data.subsample, "MAX_ROWS_IN_MEMORY", 100)
    with history_of({"orders": orders(1200)}) as history:
        exact = SubsamplePlan.of(history, TASK, CUTOFFS)
        monkeypatch.setattr(rapport.training.data.subsample, "COUNTED_ROWS", 1200)
        estimate = SubsamplePlan.of(history, TASK, CUTOFFS)
    assert estimate.total_rows != exact.total_rows
    assert estimate.total_rows == pytest.approx(exact.total_rows, rel=0.15)
    assert estimate.scored_now == pytest.approx(exact.scored_now, rel=0.15)
    assert float(f"{estimate.total_rows:.3g}") == estimate.total_rows
