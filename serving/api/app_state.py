"""State of one worker: settings, keys, metrics, the live models, and the application that answers."""

from __future__ import annotations

import importlib
import json
import logging
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from rapport.data_format import check_format
from rapport.files import shared_secret
from rapport.history.settings import Settings
from rapport.scoring.models.drift import drift_by_family, feature_drift
from rapport.serving import logging_setup, metrics
from rapport.serving.api.dispatcher import Dispatcher
from rapport.serving.api.handlers import Handlers
from rapport.serving.api.openapi import document
from rapport.serving.application.application import Application
from rapport.serving.console.session import SESSION_COOKIE, Sessions
from rapport.serving.draining import DrainWatch
from rapport.serving.environment import Environment
from rapport.serving.errors import STORAGE, without_folders
from rapport.serving.jobs.alert_job import alert_channels
from rapport.serving.jobs.bulk.job_runner import JobRunner
from rapport.serving.jobs.bulk.job_store import JobStore
from rapport.serving.jobs.live_alerts import LiveAlerts
from rapport.serving.jobs.live_loop import LiveLoop
from rapport.serving.jobs.undelivered import DeliveryWatch
from rapport.serving.live.consistency import consistency
from rapport.serving.security.audit import AuditTrail
from rapport.serving.security.auth import Authenticator
from rapport.serving.security.browser_sign_in import BrowserSignIn
from rapport.serving.security.ended_sessions import EndedSessions
from rapport.serving.security.issuer import IssuerKeys
from rapport.serving.security.keys import KeyRing, Viewer
from rapport.serving.security.protected_resource import WELL_KNOWN, ProtectedResource
from rapport.serving.security.storage_probe import StorageProbe
from rapport.serving.security.tokens import TokenVerifier
from rapport.serving.shapes.answers import Answer
from rapport.serving.snapshots.live_model import TARGETS, LiveModel
from rapport.serving.snapshots.refused_run import refused_run
from rapport.serving.snapshots.reloader import Reloader

if TYPE_CHECKING:
    from rapport.serving.tracing import Traces

Page = tuple[int, bytes, str]
App = Callable[..., Awaitable[None]]
_JSON = "application/json"
_SWITCH_SECONDS = 0.0005
_LIVE_SECONDS, _LIVE_LONGEST_SECONDS, _LIVE_RETRY_SECONDS, _LIVE_REST = 0.25, 1.0, 5.0, 8
logger = logging.getLogger("rapport.app_state")


class AppState:
    """Everything that one worker holds; ``start`` loads the published models and watches for new ones."""

    def __init__(self, environment: Environment) -> None:
        check_format(environment.data_dir)
        self.environment = environment
        self.keys = KeyRing(environment.data_dir)
        self.metrics = metrics.Metrics(environment.metrics_folder)
        self.settings = replace(Settings.read(environment.settings), data_dir=str(environment.data_dir))
        self.reloaders = {target: Reloader(environment.data_dir, target) for target in TARGETS}
        self.application = Application(
            self.settings,
            self.reloaders,
            self.keys,
            keys_disabled=self.keys_disabled,
            mlflow_url=environment.mlflow_url,
            settings_file=environment.settings,
        )
        self.tokens = TokenVerifier(environment.oidc) if environment.oidc else None
        self.provider = (
            BrowserSignIn(environment.oidc, self.tokens.issuer)
            if environment.oidc and environment.oidc.client_id and self.tokens
            else None
        )
        self.auth = Authenticator(environment, self.keys, self.tokens)
        self.audit = AuditTrail(environment.data_dir, environment.audit_days)
        self.storage = StorageProbe(environment.data_dir)
        self.jobs, self._job_runner = JobStore(environment.data_dir), JobRunner(Answer)
        handlers = Handlers(self.application, self.audit, self.metrics, self.jobs, self._job_runner)
        self.dispatcher = Dispatcher(handlers, threads=environment.threads, seconds=environment.timeout_seconds)
        self.pages: dict[str, Callable[[], Page]] = {
            "/livez": lambda: (200, b'{"alive": true}', _JSON),
            "/readyz": self._ready,
            "/metrics": self._metrics,
            "/openapi.json": self._openapi,
        }
        self.resource = ProtectedResource.of(environment.oidc)
        if self.resource is not None:
            # Clients try the path of the resource first, then the bare one.
            self.pages |= {self.resource.path: self.resource.page, WELL_KNOWN: self.resource.page}
        channels = tuple(channel.name for channel in alert_channels(environment.data_dir, os.environ))
        alerts = LiveAlerts(environment.data_dir, self.settings, self.application.alert_rules.in_force, channels)
        self.live = LiveLoop(
            environment.data_dir, self.settings, self._loaded_model, overlay=self.application.overlay, on_events=alerts
        )
        self._deliveries = DeliveryWatch(environment.data_dir)
        # The agent interface, which the service sets if its extra is installed.
        self.agents: App | None = None
        self.traces = _traces(environment)
        self.drain = DrainWatch(environment.metrics_folder, environment.port)
        self._stopping = threading.Event()

    @property
    def keys_disabled(self) -> bool:
        """Whether no key is required; only possible on loopback."""
        return not self.environment.keys and self.environment.on_loopback

    @cached_property
    def sessions(self) -> Sessions:
        """Return the console's sessions, whose secret all workers share; created at the first page request."""
        folder = self.environment.data_dir
        secret = shared_secret(folder, "console.secret")
        ended, mark = EndedSessions(folder / "sessions-ended.json"), self.provider.mark if self.provider else ""
        return Sessions(secret, self.environment.secure_cookies, ended, mark)

    def signed_in(self, cookies: Mapping[str, str]) -> Viewer | None:
        """Return the viewer of a browser's session while the session and its key are valid."""
        session = self.sessions.read(cookies.get(SESSION_COOKIE, ""))
        if session is None or session.person is not None:
            return session.person if session else None
        return self.application.viewer(session.key_name, session.mark)

    def start(self) -> None:
        """Load what is published and check for updates in the background until ``stop``."""
        assert self._openapi_document
        # A computation on arrays lets the interpreter go a thousand times: with Python's 5 ms it waits for each light
        # request that comes in between, and these for it.
        sys.setswitchinterval(_SWITCH_SECONDS)
        self.reload()
        if self.keys_disabled:
            logging_setup.log_event(
                "keys are disabled: every program on this machine can read every score", logging.WARNING
            )
        threading.Thread(target=self._reload_loop, name="rapport-reload", daemon=True).start()
        threading.Thread(target=self._live_loop, name="rapport-live", daemon=True).start()
        threading.Thread(target=self.drain.follow, args=(self._stopping,), name="rapport-drain", daemon=True).start()
        if self.tokens is not None:
            threading.Thread(
                target=self._issuer_loop, args=(self.tokens.issuer,), name="rapport-issuer", daemon=True
            ).start()

    def stop(self) -> None:
        """Stop the background threads."""
        self._stopping.set()
        self._job_runner.stop()
        if self.traces is not None:
            self.traces.stop()

    def reload(self) -> None:
        """Check every target once; a worker that cannot load anything still answers /readyz with the reason."""
        for target in self.reloaders:
            try:
                self._reload(target)
            except Exception:  # the thread must survive any damaged file
                logger.exception("reload")
                self.metrics.reloads.labels(target, "refused").inc()

    def _reload_loop(self) -> None:
        while not self._stopping.wait(self.environment.reload_seconds):
            self.reload()
            self._warn_of_deliveries()

    def _warn_of_deliveries(self) -> None:
        """Log once when alerts or webhooks begin to fail, or nobody sends them: 'rapport worker' does."""
        try:
            counts = self._deliveries.problem(datetime.now(UTC))
        except sqlite3.Error:  # the thread must survive any damaged file
            logger.exception("deliveries")
            return
        if counts:
            logging_setup.log_event("deliveries fail or wait; does 'rapport worker' run?", logging.WARNING, **counts)

    def _live_loop(self) -> None:
        """Follow runs and events; of all workers, the one that holds the lock does."""
        pause = _LIVE_SECONDS
        while not self._stopping.wait(pause):
            started = time.monotonic()
            try:
                self.live.tick(datetime.now(UTC))
                # Customers of many events are cheaper together, and requests need the processor, too.
                pause = max(_LIVE_SECONDS, min(_LIVE_LONGEST_SECONDS, _LIVE_REST * (time.monotonic() - started)))
            except Exception:  # the thread must survive any damaged file
                logger.exception("live")
                self._stopping.wait(_LIVE_RETRY_SECONDS)

    def _loaded_model(self, target: str) -> LiveModel | None:
        return self.reloaders[target].loaded

    def _issuer_loop(self, issuer: IssuerKeys) -> None:
        """Refresh the issuer's keys in the background, so that a slow issuer delays no request."""
        while not self._stopping.is_set():
            before = issuer.refusal
            issuer.refresh_if_due(time.monotonic())
            if issuer.refusal != before:
                level = logging.WARNING if issuer.refusal else logging.INFO
                logging_setup.log_event("issuer keys", level, reason=issuer.refusal or None)
            self._stopping.wait(1.0)

    def _reload(self, target: str) -> None:
        reloader = self.reloaders[target]
        outcome = reloader.reload()
        if outcome:
            self.metrics.reloads.labels(target, outcome).inc()
            logging_setup.log_event(
                f"reload {outcome}", target=target, reason=reloader.refusal or None, **reloader.status()
            )
        if outcome == "loaded" and reloader.loaded is not None:
            self._prepare(target, reloader.loaded)

    def _prepare(self, target: str, model: LiveModel) -> None:
        """Warm the caches of a new model and publish its metrics."""
        self.application.warm_up(model)
        snapshot = model.latest_snapshot
        if snapshot is not None:
            drifts = drift_by_family(feature_drift(model.bundle, snapshot.scored.rows.take(snapshot.scored.eligible)))
            self.metrics.set_live_model(target, model.bundle.version, snapshot.as_of, drifts)
            self.application.portfolio_table(target)

    def _ready(self) -> Page:
        targets = {
            name: one.status() | {"refused": without_folders(one.refusal) or None}
            for name, one in self.reloaders.items()
        }
        writable = self.storage.is_writable(time.monotonic())
        loaded = any(reloader.loaded is not None for reloader in self.reloaders.values())
        ready = loaded and writable and not self.drain.draining
        body: dict[str, object] = {"ready": ready, "targets": targets, "live": None, "undelivered": None}
        if writable:
            now = datetime.now(UTC)
            body |= {"live": self.live.lag(now), "undelivered": self._deliveries.look(now).counts()}
        else:
            # SQLite cannot even read its files on a full disk.
            body["storage"] = {"refused": STORAGE}
        if self.tokens is not None:
            body["tokens"] = {"refused": self.tokens.issuer.refusal or None}
        return 200 if ready else 503, json.dumps(body, ensure_ascii=False).encode(), _JSON

    def _metrics(self) -> Page:
        folder: Path | None = self.environment.metrics_folder
        if folder is not None:
            metrics.drop_dead_workers(folder)
        for target, reloader in self.reloaders.items():
            if reloader.loaded is not None and reloader.loaded.latest_snapshot is not None:
                refused = refused_run(self.environment.data_dir, target) is not None
                self.metrics.set_run(target, reloader.loaded.latest_snapshot.run.manifest, refused=refused)
        if self.storage.is_writable(time.monotonic()):
            self._measure_stores(datetime.now(UTC))
        return 200, self.metrics.page(), metrics.CONTENT_TYPE

    def _measure_stores(self, now: datetime) -> None:
        """Set the metrics that are read from SQLite files, which a full disk closes."""
        self.metrics.set_live(self.live.lag(now), consistency(self.environment.data_dir))
        undelivered = self._deliveries.look(now)
        for receiver in undelivered.receivers:
            self.metrics.set_webhook(receiver.name, vars(receiver))
        for channel in undelivered.channels:
            self.metrics.set_alerts(channel["name"], channel)

    def _openapi(self) -> Page:
        return 200, self._openapi_document, _JSON

    @cached_property
    def _openapi_document(self) -> bytes:
        # Built once for each worker: it takes longer than a thousand scores.
        return json.dumps(document(version("rapport-crm")), ensure_ascii=False).encode()


def _traces(environment: Environment) -> Traces | None:
    """Return what records spans, if a collector is set; the SDK is loaded only then."""
    if environment.traces_url is None:
        return None
    tracing = importlib.import_module("rapport.serving.tracing")
    found: Traces = tracing.Traces(environment.traces_url, environment.traces_share)
    return found
