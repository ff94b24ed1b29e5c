"""All that one worker holds: its keys, metrics, what is current, and the desk that answers."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rapport.history.settings import Settings
from rapport.serving import gauges, journal
from rapport.serving.api import Api
from rapport.serving.audit import AuditTrail
from rapport.serving.counter import Counter
from rapport.serving.current import TARGETS, Current, Watch
from rapport.serving.desk import Desk
from rapport.serving.doorkeeper import Doorkeeper
from rapport.serving.drift import by_family, drift
from rapport.serving.environment import Environment
from rapport.serving.issuer import Issuer
from rapport.serving.keys import KeyRing
from rapport.serving.openapi import document
from rapport.serving.tokens import Tokens

Page = tuple[int, bytes, str]
_JSON = "application/json"
logger = logging.getLogger("rapport.office")


class Office:
    """One worker's things; ``open_up`` loads what is published and watches for what comes."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.keys = KeyRing(environment.home)
        self.gauges = gauges.Gauges(environment.metrics_folder)
        self.settings = replace(Settings.read(environment.settings), home=str(environment.home))
        self.watches = {target: Watch(environment.home, target) for target in TARGETS}
        self.desk = Desk(
            self.settings, self.watches, self.keys, is_open=lambda: self.open, mlflow_url=environment.mlflow_url
        )
        self.tokens = Tokens(environment.oidc) if environment.oidc else None
        self.doorkeeper = Doorkeeper(environment, self.keys, self.tokens)
        api = Api(self.desk, AuditTrail(environment.home), self.gauges)
        self.counter = Counter(api, threads=environment.threads, seconds=environment.timeout_seconds)
        self.pages: Mapping[str, Callable[[], Page]] = {
            "/livez": lambda: (200, b'{"alive": true}', _JSON),
            "/readyz": self._ready,
            "/metrics": self._metrics,
            "/openapi.json": self._openapi,
        }
        self._closing = threading.Event()

    @property
    def open(self) -> bool:
        """Whether no key is asked for; only ever so on loopback."""
        return not self.environment.keys and self.environment.on_loopback

    def open_up(self) -> None:
        """Load what is published and look for news until closed."""
        self.look()
        if self.open:
            journal.note("keys are OFF: whoever can reach this machine's loopback reads every score", logging.WARNING)
        threading.Thread(target=self._keep_looking, name="rapport-watch", daemon=True).start()
        if self.tokens is not None:
            threading.Thread(
                target=self._keep_asking, args=(self.tokens.issuer,), name="rapport-issuer", daemon=True
            ).start()

    def close(self) -> None:
        """Stop looking."""
        self._closing.set()

    def _keep_looking(self) -> None:
        while not self._closing.wait(self.environment.reload_seconds):
            self.look()

    def _keep_asking(self, issuer: Issuer) -> None:
        """Keep the issuer's keys fresh beside the requests: a slow issuer holds up nobody."""
        while not self._closing.is_set():
            before = issuer.refused
            issuer.look(time.monotonic())
            if issuer.refused != before:
                journal.note(
                    "issuer", logging.WARNING if issuer.refused else logging.INFO, reason=issuer.refused or None
                )
            self._closing.wait(1.0)

    def look(self) -> None:
        """Look for news once; a start that cannot load anything still answers, and says why in /readyz."""
        for target in self.watches:
            try:
                self._look_at(target)
            except Exception:  # the thread must outlive whatever a broken file can do
                logger.exception("reload")
                self.gauges.reloads.labels(target, "refused").inc()

    def _look_at(self, target: str) -> None:
        watch = self.watches[target]
        outcome = watch.look()
        if outcome:
            self.gauges.reloads.labels(target, outcome).inc()
            journal.note(f"reload {outcome}", target=target, reason=watch.refused or None, **watch.about())
        if outcome == "taken" and watch.loaded is not None:
            self._took_up(target, watch.loaded)

    def _took_up(self, target: str, current: Current) -> None:
        self.desk.warm(current)
        night = current.last_night
        if night is not None:
            moved = by_family(drift(current.bundle, night.scored.rows.take(night.scored.eligible)))
            self.gauges.took_up(target, current.bundle.version, night.as_of, moved)
            self.desk.book(target)

    def _ready(self) -> Page:
        about = {target: watch.about() | {"refused": watch.refused or None} for target, watch in self.watches.items()}
        ready = any(watch.loaded is not None for watch in self.watches.values())
        body: dict[str, Any] = {"ready": ready, "targets": about}
        if self.tokens is not None:
            body["tokens"] = {"refused": self.tokens.issuer.refused or None}
        return 200 if ready else 503, json.dumps(body, ensure_ascii=False).encode(), _JSON

    def _metrics(self) -> Page:
        folder: Path | None = self.environment.metrics_folder
        if folder is not None:
            gauges.forget_the_dead(folder)
        return 200, self.gauges.page(), gauges.CONTENT_TYPE

    def _openapi(self) -> Page:
        return 200, json.dumps(document(version("rapport")), ensure_ascii=False).encode(), _JSON
