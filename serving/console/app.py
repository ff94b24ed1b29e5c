"""The console as one ASGI application, mounted by the service beside its HTTP API."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from rapport.serving.console.page_context import AuditRecorder, PortfolioCache
from rapport.serving.console.rendering import CONSOLE_DIR, page_renderer
from rapport.serving.console.router import PageRouter
from rapport.serving.console.routes import page_routes
from rapport.serving.console.session import Sessions
from rapport.serving.first_run import FirstRun
from rapport.serving.security.browser_sign_in import BrowserSignIn
from rapport.serving.security.ended_sessions import EndedSessions
from rapport.serving.security.request_context import RequestContext

if TYPE_CHECKING:
    from rapport.serving.application.application import Application


class ImmutableStaticFiles(StaticFiles):
    """Static files whose URL changes with their content, so that browsers may cache them for long."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """Return a file with a long cache lifetime."""
        response = super().file_response(*args, **kwargs)
        response.headers["cache-control"] = "public, max-age=31536000, immutable"
        return response


def today_in(timezone: str) -> date:
    """Return today's date in the company's time zone."""
    return datetime.now(ZoneInfo(timezone)).date()


def no_audit(_request: RequestContext, _customer_ids: Sequence[str], _now: datetime) -> None:
    """Record nothing."""


def create_console(  # noqa: PLR0913  # what the service hands to the console
    application: "Application",
    *,
    secret: bytes,
    secure: bool = False,
    record: AuditRecorder = no_audit,
    today: Callable[[str], date] = today_in,
    ended: EndedSessions | None = None,
    first_run: FirstRun | None = None,
    provider: BrowserSignIn | None = None,
) -> Starlette:
    """Build the console over an application.

    ``secret`` signs cookies and forms and must be the same in all workers; ``secure`` restricts cookies to HTTPS;
    ``record`` writes to the audit trail who saw whose scores; ``ended`` lists the sessions that people ended;
    ``first_run`` takes the files of a company until something is trained; ``provider`` is the company's issuer, at
    which people sign in.
    """
    sessions = Sessions(secret, secure, ended or EndedSessions(), provider.mark if provider else "")
    portfolios = PortfolioCache(application)
    router = PageRouter(application, sessions, page_renderer(), portfolios, today, record, first_run, provider)
    static = Mount("/static", ImmutableStaticFiles(directory=CONSOLE_DIR / "static"))
    return Starlette(
        routes=[*page_routes(router), static],
        exception_handlers={404: router.page_not_found, 405: router.page_not_found, 500: router.server_error},
    )
