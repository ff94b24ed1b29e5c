"""What the example application says of alerts: one alert, and the replay of any rules."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from example_portfolio import AS_OF

from rapport.scoring.alerts.rules import parse_rules


def example_alert(mark: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return an alert whose delivery failed, with the mark that a person set."""
    alert = {"id": "a1", "customer_id": "C-1003", "cause": "risk", "as_of": AS_OF.isoformat(), "rule": "risk_high"}
    text = {"en": "Churn risk of C-1003 is 63%.", "zh": "C-1003 流失概率 63%。"}
    sent = [{"channel": "feishu", "delivered_at": None, "problem": "503"}]
    return {**alert, **text, "deliveries": sent, "mark": mark}


def replayed(words: Sequence[str], result: Path, _log: Path) -> int:
    """Answer as `rapport alerts replay --json` does: a rule of an even place is no better than the base rate."""
    names = [rule.name for rule in parse_rules(Path(words[3]).read_text(), "rules").rules]
    found = {name: {"alerts": 40, "precision": (0.2, 0.7)[n % 2], "lead_days": 90.0} for n, name in enumerate(names)}
    overall = {"alerts": 40 * len(names), "precision": 0.45, "lead_days": 90.0}
    figures = {"moments": 26, "base_rate": 0.21, "flips_back": 0.04, "customers_per_week": 31.5}
    report = {**figures, "capacity_per_week": 50, "useless": names[::2], "overall": overall, "by_rule": found}
    result.write_text(json.dumps(report))
    return 0
