"""The console as one ASGI application, mounted by the service beside its HTTP interface."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from history.errors import RapportError
from serving.console.looks import HERE, LANGUAGES, Looks
from serving.console.pages import cards, customer, door, model, portfolio, worklist
from serving.console.session import Sessions
from serving.console.visit import Books, Visit

if TYPE_CHECKING:
    from serving.desk import Desk
    from serving.keys import Viewer

Page = Callable[[Visit], Response]
_LONGEST_FORM = 300_000
# No inline script or style anywhere, so that a hostile name that slipped through still could not run.
_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}


def today_utc() -> date:
    """Return today's date."""
    return datetime.now(UTC).date()


def console(desk: "Desk", *, secret: bytes, secure: bool = False, today: Callable[[], date] = today_utc) -> Starlette:
    """Build the console over a desk.

    ``secret`` signs cookies and forms and must be the same in all workers; ``secure`` keeps cookies to HTTPS.
    """
    house = House(desk, Sessions(secret, secure), Looks(), Books(desk), today)
    see, act = ["GET", "HEAD"], ["POST"]
    return Starlette(
        routes=[
            Route("/", house.page(worklist.show), methods=see),
            Route("/find", house.page(worklist.find), methods=see),
            Route("/worklist.csv", house.page(worklist.csv_file), methods=see),
            Route("/worklist.xlsx", house.page(worklist.excel_file), methods=see),
            Route("/marks", house.page(worklist.mark, scope="feedback"), methods=act),
            Route("/customers/{customer_id:path}", house.page(customer.show), methods=see),
            Route("/portfolio", house.page(portfolio.show), methods=see),
            Route("/model", house.page(model.show), methods=see),
            Route("/cards", house.page(cards.show), methods=see),
            Route("/cards/{name}", house.page(cards.show), methods=see),
            Route("/cards/{name}/proposal", house.page(cards.propose), methods=act),
            Route("/sign-in", house.sign_in, methods=[*see, *act]),
            Route("/sign-out", house.sign_out, methods=act),
            Route("/language/{code}", house.speak, methods=see),
            Mount("/static", StaticFiles(directory=HERE / "static")),
        ]
    )


@dataclass(frozen=True)
class House:
    """What all pages share, and the rules at its door."""

    desk: "Desk"
    sessions: Sessions
    looks: Looks
    books: Books
    today: Callable[[], date]

    def page(self, draw: Page, scope: str = "read") -> Callable[[Request], object]:
        """Turn a page into an endpoint that knows who looks and refuses forms that are not ours."""

        async def endpoint(request: Request) -> Response:
            form = await _form(request)
            return await run_in_threadpool(self._answer, request, form, draw, scope)

        return endpoint

    def _answer(self, request: Request, form: Mapping[str, str], draw: Page, scope: str) -> Response:
        mark = self.sessions.visit(request)
        language = door.language_of(request, str(self.desk.about()["language"]))
        viewer = self._viewer(request)
        token = self.sessions.token(mark)
        if viewer is None:
            response = door.sign_in_page(request, self.looks, language, token=token, refused=False)
        else:
            visit = Visit(
                self.desk,
                self.books,
                viewer,
                request,
                language,
                form,
                token,
                self.looks,
                self.today(),
                self.desk.about(),
            )
            response = self._drawn(visit, draw, scope, is_ours=self.sessions.is_token(form.get("token", ""), mark))
        return self._sealed(response, mark)

    def _drawn(self, visit: Visit, draw: Page, scope: str, *, is_ours: bool) -> Response:
        if not visit.viewer.may(scope):
            return visit.show("sorry.html", 403, sentence=visit.texts("sorry.not_allowed", scope=scope))
        if visit.request.method == "POST" and not is_ours:
            return visit.show("sorry.html", 403, sentence=visit.texts("sorry.stale_form"))
        try:
            return draw(visit)
        except RapportError as refusal:
            status = 422 if visit.request.method == "POST" else 404
            return visit.show("sorry.html", status, sentence=str(refusal))

    def _viewer(self, request: Request) -> "Viewer | None":
        # An open desk (keys switched off, loopback only) knows one visitor, whatever the name.
        name = "local" if self.desk.open else self.sessions.key_name(request)
        return self.desk.viewer(name) if name else None

    def _sealed(self, response: Response, mark: str) -> Response:
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        self.sessions.remember(response, mark)
        return response

    async def sign_in(self, request: Request) -> Response:
        """Ask for a key, and begin a session when it is one."""
        form = await _form(request)
        return await run_in_threadpool(self._signed_in, request, form)

    def _signed_in(self, request: Request, form: Mapping[str, str]) -> Response:
        mark = self.sessions.visit(request)
        viewer = None
        if self.sessions.is_token(form.get("token", ""), mark):
            viewer = self.desk.sign_in(form.get("key", "").strip())
        if viewer is None:
            language = door.language_of(request, str(self.desk.about()["language"]))
            token, refused = self.sessions.token(mark), request.method == "POST"
            return self._sealed(door.sign_in_page(request, self.looks, language, token=token, refused=refused), mark)
        response = door.onward(request, form.get("back", ""))
        self.sessions.start(response, viewer.name)
        return self._sealed(response, mark)

    async def sign_out(self, request: Request) -> Response:
        """End the session."""
        form = await _form(request)
        mark = self.sessions.visit(request)
        response = door.onward(request, "")
        if self.sessions.is_token(form.get("token", ""), mark):
            self.sessions.end(response)
        return self._sealed(response, mark)

    async def speak(self, request: Request) -> Response:
        """Keep the chosen language and go back."""
        response = door.onward(request, request.query_params.get("back", ""))
        if request.path_params["code"] in LANGUAGES:
            self.sessions.speak(response, request.path_params["code"])
        return self._sealed(response, self.sessions.visit(request))


async def _form(request: Request) -> dict[str, str]:
    """Read a small form; fields that are files, and forms too long, are left out."""
    if request.method != "POST" or int(request.headers.get("content-length") or 0) > _LONGEST_FORM:
        return {}
    fields = await request.form(max_files=0, max_fields=200)
    return {name: value for name, value in fields.items() if isinstance(value, str)}
