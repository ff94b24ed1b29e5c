"""Histories with more rows than one tree needs: shared bins, a part of the rows for each booster, rows by cutoff."""

from datetime import datetime

import numpy as np
import pytest
from training_world import ACTIVE, HORIZON, NOW, company

import rapport.training.data.dataset
import rapport.training.members.gbm
from rapport.features import catalog, vocabulary_of
from rapport.training.data.dataset import labelled_dataset
from rapport.training.data.subsample import SubsamplePlan
from rapport.training.data.task_spec import TaskSpec
from rapport.training.members.gbm import HISTORICAL_PARAMS, fit_gbm, with_binned_rows

CUTOFFS = (datetime(2025, 9, 1), datetime(2025, 6, 1), datetime(2025, 3, 1))
TASK = TaskSpec("churn", NOW, HORIZON, ACTIVE)


@pytest.fixture
def rows(monkeypatch):
    monkeypatch.setattr(rapport.training.data.dataset, "SORTED_ROWS", 100)
    history = company()
    return labelled_dataset(history, TASK, CUTOFFS, catalog(vocabulary_of(history, NOW)))


def trees_of(member):
    return [text.split("parameters:")[0] for text in member.boosters]


def with_own_bins(rows):
    return with_binned_rows(None, TASK, SubsamplePlan(2, 1), rows, None)


def test_rows_are_in_order_of_cutoffs_so_that_neighbours_are_no_copy(rows):
    assert (np.diff(rows.cutoff_index) >= 0).all()
    some = rows.at_cutoffs(CUTOFFS[1:])
    assert np.shares_memory(some.matrix.values, rows.matrix.values)
    assert (some.matrix.values == rows.matrix.values[rows.cutoff_index > 0])[~np.isnan(some.matrix.values)].all()
    assert not np.shares_memory(rows.take(np.array([0, 2])).matrix.values, rows.matrix.values)


def test_trees_that_start_at_a_value_of_each_row_share_the_bins(rows):
    offset, weight = np.linspace(-1, 1, len(rows)), np.linspace(1, 2, len(rows))
    by_shared, by_own = (
        fit_gbm("corrected", each, HISTORICAL_PARAMS, offset=offset, weight=weight)
        for each in (with_own_bins(rows).in_memory, rows)
    )
    assert trees_of(by_shared) == trees_of(by_own)


def test_each_booster_learns_from_another_part_of_many_rows(rows, monkeypatch):
    binned, offset = with_own_bins(rows), np.zeros(len(rows))
    monkeypatch.setattr(rapport.training.members.gbm, "ROWS_PER_BOOSTER", len(rows) // 2)
    by_parts = fit_gbm("many", binned, HISTORICAL_PARAMS, offset=offset, weight=np.ones(len(rows)))
    sizes = [booster.dump_model()["tree_info"][0]["tree_structure"]["internal_count"] for booster in by_parts.loaded]
    whole = round(len(rows) * HISTORICAL_PARAMS.bagging_fraction)
    assert sizes == pytest.approx([whole / 2] * 2, rel=0.05)
    assert trees_of(by_parts)[0] != trees_of(by_parts)[1]


def test_many_rows_share_bins_even_if_the_history_is_read_whole(rows, monkeypatch):
    assert with_binned_rows(None, TASK, SubsamplePlan(), rows, None).own_bins is None
    monkeypatch.setattr(rapport.training.members.gbm, "COPIED_ROWS", len(rows) // 2)
    monkeypatch.setattr(rapport.training.members.gbm, "EDGE_ROWS", len(rows) // 6)
    shared = with_binned_rows(None, TASK, SubsamplePlan(), rows, None)
    assert shared.own_bins is shared.binned
    assert len(shared.own_bins) == len(rows)
    trees = fit_gbm("many", shared, HISTORICAL_PARAMS, offset=np.zeros(len(rows)), weight=np.ones(len(rows)))
    assert trees is not None
