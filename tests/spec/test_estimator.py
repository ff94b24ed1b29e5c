"""The ensemble as a scikit-learn estimator: its checks, a pipeline with metadata, and frames of every kind."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import sklearn
from sklearn.base import clone
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import check_estimator
from training_world import ACTIVE, HORIZON, NOW, company, orders

from rapport.features import snapshot, training_rows
from rapport.history import history_of
from rapport.metrics import auc
from rapport.training.estimator import EnsembleClassifier

DOCS = Path(__file__).parents[2] / "docs"
NAMES = ["days_since_last_order", "orders_count_90d", "orders_count_365d", "spend_sum_365d", "customer_age_days"]


def test_scikit_learns_own_checks():
    results = check_estimator(EnsembleClassifier(n_estimators=10), on_skip=None)
    skipped = {one["check_name"] for one in results if one["status"] != "passed"}
    # It needs SCIPY_ARRAY_API before SciPy is imported.
    assert skipped <= {"check_array_api_input"}
    assert f"{len(results)} checks, {len(results)} passed" in (DOCS / "training.md").read_text(encoding="utf-8")


@cache
def labelled():
    history = company()
    cutoffs = [pd.Timestamp(NOW) - pd.Timedelta(days=91 * count) for count in range(1, 5)]
    moments = [one.to_pydatetime() for one in cutoffs]
    return training_rows(history, "churn", moments, active=ACTIVE, horizon=HORIZON, known_by=NOW)


def frame_and_label():
    table = labelled().to_pandas()
    return table, table["label"].astype(int)


def test_it_ranks_later_customers_and_a_clone_says_the_same():
    table, label = frame_and_label()
    later = table["cutoff"] == table["cutoff"].max()
    found = [name for name in NAMES if name in table]
    model = EnsembleClassifier().fit(
        table.loc[~later, found],
        label[~later],
        groups=table.loc[~later, "customer_id"],
        cutoffs=table.loc[~later, "cutoff"],
    )
    probability = model.predict_proba(table.loc[later, found])[:, 1]
    assert auc(label[later].to_numpy(), probability) > 0.75
    assert {member.name for member in model.members_} == {"many", "newest", "linear"}
    again = clone(model).fit(
        table.loc[~later, found],
        label[~later],
        groups=table.loc[~later, "customer_id"],
        cutoffs=table.loc[~later, "cutoff"],
    )
    np.testing.assert_array_equal(again.predict_proba(table.loc[later, found])[:, 1], probability)
    assert set(model.predict(table.loc[later, found])) <= {0, 1}


def test_a_pipeline_hands_groups_and_cutoffs_on():
    table, label = frame_and_label()
    metadata = {"groups": table["customer_id"], "cutoffs": table["cutoff"]}
    with sklearn.config_context(enable_metadata_routing=True):
        model = EnsembleClassifier(n_estimators=20).set_fit_request(groups=True, cutoffs=True)
        pipeline = make_pipeline(FunctionTransformer(), model)
        scores = cross_val_score(
            pipeline, table[NAMES[:4]], label, scoring="roc_auc", cv=GroupKFold(3), params=metadata
        )
    assert scores.mean() > 0.7


def test_columns_may_have_any_name():
    table, label = frame_and_label()
    own = table[NAMES[:4]]
    plain = EnsembleClassifier(n_estimators=10).fit(own.set_axis(["a", "b", "c", "d"], axis=1), label)
    renamed = own.set_axis(["mean radius", "[x]:{1}", "x0", "金额 (元)"], axis=1)
    model = EnsembleClassifier(n_estimators=10).fit(renamed, label)
    assert list(model.feature_names_in_) == list(renamed.columns)
    expected = plain.predict_proba(own.set_axis(["a", "b", "c", "d"], axis=1))
    np.testing.assert_array_equal(model.predict_proba(renamed), expected)


@pytest.mark.parametrize("kind", ["arrow", "polars"])
def test_frames_of_every_kind_give_the_same(kind):
    table, label = frame_and_label()
    own = table[NAMES[:3]].assign(region=np.where(label == 1, "north", "south"))
    pandas = EnsembleClassifier(n_estimators=10).fit(own, label).predict_proba(own)
    arrow = labelled().select(NAMES[:3]).append_column("region", [own["region"].tolist()])
    frame = arrow if kind == "arrow" else pytest.importorskip("polars").from_arrow(arrow)
    np.testing.assert_array_equal(EnsembleClassifier(n_estimators=10).fit(frame, label).predict_proba(frame), pandas)
    assert auc(label.to_numpy(), pandas[:, 1]) > 0.95


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_a_history_is_read_from_frames(kind):
    table = pa.Table.from_pylist(orders(40))
    frame = table.to_pandas() if kind == "pandas" else pytest.importorskip("polars").from_arrow(table)
    with history_of({"orders": frame}) as history, history_of({"orders": table}) as same:
        assert snapshot(history, NOW, active=ACTIVE).equals(snapshot(same, NOW, active=str(ACTIVE)))
