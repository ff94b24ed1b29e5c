"""What the latest scoring run holds: the live models, the portfolio tables, the cards."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from rapport.history.settings import Settings
from rapport.localized import localize
from rapport.scoring.actions.playbook import Playbook
from rapport.scoring.actions.playbook_reader import PlaybookReader
from rapport.scoring.actions.recommended import ActionContext
from rapport.serving.application import card_queries, model_queries
from rapport.serving.application.answer_writer import AnswerWriter
from rapport.serving.errors import NotReadyError
from rapport.serving.snapshots.history import population_on_day, thin_days
from rapport.serving.snapshots.live_model import TARGETS, LiveModel
from rapport.serving.snapshots.portfolio_policy import PortfolioPolicy
from rapport.serving.snapshots.portfolio_table import Filters, PortfolioLookup, PortfolioTables, list_page, ranked
from rapport.serving.snapshots.refused_run import refused_run
from rapport.serving.snapshots.reloader import Reloader
from rapport.serving.snapshots.store import archived_days


class _KeptWriter(NamedTuple):
    """A writer of answers, and the model and playbook that it is for."""

    of: weakref.ref[LiveModel]
    playbook: Playbook
    writer: AnswerWriter


class ScoredRun:
    """The live models and the tables of their latest scoring run."""

    def __init__(self, settings: Settings, reloaders: Mapping[str, Reloader], *, mlflow_url: str | None = None) -> None:
        self.settings = settings
        self.data_dir = Path(settings.data_dir)
        self._reloaders, self._mlflow = reloaders, mlflow_url
        self._playbooks = PlaybookReader(Path(settings.playbook) if settings.playbook else None)
        self._portfolios = PortfolioTables(settings, self._playbooks.current)
        self._writers: dict[tuple[str, str], _KeptWriter] = {}

    @property
    def playbook(self) -> Playbook:
        """The company's playbook as it is now."""
        return self._playbooks.current()

    def live_model(self, target: str) -> LiveModel:
        """Return the model that answers for ``target``; use the one reference for the whole of an answer."""
        reloader = self._reloaders[target]
        return reloader.loaded or reloader.live_model

    def targets(self) -> list[str]:
        """Return the targets that have a score snapshot."""
        loaded = {target: reloader.loaded for target, reloader in self._reloaders.items()}
        return [
            target for target in TARGETS if (model := loaded[target]) is not None and model.latest_snapshot is not None
        ]

    def main_target(self) -> str:
        """Return the target whose snapshot lists the customers."""
        ready = self.targets()
        if not ready:
            raise NotReadyError("Nothing is scored yet; run: rapport score HISTORY --as-of DATE.")
        return ready[0]

    def about(self) -> dict[str, Any]:
        """Return what every page shows: cutoff, currency, time zone, targets."""
        snapshot = self.live_model(self.main_target()).snapshot
        scored_at = snapshot.run.manifest.scored_at
        return {
            "as_of": snapshot.as_of.date().isoformat(),
            "scored_at": scored_at,
            "currency": snapshot.scored.bundle.currency,
            "timezone": self.settings.timezone,
            "crm_link": self.settings.crm_link,
            "frame_ancestors": self.settings.frame_ancestors,
            "language": self.settings.language,
            "targets": self.targets(),
            "horizons": {target: self.live_model(target).bundle.horizon for target in self.targets()},
            "calls_per_week": self.settings.calls_per_week,
            "capacity": self._capacity(),
            "refused": [run for target in self.targets() if (run := refused_run(self.data_dir, target))],
            "forced_by": snapshot.run.manifest.facts.get("by") or "",
            "flags": snapshot.run.manifest.facts.get("gates", []),
            "digests": self.settings.digests,
            "webhooks": self.settings.webhooks,
            "names": "name" in snapshot.customers.column_names,
            "mlflow": self._mlflow,
            "notice": self._playbooks.problem or None,
        }

    def _capacity(self) -> dict[str, int]:
        """Return how many customers each account owner can contact in a week; empty where only the total counts."""
        limit = self.settings.calls_per_owner
        if not limit:
            return {}
        owners = pc.unique(self.portfolio_table(self.main_target()).column("owner")).to_pylist()
        return {str(owner): limit for owner in owners if owner is not None}

    def portfolio_table(self, target: str) -> pa.Table:
        """Return one row for every customer of the scoring run; the same object while nothing changed."""
        return self._portfolios.of(self.live_model(target))

    def portfolio(self, target: str) -> PortfolioLookup:
        """Return the rows of the portfolio table, found by customer."""
        return PortfolioLookup(self.portfolio_table(target))

    def run_table(self, target: str, name: str) -> pa.Table | None:
        """Return a table of the latest scoring run, None where the run does not have it."""
        return self.live_model(target).snapshot.run.cached_table(name)

    def archived_days(self, target: str) -> list[str]:
        """Return the days of scoring runs up to the latest run, oldest first and the fewer the older they are."""
        today = self.live_model(target).snapshot.as_of.date()
        days = [date.fromisoformat(day) for day in archived_days(self.data_dir, target)]
        return [day.isoformat() for day in thin_days([day for day in days if day <= today], today)]

    def population_on_day(self, target: str, day: str) -> tuple[str, pa.Table]:
        """Return the model version of an archived day, and the scores, money and health of all customers then."""
        return population_on_day(self.data_dir, target, day)

    def list_page(
        self, model: LiveModel, *, filters: Filters, hidden: frozenset[str], first: int, count: int
    ) -> tuple[list[dict[str, Any]], bool]:
        """Return a page of the scored customers, most revenue at risk first, and whether more follow."""
        return list_page(self._portfolios.of(model), filters=filters, hidden=hidden, first=first, count=count)

    def listed_ids(self, model: LiveModel, filters: Filters, hidden: frozenset[str]) -> list[str]:
        """Return the ids of all customers that a list's filters find, in the order of the list."""
        found, order = ranked(self._portfolios.of(model), filters, hidden)
        ids: list[str] = found.column("customer_id").take(order).to_pylist()
        return ids

    def grades(self, model: LiveModel) -> tuple[str, ...]:
        """Return the names of the health grades, best first."""
        return self._portfolios.policy(model).rules.names

    def own_labels(self, target: str, language: str) -> dict[str, dict[str, str]]:
        """Return the company's own labels of tiers, health grades and segments, in the company's order."""
        model = self.live_model(target)
        policy, member = self._portfolios.policy(model), model.bundle.card
        return {
            "tier": {tier.name: localize(tier.label, language) for tier in (member.card.tiers if member else ())},
            "health_grade": {grade.name: localize(grade.label, language) for grade in policy.rules.grades},
            "segment": {each.name: localize(each.label, language) for each in policy.segments.segments},
        }

    def answer_writer(self, model: LiveModel, language: str) -> AnswerWriter:
        """Return what writes the model's answers; the same object while model and playbook stay."""
        playbook = self._playbooks.current()
        kept = self._writers.get((model.target, language))
        if kept is None or kept.of() is not model or kept.playbook is not playbook:
            policy, table = self._portfolios.with_policy(model)
            context = ActionContext(playbook, model.snapshot.as_of.date(), None, language, model.bundle.currency)
            writer = AnswerWriter(policy, table, context)
            # Weak: a model that was replaced is not kept until someone reads this language again.
            kept = self._writers[model.target, language] = _KeptWriter(weakref.ref(model), playbook, writer)
        return kept.writer

    def policy(self, target: str) -> PortfolioPolicy:
        """Return the rules, cards and assumptions of the portfolio."""
        return self._portfolios.policy(self.live_model(target))

    def population_tables(self) -> dict[str, Any]:
        """Return the analytics of all customers that the scoring run wrote."""
        return model_queries.population_tables([self.live_model(target).snapshot for target in self.targets()])

    def model(self, target: str, *, language: str = "en") -> dict[str, Any]:
        """Return what is known about the model that answers."""
        return model_queries.describe_model(self.data_dir, self.live_model(target), language, self._mlflow)

    def cards(self, *, language: str = "en") -> list[dict[str, Any]]:
        """Return the scorecards in use: those of the live models and of their scoring runs, own ones included."""
        return [card_queries.describe_card(card, language) for card in self._live_cards()]

    def try_card(self, card: str, customer_id: str, *, language: str = "en") -> dict[str, object]:
        """Return a card's bands for one customer."""
        return card_queries.try_card(self._live_cards(), card, customer_id, language)

    def _live_cards(self) -> list[card_queries.LiveCard]:
        models = [self.live_model(target) for target in self.targets()]
        return card_queries.live_cards([(model, self._portfolios.policy(model).cards) for model in models])

    def check_card(self, yaml_text: str, language: str = "en") -> str | None:
        """Return what is wrong with the text of a card; None when nothing is."""
        return card_queries.check_card(yaml_text, language)
