"""What Prometheus may read; every label has a small, fixed set of values."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

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

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)
BANDS = ("0.0-0.1", "0.1-0.2", "0.2-0.3", "0.3-0.5", "0.5-0.7", "0.7-1.0")
_EDGES = (0.1, 0.2, 0.3, 0.5, 0.7)
CONTENT_TYPE = CONTENT_TYPE_LATEST


class Gauges:
    """The metrics of one worker; with a folder, those of all workers of the server are added up."""

    def __init__(self, folder: Path | None = None) -> None:
        # A second series for each would double what Prometheus keeps and say nothing new.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # prometheus_client has no types here
        self._folder = folder
        self._of_band: dict[str, dict[int, Counter]] = {}
        self._of_route: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        self._registry = registry = CollectorRegistry()
        self.requests = Counter("rapport_requests", "Requests answered", ("route", "status"), registry=registry)
        self.seconds = Histogram(
            "rapport_request_seconds", "Time to answer", ("route",), buckets=_SECONDS, registry=registry
        )
        self.in_flight = Gauge(
            "rapport_in_flight", "Requests being answered", registry=registry, multiprocess_mode="livesum"
        )
        self.answers = Counter(
            "rapport_answers", "Answers by band of probability", ("target", "band"), registry=registry
        )
        self.reloads = Counter(
            "rapport_reloads",
            "Bundles and snapshots taken up or refused",
            ("target", "outcome"),
            registry=registry,
        )
        self.version = Gauge(
            "rapport_model_version", "Version that answers", ("target",), registry=registry,
            multiprocess_mode="min",
        )  # fmt: skip
        self.as_of = Gauge(
            "rapport_snapshot_as_of_seconds", "Cutoff of the snapshot that answers", ("target",),
            registry=registry, multiprocess_mode="min",
        )  # fmt: skip
        self.drift = Gauge(
            "rapport_input_drift_psi", "Largest population stability index of a family's inputs",
            ("target", "family"), registry=registry, multiprocess_mode="max",
        )  # fmt: skip

    def replied(self, route: str, status: int, seconds: float) -> None:
        """Count one request and its time."""
        counted, timed = self._of_route.get((route, status)) or self._found(route, status)
        counted.inc()
        timed.observe(seconds)

    def _found(self, route: str, status: int) -> tuple[Counter, Histogram]:
        # Finding a series by its labels takes longer than adding to it; there are few, so they are kept.
        found = self.requests.labels(route, str(status)), self.seconds.labels(route)
        self._of_route[route, status] = found
        return found

    def answered(self, target: str, probabilities: Sequence[float]) -> None:
        """Count answers by band; those without a probability are not counted."""
        counts = self._of_band.setdefault(target, {})
        for probability in probabilities:
            band = bisect_right(_EDGES, probability)
            if band not in counts:
                counts[band] = self.answers.labels(target, BANDS[band])
            counts[band].inc()

    def took_up(self, target: str, version: str, as_of: datetime, drift: Mapping[str, float]) -> None:
        """Say what answers from now on, and how far its inputs are from what the model learnt from."""
        # A version is a label elsewhere; here it is a number, so that a scrape never adds a series for each promotion.
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


def forget_the_dead(folder: Path) -> None:
    """Drop the live gauges of workers that are gone, so that they no longer count."""
    for path in folder.glob("gauge_live*_*.db"):
        pid = path.stem.rsplit("_", 1)[-1]
        if pid.isdigit() and not _alive(int(pid)):
            multiprocess.mark_process_dead(int(pid), path=str(folder))  # type: ignore[no-untyped-call]


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
