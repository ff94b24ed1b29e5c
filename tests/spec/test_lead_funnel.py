"""Lead funnel: leads that were won or lost keep the grade that they had as leads."""

from datetime import datetime

import pytest

from rapport.features import snapshot
from rapport.history import parse_duration, read_history
from rapport.history.simulate import simulate
from rapport.scoring import Scorer
from rapport.scoring.actions.playbook import read_playbook
from rapport.serving.snapshots.lead_funnel import lead_funnel
from rapport.serving.snapshots.portfolio_policy import freeze_policy
from rapport.serving.snapshots.portfolio_rows import portfolio_rows
from rapport.training import train

AS_OF, HALF, YEAR = datetime(2025, 12, 1), parse_duration("6mo"), parse_duration("12mo")


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    place = tmp_path_factory.mktemp("funnel") / "company"
    simulate(place, 200, 3, 7)
    with read_history(place) as history:
        made = train(history, "conversion", as_of=AS_OF, horizon=HALF, active=YEAR)
        table = snapshot(history, AS_OF, made.run.catalog, active=YEAR)
        scored = Scorer(made.bundle).score(table, AS_OF)
        policy = freeze_policy(made.bundle, history.settings, read_playbook(), table)
        yield lead_funnel(history, scored, policy, portfolio_rows(policy, scored, table)).to_pylist()


def test_nearly_all_won_leads_have_a_grade(rows):
    won = sum(row["won"] for row in rows)
    graded = sum(row["won"] for row in rows if row["grade"])
    assert won >= 10
    assert graded >= 0.8 * won


def test_better_grades_are_won_more_often(rows):
    leads, won = ({letter: sum(row[stage] for row in rows if row["grade"] == letter) for letter in "AD"}
                  for stage in ("leads", "won"))  # fmt: skip
    assert won["A"] / leads["A"] > won["D"] / max(leads["D"], 1)


def test_no_stage_has_more_leads_than_the_one_before_it(rows):
    assert all(row["leads"] >= row["touched"] >= row["opportunity"] >= row["won"] for row in rows)
