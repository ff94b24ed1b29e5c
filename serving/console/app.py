"""The console as one ASGI application, mounted by the service beside its HTTP interface."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from rapport.serving.asked import Asked
from rapport.serving.console.house import House
from rapport.serving.console.looks import HERE, looks
from rapport.serving.console.pages import cards, customer, model, portfolio, worklist
from rapport.serving.console.session import Sessions
from rapport.serving.console.visit import Books, Record
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

if TYPE_CHECKING:
    from rapport.serving.desk import Desk


class KeptFiles(StaticFiles):
    """Our own files; their address changes with their content, so browsers may keep them."""

    def file_response(self, *found: Any, **more: Any) -> Response:
        """Return a file with leave to keep it."""
        response = super().file_response(*found, **more)
        response.headers["cache-control"] = "public, max-age=31536000, immutable"
        return response


def today_utc() -> date:
    """Return today's date."""
    return datetime.now(UTC).date()


def unrecorded(_reading: Asked, _customer_ids: Sequence[str], _now: datetime) -> None:
    """Keep no trail."""


def console(
    desk: "Desk",
    *,
    secret: bytes,
    secure: bool = False,
    record: Record = unrecorded,
    today: Callable[[], date] = today_utc,
) -> Starlette:
    """Build the console over a desk.

    ``secret`` signs cookies and forms and must be the same in all workers; ``secure`` keeps cookies to HTTPS;
    ``record`` writes to the audit trail who saw whose scores.
    """
    house = House(desk, Sessions(secret, secure), looks(), Books(desk), today, record)
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
            Route("/sign-in", house.sign_in(), methods=[*see, *act]),
            Route("/sign-out", house.sign_out(), methods=act),
            Route("/language/{code}", house.speak(), methods=see),
            Mount("/static", KeptFiles(directory=HERE / "static")),
        ],
        exception_handlers={404: house.lost, 405: house.lost, 500: house.broken},
    )
