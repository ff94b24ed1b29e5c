"""The context of one page view: the application, the viewer, the language, the form, and the ways to respond."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import pyarrow.compute as pc
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from rapport.serving.console import formats
from rapport.serving.console.portfolio_columns import PortfolioColumns
from rapport.serving.console.rendering import PageRenderer
from rapport.serving.console.translations import Translations
from rapport.serving.errors import RequestError
from rapport.serving.security.request_context import RequestContext, current_request

if TYPE_CHECKING:
    from rapport.serving.application.application import Application
    from rapport.serving.security.keys import Viewer


_STALE_DAYS = 3


AuditRecorder = Callable[[RequestContext, Sequence[str], datetime], None]


class PortfolioCache:
    """The portfolio columns of each target; rebuilt when the application has a newer snapshot."""

    def __init__(self, application: "Application") -> None:
        self._application = application
        self._cached: dict[str, tuple[object, PortfolioColumns]] = {}

    def of(self, target: str) -> PortfolioColumns:
        """Return the columns of the current snapshot."""
        table = self._application.portfolio_table(target)
        cached = self._cached.get(target)
        if cached is None or cached[0] is not table:
            scored = table.filter(pc.is_valid(table["probability"]))
            cached = self._cached[target] = (table, PortfolioColumns(scored))
        return cached[1]


@dataclass(frozen=True)
class PageContext:
    """One page view of a signed-in viewer."""

    application: "Application"
    portfolios: PortfolioCache
    viewer: "Viewer"
    request: Request
    language: str
    form: Mapping[str, str]
    csrf_token: str
    renderer: PageRenderer
    today: date
    about: Mapping[str, Any]
    record_audit: AuditRecorder

    @property
    def translate(self) -> Translations:
        """The texts of the viewer's language."""
        return self.renderer.translations[self.language]

    @property
    def target(self) -> str:
        """The target of the page: the requested one, else the first."""
        requested = self.form.get("target") or self.request.query_params.get("target", "")
        return requested if requested in self.about["targets"] else self._default_target

    @property
    def _default_target(self) -> str:
        return str(next(iter(self.about["targets"]), "churn"))

    @cached_property
    def portfolio(self) -> PortfolioColumns:
        """The scored customers of the target; one snapshot for the whole page, whatever is published meanwhile."""
        return self.portfolios.of(self.target)

    @property
    def may_log_feedback(self) -> bool:
        """Whether the viewer may log outcomes."""
        return self.viewer.may("feedback")

    @property
    def notice(self) -> str:
        """The notice on top of every page: that the scores are stale, or a notice of the application."""
        age = (self.today - date.fromisoformat(str(self.about["scored_at"])[:10])).days
        return self.translate("frame.stale", days=age) if age > _STALE_DAYS else str(self.about["notice"] or "")

    def horizon(self, target: str) -> str:
        """Return the prediction horizon of a target as the language writes it."""
        return formats.horizon(self.about["horizons"][target], self.language)

    def record_view(self, customer_ids: Sequence[str]) -> None:
        """Write to the audit trail whose scores this page shows, before it is shown."""
        view = replace(current_request(), viewer=self.viewer, route=self.request.url.path)
        self.record_audit(view, customer_ids, datetime.now(UTC))

    def is_visible(self, customer_id: str) -> bool:
        """Whether the viewer's key shows this customer."""
        owner = self.viewer.owner
        if owner is None:
            return True
        portfolios = (self.portfolios.of(target) for target in self.about["targets"])
        rows = ((portfolio, portfolio.row_of_id.get(customer_id)) for portfolio in portfolios)
        return any(row is not None and portfolio.category("owner").at(row) == owner for portfolio, row in rows)

    def require_visible(self, customer_id: str) -> None:
        """Refuse a customer of another owner with the sentence for one that does not exist."""
        if not self.is_visible(customer_id):
            raise self.not_found(customer_id)

    def not_found(self, customer_id: str) -> RequestError:
        """Return the error for a customer who does not exist or is not the viewer's."""
        return RequestError(404, self.translate("error.no_customer", id=customer_id), where="customer_id")

    def url(self, path: str, **params: str | int) -> str:
        """Return the URL of a page of the console, wherever it is mounted."""
        query = {name: str(value) for name, value in params.items() if value not in ("", None)}
        if self.target != self._default_target:
            query.setdefault("target", self.target)
        return self.root + quote(path) + (f"?{urlencode(query)}" if query else "")

    @property
    def root(self) -> str:
        """The path under which the console is mounted."""
        return str(self.request.scope.get("root_path", ""))

    def render(self, template: str, status: int = 200, **context: Any) -> Response:
        """Render a template as the response."""
        target = context.get("shown_target", self.target)
        frame = {
            "page": self,
            "root": self.root,
            "currency": self.about["currency"],
            "shown_target": target,
            "horizon": self.horizon(target) if target in self.about["targets"] else "",
            "current_url": self.request.url.path + (f"?{query}" if (query := self.request.url.query) else ""),
        }
        return HTMLResponse(self.renderer.render(template, self.language, **{**frame, **context}), status)

    def redirect(self, back: str) -> Response:
        """Redirect to a page of this server, never to another site."""
        return RedirectResponse(local_url(back) or self.url("/"), 303)


def local_url(url: str) -> str:
    """Return a URL if it leads to this server, else an empty string."""
    is_local = url.startswith("/") and not url.startswith(("//", "/\\")) and url.isprintable()
    return url if is_local else ""
