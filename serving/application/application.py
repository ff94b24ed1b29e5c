"""Everything that the service can answer, free of HTTP, so that the API and the console give the same answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from rapport.durations import Duration
from rapport.files import shared_secret
from rapport.history.settings import Settings
from rapport.scoring.actions.reason_advice import ACTION_REASONS
from rapport.scoring.actions.recommended import ActionContext
from rapport.scoring.reasons.timing_answer import MONTHLY
from rapport.serving.application.account_work import AccountWork
from rapport.serving.application.advice import action_context, customer_actions
from rapport.serving.application.customer_profile import ProfileSources, customer_profile, visible_profile
from rapport.serving.application.customer_search import CustomerMatch, search_customers
from rapport.serving.application.hypothetical_answers import history_answers, what_if_answer
from rapport.serving.application.insights import Insights
from rapport.serving.application.score_answers import ScoreAnswers
from rapport.serving.application.scored_run import ScoredRun
from rapport.serving.errors import RequestError, error_body, message
from rapport.serving.live.change_store import ChangeStore
from rapport.serving.live.database_pool import DatabasePool
from rapport.serving.live.event_store import EventStore
from rapport.serving.live.history_scoring import score_histories
from rapport.serving.live.intake import EventIntake, SentEvent
from rapport.serving.live.overlay import LiveOverlay
from rapport.serving.live.webhook_queue import WebhookQueue
from rapport.serving.live.what_if import what_if
from rapport.serving.security.keys import LOCAL, KeyRing, Viewer
from rapport.serving.security.widget_tokens import widget_token
from rapport.serving.shapes.answers import Answer, ChangeAnswer, CustomerCard, FeedbackReceipt, WhatIfAnswer
from rapport.serving.shapes.customer_parts import RecommendedAction
from rapport.serving.shapes.feed_answers import Change, EffectReport
from rapport.serving.snapshots.effect_file import nothing_measured, read_effect
from rapport.serving.snapshots.holdout import watched_held_out
from rapport.serving.snapshots.live_model import LiveModel
from rapport.serving.snapshots.reloader import Reloader
from rapport.serving.snapshots.score_change import explain_change
from rapport.serving.work.alert_inbox import AlertMarks, InboxAlert, latest_alerts
from rapport.serving.work.alert_rules import AlertRuleDraft, RulesInForce
from rapport.serving.work.feedback import FeedbackEntry, FeedbackStore, check_feedback


class Application(ScoredRun):
    """The live models, the stored data, and who may see what."""

    def __init__(
        self,
        settings: Settings,
        reloaders: Mapping[str, Reloader],
        keys: KeyRing,
        *,
        keys_disabled: bool,
        mlflow_url: str | None = None,
        settings_file: Path | None = None,
    ) -> None:
        super().__init__(settings, reloaders, mlflow_url=mlflow_url)
        self._keys, self.keys_disabled = keys, keys_disabled
        self._feedback = FeedbackStore(self.data_dir)
        self.insights = Insights(lambda: self.live_model(self.main_target()), self._playbooks.current)
        self.databases = DatabasePool(settings)
        self._held_out = watched_held_out(self.data_dir, settings)
        self.work = AccountWork(self.data_dir, self._shown_score, self.held_out)
        self.alert_marks = AlertMarks(self.data_dir)
        in_force = RulesInForce(self.data_dir, self._playbooks.current)
        self.alert_rules = AlertRuleDraft(self.data_dir, in_force, settings_file)
        self.receivers = WebhookQueue(self.data_dir)
        self.events = EventStore(self.data_dir)
        self._changes = ChangeStore(self.data_dir, settings.change_points)
        self.overlay = LiveOverlay(self.events, settings, self.databases, self._portfolios)
        self.scores = ScoreAnswers(self.overlay, self.answer_writer, self._held_out.content)
        self._intake = EventIntake(self.events, self.overlay, settings, self.databases)

    def sign_in(self, key: str) -> Viewer | None:
        """Return the owner of a key; None for an unknown or expired key."""
        return self._keys.check(key, datetime.now(UTC))

    def viewer(self, name: str, mark: str = "") -> Viewer | None:
        """Return the viewer of the key with this name and mark while the key is valid."""
        return LOCAL if self.keys_disabled and name == LOCAL.name else self._keys.viewer(name, mark, datetime.now(UTC))

    def warm_up(self, model: LiveModel) -> None:
        """Score an invented customer, so that the first real request does not pay for what is built once."""
        day = (datetime.now(UTC) - timedelta(days=30)).date().isoformat()
        order = {"order_id": "1", "ordered_at": day, "amount": 1.0}
        body = {"customer": {"customer_id": "nobody", "created_at": day}, "orders": [order]}
        score_histories(model, [body], datetime.now(UTC).date().isoformat(), self.databases)

    def store_events(
        self, events: Sequence[SentEvent], viewer: Viewer, *, idempotency_key: str = ""
    ) -> dict[str, object]:
        """Store rows of customers durably; every answer from now on holds them."""
        ready = self.targets()
        model = self.live_model(ready[0]) if ready else None
        now = datetime.now(UTC)
        return self._intake.accept(events, model, by=viewer.name, now=now, key=idempotency_key)

    def changes(self, viewer: Viewer, since: int, *, target: str | None, limit: int) -> tuple[list[Change], int, bool]:
        """Return the changes after a cursor that ``viewer`` may see, the next cursor, and whether more follow."""
        found, cursor, more = self._changes.since(since, target=target, owners=viewer.owners, limit=limit)
        held_out = self.hidden_from(viewer)
        return [one for one in found if one["customer_id"] not in held_out], cursor, more

    def held_out(self) -> frozenset[str]:
        """Return the customers that are left alone at random, to measure what contact does."""
        return self._held_out.content()

    def hidden_from(self, viewer: Viewer) -> frozenset[str]:
        """Return the held-out customers, whom only an admin finds on lists and in the change feed."""
        return frozenset() if viewer.may("admin") else self.held_out()

    def effect(self) -> EffectReport:
        """Return what contact did, as `rapport effect` measured it last."""
        return read_effect(self.data_dir) or nothing_measured(self.settings)

    def may_see(self, viewer: Viewer, customer_id: str) -> bool:
        """Return whether a snapshot of any target has the customer and ``viewer`` may see it."""
        return any(self.scores.sees(viewer, self.live_model(target), customer_id) for target in self.targets())

    def search(self, viewer: Viewer, text: str, limit: int = 50) -> tuple[list[CustomerMatch], int]:
        """Return the customers whom ``viewer`` may see that match by id, name or contact, and how many there are."""
        return search_customers([self.live_model(target) for target in self.targets()], viewer, text, limit)

    def _shown_score(self, customer_id: str, target: str) -> dict[str, object]:
        """Return the score that a new task keeps, so that a report can compare it with the outcome."""
        model = self.live_model(target)
        row = self.portfolio(target).get(customer_id)
        money = row.get("savable") if row.get("savable") is not None else row.get("value_at_risk")
        at = model.snapshot.ids.row_of(customer_id)
        owner = row.get("owner") or (model.snapshot.owner(at) if at is not None else None)
        shown = {"version": model.bundle.version, "probability": row.get("probability"), "money": money}
        return {**shown, "owner": owner}

    def alerts(self, limit: int) -> list[InboxAlert]:
        """Return the newest alerts with their deliveries and marks."""
        return latest_alerts(self.data_dir, limit)

    def widget_token(self, viewer: Viewer, customer_id: str) -> str:
        """Return a short-lived token with which a CRM embeds this customer's widget."""
        return widget_token(shared_secret(self.data_dir, "console.secret"), viewer, customer_id)

    def next_steps(self, customer_ids: Sequence[str], target: str, language: str) -> list[RecommendedAction | None]:
        """Return the first recommended action of each customer, as its page shows it."""
        model, playbook, held_out = self.live_model(target), self.playbook, self.held_out()
        found: list[RecommendedAction | None] = []
        for customer_id in customer_ids:
            row = model.snapshot.ids.row_of(customer_id)
            if row is None or customer_id in held_out:
                found.append(None)
                continue
            context = action_context(model.snapshot, row, playbook, language)
            first = customer_actions(model, row, context, None, 1)
            if not first:
                # Only without a step for a fact do the reasons matter, and then all that the page reads.
                (answer,) = self.answers([customer_id], target, reasons=ACTION_REASONS, language=language)
                first = customer_actions(model, row, context, answer, 1) if "error" not in answer else []
            found.append(next(iter(first), None))
        return found

    def answers(
        self, customer_ids: Sequence[str], target: str, *, reasons: int = 2, language: str = "en"
    ) -> list[Answer]:
        """Return an answer for each id in turn; an unknown id gets an error of its own."""
        found = self.scores.written(self.live_model(target), customer_ids, reasons, language)
        return [
            answer or {"customer_id": one, "error": error_body("not_found", "No such customer.")["error"]}
            for one, answer in zip(customer_ids, found, strict=True)
        ]

    def score_histories(
        self,
        model: LiveModel,
        histories: Sequence[Mapping[str, object]],
        as_of: str,
        *,
        reasons: int,
        language: str,
        horizons: Sequence[Duration] = (),
    ) -> list[Answer]:
        """Return the answers for customers whose whole history is given, by the policy of the latest scoring run."""
        scored, features = score_histories(model, histories, as_of, self.databases)
        # The facts of a request's history are not read for actions: reasons keep the advice that needs none.
        context = ActionContext(self.playbook, scored.as_of.date(), None, language, model.bundle.currency)
        writer = None if model.latest_snapshot is None else self.answer_writer(model, language)
        return history_answers(scored, features, writer, context, reasons=reasons, horizons=horizons)

    def what_if(
        self,
        customer_id: str,
        target: str,
        changes: Mapping[str, float],
        *,
        language: str = "en",
        reasons: int = 5,
    ) -> WhatIfAnswer:
        """Return the score before and after some facts change."""
        return what_if_answer(what_if(self.live_model(target), customer_id, changes), language, reasons)

    def change(self, customer_id: str, target: str, start: str, end: str, *, language: str = "en") -> ChangeAnswer:
        """Explain why a score moved between two archived days."""
        return explain_change(self.data_dir, target, customer_id, start=start, end=end, language=language)

    def customer(self, customer_id: str, *, language: str = "en", viewer: Viewer = LOCAL) -> CustomerCard:
        """Return everything that is known about one customer and that ``viewer`` may see."""
        models = [self.live_model(target) for target in self.targets()]
        if not models or models[0].snapshot.ids.row_of(customer_id) is None:
            raise RequestError(404, message("unknown_customer"), where="customer_id")
        sources = ProfileSources(
            data_dir=self.data_dir,
            playbook=self.playbook,
            portfolio=self.portfolio,
            answer=self._one_answer,
            owners=viewer.owners,
            feedback=self.feedback_of(customer_id),
            tasks=self.work.tasks_of(customer_id),
        )
        profile = customer_profile(sources, models, customer_id, language)
        if customer_id in self.held_out():
            profile["actions"] = []
        if viewer.owners is None:
            return profile
        return visible_profile(profile, lambda one: self.may_see(viewer, one))

    def _one_answer(self, model: LiveModel, customer_id: str, reasons: int, language: str) -> Answer | None:
        return self.scores.written(model, [customer_id], reasons, language, horizons=MONTHLY if reasons else ())[0]

    def feedback_of(self, customer_id: str) -> Sequence[FeedbackReceipt]:
        """Return a customer's feedback, newest first."""
        return self.work.readable("feedback", lambda: self._feedback.of_customer(customer_id), [])

    def feedback(  # noqa: PLR0913  # the fields of the form, as pages and requests send them
        self,
        viewer: Viewer,
        *,
        customer_id: str,
        target: str,
        verdict: str,
        comment: str = "",
        action: str = "",
        until: str | None = None,
        idempotency_key: str = "",
    ) -> FeedbackReceipt:
        """Store a person's feedback beside the score that the person saw."""
        answer = self.scores.written(self.live_model(target), [customer_id], 0, "en")[0]
        if answer is None:
            raise RequestError(404, message("unknown_customer"), where="customer_id")
        shown = {"version": answer["model"]["version"], "probability": answer["probability"]}
        entry = FeedbackEntry(customer_id, target, verdict, comment, action, until)
        now = datetime.now(UTC)
        check_feedback(entry, now.astimezone(ZoneInfo(self.settings.timezone)).date())
        at = now.isoformat(timespec="seconds")
        return self._feedback.save(entry, by=viewer.name, at=at, shown=shown, idempotency_key=idempotency_key)
