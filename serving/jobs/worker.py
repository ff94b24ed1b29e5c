"""The worker: files, database rows and events in; changes, alerts and webhooks out; every few seconds, for ever."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from rapport.errors import RapportError
from rapport.history.settings import Settings
from rapport.scoring.actions.playbook import playbook_of
from rapport.serving.jobs.alert_delivery import DATABASE as ALERTS
from rapport.serving.jobs.alert_delivery import escalations
from rapport.serving.jobs.alert_job import alert_channels
from rapport.serving.jobs.database_poll import DatabasePoll
from rapport.serving.jobs.digest_job import DigestJob
from rapport.serving.jobs.drop_folder import take_files
from rapport.serving.jobs.live_alerts import LiveAlerts
from rapport.serving.jobs.live_loop import LiveLoop
from rapport.serving.jobs.outbox import Outbox
from rapport.serving.jobs.webhook_deliveries import WebhookDeliveries, receivers_of
from rapport.serving.live.database_pool import DatabasePool
from rapport.serving.live.intake import EventIntake
from rapport.serving.live.webhook_queue import ReceiverState
from rapport.serving.snapshots.holdout import held_out_now
from rapport.serving.snapshots.live_model import TARGETS, LiveModel
from rapport.serving.snapshots.reloader import Reloader
from rapport.serving.work.alert_rules import RulesInForce


@dataclass(frozen=True)
class WorkerOptions:
    """What a worker does besides following runs and events: a folder to empty, and a database to look at."""

    drop_folder: Path | None = None
    database: str | None = None


@dataclass
class Round:
    """What one round did, in lines for the log, and how many deliveries failed."""

    lines: list[str] = field(default_factory=list)
    failed: int = 0
    events: int = 0


class Worker:
    """One worker of a data folder. Several may run: each task is done by one of them."""

    def __init__(
        self,
        data_dir: Path,
        settings: Settings,
        environ: Mapping[str, str],
        options: WorkerOptions,
    ) -> None:
        self._data_dir, self._options, self._settings = data_dir, options, settings
        self._reloaders = {target: Reloader(data_dir, target) for target in TARGETS}
        playbook = playbook_of(settings)
        self._channels, self._rules = alert_channels(data_dir, environ), RulesInForce(data_dir, lambda: playbook)
        names = tuple(channel.name for channel in self._channels)
        alerts = LiveAlerts(data_dir, settings, self._rules, names)
        self.loop = LiveLoop(data_dir, settings, self._loaded, on_events=alerts)
        self.webhooks = WebhookDeliveries(data_dir, self.loop.changes)
        self._receivers = receivers_of(settings, environ)
        self._digests = DigestJob(data_dir, settings, environ)
        databases = DatabasePool(settings)
        self._intake = EventIntake(self.loop.events, self.loop.overlay, settings, databases)
        self._poll = (
            DatabasePoll(options.database, settings, self.loop.changes, self._intake) if options.database else None
        )

    def round(self, now: datetime) -> Round:
        """Do everything that is due once; a part that fails does not stop the others."""
        done = Round()
        for reloader in self._reloaders.values():
            reloader.reload()
        for part in (self._take_in, self._follow, self._deliver_alerts, self._deliver_changes, self._send_digests):
            try:
                part(done, now)
            except RapportError as error:
                done.failed += 1
                done.lines.append(str(error))
        return done

    def _take_in(self, done: Round, now: datetime) -> None:
        model = next((model for target in TARGETS if (model := self._loaded(target)) and model.latest_snapshot), None)
        if self._options.drop_folder is not None:
            done.lines += take_files(self._options.drop_folder, self._intake, model, now)
        if self._poll is not None and model is not None:
            stored, refused = self._poll.round(model, now)
            done.events += stored
            done.lines += refused

    def _follow(self, done: Round, now: datetime) -> None:
        tick = self.loop.tick(now)
        if tick is not None and (tick.runs or tick.changes or tick.alerts):
            done.lines.append(f"{tick.changes:,} changes, {tick.alerts:,} alerts from {tick.customers:,} customers")

    def _deliver_alerts(self, done: Round, now: datetime) -> None:
        if not (self._data_dir / ALERTS).is_file():
            return
        outbox = Outbox(self._data_dir / ALERTS)
        rules = self._rules()
        late = escalations(self._data_dir, self._settings, rules, outbox, now)
        names = [channel.name for channel in self._channels]
        outbox.put(late, names, None, rules.deliverable(now, self._settings.timezone))
        for channel in self._channels:
            found = outbox.deliver(channel, now)
            done.failed += found.failed
            if found.failed or found.delivered:
                done.lines.append(
                    f"alerts to {channel.name}: {found.delivered:,} delivered, {found.failed:,} failed, "
                    f"{found.waiting:,} wait"
                )

    def _deliver_changes(self, done: Round, now: datetime) -> None:
        for receiver in self._receivers:
            before = self.webhooks.state(receiver.name)
            after = self.webhooks.round(receiver, now, lambda: held_out_now(self._data_dir, self._settings))
            done.failed += after.failures > before.failures
            if line := _difference(before, after):
                done.lines.append(line)

    def _send_digests(self, done: Round, now: datetime) -> None:
        for sent in self._digests.round(now):
            done.failed += bool(sent.problem)
            done.lines.append(f"digest to {sent.name}: {sent.problem or 'sent'}")

    def _loaded(self, target: str) -> LiveModel | None:
        return self._reloaders[target].loaded


def _difference(before: ReceiverState, after: ReceiverState) -> str:
    sent, dead = after.delivered - before.delivered, after.dead - before.dead
    if after.failures > before.failures or dead:
        return f"{after.name}: {after.problem}; {after.waiting:,} wait, {after.dead:,} are dead letters"
    return f"{after.name}: {sent:,} delivered" if sent else ""
