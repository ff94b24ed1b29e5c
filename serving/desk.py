"""The desk: all that the service can say, free of HTTP, so that pages and addresses say the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from rapport.history.settings import Settings
from rapport.scoring.playbook import playbook_of
from rapport.serving import cardroom, modelroom
from rapport.serving.book import Books, Lines, listed
from rapport.serving.change import change
from rapport.serving.current import TARGETS, Current, Watch
from rapport.serving.feedback import FeedbackBook, Note
from rapport.serving.file_of_customer import file_of
from rapport.serving.keys import LOCAL, KeyRing, Viewer
from rapport.serving.live import Engines, score_histories
from rapport.serving.problem import UNKNOWN_CUSTOMER, NotReadyError, RequestError, problem
from rapport.serving.what_if import what_if

_STALE = timedelta(days=3)


class Desk:
    """What is current, what is kept, and who may see it."""

    def __init__(
        self,
        settings: Settings,
        watches: Mapping[str, Watch],
        keys: KeyRing,
        *,
        is_open: Callable[[], bool],
        mlflow_url: str | None = None,
    ) -> None:
        self.settings = settings
        self.home = Path(settings.home)
        self._watches, self._keys, self._is_open, self._mlflow = watches, keys, is_open, mlflow_url
        self.playbook = playbook_of(settings)
        self._feedback, self._books = FeedbackBook(self.home), Books(self.playbook.segments)
        self.engines = Engines(settings)

    @property
    def open(self) -> bool:
        """Whether no key is asked for; only ever so on loopback."""
        return self._is_open()

    def sign_in(self, key: str) -> Viewer | None:
        """Return whose key it is, if anyone's."""
        return self._keys.check(key, datetime.now(UTC))

    def viewer(self, name: str) -> Viewer | None:
        """Return the viewer of a key while it is valid."""
        return LOCAL if self.open and name == LOCAL.name else self._keys.viewer(name, datetime.now(UTC))

    def current(self, target: str) -> Current:
        """Return what answers for ``target``; hold on to it for the whole of an answer."""
        return self._watches[target].current

    def warm(self, current: Current) -> None:
        """Answer an invented customer, so that the first real one does not wait for what is made once."""
        day = (datetime.now(UTC) - timedelta(days=30)).date().isoformat()
        order = {"order_id": "1", "ordered_at": day, "amount": 1.0}
        body = {"customer": {"customer_id": "nobody", "created_at": day}, "orders": [order]}
        score_histories(current, [body], datetime.now(UTC).date().isoformat(), self.engines)

    def targets(self) -> list[str]:
        """Name the targets that have a scored night."""
        loaded = {target: watch.loaded for target, watch in self._watches.items()}
        return [
            target for target in TARGETS if (current := loaded[target]) is not None and current.last_night is not None
        ]

    def main_target(self) -> str:
        """Name the target whose night tells who the customers are."""
        ready = self.targets()
        if not ready:
            raise NotReadyError("Nothing is scored yet; run: rapport score HISTORY --as-of DATE.")
        return ready[0]

    def sees(self, viewer: Viewer, current: Current, customer_id: str) -> bool:
        """Say whether the night knows the customer and ``viewer`` may see it."""
        row = current.night.ids.find(customer_id)
        return row is not None and (viewer.owner is None or current.night.owner(row) == viewer.owner)

    def about(self) -> dict[str, Any]:
        """Say what every page says: as of when, in which currency, for which targets."""
        night = self.current(self.main_target()).night
        scored_at = night.run.manifest.scored_at
        age = datetime.now(UTC) - datetime.fromisoformat(scored_at)
        stale = (
            f"These scores are {age.days} days old; the nightly run has not finished since." if age > _STALE else None
        )
        return {
            "as_of": night.as_of.date().isoformat(),
            "scored_at": scored_at,
            "currency": self.settings.currency,
            "language": self.settings.language,
            "targets": self.targets(),
            "calls_per_week": self.settings.calls_per_week,
            "names": "name" in night.people.column_names,
            "mlflow": self._mlflow,
            "notice": stale,
        }

    def book(self, target: str) -> pa.Table:
        """Return one row a customer with a probability; the same object while nothing changed."""
        return self._books.of(self.current(target))

    def lines(self, target: str) -> Lines:
        """Return the lines of the book, found by customer."""
        return Lines(self.book(target))

    def listed(
        self, current: Current, *, owner: str | None, tier: str | None, first: int, count: int
    ) -> tuple[list[dict[str, Any]], bool]:
        """Return a page of the book, most value at risk first, and whether more follow."""
        return listed(self._books.of(current), owner=owner, tier=tier, first=first, count=count)

    def answers(
        self, customer_ids: Sequence[str], target: str, *, reasons: int = 2, language: str = "en"
    ) -> list[dict[str, Any]]:
        """Answer for each id in turn; an unknown one has an error of its own."""
        said = self.current(target).answers(customer_ids, reasons, language)
        return [
            answer.as_dict() if answer else {"customer_id": one, **problem("not_found", "No such customer.", "")}
            for one, answer in zip(customer_ids, said, strict=True)
        ]

    def what_if(
        self,
        customer_id: str,
        target: str,
        changes: Mapping[str, float],
        *,
        language: str = "en",
        reasons: int = 5,
    ) -> dict[str, Any]:
        """Answer as it is and as it would be."""
        told = what_if(self.current(target), customer_id, changes)
        return {
            "before": told.before.answers(reasons, language)[0].as_dict(),
            "after": told.after.answers(reasons, language)[0].as_dict(),
            "changed": {name: after for name, (_, after) in told.moved.items()},
        }

    def change(self, customer_id: str, target: str, start: str, end: str, *, language: str = "en") -> dict[str, Any]:
        """Say why a score moved between two kept days."""
        return change(self.home, target, customer_id, start=start, end=end, language=language)

    def customer(self, customer_id: str, *, language: str = "en") -> dict[str, Any]:
        """Say all that is known of one customer."""
        currents = [self.current(target) for target in self.targets()]
        if not currents or currents[0].night.ids.find(customer_id) is None:
            raise RequestError(404, UNKNOWN_CUSTOMER, where="customer_id")
        return file_of(self, currents, customer_id, language)

    def marks(self, target: str) -> dict[str, dict[str, Any]]:
        """Return each customer's last feedback."""
        return self._feedback.latest(target)

    def feedback_of(self, customer_id: str) -> Sequence[dict[str, Any]]:
        """Return a customer's feedback, newest first."""
        return self._feedback.of_customer(customer_id)

    def feedback(  # noqa: PLR0913  # the fields of the form, as pages and addresses give them
        self,
        viewer: Viewer,
        *,
        customer_id: str,
        target: str,
        verdict: str,
        comment: str = "",
        action: str = "",
        until: str | None = None,
        repeat_key: str = "",
    ) -> dict[str, Any]:
        """Keep what a person says, beside what they were told."""
        answer = self.current(target).answers([customer_id], 0, "en")[0]
        if answer is None:
            raise RequestError(404, UNKNOWN_CUSTOMER, where="customer_id")
        seen = {"version": answer.model.version, "probability": answer.probability}
        note = Note(customer_id, target, verdict, comment, action, until)
        at = datetime.now(UTC).isoformat(timespec="seconds")
        return self._feedback.keep(note, by=viewer.name, at=at, seen=seen, repeat_key=repeat_key)

    def views(self) -> dict[str, Any]:
        """Return the pictures that the night made of all customers."""
        return modelroom.views([self.current(target).night for target in self.targets()])

    def model(self, target: str, *, language: str = "en") -> dict[str, Any]:
        """Return what is known of the model that answers."""
        return modelroom.model_page(self.home, self.current(target), language, self._mlflow)

    def cards(self, *, language: str = "en") -> list[dict[str, Any]]:
        """Return the scorecards that have a voice."""
        return [cardroom.card_page(self.current(target), language) for target in self.targets()]

    def try_card(self, card: str, customer_id: str, *, language: str = "en") -> dict[str, Any]:
        """Return a card's marks of one customer."""
        return cardroom.try_card([self.current(target) for target in self.targets()], card, customer_id, language)

    def check_card(self, yaml_text: str) -> str | None:
        """Return what is wrong with a card's text; None when nothing is."""
        return cardroom.check_card(yaml_text)
