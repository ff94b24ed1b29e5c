"""The digest: what an account owner or a manager has to know of the period, in a few lines."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from rapport.serving.application.account_work import visible_tasks
from rapport.serving.console import formats
from rapport.serving.console.home_figures import renewals, scope_figures
from rapport.serving.console.portfolio_columns import Mask, PortfolioColumns, RowIndexes, owner_rows
from rapport.serving.console.worklist import WorkState, build_worklist
from rapport.serving.console.worklist_query import WorklistQuery
from rapport.serving.shapes.task_answers import Task
from rapport.serving.translations import Translations, translations
from rapport.serving.work.tasks import is_overdue

if TYPE_CHECKING:
    from rapport.serving.application.application import Application


PERIOD_DAYS: Mapping[str, int] = {"daily": 1, "weekly": 7}
_ACCOUNTS = 10
_RENEWAL_ACCOUNTS = 5


@dataclass(frozen=True)
class DigestScope:
    """Whose digest it is: the name in its title, the customers it covers, and those that are left alone at random."""

    title: str
    visible: Mask
    capacity: int
    held_out: Collection[str] = ()


@dataclass(frozen=True)
class DigestFacts:
    """What a digest is made from besides the portfolio: tasks and open alerts of the scope, rows that are done."""

    tasks: Sequence[Task]
    row_states: Mapping[str, Task]
    alerts: int
    today: date
    as_of: str
    currency: str
    every: str = "weekly"


@dataclass(frozen=True)
class Section:
    """A heading and its lines, and the customers whose scores they state."""

    heading: str
    lines: tuple[str, ...]
    customer_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Digest:
    """The subject and the sections of a digest; the same in an e-mail, a chat and the preview."""

    subject: str
    sections: tuple[Section, ...]

    def as_text(self) -> str:
        """Return it as plain text."""
        return "\n\n".join("\n".join([one.heading, *(f"- {line}" for line in one.lines)]) for one in self.sections)


def build_digest(portfolio: PortfolioColumns, scope: DigestScope, facts: DigestFacts, texts: Translations) -> Digest:
    """Return the digest of a scope; its figures are those of the home page and the worklist."""
    sections = [
        Section(texts("digest.figures"), _figures(portfolio, scope, facts, texts)),
        _accounts(portfolio, scope, facts, texts),
        _renewals(portfolio, scope, facts, texts),
        Section(texts("digest.work"), _work(facts, texts)),
    ]
    day = formats.day(facts.today, texts.language)
    subject = texts(f"digest.subject.{facts.every}", scope=scope.title, day=day)
    return Digest(subject, tuple(section for section in sections if section.lines))


def _figures(
    portfolio: PortfolioColumns, scope: DigestScope, facts: DigestFacts, texts: Translations
) -> tuple[str, ...]:
    total = scope_figures(portfolio, scope.visible & portfolio.scored)
    money = partial(formats.money, currency=facts.currency, language=texts.language)
    lines = [
        texts("digest.total", n=formats.number(total["count"]), risk=money(total["revenue_at_risk"])),
        texts("digest.as_of", day=formats.day(facts.as_of, texts.language)),
    ]
    if not np.isnan(total["health"]):
        change = "" if np.isnan(total["health_change"]) else f"{total['health_change']:+.1f}".replace("-", "−")
        key = "digest.health_change" if change else "digest.health"
        lines.insert(1, texts(key, health=formats.number(total["health"], 0), change=change))
    return tuple(lines)


def _accounts(portfolio: PortfolioColumns, scope: DigestScope, facts: DigestFacts, texts: Translations) -> Section:
    """Return the first accounts of the worklist that are still open this week."""
    visible = scope.visible & ~portfolio.with_ids(scope.held_out)
    found = build_worklist(
        portfolio,
        WorklistQuery(selected={}),
        visible=visible,
        work=WorkState(facts.row_states, {}, facts.today),
        capacity=scope.capacity,
    )
    money = partial(formats.money, currency=facts.currency, language=texts.language)
    shown = found.rows[: min(_ACCOUNTS, found.within_capacity)]
    family = portfolio.category("family")
    lines = [
        texts(
            "digest.account" if family.at(int(row)) else "digest.account_plain",
            name=_name(portfolio, int(row)),
            probability=formats.percent(float(portfolio.numeric("probability")[row])),
            savable=money(float(portfolio.expected_savings[row])),
            reason=texts.label("family", family.at(int(row))),
        )
        for row in shown
    ]
    if more := found.within_capacity - len(shown):
        lines.append(texts("digest.more", n=formats.number(more)))
    lines = lines or [texts("digest.no_accounts")]
    return Section(texts("digest.accounts"), tuple(lines), _ids(portfolio, shown))


def _renewals(portfolio: PortfolioColumns, scope: DigestScope, facts: DigestFacts, texts: Translations) -> Section:
    """Return the contracts that end within 30 days, soonest first."""
    soon = next(iter(renewals(portfolio, scope.visible, facts.today)), None)
    if soon is None or not soon["count"]:
        return Section(texts("digest.renewals"), ())
    days = portfolio.days("renewal_at")
    until = np.datetime64(facts.today + timedelta(days=soon["days"]), "D")
    named = scope.visible & ~portfolio.with_ids(scope.held_out)
    rows = np.flatnonzero(named & (days >= np.datetime64(facts.today, "D")) & (days <= until))
    rows = rows[np.argsort(days[rows], kind="stable")][:_RENEWAL_ACCOUNTS]
    money = partial(formats.money, currency=facts.currency, language=texts.language)
    total = texts("digest.renewal_total", n=formats.number(soon["count"]), spend=money(soon["spend"]))
    lines = []
    for row in rows:
        about = {"name": _name(portfolio, int(row)), "day": formats.day(str(days[row]), texts.language)}
        chance = float(portfolio.numeric("probability")[row])
        key = "digest.renewal_plain" if np.isnan(chance) else "digest.renewal"
        lines.append(texts(key, **about, probability=formats.percent(chance)))
    return Section(texts("digest.renewals"), (total, *lines), _ids(portfolio, rows))


def _work(facts: DigestFacts, texts: Translations) -> tuple[str, ...]:
    since = (facts.today - timedelta(days=PERIOD_DAYS[facts.every])).isoformat()
    done = [task for task in facts.tasks if task["status"] == "done" and (task["finished_at"] or "") >= since]
    overdue = sum(is_overdue(task, facts.today) for task in facts.tasks)
    opened = sum(task["status"] in ("open", "snoozed") for task in facts.tasks)
    return (
        texts("digest.tasks", open=formats.number(opened), overdue=formats.number(overdue)),
        texts(f"digest.done.{facts.every}", n=formats.number(len(done))),
        texts("digest.alerts", n=formats.number(facts.alerts)),
    )


def _ids(portfolio: PortfolioColumns, rows: RowIndexes) -> tuple[str, ...]:
    return tuple(portfolio.text("customer_id", int(row)) for row in rows)


def _name(portfolio: PortfolioColumns, row: int) -> str:
    return portfolio.text("name", row) or portfolio.text("customer_id", row)


_ALERTS = 1000


def digest_of(
    application: Application, portfolio: PortfolioColumns, scope: DigestScope, *, today: date, every: str, language: str
) -> Digest:
    """Return the digest of the customers in a scope."""
    about = application.about()
    target = about["targets"][0]
    within = _within(portfolio, scope.visible)
    facts = DigestFacts(
        tasks=visible_tasks(application.work.tasks.list(target=target), within),
        row_states=application.work.row_states(target),
        alerts=sum(within(str(one["customer_id"])) for one in application.alerts(_ALERTS) if not one["mark"]),
        today=today,
        as_of=str(about["as_of"])[:10],
        currency=str(about["currency"]),
        every=every,
    )
    return build_digest(portfolio, scope, facts, translations(language))


def digest_of_owner(application: Application, owner: str | None, *, today: date, every: str, language: str) -> Digest:
    """Return the digest of one account owner's customers; of all customers without an owner."""
    portfolio = PortfolioColumns(application.portfolio_table(application.main_target()))
    visible = owner_rows(portfolio, None if owner is None else (owner,))
    about, texts = application.about(), translations(language)
    total, own = int(about["calls_per_week"]), about["capacity"]
    count = max(1, len(portfolio.category("owner").values) - 1)
    capacity = total if owner is None else int(own.get(owner, -(-total // count)))
    scope = DigestScope(owner or texts("digest.everyone"), visible, capacity, application.held_out())
    return digest_of(application, portfolio, scope, today=today, every=every, language=language)


def _within(portfolio: PortfolioColumns, visible: Mask) -> Callable[[str], bool]:
    rows = portfolio.row_of_id
    return lambda customer_id: customer_id in rows and bool(visible[rows[customer_id]])
