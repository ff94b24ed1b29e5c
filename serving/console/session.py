"""The console's signed cookies: the session, the browser id, the language; and the CSRF token of every form."""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from itsdangerous import BadSignature, URLSafeSerializer, URLSafeTimedSerializer
from starlette.requests import Request
from starlette.responses import Response

from rapport.serving.security.ended_sessions import EndedSessions
from rapport.serving.security.keys import Viewer

SESSION_COOKIE = "rapport_session"
SIGN_IN_COOKIE = "rapport_sign_in"
BROWSER_COOKIE = "rapport_visit"
LANGUAGE_COOKIE = "rapport_language"
_SESSION_HOURS = 12
_SIGN_IN_SECONDS = 600
_BROWSER_HOURS = 24 * 30
_LANGUAGE_HOURS = 24 * 365


@dataclass(frozen=True)
class Session:
    """A signed-in browser: the key's name, the mark of its secret, and the session's own id.

    A person whom the issuer signed in has no key: the session holds who it is, and what the claims granted.
    """

    key_name: str
    mark: str
    session_id: str
    person: Viewer | None = None


@dataclass(frozen=True)
class Sessions:
    """Sign and verify the console's cookies with one secret shared by all workers.

    ``ended`` lists the sessions that people ended: a copy of their cookie opens nothing. ``issuer_mark`` identifies the
    issuer, the client and the claim that grant roles: a session that another one began opens nothing.
    """

    secret: bytes
    secure: bool
    ended: EndedSessions
    issuer_mark: str = ""

    def session(self, request: Request) -> Session | None:
        """Return the session of a request; None when there is none, or it has expired or was ended."""
        return self.read(request.cookies.get(SESSION_COOKIE, ""))

    def read(self, cookie: str) -> Session | None:
        """Return the session of a cookie's value."""
        try:
            parts = self._session_serializer.loads(cookie, max_age=_SESSION_HOURS * 3600)
        except BadSignature:
            return None
        if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts[:3]):
            return None
        if len(parts) == 3:
            session = Session(*parts)
        elif len(parts) == 4 and self.issuer_mark and parts[1] == self.issuer_mark:
            session = Session(parts[0], parts[1], parts[2], _person(parts[0], parts[3]))
        else:
            return None
        return None if self.ended.has(session.session_id) else session

    def key_name(self, request: Request) -> str | None:
        """Return the name of the key that signed in; None without a session."""
        session = self.session(request)
        return session.key_name if session else None

    def start(self, response: Response, viewer: Viewer) -> None:
        """Start a session of the key that identified ``viewer``."""
        self._start(response, [viewer.name, viewer.mark, secrets.token_urlsafe(16)])

    def start_person(self, response: Response, viewer: Viewer) -> None:
        """Start a session of a person whom the issuer signed in; it keeps what the claims granted until it ends."""
        claims = {"scopes": sorted(viewer.scopes), "owner": viewer.owner, "team": viewer.team,
                  "person": viewer.person, "role": viewer.role}  # fmt: skip
        self._start(response, [viewer.name, self.issuer_mark, secrets.token_urlsafe(16), claims])

    def _start(self, response: Response, parts: list[object]) -> None:
        self._set(response, SESSION_COOKIE, str(self._session_serializer.dumps(parts)), hours=_SESSION_HOURS)

    def end(self, request: Request, response: Response) -> None:
        """End the session, in the browser and on the server."""
        if session := self.session(request):
            self.ended.add(session.session_id, until=time.time() + _SESSION_HOURS * 3600)
        response.delete_cookie(SESSION_COOKIE, httponly=True, secure=self.secure, samesite="lax")

    def remember(self, response: Response, kept: Mapping[str, str]) -> None:
        """Keep what a sign-in at the issuer needs when the browser is back, for ten minutes."""
        text = str(URLSafeTimedSerializer(self.secret, salt="rapport.sign-in").dumps(dict(kept)))
        self._set(response, SIGN_IN_COOKIE, text, hours=1)

    def remembered(self, request: Request, response: Response) -> dict[str, str]:
        """Return what was kept, once; empty for nothing, or something older."""
        response.delete_cookie(SIGN_IN_COOKIE, httponly=True, secure=self.secure, samesite="lax")
        serializer = URLSafeTimedSerializer(self.secret, salt="rapport.sign-in")
        try:
            kept = serializer.loads(request.cookies.get(SIGN_IN_COOKIE, ""), max_age=_SIGN_IN_SECONDS)
        except BadSignature:
            return {}
        return kept if isinstance(kept, dict) else {}

    def browser_id(self, request: Request) -> str:
        """Return this browser's random id, a new one when it has none."""
        # Kept with the request: a new browser's page and its cookie must carry the same id.
        browser_id = request.cookies.get(BROWSER_COOKIE) or secrets.token_urlsafe(18)
        return str(request.scope.setdefault("rapport.browser_id", browser_id))

    def store_browser_id(self, response: Response, request: Request) -> None:
        """Set the cookie with the browser's id, to which its CSRF tokens are bound."""
        self._set(response, BROWSER_COOKIE, self.browser_id(request), hours=_BROWSER_HOURS)

    def set_language(self, response: Response, language: str) -> None:
        """Set the cookie with the chosen language."""
        self._set(response, LANGUAGE_COOKIE, language, hours=_LANGUAGE_HOURS)

    def csrf_token(self, request: Request) -> str:
        """Return the token for the forms of this browser and this key."""
        return str(self._csrf_serializer.dumps(self._csrf_subject(request)))

    def is_valid_csrf_token(self, token: str, request: Request) -> bool:
        """Whether a token was issued to this browser and this key."""
        try:
            return bool(self._csrf_serializer.loads(token) == self._csrf_subject(request))
        except BadSignature:
            return False

    def calendar_token(self, viewer: Viewer) -> str:
        """Return the token with which a calendar program reads the tasks of a key; it ends when the key does."""
        return str(URLSafeSerializer(self.secret, salt="rapport.calendar").dumps([viewer.name, viewer.mark]))

    def calendar_key(self, token: str) -> tuple[str, str] | None:
        """Return name and mark of the key of a calendar token; None for a token of somebody else."""
        try:
            parts = URLSafeSerializer(self.secret, salt="rapport.calendar").loads(token)
        except BadSignature:
            return None
        return (str(parts[0]), str(parts[1])) if isinstance(parts, list) and len(parts) == 2 else None

    def _csrf_subject(self, request: Request) -> list[str]:
        return [self.browser_id(request), self.key_name(request) or ""]

    def _set(self, response: Response, name: str, value: str, *, hours: int) -> None:
        response.set_cookie(name, value, max_age=hours * 3600, httponly=True, secure=self.secure, samesite="lax")

    @property
    def _session_serializer(self) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self.secret, salt="rapport.session")

    @property
    def _csrf_serializer(self) -> URLSafeSerializer:
        return URLSafeSerializer(self.secret, salt="rapport.forms")


def _person(name: str, claims: Mapping[str, Any]) -> Viewer:
    return Viewer(
        name, frozenset(claims["scopes"]), claims["owner"], tuple(claims["team"]), claims["person"], claims["role"]
    )
