"""A night's alerts by a company's own rules."""

import shutil
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from alert_rules import alerts_yaml, rule
from rapport.history import read_history
from rapport.serving.alarm import alarm
from rapport.serving.current import load
from world_of_serving import MONTH_BEFORE

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
    (tmp_path / "alerts.yaml").write_text(RULES)
    settings = replace(company.history.settings, playbook=str(tmp_path))
    with read_history(company.folder, settings) as history:
        night = load(company.home, "churn").night
        notice = alarm(history, company.home, night, now=night.as_of)
        again = alarm(history, company.home, night, now=night.as_of)
    assert notice.raised == 5
    assert notice.held_back > 5
    assert again.raised == 0


@pytest.mark.parametrize(("told_then", "falls"), [("as now", False), ("best", True)])
def test_a_fall_is_measured_against_the_tier_that_was_told_then(company, tmp_path, told_then, falls):
    shutil.copytree(company.home, tmp_path / "home")
    (tmp_path / "alerts.yaml").write_text(FALLS)
    night = load(tmp_path / "home", "churn").night
    best = night.scored.bundle.card.card.tiers[0].name
    now = pa.array(night.scored.tier[night.scored.eligible], pa.string())
    then = now if told_then == "as now" else pa.array([best] * len(now))
    ids = pa.array(night.scored.customer_id[night.scored.eligible], pa.string())
    since = pa.array([MONTH_BEFORE] * len(now), pa.timestamp("us"))
    folder = tmp_path / "home/scores/churn/tiers"
    folder.mkdir(exist_ok=True)
    table = pa.table({"customer_id": ids, "tier": then, "since": since})
    pq.write_table(table, folder / f"{MONTH_BEFORE:%F}.parquet")
    settings = replace(company.history.settings, playbook=str(tmp_path))
    with read_history(company.folder, settings) as history:
        notice = alarm(history, tmp_path / "home", night, now=night.as_of)
    assert (notice.raised > 0) == falls
    assert (folder / f"{night.as_of:%F}.parquet").is_file()
