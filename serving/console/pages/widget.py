"""A small page about one customer that a CRM embeds: health, reasons, next step."""

from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from rapport.errors import RapportError
from rapport.languages import CODES
from rapport.serving.console.rendering import PageRenderer
from rapport.serving.console.session import Sessions
from rapport.serving.security import content_policy
from rapport.serving.security.widget_tokens import read_widget_token

if TYPE_CHECKING:
    from rapport.serving.application.application import Application

_REASONS = 5


def show(request: Request, application: "Application", sessions: Sessions, renderer: PageRenderer) -> Response:
    """Show the widget if the token in the URL is for this customer and not expired."""
    customer_id = request.path_params["customer_id"]
    language = request.query_params.get("language", "")
    granted = read_widget_token(sessions.secret, request.query_params.get("token", ""))
    viewer = application.viewer(*granted[:2]) if granted and granted[2] == customer_id else None
    if viewer is None or not application.may_see(viewer, customer_id):
        return _page(request, renderer, language, 403, refused=True)
    try:
        about = application.about()
        targets = [target for target in about["targets"] if _probability(application, customer_id, target) is not None]
        target = targets[0] if targets else about["targets"][0]
        (answer,) = application.answers([customer_id], target, reasons=_REASONS, language=language or "en")
        (step,) = application.next_steps([customer_id], target, language or "en")
    except RapportError:
        return _page(request, renderer, language, 503, refused=True)
    return _page(
        request,
        renderer,
        language,
        200,
        refused=False,
        answer={"health": None, "lead_grade": None, **answer},
        step=step,
        target=target,
        horizon_of=about["horizons"][target],
        ancestors=tuple(about.get("frame_ancestors") or ()),
    )


def _probability(application: "Application", customer_id: str, target: str) -> object:
    try:
        (answer,) = application.answers([customer_id], target, reasons=0)
    except RapportError:
        return None
    return answer.get("probability")


def _page(request: Request, renderer: PageRenderer, language: str, status: int, **context: Any) -> Response:
    chosen = language if language in CODES else CODES[0]
    policy = content_policy.widget(context.pop("ancestors", ()))
    root = str(request.scope.get("root_path", ""))
    response = HTMLResponse(renderer.render("widget.html", chosen, root=root, **context), status)
    response.headers["content-security-policy"] = policy
    return response
