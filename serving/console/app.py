"""The console as one ASGI application, mounted by the service beside its HTTP API."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from rapport.serving.console.documentation import documentation_route
from rapport.serving.console.page_context import AuditRecorder, PortfolioCache
from rapport.serving.console.pages import (
    alerts,
    analyses,
    cards,
    customer,
    deals,
    digest,
    help_page,
    home,
    model,
    portfolio,
    report,
    sales,
    search,
    tasks,
    work,
    worklist,
    worklist_export,
)
from rapport.serving.console.rendering import page_renderer
from rapport.serving.console.router import PageRouter
from rapport.serving.console.session import Sessions
from rapport.serving.console.translations import CONSOLE_DIR
from rapport.serving.first_run import FirstRun
from rapport.serving.security.ended_sessions import EndedSessions
from rapport.serving.security.limits import UPLOAD_PATH
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
) -> Starlette:
    """Build the console over an application.

    ``secret`` signs cookies and forms and must be the same in all workers; ``secure`` restricts cookies to HTTPS;
    ``record`` writes to the audit trail who saw whose scores; ``ended`` lists the sessions that people ended;
    ``first_run`` takes the files of a company until something is trained.
    """
    sessions = Sessions(secret, secure, ended or EndedSessions())
    router = PageRouter(application, sessions, page_renderer(), PortfolioCache(application), today, record, first_run)
    read, write = ["GET", "HEAD"], ["POST"]
    act = router.page(work.act, scope="feedback")
    return Starlette(
        routes=[
            Route("/", router.page(worklist.show), methods=read),
            Route("/find", router.page(search.find), methods=read),
            Route("/worklist.csv", router.page(worklist_export.csv_file), methods=read),
            Route("/worklist.xlsx", router.page(worklist_export.excel_file), methods=read),
            Route("/work", act, methods=write),
            Route("/work/many", router.page(work.act_on_many, scope="feedback"), methods=write),
            Route("/work/export", router.page(worklist_export.selected_file), methods=write),
            Route("/work/undo", router.page(work.undo, scope="feedback"), methods=write),
            Route("/views", router.page(work.save_view), methods=write),
            Route("/views/delete", router.page(work.delete_view), methods=write),
            Route("/tasks", router.page(tasks.show), methods=read),
            Route("/tasks/{task_id:int}", router.page(tasks.change, scope="feedback"), methods=write),
            Route("/interventions.csv", router.page(tasks.interventions_file), methods=read),
            Route("/tasks.ics", router.calendar(), methods=read),
            # The paths of older pages that are still open.
            Route("/feedback", act, methods=write),
            Route("/marks", act, methods=write),
            Route("/customers/{customer_id:path}", router.page(customer.record, scope="feedback"), methods=write),
            Route("/customers/{customer_id:path}", router.page(customer.show), methods=read),
            Route("/home", router.page(home.show), methods=read),
            Route("/deals", router.page(deals.show), methods=read),
            Route("/sales", router.page(sales.show), methods=read),
            Route("/analyses", router.page(analyses.show_list), methods=read),
            Route("/analyses/{name}.csv", router.page(analyses.csv_file), methods=read),
            Route("/analyses/{name}", router.page(analyses.show), methods=read),
            Route("/alerts", router.page(alerts.show), methods=read),
            Route("/alerts", router.page(alerts.mark, scope="feedback"), methods=write),
            Route("/digest", router.page(digest.show), methods=read),
            Route("/help", router.page(help_page.show), methods=read),
            Route("/widget/customers/{customer_id:path}", router.widget(), methods=read),
            Route("/reports/{customer_id:path}", router.page(report.show), methods=read),
            Route("/portfolio", router.page(portfolio.show), methods=read),
            Route("/model", router.page(model.show), methods=read),
            Route("/cards", router.page(cards.show), methods=read),
            Route("/cards/{name}", router.page(cards.show), methods=read),
            Route("/cards/{name}/proposal", router.page(cards.propose_card), methods=write),
            Route(UPLOAD_PATH, router.setup(), methods=[*read, *write]),
            Route("/sign-in", router.sign_in(), methods=[*read, *write]),
            Route("/sign-out", router.sign_out(), methods=write),
            Route("/language/{code}", router.set_language(), methods=read),
            documentation_route(),
            Mount("/static", ImmutableStaticFiles(directory=CONSOLE_DIR / "static")),
        ],
        exception_handlers={404: router.page_not_found, 405: router.page_not_found, 500: router.server_error},
    )
