"""Signing in with one of the service's keys, and choosing a language."""

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from rapport.serving.console.page_context import local_url
from rapport.serving.console.rendering import PageRenderer
from rapport.serving.console.session import LANGUAGE_COOKIE
from rapport.serving.console.translations import LANGUAGES


def preferred_language(request: Request, default: str) -> str:
    """Return the chosen language, else the browser's, else the company's."""
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    preferred = request.headers.get("accept-language", "")[:2].lower()
    return preferred if preferred in LANGUAGES else default if default in LANGUAGES else LANGUAGES[0]


def sign_in_page(request: Request, renderer: PageRenderer, language: str, *, token: str, refused: bool) -> Response:
    """Show the page that asks for a key."""
    root = str(request.scope.get("root_path", ""))
    requested = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    back = local_url(request.query_params.get("back", "") or requested)
    html = renderer.render(
        "sign_in.html",
        language,
        root=root,
        token=token,
        refused=refused,
        back=back if "/sign-" not in back else "",
        current_url=f"{root}/sign-in",
    )
    return HTMLResponse(html, 401 if refused else 200)


def redirect_back(request: Request, back: str) -> RedirectResponse:
    """Return to the page that the viewer came from."""
    return RedirectResponse(local_url(back) or f"{request.scope.get('root_path', '')}/", 303)
