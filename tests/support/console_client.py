"""A client of the console over an application, without a browser."""

import asyncio
import re
from datetime import date

import httpx
from example_application import ExampleApplication

from rapport.serving.console.app import create_console

PAGES = (
    "/",
    "/home?a=region:East&b=region:West&from=2026-10-01&to=2026-11-01",
    "/tasks",
    "/deals",
    "/sales",
    "/analyses",
    "/analyses/channel_roi",
    "/alerts",
    "/alerts/rules?rule=risk_jump",
    "/alerts/receivers",
    "/experiments",
    "/digest",
    "/digest?every=daily",
    "/help",
    "/find?q=a",
    "/portfolio",
    "/model",
    "/cards",
    "/cards/account100",
    "/customers/C-1120",
    "/?target=conversion",
)

SECRET = b"a secret of this test only, no other"


class ConsoleClient:
    """A client that keeps cookies and follows no redirects."""

    raises = True

    def __init__(self, application: ExampleApplication, language: str = "en") -> None:
        self.app = create_console(application, secret=SECRET, today=lambda _zone: date(2026, 11, 2))
        self._cookies = httpx.Cookies({"rapport_language": language})

    def ask(self, method: str, path: str, **more: object) -> httpx.Response:
        async def asked() -> httpx.Response:
            carrier = httpx.ASGITransport(app=self.app, raise_app_exceptions=self.raises)
            async with httpx.AsyncClient(transport=carrier, base_url="http://rapport", cookies=self._cookies) as client:
                answer = await client.request(method, path, **more)
                self._cookies = client.cookies
                return answer

        return asyncio.run(asked())

    def see(self, path: str) -> str:
        return self.ask("GET", path).text

    def send(self, path: str, page: str = "/", **form: str) -> httpx.Response:
        token = re.search(r'name="token" value="([^"]+)"', self.see(page))
        return self.ask("POST", path, data={"token": token.group(1) if token else "", **form})

    def sign_in(self, key: str) -> httpx.Response:
        return self.send("/sign-in", page="/sign-in", key=key)
