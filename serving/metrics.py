"""Prometheus metrics; every label has a small, fixed set of values."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
    multiprocess,
)

from rapport.serving.processes import is_alive
from rapport.serving.snapshots.store import Manifest

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)
BANDS = ("0.0-0.1", "0.1-0.2", "0.2-0.3", "0.3-0.5", "0.5-0.7", "0.7-1.0")
_EDGES = (0.1, 0.2, 0.3, 0.5, 0.7)
CONTENT_TYPE = CONTENT_TYPE_LATEST
_Mode = Literal["min", "max", "livesum", "mostrecent"]
_RUN_GAUGES = {
    "scored_at": ("rapport_run_last_success_seconds", "Time of the scoring run that answers"),
    "rows": ("rapport_run_rows", "Customers of the scoring run that answers"),
    "seconds": ("rapport_run_duration_seconds", "Duration of the scoring run that answers"),
    "refused": ("rapport_run_refused", "1 if a newer scoring run was refused"),
}
_ALERT_GAUGES = {
    "waiting": "Alerts that wait",
    "failed": "Alerts whose last delivery failed",
    "overdue": "Alerts that have been due for ten minutes",
}
_WEBHOOK_GAUGES = {"waiting": "Messages that wait", "dead": "Dead letters", "failures": "Failed attempts in a row"}


class Metrics:
    """The metrics of one worker; with a folder, the metrics of all workers of the server are summed."""

    def __init__(self, folder: Path | None = None) -> None:
        # The extra _created series would double what Prometheus stores and add no information.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # prometheus_client has no types here
        self._folder = folder
        self._band_counters: dict[str, dict[int, Counter]] = {}
        self._route_series: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        self._registry = registry = CollectorRegistry()
        self.requests = Counter("rapport_requests", "Requests answered", ("route", "status"), registry=registry)
        self.seconds = Histogram(
            "rapport_request_seconds", "Request duration", ("route",), buckets=_SECONDS, registry=registry
        )
        self.in_flight = self._gauge("rapport_in_flight", "API requests in flight", mode="livesum")
        self.answers = Counter(
            "rapport_answers", "Scores returned, by probability band", ("target", "band"), registry=registry
        )
        self.reloads = Counter(
            "rapport_reloads", "Models and snapshots loaded or refused", ("target", "outcome"), registry=registry
        )
        self.version = self._gauge("rapport_model_version", "Version of the live model", "target", mode="min")
        self.as_of = self._gauge("rapport_snapshot_as_of_seconds", "Cutoff of the live snapshot", "target", mode="min")
        meaning = "Largest population stability index among the features of a family"
        self.drift = self._gauge("rapport_input_drift_psi", meaning, "target", "family", mode="max")
        self.live_lag = self._gauge(
            "rapport_live_lag_seconds", "Age of the newest event that the change feed does not hold"
        )
        self.live_behind = self._gauge("rapport_live_events_behind", "Events that the change feed does not hold yet")
        meaning = "Share of the cells of live answers that differed from the source at the last run"
        self.inconsistent = self._gauge("rapport_live_inconsistent_share", meaning, "target")
        self.runs = {field: self._gauge(name, meaning, "target") for field, (name, meaning) in _RUN_GAUGES.items()}
        self.alerts = {
            name: self._gauge(f"rapport_alerts_{name}", f"{meaning}, by channel", "channel")
            for name, meaning in _ALERT_GAUGES.items()
        }
        self.webhooks = {
            name: self._gauge(f"rapport_webhook_{name}", f"{meaning}, by receiver", "receiver")
            for name, meaning in _WEBHOOK_GAUGES.items()
        }

    def _gauge(self, name: str, meaning: str, *labels: str, mode: _Mode = "mostrecent") -> Gauge:
        """Return a gauge; ``mode`` is how the values of the workers become one."""
        return Gauge(name, meaning, labels, registry=self._registry, multiprocess_mode=mode)

    def set_run(self, target: str, manifest: Manifest, *, refused: bool) -> None:
        """Set the scoring run that answers for a target, and whether a newer one was refused."""
        self.runs["scored_at"].labels(target).set(datetime.fromisoformat(manifest.scored_at).timestamp())
        self.runs["rows"].labels(target).set(manifest.rows)
        # Runs of earlier versions do not have their duration.
        self.runs["seconds"].labels(target).set(float(manifest.facts.get("seconds") or 0.0))
        self.runs["refused"].labels(target).set(refused)

    def set_alerts(self, channel: str, counts: Mapping[str, int]) -> None:
        """Set how many alerts have not arrived on a channel."""
        for name, gauge in self.alerts.items():
            gauge.labels(channel).set(counts[name])

    def set_webhook(self, receiver: str, counts: Mapping[str, int]) -> None:
        """Set the state of one receiver of webhooks."""
        for name, gauge in self.webhooks.items():
            gauge.labels(receiver).set(counts[name])

    def set_live(self, lag: Mapping[str, Any], inconsistent: Mapping[str, float]) -> None:
        """Set how far the change feed is behind, and how live answers compared with the source."""
        self.live_lag.set(lag["lag_seconds"])
        self.live_behind.set(lag["events_behind"])
        for target, share in inconsistent.items():
            self.inconsistent.labels(target).set(share)

    def observe_request(self, route: str, status: int, seconds: float) -> None:
        """Count one request and observe its duration."""
        counter, histogram = self._route_series.get((route, status)) or self._add_series(route, status)
        counter.inc()
        histogram.observe(seconds)

    def _add_series(self, route: str, status: int) -> tuple[Counter, Histogram]:
        # A lookup by labels takes longer than the increment; there are few series, so they are cached.
        series = self.requests.labels(route, str(status)), self.seconds.labels(route)
        self._route_series[route, status] = series
        return series

    def count_answers(self, target: str, probabilities: Sequence[float]) -> None:
        """Count returned probabilities by band."""
        counts = self._band_counters.setdefault(target, {})
        for probability in probabilities:
            band = bisect_right(_EDGES, probability)
            if band not in counts:
                counts[band] = self.answers.labels(target, BANDS[band])
            counts[band].inc()

    def set_live_model(self, target: str, version: str, as_of: datetime, drift: Mapping[str, float]) -> None:
        """Set version, cutoff and input drift of the model that answers from now on."""
        # The version is a value and not a label, so that promotions add no series.
        digits = "".join(character for character in version if character.isdigit())
        self.version.labels(target).set(int(digits[:15] or 0))
        self.as_of.labels(target).set(as_of.timestamp())
        for family, psi in drift.items():
            self.drift.labels(target, family).set(psi)

    def page(self) -> bytes:
        """Return the metrics in Prometheus's text form."""
        if self._folder is None:
            return generate_latest(self._registry)
        gathered = CollectorRegistry()
        multiprocess.MultiProcessCollector(gathered, path=str(self._folder))  # type: ignore[no-untyped-call]
        return generate_latest(gathered)


def drop_dead_workers(folder: Path) -> None:
    """Remove the live gauges of workers that have exited, so that they no longer count."""
    for path in folder.glob("gauge_live*_*.db"):
        pid = path.stem.rsplit("_", 1)[-1]
        if pid.isdigit() and not is_alive(int(pid)):
            multiprocess.mark_process_dead(int(pid), path=str(folder))  # type: ignore[no-untyped-call]
