"""Signing in with one of the service's keys, and choosing a language."""

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from rapport.languages import CODES
from rapport.serving.console.page_context import local_url
from rapport.serving.console.rendering import PageRenderer
from rapport.serving.console.session import LANGUAGE_COOKIE, Sessions
from rapport.serving.security.browser_sign_in import BrowserSignIn


def preferred_language(request: Request, default: str) -> str:
    """Return the chosen language, else the browser's, else the company's."""
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    if chosen in CODES:
        return chosen
    preferred = request.headers.get("accept-language", "")[:2].lower()
    return preferred if preferred in CODES else default if default in CODES else CODES[0]


def sign_in_page(  # noqa: PLR0913  # what a page without a viewer has in place of a page context
    request: Request,
    renderer: PageRenderer,
    language: str,
    *,
    token: str,
    provider: BrowserSignIn | None,
    problem: str,
    status: int,
) -> Response:
    """Show the page that asks for a key, and links to the company's issuer if there is one."""
    root = str(request.scope.get("root_path", ""))
    requested = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    back = local_url(request.query_params.get("back", "") or requested)
    html = renderer.render(
        "sign_in.html",
        language,
        root=root,
        token=token,
        problem=problem,
        provider=provider is not None,
        leave=provider.leave() if provider and request.query_params.get("left") else "",
        back=back if "/sign-" not in back else "",
        current_url=f"{root}/sign-in",
    )
    return HTMLResponse(html, status)


def leave_for_provider(request: Request, sessions: Sessions, provider: BrowserSignIn) -> Response:
    """Send a person to the issuer, and remember in the browser where the person wanted to go."""
    address, kept = provider.begin()
    response = RedirectResponse(address, 303)
    sessions.remember(response, {**kept, "back": local_url(request.query_params.get("back", ""))})
    return response


def come_back(request: Request, sessions: Sessions, provider: BrowserSignIn) -> Response:
    """Start the session of a person whom the issuer sent back."""
    response = RedirectResponse("/", 303)
    kept = sessions.remembered(request, response)
    viewer = provider.finish(request.query_params, kept)
    response.headers["location"] = redirect_back(request, kept["back"]).headers["location"]
    sessions.start_person(response, viewer)
    return response


def redirect_back(request: Request, back: str) -> RedirectResponse:
    """Return to the page that the viewer came from."""
    return RedirectResponse(local_url(back) or f"{request.scope.get('root_path', '')}/", 303)
