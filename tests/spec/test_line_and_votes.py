"""What the line on the committee hears, and what the votes of the parts rest on: customers, not their rows."""

from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest
from rapport.scoring.columns import Column
from rapport.scoring.matrix import Matrix
from rapport.training.fitting.linear import LEAST_TERMS, MOST_TERMS, fit_linear
from rapport.training.rows import Rows
from rapport.training.trial import Judged
from rapport.training.votes import weigh

CUTOFF = datetime(2025, 1, 1)
STRONG, PEOPLE = 60, 600


def told(people=PEOPLE, *, strong=STRONG, seed=3):
    """Draw customers of whom many features of one family tell, and two of another a little."""
    draw = np.random.default_rng(seed)
    risk, mood = draw.normal(size=(2, people))
    near = risk[:, None] + draw.normal(scale=0.6, size=(people, strong))
    weak = mood[:, None] + draw.normal(size=(people, 2))
    label = (draw.random(people) < 1 / (1 + np.exp(-(1.5 * risk + 0.7 * mood)))).astype(float)
    families = ["frequency"] * strong + ["sentiment"] * 2
    columns = tuple(
        Column(f"{family}_{place}", family, "score", 0, False, "", "", ()) for place, family in enumerate(families)
    )
    ids = np.array([f"c{each}" for each in range(people)], dtype=object)
    return Rows(ids, np.zeros(people, dtype=np.intp), label, Matrix(columns, np.hstack([near, weak])), (CUTOFF,))


def line(rows):
    return fit_linear(rows, offset=np.zeros(len(rows)), weight=np.ones(len(rows)))


def test_a_weak_family_is_heard_before_a_strong_one_repeats_itself():
    heard = [term.feature for term in line(told()).terms]
    assert sum(name.startswith("sentiment") for name in heard) == 2
    assert len(heard) > LEAST_TERMS


def test_one_family_fills_the_line_where_there_is_no_other():
    rows = told(4_000)
    alone = replace(rows, matrix=Matrix(rows.matrix.columns[:STRONG], rows.matrix.values[:, :STRONG]))
    assert len(line(alone).terms) == MOST_TERMS


def test_few_customers_carry_few_terms():
    assert len(line(told(60)).terms) <= LEAST_TERMS


def test_looking_at_the_same_customers_again_makes_the_line_no_surer():
    rows = told()
    again = rows.take(np.tile(np.arange(len(rows)), 5))
    once, often = ({term.feature: term.coefficient for term in line(each).terms} for each in (rows, again))
    assert once == pytest.approx(often, abs=1e-3)


def test_the_same_customers_on_three_slices_move_the_votes_no_further_than_on_one():
    rows = told(80)
    said = {name: rows.matrix.values[:, place] for name, place in (("many", 0), ("linear", STRONG))}
    part = Judged(CUTOFF, rows, said, 0.5)
    start = {"many": 0.5, "linear": 0.5}
    assert weigh([part], start) == pytest.approx(weigh([part] * 3, start), abs=1e-4)


def test_more_customers_move_the_votes_further_from_the_start():
    moved = []
    for people in (40, 400, 4_000):
        rows = told(people)
        said = {name: rows.matrix.values[:, place] for name, place in (("many", 0), ("linear", STRONG))}
        moved.append(weigh([Judged(CUTOFF, rows, said, 0.5)], {"many": 0.5, "linear": 0.5})["many"] - 0.5)
    assert 0 < moved[0] < moved[1] < moved[2]
