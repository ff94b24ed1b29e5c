"""The documentation site at ``/docs``: static pages that ``make site`` builds and the wheel carries."""

from importlib import resources
from pathlib import Path
from typing import Any

from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

SITE = Path(str(resources.files("rapport"))) / "docs_site"
# The generator writes inline scripts; its pages hold no data of customers and no form.
_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; worker-src 'self'; base-uri 'self'; frame-ancestors 'none'"
)
_MISSING = "The documentation is not built in this checkout. Run: make site. 尚未生成文档，请运行 make site。"


class _Site(StaticFiles):
    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["content-security-policy"] = _POLICY
        return response


def documentation_route() -> BaseRoute:
    """Return the mount of the site, or of a sentence that says how to build it."""
    if (SITE / "index.html").is_file():
        return Mount("/docs", _Site(directory=SITE, html=True))
    return Route("/docs{rest:path}", lambda _: PlainTextResponse(_MISSING, 404))
