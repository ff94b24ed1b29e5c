"""Experiments: the draw, the doors that held-out customers are kept from, and the effect against a known truth."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from serving_world import AS_OF, NOW, served

from rapport.errors import ServingError
from rapport.history import history_of, read_history
from rapport.history.settings import Settings
from rapport.scoring.actions.playbook import playbook_of
from rapport.scoring.experiments.effect import measure_effect
from rapport.scoring.experiments.holdout import draw_holdout
from rapport.serving.jobs.effect_report import as_text, effect_report
from rapport.serving.snapshots.effect_file import proven_effect
from rapport.serving.snapshots.holdout import HoldoutStore
from rapport.serving.snapshots.live_model import load_live_model
from rapport.serving.snapshots.portfolio_table import PortfolioTables
from rapport.serving.snapshots.scoring_run import run_scoring
from rapport.serving.work.tasks import NewTask, TaskStore

SHARE = 0.25
DRAWN = datetime(2026, 1, 1)  # the company's own clock


def test_the_draw_has_its_share_in_every_block_of_scores_and_repeats_with_its_seed():
    scores = np.random.default_rng(1).random(4_000)
    held = draw_holdout(scores, SHARE, (7, 0))
    assert held.mean() == pytest.approx(SHARE, abs=0.005)
    assert scores[held].mean() == pytest.approx(scores[~held].mean(), abs=0.005)
    assert (held == draw_holdout(scores, SHARE, (7, 0))).all()
    assert (held != draw_holdout(scores, SHARE, (8, 0))).any()


@pytest.mark.parametrize(("effect", "verdict"), [(0.15, "proven"), (0.0, "not_proven"), (-0.15, "harms")])
def test_a_known_effect_gets_its_verdict(effect, verdict):
    draw = np.random.default_rng(3)
    score = draw.random(6_000)
    held = draw_holdout(score, SHARE, (1, 0))
    outcome = (draw.random(6_000) < 0.7 - 0.5 * score + np.where(held, 0, effect)).astype(float)
    found = measure_effect("all", held, outcome, score, SHARE)
    assert found.verdict == verdict
    assert found.low <= effect <= found.high
    assert found.anytime_low < found.low < found.high < found.anytime_high


def test_held_out_customers_are_kept_from_every_door_but_the_admins(company, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "models").symlink_to(company.home / "models")
    settings = replace(company.history.settings, holdout_share=SHARE)
    with read_history(company.folder, settings) as history:
        first = run_scoring(history, home, "churn", as_of=AS_OF, now=NOW, progress=lambda *_: None)
        held = HoldoutStore(home).held_out(1)
        again = run_scoring(history, home, "churn", as_of=AS_OF + timedelta(days=1), now=NOW, progress=lambda *_: None)
    assert held
    assert held <= HoldoutStore(home).held_out(1), "a customer keeps its group"
    for run in (first, again):
        rows = run.run.table("portfolio").to_pylist()
        assert {row["list"] for row in rows if row["customer_id"] in held} == {"none"}
        assert {row["customer_id"] for row in rows if row["held_out"]} >= held
    (tmp_path / "rapport.toml").write_text(f"holdout_share = {SHARE}\n")
    one = sorted(held)[0]
    with served(home, keys=False, settings=tmp_path / "rapport.toml") as client:
        answer = client.post("/v1/score", json={"customer_ids": [one]}).json()["answers"][0]
        page = client.post("/v1/customer", json={"customer_id": one}).json()
    assert answer["held_out"]
    assert not any(reason["advice"] for reason in answer["reasons"])
    assert page["actions"] == []


def _experiment(folder, effect, reached=0.8):
    """Draw 2,000 customers and let them order within 90 days or not, with a known effect of contact."""
    draw = np.random.default_rng(5)
    ids = [f"C{number:04}" for number in range(2_000)]
    score = draw.random(len(ids))
    lists = pa.table({"customer_id": ids, "probability": score, "list": ["at_risk"] * len(ids)})
    settings = Settings(holdout_share=SHARE)
    store = HoldoutStore(folder)
    store.draw(lists, "churn", DRAWN, settings)
    held, tasks, orders, contacts = store.held_out(1), TaskStore(folder), [], []
    for number, one in enumerate(ids):
        if one not in held and number % 20 == 0:
            task = tasks.open(NewTask(one, "churn", "Call"), by="crm", at="2026-01-03T00:00:00+00:00")
            tasks.finish(task["id"], by="crm", at="2026-01-05T00:00:00+00:00", outcome="reached")
        if one not in held and number % 20 < reached * 20:
            contacts.append({"customer_id": one, "at": "2026-01-05", "action": "call", "recorded_at": "2026-01-05"})
        if draw.random() < 0.6 - 0.4 * score[number] + (0 if one in held else effect):
            orders.append({"customer_id": one, "order_id": one, "ordered_at": "2026-02-01", "amount": 100.0})
    return history_of({"orders": orders, "interventions": contacts}, settings), settings


def test_the_report_proves_a_real_effect_which_replaces_the_assumption_at_every_door(company, tmp_path):
    history, settings = _experiment(tmp_path, 0.2)
    with history:
        report = effect_report(history, tmp_path, settings, datetime(2026, 6, 1))
    assert report["verdict"] == "proven"
    assert report["primary"]["difference"] == pytest.approx(0.2, abs=0.05)
    assert report["contaminated_share"] == 0
    assert {one["cell"] for one in report["cells"]} >= {"band: low", "band: high"}
    proven, assumed = report["contact_effect"], settings.contact_effect
    kept = report["primary"]["difference"] / (1 - report["primary"]["rate_held_out"])
    assert report["average_contact_effect"] == pytest.approx(kept / report["contacted_share"])
    assert proven > report["average_contact_effect"]
    (tmp_path / "models").symlink_to(company.home / "models")
    run = run_scoring(company.history, tmp_path, "churn", as_of=AS_OF, now=NOW, progress=lambda *_: None)
    rows = {row["customer_id"]: row for row in run.run.table("portfolio").to_pylist()}
    first = max(rows, key=lambda one: rows[one]["savable"] or 0.0)
    before, after = _said_of(company.home, first), _said_of(tmp_path, first)
    said = [one["answer"] for one in (before, after)]
    assert [one["contact_effect_source"] for one in said] == ["assumption", "experiment"]
    assert [one["assumptions"]["contact_effect"] for one in said] == [assumed, pytest.approx(proven)]
    assert said[1]["contact_effect"] / said[0]["contact_effect"] == pytest.approx(proven / assumed)
    cost = said[0]["assumptions"]["contact_cost"]
    gains = [one["savable"] + cost for one in said]
    assert gains[1] / gains[0] == pytest.approx(proven / assumed), "savable money follows the experiment"
    assert after["effect"]["contact_effect"] == proven == _of_a_new_champion(company, tmp_path).contact_effect
    assert all("proven by an experiment" in page for page in after["pages"])
    assert "已由实验证实" in after["chinese"]
    assert not any("proven by an experiment" in page for page in before["pages"])
    assert f"{proven:.1%}" in as_text(report, "en")


def _of_a_new_champion(company, home):
    """Return what an experiment has proved, as the portfolio of another bundle on the newest run has it."""
    tables = PortfolioTables(company.history.settings, playbook_of(company.history.settings))
    return tables.policy(replace(load_live_model(home, "churn"), rescored=True)).proven


def _said_of(home, one):
    """Return what the doors say of a customer: answer, effect, worklist and page."""
    with served(home, keys=False) as client:
        pages = [client.get(path).text for path in ("/", f"/customers/{one}")]
        client.get("/language/zh")
        return {
            "answer": client.post("/v1/score", json={"customer_ids": [one]}).json()["answers"][0],
            "effect": client.post("/v1/effect", json={}).json(),
            "pages": pages,
            "chinese": client.get(f"/customers/{one}").text,
        }


def test_more_kept_than_contacts_logged_claims_no_more_than_the_difference(tmp_path):
    history, settings = _experiment(tmp_path, 0.2, reached=0.05)
    with history:
        report = effect_report(history, tmp_path, settings, datetime(2026, 6, 1))
    assert report["contacted_share"] == pytest.approx(0.05, abs=0.01)
    assert (report["verdict"], report["contaminated_share"]) == ("proven", 0)
    assert report["primary"]["difference"] == pytest.approx(0.2, abs=0.05)
    assert {one["cell"] for one in report["cells"]} >= {"band: low", "band: high"}
    assert proven_effect(tmp_path).contact_effect == report["contact_effect"] != settings.contact_effect
    kept = report["primary"]["difference"] / (1 - report["primary"]["rate_held_out"])
    assert report["average_contact_effect"] == pytest.approx(kept)


def _mixed_experiment(folder, effects):
    """Draw 3,000 customers; contact does one thing to those who ordered lately and another to the others."""
    draw = np.random.default_rng(5)
    ids, late = [f"C{number:04}" for number in range(3_000)], np.arange(3_000) % 2 == 0
    score = draw.random(len(ids))
    lists = pa.table({"customer_id": ids, "probability": score, "list": ["at_risk"] * len(ids)})
    settings = Settings(holdout_share=SHARE)
    store = HoldoutStore(folder)
    store.draw(lists, "churn", DRAWN, settings)
    held, orders = store.held_out(1), []
    for one, recent, risk in zip(ids, late, score, strict=True):
        before = "2025-12-20" if recent else "2025-08-20"
        orders.append({"customer_id": one, "order_id": f"{one}-0", "ordered_at": before, "amount": 100.0})
        if draw.random() < 0.6 - 0.4 * risk + (0 if one in held else effects[int(recent)]):
            orders.append({"customer_id": one, "order_id": f"{one}-1", "ordered_at": "2026-02-01", "amount": 100.0})
    return history_of({"orders": orders}, settings), settings


def test_an_uplift_model_that_ranks_better_decides_whom_to_contact(company, tmp_path):
    history, settings = _mixed_experiment(tmp_path, effects=(-0.15, 0.3))
    with history:
        report = effect_report(history, tmp_path, settings, datetime(2026, 6, 1))
    uplift = report["uplift"]
    assert (uplift["verdict"], uplift["customers"]) == ("better", 3_000)
    assert uplift["qini"] > uplift["qini_score"]
    assert uplift["fifths"][0]["observed"] == pytest.approx(0.3, abs=0.1)
    assert uplift["fifths"][-1]["observed"] == pytest.approx(-0.15, abs=0.1)
    assert "ranks better" in as_text(report, "en")
    chinese = as_text(report, "zh")
    assert "增益模型" in chinese
    # Every line is Chinese: no sentence of the English report is left in it.
    assert not set(chinese.splitlines()) & set(as_text(report, "en").splitlines())
    (tmp_path / "models").symlink_to(company.home / "models")
    run = run_scoring(company.history, tmp_path, "churn", as_of=AS_OF, now=NOW, progress=lambda *_: None).run
    features = {row["customer_id"]: row for row in run.table("features").to_pylist()}
    scored = [row for row in run.table("portfolio").to_pylist() if row["contact_effect"] is not None]
    late = [row for row in scored if features[row["customer_id"]]["days_since_last_order"] > 90]
    recent = [row for row in scored if features[row["customer_id"]]["days_since_last_order"] < 30]
    assert {row["contact_effect"] for row in late} == {0.0}, "contact harms them"
    assert {row["list"] for row in late}.isdisjoint({"at_risk"})
    assert min(row["contact_effect"] for row in recent) > 0.1
    told = _said_of(tmp_path, max(recent, key=lambda row: row["savable"])["customer_id"])
    assert told["answer"]["contact_effect_source"] == "uplift"
    assert told["effect"]["uplift"] == uplift
    assert "uplift model" in told["pages"][1]
    assert "增益模型" in told["chinese"]


@pytest.mark.parametrize("effect", [0.0, 0.15])
def test_an_uplift_model_is_not_used_where_contact_does_the_same_to_all(tmp_path, effect):
    history, settings = _mixed_experiment(tmp_path, effects=(effect, effect))
    with history:
        report = effect_report(history, tmp_path, settings, datetime(2026, 6, 1))
    assert report["uplift"]["verdict"] == "not_better"
    assert proven_effect(tmp_path).uplift is None


def test_nobody_is_counted_before_the_outcome_has_matured(tmp_path):
    history, settings = _experiment(tmp_path, 0.2)
    with history:
        report = effect_report(history, tmp_path, settings, datetime(2026, 2, 1))
    assert (report["drawn"], report["matured"], report["verdict"]) == (2_000, 0, "not_proven")


def test_without_a_draw_the_report_says_what_to_set(tmp_path):
    with history_of({"orders": []}) as history, pytest.raises(ServingError, match="holdout_share"):
        effect_report(history, tmp_path, Settings(), DRAWN)
