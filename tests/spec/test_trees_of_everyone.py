"""What trees learn from more customers than are held as numbers: the same cells, the same trees, the same leaves."""

from datetime import datetime

import lightgbm as lgb
import numpy as np
import pyarrow as pa
import pytest
import rapport.training.rows
from rapport.features import Catalog, catalog, vocabulary_of
from rapport.history import Settings, history_of
from rapport.scoring.columns import Column
from rapport.training import train
from rapport.training.fitting.trees import MANY, fit_trees, with_whole
from rapport.training.rows import Part, Question, beyond, labelled
from rapport.training.whole import binned
from training_world import ACTIVE, ASKED, HORIZON, NOW, company, orders

CUTOFFS = (datetime(2025, 9, 1), datetime(2025, 6, 1), datetime(2025, 3, 1))
QUESTION = Question("churn", NOW, HORIZON, ACTIVE)
FAMILIES = Settings(fixed_attributes=("parent_id",))


def families():
    """Give the company's customers a parent each, in threes."""
    at = datetime(2023, 1, 1)
    parent = {f"C{place}": f"C{place - place % 3}" for place in range(240)}
    customers = [{"customer_id": name, "parent_id": up, "created_at": at} for name, up in parent.items()]
    return history_of({"orders": orders(), "customers": customers}, FAMILIES)


def cells(parts):
    return pa.concat_tables(list(parts)).sort_by([("customer_id", "ascending"), ("cutoff", "ascending")])


def test_trees_of_bins_are_the_trees_of_numbers_where_both_hold_everyone():
    history = company()
    features = catalog(vocabulary_of(history, NOW))
    rows = labelled(history, QUESTION, CUTOFFS, features)
    everyone = with_whole(history, QUESTION, Part(2, 2), rows, features)
    offset, weight = (
        rows.by_moment({CUTOFFS[1]: -0.5}),
        rows.by_moment(dict(zip(CUTOFFS, (1.0, 0.8, 0.5), strict=True))),
    )
    by_bins, by_numbers = (fit_trees("many", each, MANY, offset=offset, weight=weight) for each in (everyone, rows))
    assert [text.split("parameters:")[0] for text in by_bins.boosters] == [
        text.split("parameters:")[0] for text in by_numbers.boosters
    ]


def test_some_cutoffs_of_the_bins_are_those_of_the_numbers():
    history = company()
    features = catalog(vocabulary_of(history, NOW))
    rows = with_whole(history, QUESTION, Part(2, 2), labelled(history, QUESTION, CUTOFFS, features), features)
    newest = rows.at(CUTOFFS[:1])
    data = newest.whole.dataset(np.array([0.25, 0, 0]), np.ones(3))
    assert (data.get_label() == newest.label).all()
    assert set(data.get_init_score()) == {0.25}
    assert newest.take(np.arange(5)).whole is None


def test_numbers_that_float32_cannot_tell_apart_fall_into_the_leaves_that_they_were_learnt_in():
    values = 1 + np.tile(np.arange(100), 40) * 1e-9
    label = (values > 1 + 49.5e-9).astype(float)
    assert len(set(values.astype(np.float32))) < 5
    table = pa.table({"x": values, "label": label.astype(np.int8), "cutoff": [NOW] * len(values)})
    column = Column("x", "recency", "days", 0, False, "", "")
    like = lgb.Dataset(values[:400, None], label[:400], params={"verbose": -1, "min_data_in_bin": 1}).construct()
    parts = (table.slice(first, 1500) for first in range(0, len(table), 1500))
    whole = binned(parts, len(table), like, chosen=np.array([0]), columns=(column,), cutoffs=(NOW,))
    seen: dict[str, dict[str, list[float]]] = {}
    booster = lgb.train(
        {"objective": "binary", "verbose": -1},
        data := whole.dataset(np.zeros(1), np.ones(1)),
        5,
        valid_sets=[data],
        valid_names=["learnt"],
        callbacks=[lgb.record_evaluation(seen)],
    )
    said = booster.predict(values[:, None])
    scored = -np.mean(np.log(np.where(label == 1, said, 1 - said)))
    assert scored == pytest.approx(seen["learnt"]["binary_logloss"][-1], abs=1e-12)
    assert said[label == 1].min() > said[label == 0].max()


@pytest.mark.parametrize("some", [Part(3, 3), Part(3, 2)])
def test_families_are_measured_in_shares_and_give_the_cells_of_the_whole(some):
    history = families()
    features = catalog(vocabulary_of(history, NOW))
    assert any(feature.relatives for feature in features.features)
    whole = cells(beyond(history, QUESTION, Part(1, 1), CUTOFFS, features))
    shares = cells(beyond(history, QUESTION, some, CUTOFFS, features))
    told = set(shares["customer_id"].to_pylist())
    chosen = whole.filter(pa.array([name in told for name in whole["customer_id"].to_pylist()]))
    assert shares.to_pylist() == chosen.to_pylist()
    assert (len(shares) == len(whole)) == (some.shares == some.one_of)


def test_a_history_too_large_to_hold_teaches_its_trees_all_and_can_be_repeated(monkeypatch):
    whole = train(company(), "churn", **ASKED)
    monkeypatch.setattr(rapport.training.rows, "HELD", 700)
    some, again = (train(company(), "churn", **ASKED) for _ in range(2))
    size = some.bundle.evaluation["size"]
    assert size["tree_rows"] == whole.bundle.evaluation["size"]["rows"] > 2 * size["rows"]
    assert f"the trees learnt from {size['tree_rows']:,} rows of all customers" in some.as_text()
    assert some.bundle.record == again.bundle.record
    assert some.bundle.experts == again.bundle.experts


def test_the_setting_says_how_many_rows_the_trees_learn_from(monkeypatch):
    monkeypatch.setattr(rapport.training.rows, "HELD", 100)

    def rows(part):
        return sum(len(some) for some in beyond(history, QUESTION, part, CUTOFFS, Catalog(())))

    with history_of({"orders": orders(1200)}, Settings(training_rows=1000)) as history:
        part = Part.of(history, QUESTION, CUTOFFS)
        every, held, learnt = rows(Part()), rows(Part(part.one_of)), rows(part)
    assert part.rows == every > 1500
    assert held == pytest.approx(100, rel=0.3)
    assert learnt == pytest.approx(1000, rel=0.15)
