"""One visitor's request, with all that a page needs: the desk, the language, the form, and how to answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from rapport.serving.asked import Asked, asked
from rapport.serving.console.book import Book
from rapport.serving.console.looks import Looks, Texts
from rapport.serving.problem import RequestError
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

if TYPE_CHECKING:
    from rapport.serving.desk import Desk
    from rapport.serving.keys import Viewer


_STALE_DAYS = 3


Record = Callable[[Asked, Sequence[str], datetime], None]


class Books:
    """The prepared book of each target; made again when the desk has another snapshot."""

    def __init__(self, desk: "Desk") -> None:
        self._desk = desk
        self._kept: dict[str, tuple[object, Book]] = {}

    def of(self, target: str) -> Book:
        """Return the book of the desk's present snapshot."""
        table = self._desk.book(target)
        kept = self._kept.get(target)
        if kept is None or kept[0] is not table:
            kept = self._kept[target] = (table, Book(table))
        return kept[1]


@dataclass(frozen=True)
class Visit:
    """A request from someone who may look."""

    desk: "Desk"
    books: Books
    viewer: "Viewer"
    request: Request
    language: str
    form: Mapping[str, str]
    token: str
    looks: Looks
    today: date
    about: Mapping[str, Any]
    record: Record

    @property
    def texts(self) -> Texts:
        """The words of the visitor's language."""
        return self.looks.texts[self.language]

    @property
    def target(self) -> str:
        """The target that the visitor looks at: the asked one, else the first."""
        asked = self.form.get("target") or self.request.query_params.get("target", "")
        return asked if asked in self.about["targets"] else self._first

    @property
    def _first(self) -> str:
        return str(next(iter(self.about["targets"]), "churn"))

    @cached_property
    def book(self) -> Book:
        """The customers scored for this target; the same for the whole page, whatever is published meanwhile."""
        return self.books.of(self.target)

    @property
    def may_mark(self) -> bool:
        """Say whether the visitor may mark customers."""
        return self.viewer.may("feedback")

    @property
    def notice(self) -> str:
        """What every page must say first: that the scores are old, or what the desk has to say."""
        age = (self.today - date.fromisoformat(str(self.about["scored_at"])[:10])).days
        return self.texts("frame.stale", days=age) if age > _STALE_DAYS else str(self.about["notice"] or "")

    def saw(self, customer_ids: Sequence[str]) -> None:
        """Leave in the audit trail whose scores this page shows, before it is shown."""
        reading = replace(asked(), viewer=self.viewer, route=self.request.url.path)
        self.record(reading, customer_ids, datetime.now(UTC))

    def may_see(self, customer_id: str) -> bool:
        """Say whether this customer is among those that the visitor's key shows."""
        owner = self.viewer.owner
        if owner is None:
            return True
        books = (self.books.of(target) for target in self.about["targets"])
        places = ((book, book.rows_by_id.get(customer_id)) for book in books)
        return any(row is not None and book.words("owner").at(row) == owner for book, row in places)

    def must_see(self, customer_id: str) -> None:
        """Refuse a customer of another owner with the words for one that does not exist."""
        if not self.may_see(customer_id):
            raise self.unknown(customer_id)

    def unknown(self, customer_id: str) -> RequestError:
        """Return the refusal of a customer who is not there, or not theirs."""
        return RequestError(404, self.texts("sorry.no_customer", id=customer_id), where="customer_id")

    def address(self, path: str, **params: str | int) -> str:
        """Return the address of a page of the console, wherever it is mounted."""
        kept = {name: str(value) for name, value in params.items() if value not in ("", None)}
        if self.target != self._first:
            kept.setdefault("target", self.target)
        return self.root + quote(path) + (f"?{urlencode(kept)}" if kept else "")

    @property
    def root(self) -> str:
        """The path under which the console is mounted."""
        return str(self.request.scope.get("root_path", ""))

    def show(self, template: str, status: int = 200, **context: Any) -> Response:
        """Draw a page."""
        frame = {"visit": self, "root": self.root, "currency": self.about["currency"], "shown_target": self.target}
        here = self.request.url.path + (f"?{query}" if (query := self.request.url.query) else "")
        return HTMLResponse(self.looks.draw(template, self.language, **{**frame, **context}, here_address=here), status)

    def go(self, back: str) -> Response:
        """Send the visitor on, only ever to a page of ours."""
        return RedirectResponse(local(back) or self.address("/"), 303)


def local(address: str) -> str:
    """Return an address if it leads to this server, else nothing."""
    ours = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if ours else ""
