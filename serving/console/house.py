"""The rules at the console's door: who may come in, which forms are ours, what a refusal looks like."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, cast

from rapport.serving.asked import VIEWER
from rapport.serving.console.looks import LANGUAGES, Looks, Texts
from rapport.serving.console.pages import door
from rapport.serving.console.session import Sessions
from rapport.serving.console.visit import Books, Record, Visit
from rapport.serving.problem import of_error
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from rapport.errors import RapportError

if TYPE_CHECKING:
    from rapport.serving.desk import Desk
    from rapport.serving.keys import Viewer

Page = Callable[[Visit], Response]
Endpoint = Callable[[Request], Awaitable[Response]]
_LONGEST_FORM = 300_000
# No inline script or style anywhere, so that a hostile name that slipped through still could not run.
_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}


@dataclass(frozen=True)
class House:
    """What all pages share, and who may see them."""

    desk: "Desk"
    sessions: Sessions
    looks: Looks
    books: Books
    today: Callable[[], date]
    record: Record

    def page(self, draw: Page, scope: str = "read") -> Endpoint:
        """Turn a page into an endpoint that knows who looks and refuses forms that are not ours."""

        def answer(request: Request, form: Mapping[str, str]) -> Response:
            viewer = self._viewer(request)
            if viewer is None:
                return self._door(request)
            try:
                about = self.desk.about()
            except RapportError as refusal:
                return self._closed(request, refusal)
            return self._drawn(self._visit(request, form, viewer, about), draw, scope)

        return self._endpoint(answer)

    def sign_in(self) -> Endpoint:
        """Ask for a key, and begin a session when it is one."""

        def answer(request: Request, form: Mapping[str, str]) -> Response:
            viewer = self.desk.sign_in(form.get("key", "").strip()) if self._is_ours(request, form) else None
            if viewer is None:
                return self._door(request, refused=request.method == "POST")
            response = door.onward(request, form.get("back", ""))
            self.sessions.start(response, viewer.name)
            return response

        return self._endpoint(answer)

    def sign_out(self) -> Endpoint:
        """End the session."""

        def answer(request: Request, form: Mapping[str, str]) -> Response:
            response = door.onward(request, "")
            if self._is_ours(request, form):
                self.sessions.end(response)
            return response

        return self._endpoint(answer)

    def speak(self) -> Endpoint:
        """Keep the chosen language and go back."""

        def answer(request: Request, _: Mapping[str, str]) -> Response:
            response = door.onward(request, request.query_params.get("back", ""))
            if request.path_params["code"] in LANGUAGES:
                self.sessions.speak(response, request.path_params["code"])
            return response

        return self._endpoint(answer)

    def _endpoint(self, answer: Callable[[Request, Mapping[str, str]], Response]) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            response = await run_in_threadpool(answer, request, await _form(request))
            for name, value in _HEADERS.items():
                response.headers.setdefault(name, value)
            self.sessions.remember(response, request)
            return response

        return endpoint

    def _visit(self, request: Request, form: Mapping[str, str], viewer: "Viewer", about: Mapping[str, Any]) -> Visit:
        return Visit(
            desk=self.desk,
            books=self.books,
            viewer=viewer,
            request=request,
            language=door.language_of(request, str(about["language"])),
            form=form,
            token=self.sessions.token(request),
            looks=self.looks,
            today=self.today(),
            about=about,
            record=self.record,
        )

    def _drawn(self, visit: Visit, draw: Page, scope: str) -> Response:
        if not visit.viewer.may(scope):
            return visit.show("sorry.html", 403, sentence=visit.texts("sorry.not_allowed", scope=scope))
        if visit.request.method == "POST" and not self._is_ours(visit.request, visit.form):
            return visit.show("sorry.html", 403, sentence=visit.texts("sorry.stale_form"))
        try:
            return draw(visit)
        except RapportError as refusal:
            return visit.show("sorry.html", of_error(refusal)[0], sentence=str(refusal))

    def _viewer(self, request: Request) -> "Viewer | None":
        if (signed_in := request.scope.get(VIEWER)) is not None:
            return cast("Viewer", signed_in)
        # With keys switched off (loopback only) there is one viewer, and its name is known.
        name = "local" if self.desk.open else self.sessions.key_name(request)
        return self.desk.viewer(name) if name else None

    def _door(self, request: Request, *, refused: bool = False) -> Response:
        try:
            language = str(self.desk.about()["language"])
        except RapportError:
            language = LANGUAGES[0]
        chosen = door.language_of(request, language)
        return door.sign_in_page(request, self.looks, chosen, token=self.sessions.token(request), refused=refused)

    def _closed(self, request: Request, refusal: RapportError) -> Response:
        """Say why there is nothing to show yet."""
        return self._plain(request, str(refusal), of_error(refusal)[0])

    async def lost(self, request: Request, _: Exception) -> Response:
        """Say that there is no such page."""
        return self._plain(request, self._words(request)("sorry.no_page"), 404)

    async def broken(self, request: Request, _: Exception) -> Response:
        """Say that it is our fault; what happened goes to the log, not to the page."""
        return self._plain(request, self._words(request)("sorry.ours"), 500)

    def _plain(self, request: Request, sentence: str, status: int) -> Response:
        root, language = str(request.scope.get("root_path", "")), door.language_of(request, LANGUAGES[0])
        page = self.looks.draw("closed.html", language, root=root, here_address=f"{root}/", sentence=sentence)
        return HTMLResponse(page, status, headers=_HEADERS)

    def _words(self, request: Request) -> Texts:
        return self.looks.texts[door.language_of(request, LANGUAGES[0])]

    def _is_ours(self, request: Request, form: Mapping[str, str]) -> bool:
        return self.sessions.is_token(form.get("token", ""), request)


async def _form(request: Request) -> dict[str, str]:
    """Read a small form; fields that are files, and forms too long, are left out."""
    if request.method != "POST" or int(request.headers.get("content-length") or 0) > _LONGEST_FORM:
        return {}
    fields = await request.form(max_files=0, max_fields=200)
    return {name: value for name, value in fields.items() if isinstance(value, str)}
