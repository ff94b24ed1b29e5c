"""A night's alerts by a company's own rules."""

from dataclasses import replace

from history import read_history
from serving.alarm import alarm
from serving.current import load

RULES = """
capacity_per_week: 5
rules:
  - name: any_risk
    cause: risk
    priority: 1
    cooldown_days: 30
    when: {kind: score_above, probability: 0.01}
    text: {en: "{name}: {probability:.0%}", zh: "{name}：{probability:.0%}"}
"""


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
