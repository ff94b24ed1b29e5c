"""What a digest is made from: the portfolio, tasks and alerts of one scope in the application."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

from rapport.serving.application.account_work import visible_tasks
from rapport.serving.console.digest_content import Digest, DigestFacts, DigestScope, build_digest
from rapport.serving.console.portfolio_columns import Mask, PortfolioColumns, owner_rows
from rapport.serving.console.translations import Translations

if TYPE_CHECKING:
    from rapport.serving.application.application import Application

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
    return build_digest(portfolio, scope, facts, Translations(language))


def digest_of_owner(application: Application, owner: str | None, *, today: date, every: str, language: str) -> Digest:
    """Return the digest of one account owner's customers; of all customers without an owner."""
    portfolio = PortfolioColumns(application.portfolio_table(application.main_target()))
    visible = owner_rows(portfolio, None if owner is None else (owner,))
    about, texts = application.about(), Translations(language)
    total, own = int(about["calls_per_week"]), about["capacity"]
    count = max(1, len(portfolio.category("owner").values) - 1)
    capacity = total if owner is None else int(own.get(owner, -(-total // count)))
    scope = DigestScope(owner or texts("digest.everyone"), visible, capacity, application.held_out())
    return digest_of(application, portfolio, scope, today=today, every=every, language=language)


def _within(portfolio: PortfolioColumns, visible: Mask) -> Callable[[str], bool]:
    rows = portfolio.row_of_id
    return lambda customer_id: customer_id in rows and bool(visible[rows[customer_id]])
