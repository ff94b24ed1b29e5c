"""Relatives of a customer in the account hierarchy: whose events change whose features."""

from __future__ import annotations

from collections.abc import Mapping

from rapport.serving.live.event_store import EventStore
from rapport.serving.snapshots.live_model import LiveModel


class Relatives:
    """The parent, siblings and children of each customer; empty where the model reads no features of relatives."""

    def __init__(self, parents: Mapping[str, str], *, used: bool) -> None:
        self._parent, self._used, self._seen = dict(parents), used, 0
        self._children: dict[str, set[str]] = {}
        for child, parent in parents.items():
            self._children.setdefault(parent, set()).add(child)

    @classmethod
    def of(cls, model: LiveModel) -> Relatives:
        """Read the hierarchy that a run published."""
        if not model.catalog.has_relatives:
            return cls({}, used=False)
        rows = model.snapshot.contract_rows
        pairs = zip(rows.column("customers", "customer_id"), rows.column("customers", "parent_id"), strict=False)
        return cls({child: parent for child, parent in pairs if parent and parent != child}, used=True)

    def near(self, customer_id: str) -> tuple[str, ...]:
        """Return the relatives of a customer, sorted; the relation is symmetric."""
        if not self._used:
            return ()
        parent = self._parent.get(customer_id)
        siblings = self._children.get(parent, set()) if parent else set()
        found = {*siblings, *self._children.get(customer_id, set()), *([parent] if parent else [])}
        return tuple(sorted(found - {customer_id}))

    def update(self, store: EventStore, newest: int) -> None:
        """Follow the parents that events up to ``newest`` have changed since the last call."""
        if newest > self._seen:
            for customer_id, parent in store.new_parents(self._seen) if self._used else ():
                self._move(customer_id, parent)
            self._seen = newest

    def _move(self, customer_id: str, parent: str | None) -> None:
        self._children.get(self._parent.pop(customer_id, ""), set()).discard(customer_id)
        if parent and parent != customer_id:
            self._parent[customer_id] = parent
            self._children.setdefault(parent, set()).add(customer_id)
