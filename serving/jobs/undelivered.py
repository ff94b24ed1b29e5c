"""What was raised but has not arrived, for /readyz, the metrics and the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from rapport.serving.live.webhook_queue import ReceiverState, WebhookQueue
from rapport.serving.work.alert_inbox import AlertMarks

_KEPT = timedelta(seconds=5)


@dataclass(frozen=True)
class Undelivered:
    """The channels of alerts, and the receivers of webhooks."""

    channels: Sequence[Mapping[str, Any]]
    receivers: Sequence[ReceiverState]

    def counts(self) -> dict[str, int]:
        """Return how many alerts failed or are overdue, and how many webhooks wait in vain or are dead letters.

        An alert counts once for each channel that it has not arrived at.
        """
        return {
            "alerts_failed": sum(one["failed"] for one in self.channels),
            "alerts_overdue": sum(one["overdue"] for one in self.channels),
            "webhooks_waiting": sum(one.waiting for one in self.receivers if one.failures),
            "webhooks_dead": sum(one.dead for one in self.receivers),
        }


class DeliveryWatch:
    """Looks at the deliveries of a data folder every few seconds at most; in between it returns what it saw."""

    def __init__(self, data_dir: Path) -> None:
        self._marks, self._queue = AlertMarks(data_dir), WebhookQueue(data_dir)
        self._last: tuple[datetime, Undelivered] | None = None
        self._failing = False

    def look(self, now: datetime) -> Undelivered:
        """Return what has not arrived."""
        if self._last is None or now - self._last[0] > _KEPT:
            self._last = now, Undelivered(self._marks.channels(now), self._queue.states())
        return self._last[1]

    def problem(self, now: datetime) -> dict[str, int]:
        """Return the counts when deliveries begin to fail or stay behind; empty while nothing changes."""
        counts = self.look(now).counts()
        was, self._failing = self._failing, any(counts.values())
        return counts if self._failing and not was else {}
