"""The access policy of every page: authentication, scopes, CSRF checks, security headers and error pages."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, cast

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from rapport.errors import RapportError
from rapport.languages import CODES
from rapport.serving.console.page_context import AuditRecorder, PageContext, PortfolioCache
from rapport.serving.console.pages import setup, sign_in, tasks, widget
from rapport.serving.console.rendering import PageRenderer
from rapport.serving.console.session import Sessions
from rapport.serving.errors import RequestError, error_response, is_storage_error, message
from rapport.serving.first_run import MAX_FILES, FirstRun
from rapport.serving.security import content_policy
from rapport.serving.security.browser_sign_in import BrowserSignIn
from rapport.serving.security.limits import UPLOAD_PATH
from rapport.serving.security.request_context import VIEWER
from rapport.serving.translations import Translations

if TYPE_CHECKING:
    from rapport.serving.application.application import Application
    from rapport.serving.security.keys import Viewer

PageHandler = Callable[[PageContext], Response]
Endpoint = Callable[[Request], Awaitable[Response]]
_SECURITY_HEADERS = {
    "content-security-policy": content_policy.PAGE,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}


@dataclass(frozen=True)
class PageRouter:
    """Turn page handlers into endpoints that hold to one access policy."""

    application: "Application"
    sessions: Sessions
    renderer: PageRenderer
    portfolios: PortfolioCache
    today: Callable[[str], date]
    record_audit: AuditRecorder
    first_run: FirstRun | None = None
    provider: BrowserSignIn | None = None

    def page(self, handler: PageHandler, scope: str = "read") -> Endpoint:
        """Return the endpoint of a page: it needs a signed-in viewer with the scope, and a valid token on forms."""

        def respond(request: Request, form: Mapping[str, str]) -> Response:
            viewer = self._viewer(request)
            if viewer is None:
                return self._sign_in_page(request)
            try:
                about = self.application.about()
            except RapportError as error:
                status = error_response(error)[0]
                return (
                    self._setup_page(request, viewer, {}, status=503)
                    if status == 503
                    else self._unavailable(request, str(error), status)
                )
            return self._guarded(self._context(request, form, viewer, about), handler, scope)

        return self._endpoint(respond)

    def company_page(self, handler: PageHandler, scope: str) -> Endpoint:
        """Return the endpoint of a page about the whole company: a viewer of some owners' customers has none."""

        def whole_company(page: PageContext) -> Response:
            if page.viewer.owners is not None:
                raise RequestError(403, message("whole_company"))
            return handler(page)

        return self.page(whole_company, scope)

    def setup(self) -> Endpoint:
        """Return the endpoint of the first run: it takes files and answers until something is trained."""

        def respond(request: Request, form: Mapping[str, str]) -> Response:
            viewer = self._viewer(request)
            if viewer is None:
                return self._sign_in_page(request)
            # What a finished or failed run says stays readable; files and answers are taken until a model is there.
            run = self.first_run
            if run is None or not (run.is_open or (request.method == "GET" and run.state()["step"])):
                return sign_in.redirect_back(request, "")
            language = self._translations(request).language
            if request.method == "GET":
                return self._setup_page(request, viewer, {})
            if not viewer.may_for_all("admin") or not self._has_valid_token(request, form):
                key = "error.stale_form" if viewer.may_for_all("admin") else "error.missing_scope"
                return self._unavailable(request, self._translations(request)(key, scope="admin"), 403)
            problem = setup.act(request, run, form, language)
            return self._setup_page(request, viewer, form, problem=problem, status=422 if problem else 200)

        return self._endpoint(respond)

    def _setup_page(
        self, request: Request, viewer: "Viewer", answers: Mapping[str, str], *, problem: str = "", status: int = 200
    ) -> Response:
        open_run = self.first_run if self.first_run and viewer.may_for_all("admin") else None
        return setup.setup_page(
            request,
            self.renderer,
            self._translations(request).language,
            first_run=open_run,
            token=self.sessions.csrf_token(request),
            answers=answers,
            problem=problem,
            status=status,
        )

    def sign_in(self) -> Endpoint:
        """Return the endpoint that asks for a key and starts a session."""

        def respond(request: Request, form: Mapping[str, str]) -> Response:
            key = form.get("key", "").strip()
            viewer = self.application.sign_in(key) if self._has_valid_token(request, form) else None
            if viewer is None:
                refused = self._translations(request)("sign_in.refused") if request.method == "POST" else ""
                return self._sign_in_page(request, problem=refused)
            response = sign_in.redirect_back(request, form.get("back", ""))
            self.sessions.start(response, viewer)
            return response

        return self._endpoint(respond)

    def provider_step(self, step: Callable[[Request, Sessions, BrowserSignIn], Response]) -> Endpoint:
        """Return the endpoint of one step of a sign-in at the company's issuer."""

        def respond(request: Request, _: Mapping[str, str]) -> Response:
            if self.provider is None:
                return self._unavailable(request, self._translations(request)("error.no_page"), 404)
            try:
                return step(request, self.sessions, self.provider)
            except RequestError as error:
                sentence = error.sentence(self._translations(request).language)
                return self._sign_in_page(request, problem=sentence, status=error.status)

        return self._endpoint(respond)

    def sign_out(self) -> Endpoint:
        """Return the endpoint that ends the session."""

        def respond(request: Request, form: Mapping[str, str]) -> Response:
            session = self.sessions.session(request)
            # A form may not lead to another site: the sign-in page links to the issuer's own sign-out.
            at_provider = "/sign-in?left=1" if self.provider and session and session.person else ""
            response = sign_in.redirect_back(
                request, at_provider and f"{request.scope.get('root_path', '')}{at_provider}"
            )
            if self._has_valid_token(request, form):
                self.sessions.end(request, response)
            return response

        return self._endpoint(respond)

    def calendar(self) -> Endpoint:
        """Return the endpoint of the calendar feed: its token names the key, whose tasks are answered."""

        def respond(request: Request, _: Mapping[str, str]) -> Response:
            key = self.sessions.calendar_key(request.query_params.get("token", ""))
            viewer = self.application.viewer(*key) if key else None
            if viewer is None or not viewer.may("read"):
                return self._unavailable(request, self._translations(request)("error.no_page"), 404)
            return tasks.calendar_file(self._context(request, {}, viewer, self.application.about()))

        return self._endpoint(respond)

    def widget(self) -> Endpoint:
        """Return the endpoint of the widget, whose token stands for a session."""

        def respond(request: Request, _: Mapping[str, str]) -> Response:
            return widget.show(request, self.application, self.sessions, self.renderer)

        return self._endpoint(respond)

    def set_language(self) -> Endpoint:
        """Return the endpoint that stores the chosen language and goes back."""

        def respond(request: Request, _: Mapping[str, str]) -> Response:
            response = sign_in.redirect_back(request, request.query_params.get("back", ""))
            if request.path_params["code"] in CODES:
                self.sessions.set_language(response, request.path_params["code"])
            return response

        return self._endpoint(respond)

    def _endpoint(self, respond: Callable[[Request, Mapping[str, str]], Response]) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            response = await run_in_threadpool(respond, request, await _form_fields(request))
            for name, value in _SECURITY_HEADERS.items():
                response.headers.setdefault(name, value)
            self.sessions.store_browser_id(response, request)
            return response

        return endpoint

    def _context(
        self, request: Request, form: Mapping[str, str], viewer: "Viewer", about: Mapping[str, object]
    ) -> PageContext:
        return PageContext(
            application=self.application,
            portfolios=self.portfolios,
            viewer=viewer,
            request=request,
            language=sign_in.preferred_language(request, str(about["language"])),
            form=form,
            csrf_token=self.sessions.csrf_token(request),
            calendar_token=self.sessions.calendar_token(viewer)
            if viewer.mark or self.application.keys_disabled
            else "",
            renderer=self.renderer,
            today=self.today(str(about.get("timezone") or "UTC")),
            about=about,
            record_audit=self.record_audit,
        )

    def _guarded(self, page: PageContext, handler: PageHandler, scope: str) -> Response:
        if not page.viewer.may(scope):
            return page.render("error.html", 403, sentence=page.translate("error.missing_scope", scope=scope))
        if page.request.method == "POST" and not self._has_valid_token(page.request, page.form):
            return page.render("error.html", 403, sentence=page.translate("error.stale_form"))
        try:
            return handler(page)
        except RapportError as error:
            return page.render("error.html", error_response(error)[0], sentence=error.sentence(page.language))

    def _viewer(self, request: Request) -> "Viewer | None":
        if (signed_in := request.scope.get(VIEWER)) is not None:
            return cast("Viewer", signed_in)
        # With keys switched off (loopback only) there is one viewer, and its name is known.
        if self.application.keys_disabled:
            return self.application.viewer("local")
        session = self.sessions.session(request)
        if session is None or session.person is not None:
            return session.person if session else None
        return self.application.viewer(session.key_name, session.mark)

    def _sign_in_page(self, request: Request, *, problem: str = "", status: int = 401) -> Response:
        try:
            default = str(self.application.about()["language"])
        except RapportError:
            default = CODES[0]
        language = sign_in.preferred_language(request, default)
        token = self.sessions.csrf_token(request)
        return sign_in.sign_in_page(
            request,
            self.renderer,
            language,
            token=token,
            provider=self.provider,
            problem=problem,
            status=status if problem else 200,
        )

    async def page_not_found(self, request: Request, _: Exception) -> Response:
        """Respond to a URL without a page."""
        return self._unavailable(request, self._translations(request)("error.no_page"), 404)

    async def server_error(self, request: Request, error: Exception) -> Response:
        """Respond to an error of ours; its details go to the log, not to the page."""
        if is_storage_error(error):
            return self._unavailable(request, self._translations(request)("error.storage"), 503)
        return self._unavailable(request, self._translations(request)("error.internal"), 500)

    def _unavailable(self, request: Request, sentence: str, status: int) -> Response:
        root, language = str(request.scope.get("root_path", "")), sign_in.preferred_language(request, CODES[0])
        html = self.renderer.render("unavailable.html", language, root=root, current_url=f"{root}/", sentence=sentence)
        return HTMLResponse(html, status, headers=_SECURITY_HEADERS)

    def _translations(self, request: Request) -> Translations:
        return self.renderer.translations[sign_in.preferred_language(request, CODES[0])]

    def _has_valid_token(self, request: Request, form: Mapping[str, str]) -> bool:
        return self.sessions.is_valid_csrf_token(form.get("token", ""), request)


async def _form_fields(request: Request) -> dict[str, str]:
    """Read the text fields of a form, whose size the middleware limits; files are kept for the page that takes them."""
    request.state.files = []
    if request.method != "POST":
        return {}
    takes_files = request.url.path.endswith(UPLOAD_PATH)
    async with request.form(max_files=MAX_FILES if takes_files else 0, max_fields=200) as fields:
        uploaded = [value for value in fields.getlist("files") if isinstance(value, UploadFile)]
        request.state.files = [(upload.filename or "", await upload.read()) for upload in uploaded]
        return {name: value for name, value in fields.items() if isinstance(value, str)}
