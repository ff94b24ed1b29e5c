"""Laws of every shipped card: every band can be reached, tiers are monotone, unknown is never zero."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rapport.features import catalog
from rapport.scoring.cards import Card, load_card, parse_card, shipped_names
from rapport.scoring.cards.card_scores import score_card
from rapport.scoring.cards.indicator import CategoryBands, ThresholdBands

CARDS = [load_card(name) for name in shipped_names()]
every_card = pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)


def marks_of(card: Card) -> dict[str, list[float]]:
    """Give values for every numeric feature that lie below, at and above each of its bounds."""
    values: dict[str, list[float]] = {}
    for line in card:
        if isinstance(line.bands, ThresholdBands):
            cuts = [threshold.value for threshold in line.bands.thresholds]
            around = [cut + step for cut in cuts for step in (-1e-6, 0.0, 1e-6)] + [min(cuts) - 1e9, max(cuts) + 1e9]
            for name, factor in line.measure:
                values.setdefault(name, []).extend(value / factor for value in around)
    return values


def rows(draw: st.DrawFn, card: Card, count: int) -> dict[str, np.ndarray]:
    values = marks_of(card)
    columns = {}
    for name in card.features:
        choice = st.sampled_from([*values.get(name, [0.0, 1.0]), float("nan")])
        columns[name] = np.array(draw(st.lists(choice, min_size=count, max_size=count)))
    for line in card:
        if isinstance(line.bands, CategoryBands):
            listed = [name for _, names in line.bands.bands for name in names]
            choice = st.sampled_from([*listed, "something else", None])
            drawn = draw(st.lists(choice, min_size=count, max_size=count))
            columns[line.measure[0][0]] = np.array(drawn, dtype=object)
    return columns


def test_there_are_eight_shipped_cards():
    assert shipped_names() == (
        "account100", "behaviour", "c139", "fit", "health", "lead", "relationship", "rfm",
    )  # fmt: skip


@every_card
def test_a_card_survives_a_json_round_trip(card):
    again = parse_card(json.loads(json.dumps(card.to_dict())), "again")
    assert again == card
    assert again.hash == card.hash


@every_card
def test_weight_shares_sum_to_one(card):
    assert sum(card.weights.values()) == pytest.approx(1.0, abs=1e-12)


@every_card
def test_every_declared_band_can_be_reached(card):
    values = marks_of(card)
    for line in card:
        if isinstance(line.bands, ThresholdBands):
            spread = sorted(values[line.measure[0][0]])
            columns = {name: np.full(len(spread), np.nan) for name in card.features}
            columns[line.measure[0][0]] = np.array(spread)
            reached = set(score_card(card, columns).band_codes[:, card.names.index(line.name)].tolist())
            assert {1, *(threshold.band for threshold in line.bands.thresholds)} <= reached


@every_card
def test_every_tier_can_be_reached_and_tiers_are_monotone(card):
    low, high = card.scale
    points = np.linspace(low, high, 4001)
    places = [[tier.name for tier in card.tiers].index(name) for name in card.tier_names(points)]
    assert places == sorted(places, reverse=True)
    assert set(places) == set(range(len(card.tiers)))


@every_card
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_parts_add_up_to_the_score_on_every_row(card, data):
    scores = score_card(card, rows(data.draw, card, 5))
    scored = ~np.isnan(scores.score)
    sums = scores.base + scores.parts.sum(axis=1)
    assert np.allclose(sums[scored], scores.score[scored], rtol=0, atol=1e-9 * card.scale[1])
    assert (np.isnan(scores.score) == (scores.band_codes == 0).all(axis=1)).all()


@every_card
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_score_does_not_depend_on_other_rows_or_their_order(card, data):
    columns = rows(data.draw, card, 6)
    order = data.draw(st.permutations(range(6)))
    whole = score_card(card, columns)
    mixed = score_card(card, {name: values[list(order)] for name, values in columns.items()})
    alone = [score_card(card, {name: values[at : at + 1] for name, values in columns.items()}) for at in order]
    assert whole.score[list(order)].tobytes() == mixed.score.tobytes()
    assert b"".join(one.score.tobytes() for one in alone) == mixed.score.tobytes()


@every_card
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_missing_fact_reweights_within_the_known_bands(card, data):
    columns = rows(data.draw, card, 1)
    name = data.draw(st.sampled_from(card.features))
    lost = columns | {name: np.array([np.nan if columns[name].dtype == float else None])}
    scores = score_card(card, lost)
    known = scores.band_codes[0][scores.band_codes[0] > 0]
    step = (card.scale[1] - card.scale[0]) / 4
    if known.size:
        bounds = card.scale[0] + (known.min() - 1) * step, card.scale[0] + (known.max() - 1) * step
        assert bounds[0] - 1e-9 <= scores.score[0] <= bounds[1] + 1e-9
    else:
        assert scores.tier == [None]


@every_card
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_better_band_never_lowers_the_score_or_the_tier(card, data):
    columns = rows(data.draw, card, 1)
    line = data.draw(st.sampled_from([line for line in card if isinstance(line.bands, ThresholdBands)]))
    name, _ = line.measure[0]
    values = sorted(marks_of(card)[name])
    both = {key: np.repeat(column, 2) for key, column in columns.items()}
    better, worse = (values[-1], values[0]) if line.bands.high_is_good else (values[0], values[-1])
    both[name] = np.array([better, worse])
    scores = score_card(card, both)
    assert scores.score[0] >= scores.score[1] - 1e-12
    assert scores.tiers[0] <= scores.tiers[1]


def test_shipped_cards_read_only_catalog_features():
    names = catalog().names
    assert [load_card(name, names).name for name in shipped_names()] == list(shipped_names())
