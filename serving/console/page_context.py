"""The context of one page view: the application, the viewer, the language, the form, and the ways to respond."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from rapport.serving.console import formats
from rapport.serving.console.portfolio_columns import Mask, PortfolioColumns, owner_rows
from rapport.serving.console.rendering import PageRenderer
from rapport.serving.errors import RequestError, message
from rapport.serving.security.request_context import RequestContext, current_request
from rapport.serving.shapes.task_answers import Task
from rapport.serving.translations import Translations

if TYPE_CHECKING:
    from rapport.serving.application.account_work import AccountWork
    from rapport.serving.application.application import Application
    from rapport.serving.security.keys import Viewer


_STALE_DAYS = 3
_MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "yaml": "application/yaml; charset=utf-8",
}
_MESSAGE = ("did", "tasks", "n")


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
            cached = self._cached[target] = (table, PortfolioColumns(table))
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
    calendar_token: str
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

    @cached_property
    def visible(self) -> Mask:
        """The rows of the portfolio that the viewer may see."""
        return self.visible_rows(self.portfolio)

    @property
    def contactable(self) -> Mask:
        """The visible rows without held-out customers, whom only an admin finds on the worklist."""
        return self.visible & ~self.portfolio.with_ids(self.application.hidden_from(self.viewer))

    def visible_rows(self, portfolio: PortfolioColumns) -> Mask:
        """Select the customers of a portfolio that the viewer may see."""
        return owner_rows(portfolio, self.viewer.owners)

    @property
    def work(self) -> "AccountWork":
        """The tasks, recorded facts and saved views."""
        return self.application.work

    @property
    def own_names(self) -> set[str]:
        """The names under which tasks belong to the viewer."""
        return {name for name in (self.viewer.owner, self.viewer.person, self.viewer.name) if name}

    @property
    def stamp(self) -> dict[str, str]:
        """Who does something, and when."""
        return {"by": self.viewer.name, "at": datetime.now(UTC).isoformat(timespec="seconds")}

    @property
    def is_htmx(self) -> bool:
        """Whether the page's script asks, which replaces a part of the page."""
        return self.request.headers.get("hx-request") == "true"

    @property
    def scope(self) -> str:
        """Whose customers the viewer sees: own, team or all; titles say it."""
        return "own" if self.viewer.owner else "team" if self.viewer.team else "all"

    @cached_property
    def capacity(self) -> int:
        """Contacts a week within the viewer's scope: the team's capacity is shared evenly by the account owners."""
        total, own = int(self.about["calls_per_week"]), self.about.get("capacity") or {}
        owners = self.viewer.owners
        if owners is None:
            return total
        count = max(1, len(self.portfolio.category("owner").values) - 1)
        return sum(int(own.get(owner, -(-total // count))) for owner in owners)

    @property
    def may_log_feedback(self) -> bool:
        """Whether the viewer may log outcomes."""
        return self.viewer.may("feedback")

    @property
    def notice(self) -> str:
        """The notice on top of every page: that the data are old, or a notice of the application."""
        if self.work.unread:
            return self.translate("frame.unread_outcomes")
        age = (self.today - date.fromisoformat(str(self.about["as_of"])[:10])).days
        if age > _STALE_DAYS:
            return self.translate(
                "frame.stale", days=formats.number(age), day=formats.day(str(self.about["as_of"])[:10], self.language)
            )
        return str(self.about["notice"] or "")

    @property
    def scored_at(self) -> str:
        """When the customers were scored, in the company's time zone, with the zone."""
        return f"{self.local_time(str(self.about['scored_at']))} {self.about.get('timezone') or 'UTC'}"

    def local_time(self, moment: str) -> str:
        """Return a moment in the company's time zone; empty for none."""
        if not moment:
            return ""
        at = datetime.fromisoformat(moment)
        zone = ZoneInfo(str(self.about.get("timezone") or "UTC"))
        return f"{(at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(zone):%Y-%m-%d %H:%M}"

    @cached_property
    def own_labels(self) -> Mapping[str, Mapping[str, str]]:
        """The company's own labels of tiers, health grades and segments, best first."""
        return self.application.own_labels(self.target, self.language) if self.target in self.about["targets"] else {}

    def label(self, kind: str, value: object) -> str:
        """Return the label of a data value: the company's own, else the console's, else the value itself."""
        return self.own_labels.get(kind, {}).get(str(value)) or self.translate.label(kind, value)

    def horizon(self, target: str) -> str:
        """Return the prediction horizon of a target as the language writes it."""
        return formats.horizon(self.about["horizons"][target], self.language)

    def record_view(self, customer_ids: Sequence[str]) -> None:
        """Write to the audit trail whose scores this page shows, before it is shown."""
        view = replace(current_request(), viewer=self.viewer, route=self.request.url.path)
        self.record_audit(view, customer_ids, datetime.now(UTC))

    def is_visible(self, customer_id: str) -> bool:
        """Whether the viewer's key shows this customer."""
        return bool(self.application.may_see(self.viewer, customer_id))

    def require_visible(self, customer_id: str) -> None:
        """Refuse a customer of another owner with the sentence for one that does not exist."""
        if not self.is_visible(customer_id):
            raise self.not_found(customer_id)

    def require_task(self, task_id: int) -> Task:
        """Return a task; one of another owner's customer is refused like one that does not exist, without its id."""
        task: Task = self.work.tasks.get(task_id)
        if not self.is_visible(task["customer_id"]):
            raise RequestError(404, message("unknown_task"), where="task_id")
        return task

    def not_found(self, customer_id: str) -> RequestError:
        """Return the error for a customer who does not exist or is not the viewer's."""
        return RequestError(404, self.translate("error.no_customer", id=customer_id), where="customer_id")

    def url(self, path: str, **params: str | int) -> str:
        """Return the URL of a page of the console, wherever it is mounted."""
        query = {name: str(value) for name, value in params.items() if value not in ("", None)}
        if self.target != self._default_target:
            query.setdefault("target", self.target)
        return self.root + quote(path) + (f"?{urlencode(query)}" if query else "")

    def crm_url(self, customer_id: str) -> str:
        """Return the address of the customer's record in the company's CRM, by the template in the settings."""
        template = str(self.about.get("crm_link") or "")
        return template.replace("{customer_id}", quote(customer_id, safe="")) if template else ""

    def customer_url(self, customer_id: str, back: str) -> str:
        """Return the URL of a customer's page that leads back to the list from which it was opened."""
        return self.url(f"/customers/{customer_id}", back=local_url(back))

    def switch_url(self, target: str) -> str:
        """Return this page's URL for another target; filters stay."""
        kept = [
            (name, value)
            for name, value in self.request.query_params.multi_items()
            if name not in (*_MESSAGE, "target", "page", "part") and not name.startswith("if.")
        ]
        return f"?{urlencode([('target', target), *kept])}"

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
            "current_url": self.here,
            "label": self.label,
        }
        return HTMLResponse(self.renderer.render(template, self.language, **{**frame, **context}), status)

    def file(self, content: bytes, name: str, *, inline: bool = False) -> Response:
        """Return a file to download, or one that the browser's own viewer shows; no cache keeps it."""
        shown = "inline" if inline else "attachment"
        headers = {"content-disposition": f'{shown}; filename="{name}"', "cache-control": "no-store"}
        return Response(content, media_type=_MEDIA_TYPES[name.rpartition(".")[2]], headers=headers)

    def redirect(self, back: str) -> Response:
        """Redirect to a page of this server, never to another site."""
        return RedirectResponse(local_url(back) or self.url("/"), 303)

    def redirect_with(self, back: str, **params: str) -> Response:
        """Redirect to a page of this server with a message for it in the query."""
        parts = urlsplit(local_url(back) or self.url("/"))
        kept = [(name, value) for name, value in parse_qsl(parts.query) if name not in _MESSAGE]
        query = urlencode([*kept, *((name, value) for name, value in params.items() if value)])
        return RedirectResponse(f"{parts.path}?{query}", 303)

    @property
    def message(self) -> dict[str, str]:
        """What the last click did, as the redirect carries it; empty on other pages."""
        given = {name: self.request.query_params.get(name, "")[:2_000] for name in _MESSAGE}
        return given if self.translate.has(f"did.{given['did']}") else {}

    @property
    def here(self) -> str:
        """The URL of this page, without the message of the last click."""
        kept = [(name, value) for name, value in self.request.query_params.multi_items() if name not in _MESSAGE]
        return self.request.url.path + (f"?{urlencode(kept)}" if kept else "")


def local_url(url: str) -> str:
    """Return a URL if it leads to this server, else an empty string."""
    is_local = url.startswith("/") and not url.startswith(("//", "/\\")) and url.isprintable()
    return url if is_local else ""
