"""Alerts: rules on scores, tiers, changes and events, with cooldowns, and a replay on history."""

from rapport.scoring.alerts.alert import Alert
from rapport.scoring.alerts.alert_engine import AlertContext, new_events, raise_alerts, within_capacity
from rapport.scoring.alerts.replay import ReplayResult, replay_rules
from rapport.scoring.alerts.rules import AlertRules

__all__ = [
    "Alert",
    "AlertContext",
    "AlertRules",
    "ReplayResult",
    "new_events",
    "raise_alerts",
    "replay_rules",
    "within_capacity",
]
