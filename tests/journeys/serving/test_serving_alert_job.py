"""Alerts of a scoring run by a company's own rules."""

from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from alert_rules import alerts_yaml, rule
from serving_world import MONTH_BEFORE, copy_home

from rapport.history import read_history
from rapport.serving.jobs.alert_job import run_alert_job
from rapport.serving.snapshots.live_model import load_live_model

RULES = alerts_yaml(rule("any_risk", "kind: score_above, probability: 0.01"), capacity=5)
FALLS = alerts_yaml(
    rule(
        "fell",
        "kind: tier_fall, to: amber, least: 0",
        '{en: "{name}: {tier_before} to {tier}", zh: "{name}：{tier_before} 到 {tier}"}',
    ),
    capacity=1000,
)


def test_a_companys_own_rules_and_capacity_are_kept(company, tmp_path):
    # A folder of its own: an alert that another test raised in the shared one takes a place of this week's capacity.
    home = tmp_path / "home"
    copy_home(company, home)
    (home / "alerts.db").unlink(missing_ok=True)
    (tmp_path / "alerts.yaml").write_text(RULES)
    settings = replace(company.history.settings, playbook=str(tmp_path))
    with read_history(company.folder, settings) as history:
        snapshot = load_live_model(home, "churn").snapshot
        notice = run_alert_job(history, home, snapshot, now=snapshot.as_of)
        again = run_alert_job(history, home, snapshot, now=snapshot.as_of)
    assert notice.raised == 5
    assert notice.held_back > 5
    assert again.raised == 0


@pytest.mark.parametrize(("archived_tier", "falls"), [("as now", False), ("best", True)])
def test_a_tier_drop_is_measured_against_the_archived_tier(company, tmp_path, archived_tier, falls):
    copy_home(company, tmp_path / "home")
    (tmp_path / "alerts.yaml").write_text(FALLS)
    snapshot = load_live_model(tmp_path / "home", "churn").snapshot
    best = snapshot.scored.bundle.card.card.tiers[0].name
    now = pa.array(snapshot.scored.tier[snapshot.scored.eligible], pa.string())
    then = now if archived_tier == "as now" else pa.array([best] * len(now))
    ids = pa.array(snapshot.scored.customer_id[snapshot.scored.eligible], pa.string())
    since = pa.array([MONTH_BEFORE] * len(now), pa.timestamp("us"))
    folder = tmp_path / "home/scores/churn/tiers"
    folder.mkdir(exist_ok=True)
    table = pa.table({"customer_id": ids, "tier": then, "since": since})
    pq.write_table(table, folder / f"{MONTH_BEFORE:%F}.parquet")
    settings = replace(company.history.settings, playbook=str(tmp_path))
    with read_history(company.folder, settings) as history:
        notice = run_alert_job(history, tmp_path / "home", snapshot, now=snapshot.as_of)
    assert (notice.raised > 0) == falls
    assert (folder / f"{snapshot.as_of:%F}.parquet").is_file()
