"""The way in and out: signing in with one of the service's keys, and choosing a language."""

from rapport.serving.console.looks import LANGUAGES, Looks
from rapport.serving.console.session import LANGUAGE
from rapport.serving.console.visit import local
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response


def language_of(request: Request, default: str) -> str:
    """Return the chosen language, else what the browser prefers, else the company's."""
    chosen = request.cookies.get(LANGUAGE, "")
    if chosen in LANGUAGES:
        return chosen
    preferred = request.headers.get("accept-language", "")[:2].lower()
    return preferred if preferred in LANGUAGES else default if default in LANGUAGES else LANGUAGES[0]


def sign_in_page(request: Request, looks: Looks, language: str, *, token: str, refused: bool) -> Response:
    """Show the page that asks for a key."""
    root = str(request.scope.get("root_path", ""))
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    back = local(request.query_params.get("back", "") or asked)
    page = looks.draw(
        "sign_in.html",
        language,
        root=root,
        token=token,
        refused=refused,
        back=back if "/sign-" not in back else "",
        here_address=f"{root}/sign-in",
    )
    return HTMLResponse(page, 401 if refused else 200)


def onward(request: Request, back: str) -> RedirectResponse:
    """Return to where a visitor wanted to be."""
    return RedirectResponse(local(back) or f"{request.scope.get('root_path', '')}/", 303)
