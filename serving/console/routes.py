"""The addresses of the console: a row a page, with its method and scope; and the documentation site at ``/docs``."""

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from rapport.serving.console.pages import (
    alert_rules,
    alerts,
    analyses,
    cards,
    customer,
    deals,
    digest,
    experiments,
    help_page,
    home,
    model,
    portfolio,
    receivers,
    report,
    sales,
    search,
    sign_in,
    tasks,
    work,
    worklist,
)
from rapport.serving.console.router import PageHandler, PageRouter
from rapport.serving.security import content_policy
from rapport.serving.security.limits import UPLOAD_PATH

READ, WRITE = ("GET", "HEAD"), ("POST",)

SHOWN: Mapping[str, PageHandler] = {
    "/": worklist.show,
    "/find": search.find,
    "/worklist.csv": worklist.csv_file,
    "/worklist.xlsx": worklist.excel_file,
    "/tasks": tasks.show,
    "/interventions.csv": tasks.interventions_file,
    "/customers/{customer_id:path}": customer.show,
    "/home": home.show,
    "/deals": deals.show,
    "/sales": sales.show,
    "/analyses": analyses.show_list,
    "/analyses/{name}.csv": analyses.csv_file,
    "/analyses/{name}": analyses.show,
    "/alerts": alerts.show,
    "/digest": digest.show,
    "/help": help_page.show,
    "/reports/{customer_id:path}": report.show,
    "/portfolio": portfolio.show,
    "/model": model.show,
    "/cards": cards.show,
    "/cards/{name}": cards.show,
}
"""Pages and files that a viewer reads; of two that match, the first answers."""

OWN_FORMS: Mapping[str, PageHandler] = {
    "/work/export": worklist.selected_file,
    "/views": work.save_view,
    "/views/delete": work.delete_view,
    "/cards/{name}/proposal": cards.propose_card,
}
"""Forms of those who only read: files, and the viewer's own views."""

WORK_FORMS: Mapping[str, PageHandler] = {
    "/work": work.act,
    "/work/many": work.act_on_many,
    "/work/undo": work.undo,
    "/tasks/{task_id:int}": tasks.change,
    # The paths of older pages that are still open.
    "/feedback": work.act,
    "/marks": work.act,
    "/customers/{customer_id:path}": customer.record,
    "/alerts": alerts.mark,
}
"""Forms that record work on an account."""


ANALYST_PAGES: Mapping[str, PageHandler] = {"/experiments": experiments.show}
"""Pages that tell what was measured on everyone."""

ADMIN_PAGES: Mapping[str, PageHandler] = {"/alerts/rules": alert_rules.show, "/alerts/receivers": receivers.show}
ADMIN_FORMS: Mapping[str, PageHandler] = {"/alerts/rules": alert_rules.change, "/alerts/receivers": receivers.replay}
"""What concerns the whole company: closed, as the pages for analysts, to keys that see some owners' customers only."""


def page_routes(router: PageRouter) -> list[BaseRoute]:
    """Return the routes of all pages, behind the access policy of the router."""
    endpoints = (
        *((path, router.page(handler), READ) for path, handler in SHOWN.items()),
        *((path, router.page(handler), WRITE) for path, handler in OWN_FORMS.items()),
        *((path, router.page(handler, scope="feedback"), WRITE) for path, handler in WORK_FORMS.items()),
        *((path, router.company_page(handler, scope="analyze"), READ) for path, handler in ANALYST_PAGES.items()),
        *((path, router.company_page(handler, scope="admin"), READ) for path, handler in ADMIN_PAGES.items()),
        *((path, router.company_page(handler, scope="admin"), WRITE) for path, handler in ADMIN_FORMS.items()),
        ("/tasks.ics", router.calendar(), READ),
        ("/widget/customers/{customer_id:path}", router.widget(), READ),
        (UPLOAD_PATH, router.setup(), READ + WRITE),
        ("/sign-in", router.sign_in(), READ + WRITE),
        ("/sign-in/provider", router.provider_step(sign_in.leave_for_provider), READ),
        ("/sign-in/callback", router.provider_step(sign_in.come_back), READ),
        ("/sign-out", router.sign_out(), WRITE),
        ("/language/{code}", router.set_language(), READ),
    )
    routes = [Route(path, endpoint, methods=list(methods)) for path, endpoint, methods in endpoints]
    return [*routes, documentation_route()]


SITE = Path(str(resources.files("rapport"))) / "docs_site"
_MISSING = "The documentation is not built in this checkout. Run: make site. 尚未生成文档，请运行 make site。"


class _Site(StaticFiles):
    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["content-security-policy"] = content_policy.DOCUMENTATION
        return response


def documentation_route() -> BaseRoute:
    """Return the mount of the site, or of a sentence that says how to build it."""
    if (SITE / "index.html").is_file():
        return Mount("/docs", _Site(directory=SITE, html=True))
    return Route("/docs{rest:path}", lambda _: PlainTextResponse(_MISSING, 404))
