"""Who is looking: a signed cookie that names the key, and the token that every form carries."""

import secrets
from dataclasses import dataclass

from itsdangerous import BadSignature, URLSafeSerializer, URLSafeTimedSerializer
from starlette.requests import Request
from starlette.responses import Response

COOKIE = "rapport_session"
VISIT = "rapport_visit"
LANGUAGE = "rapport_language"
_HOURS = 12


@dataclass(frozen=True)
class Sessions:
    """Seal and open the console's cookies with one secret shared by all workers."""

    secret: bytes
    secure: bool

    def key_name(self, request: Request) -> str | None:
        """Return the name of the key that signed in, None when nobody did or it is too long ago."""
        try:
            name = self._sealer.loads(request.cookies.get(COOKIE, ""), max_age=_HOURS * 3600)
        except BadSignature:
            return None
        return name if isinstance(name, str) else None

    def start(self, response: Response, key_name: str) -> None:
        """Sign a visitor in."""
        self._set(response, COOKIE, str(self._sealer.dumps(key_name)), hours=_HOURS)

    def end(self, response: Response) -> None:
        """Sign a visitor out."""
        response.delete_cookie(COOKIE, httponly=True, secure=self.secure, samesite="lax")

    def visit(self, request: Request) -> str:
        """Return this browser's random mark, a new one when it has none."""
        # Kept with the request: a new browser's page and its cookie must carry the same mark.
        mark = request.cookies.get(VISIT) or secrets.token_urlsafe(18)
        return str(request.scope.setdefault("rapport.visit", mark))

    def remember(self, response: Response, request: Request) -> None:
        """Keep the browser's mark, to which its form tokens are tied."""
        self._set(response, VISIT, self.visit(request), hours=24 * 30)

    def speak(self, response: Response, language: str) -> None:
        """Keep the language that the visitor chose."""
        self._set(response, LANGUAGE, language, hours=24 * 365)

    def token(self, request: Request) -> str:
        """Return the token for the forms of this browser and this key."""
        return str(self._forms.dumps(self._page_of(request)))

    def is_token(self, token: str, request: Request) -> bool:
        """Say whether a form came from a page that we gave to this browser and this key."""
        try:
            return bool(self._forms.loads(token) == self._page_of(request))
        except BadSignature:
            return False

    def _page_of(self, request: Request) -> list[str]:
        return [self.visit(request), self.key_name(request) or ""]

    def _set(self, response: Response, name: str, value: str, *, hours: int) -> None:
        response.set_cookie(name, value, max_age=hours * 3600, httponly=True, secure=self.secure, samesite="lax")

    @property
    def _sealer(self) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self.secret, salt="rapport.session")

    @property
    def _forms(self) -> URLSafeSerializer:
        return URLSafeSerializer(self.secret, salt="rapport.forms")
