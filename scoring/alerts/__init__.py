"""Alerts: rules on scores, tiers, movement and events, told once and not too often, and tried on history first."""

from rapport.scoring.alerts.raising import Alert, Moment, raise_alerts, watch, within_capacity
from rapport.scoring.alerts.replay import Replay, replay
from rapport.scoring.alerts.rules import Rules

__all__ = ["Alert", "Moment", "Replay", "Rules", "raise_alerts", "replay", "watch", "within_capacity"]
