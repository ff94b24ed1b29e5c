"""Relatives of a customer in the account hierarchy: whose events change whose features."""

from __future__ import annotations

from collections.abc import Mapping

from rapport.serving.live.event_store import EventStore, Mark
from rapport.serving.snapshots.contract_rows import ContractRows
from rapport.serving.snapshots.live_model import LiveModel


class Relatives:
    """The parent, siblings and children of each customer; empty where the model reads no features of relatives."""

    def __init__(self, parents: Mapping[str, str], *, used: bool) -> None:
        self._parent, self._used, self._seen = dict(parents), used, 0
        self._children: dict[str, set[str]] = {}
        for child, parent in parents.items():
            self._children.setdefault(parent, set()).add(child)

    @classmethod
    def of(cls, model: LiveModel, rows: ContractRows) -> Relatives:
        """Read the hierarchy that a run published."""
        if not model.catalog.has_relatives:
            return cls({}, used=False)
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

    def update(self, store: EventStore, marks: Mapping[str, Mark]) -> None:
        """Follow the parents that events have changed since the last call."""
        newest = max((mark.seq for mark in marks.values()), default=0)
        if not self._used or newest <= self._seen:
            return
        changed = [customer for customer, mark in marks.items() if mark.seq > self._seen]
        for customer_id, events in store.of(changed).items():
            for event in events:
                if event.table == "customers" and event.row and "parent_id" in event.row:
                    self._move(customer_id, event.row["parent_id"])
        self._seen = newest

    def _move(self, customer_id: str, parent: str | None) -> None:
        self._children.get(self._parent.pop(customer_id, ""), set()).discard(customer_id)
        if parent and parent != customer_id:
            self._parent[customer_id] = parent
            self._children.setdefault(parent, set()).add(customer_id)
