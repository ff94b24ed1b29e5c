"""The documentation site at ``/docs``: static pages that ``make site`` builds and the wheel carries."""

from importlib import resources
from pathlib import Path
from typing import Any

from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from rapport.serving.security import content_policy

SITE = Path(str(resources.files("rapport"))) / "docs_site"
_MISSING = "The documentation is not built in this checkout. Run: make site. 尚未生成文档，请运行 make site。"


class _Site(StaticFiles):
    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["content-security-policy"] = content_policy.DOCUMENTATION
        return response


def documentation_route() -> BaseRoute:
    """Return the mount of the site, or of a sentence that says how to build it."""
    if (SITE / "index.html").is_file():
        return Mount("/docs", _Site(directory=SITE, html=True))
    return Route("/docs{rest:path}", lambda _: PlainTextResponse(_MISSING, 404))
