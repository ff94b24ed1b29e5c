"""BG/NBD corrected by trees: what orders expect stays, and trees add what orders do not show."""

from dataclasses import replace

import numpy as np
import pytest
from training_world import NOW, trained

from rapport.scoring.models.members.corrected import trees_of
from rapport.training.stacking.ensemble import fit_ensemble, prepare_training_data


def member_of(ensemble, name):
    """Return the member of this name."""
    return next(member for member in ensemble.members if member.name == name)


def test_with_bg_nbd_trees_correct_it_and_share_the_seeds_of_the_newest_cutoffs():
    config = trained().config
    members = trained().run.ensemble.members
    assert [member.name for member in members][:4] == ["corrected", "newest", "many", "linear"]
    assert [len(trees.boosters) for trees in trees_of(members)] == [1, 1, 2]
    without = fit_ensemble(trained().run.dataset, trained().schedule, replace(config, bg_nbd={}), as_of=NOW)
    assert [member.name for member in without.members][:3] == ["newest", "many", "linear"]
    assert [len(trees.boosters) for trees in trees_of(without.members)] == [2, 2]


def test_another_bg_nbd_moves_the_corrected_member_as_far_as_itself():
    run = trained().run
    rhythm = member_of(run.ensemble, "rhythm")
    slower = replace(rhythm, alpha=3 * rhythm.alpha)
    before, after = (each.logits(run.current) for each in (run.ensemble, run.ensemble.with_bg_nbd(slower)))
    assert np.abs(after["rhythm"] - before["rhythm"]).max() > 0.1
    assert after["corrected"] - before["corrected"] == pytest.approx(after["rhythm"] - before["rhythm"])
    assert (after["many"] == before["many"]).all()


def test_trees_add_nothing_to_a_bg_nbd_whose_expectation_comes_true():
    """Outcomes drawn from BG/NBD itself leave trees almost nothing, and outcomes against it leave them much."""
    made, run = trained(), trained().run
    data = prepare_training_data(run.dataset, made.schedule, made.config, as_of=NOW)
    rows = data.dataset
    expected = np.empty(len(rows))
    for index, cutoff in enumerate(rows.cutoffs):
        here = np.flatnonzero(rows.cutoff_index == index)
        expected[here] = made.config.bg_nbd[cutoff].contributions(rows.matrix.take(here)).logit()
    drawn = np.random.default_rng(4).random(len(rows))
    spreads = []
    for sign in (1, -1):
        label = (drawn < 1 / (1 + np.exp(-sign * expected))).astype(float)
        changed = replace(data, dataset=replace(rows, label=label), offset=np.zeros(len(rows)))
        corrected = changed.fit_corrected(
            made.config.bg_nbd, member_of(run.ensemble, "rhythm"), made.config.recent_params
        )
        spreads.append(float(corrected.trees.contributions(rows.matrix).logit().std()))
    assert spreads[0] < 0.25 * spreads[1]
