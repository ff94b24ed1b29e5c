"""Laws that every shipped card keeps: bands reached, no better tier for fewer points, unknown is never a zero."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapport.features import catalog
from rapport.scoring.cards import Card, card_of, load_card, shipped_names
from rapport.scoring.cards.indicator import Choices, Thresholds

CARDS = [load_card(name) for name in shipped_names()]
every_card = pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)


def marks_of(card: Card) -> dict[str, list[float]]:
    """Give values for every numeric feature that lie below, at and above each of its bounds."""
    values: dict[str, list[float]] = {}
    for line in card:
        if isinstance(line.bands, Thresholds):
            cuts = [rung.value for rung in line.bands.rungs]
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
        if isinstance(line.bands, Choices):
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
def test_a_card_read_back_from_its_json_is_the_same_card(card):
    again = card_of(json.loads(json.dumps(card.to_dict())), "again")
    assert again == card
    assert again.hash == card.hash


@every_card
def test_the_shares_of_the_weights_come_to_one(card):
    assert sum(card.weights.values()) == pytest.approx(1.0, abs=1e-12)


@every_card
def test_each_band_that_a_line_writes_can_be_reached(card):
    values = marks_of(card)
    for line in card:
        if isinstance(line.bands, Thresholds):
            spread = sorted(values[line.measure[0][0]])
            columns = {name: np.full(len(spread), np.nan) for name in card.features}
            columns[line.measure[0][0]] = np.array(spread)
            reached = set(card.score(columns).marks[:, card.names.index(line.name)].tolist())
            assert {1, *(rung.band for rung in line.bands.rungs)} <= reached


@every_card
def test_each_tier_can_be_reached_and_a_better_one_never_takes_fewer_points(card):
    low, high = card.scale
    points = np.linspace(low, high, 4001)
    places = [[tier.name for tier in card.tiers].index(name) for name in card.tiers_of(points)]
    assert places == sorted(places, reverse=True)
    assert set(places) == set(range(len(card.tiers)))


@every_card
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_parts_add_up_to_the_score_on_every_row(card, data):
    scores = card.score(rows(data.draw, card, 5))
    scored = ~np.isnan(scores.score)
    sums = scores.base + scores.parts.sum(axis=1)
    assert np.allclose(sums[scored], scores.score[scored], rtol=0, atol=1e-9 * card.scale[1])
    assert (np.isnan(scores.score) == scores.unknown.all(axis=1)).all()


@every_card
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_other_rows_and_their_order_change_no_bit_of_a_score(card, data):
    columns = rows(data.draw, card, 6)
    order = data.draw(st.permutations(range(6)))
    whole = card.score(columns)
    mixed = card.score({name: values[list(order)] for name, values in columns.items()})
    alone = [card.score({name: values[at : at + 1] for name, values in columns.items()}) for at in order]
    assert whole.score[list(order)].tobytes() == mixed.score.tobytes()
    assert b"".join(one.score.tobytes() for one in alone) == mixed.score.tobytes()


@every_card
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_losing_a_fact_re_weights_and_never_pulls_the_score_out_of_the_known_bands(card, data):
    columns = rows(data.draw, card, 1)
    name = data.draw(st.sampled_from(card.features))
    lost = columns | {name: np.array([np.nan if columns[name].dtype == float else None])}
    scores = card.score(lost)
    known = scores.marks[0][scores.marks[0] > 0]
    step = (card.scale[1] - card.scale[0]) / 4
    if known.size:
        bounds = card.scale[0] + (known.min() - 1) * step, card.scale[0] + (known.max() - 1) * step
        assert bounds[0] - 1e-9 <= scores.score[0] <= bounds[1] + 1e-9
    else:
        assert scores.tier == [None]


@every_card
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_better_band_in_one_line_never_lowers_the_score_or_the_tier(card, data):
    columns = rows(data.draw, card, 1)
    line = data.draw(st.sampled_from([line for line in card if isinstance(line.bands, Thresholds)]))
    name, _ = line.measure[0]
    values = sorted(marks_of(card)[name])
    both = {key: np.repeat(column, 2) for key, column in columns.items()}
    better, worse = (values[-1], values[0]) if line.bands.high_is_good else (values[0], values[-1])
    both[name] = np.array([better, worse])
    scores = card.score(both)
    assert scores.score[0] >= scores.score[1] - 1e-12
    assert scores.tiers[0] <= scores.tiers[1]


def test_every_shipped_card_reads_only_what_the_catalog_has():
    names = catalog().names
    assert [load_card(name, names).name for name in shipped_names()] == list(shipped_names())
