"""Search over everyone whom a viewer may see, by id, name or contact, whatever the state or target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from rapport.serving.security.keys import Viewer
from rapport.serving.snapshots.live_model import LiveModel

Mask = npt.NDArray[np.bool_]


class CustomerMatch(TypedDict):
    """A customer that the search found: its probability by target, and the contact through whom it was found."""

    customer_id: str
    name: str | None
    owner: str | None
    region: str | None
    state: str
    contact: str | None
    scores: dict[str, float]


def search_customers(
    models: Sequence[LiveModel], viewer: Viewer, text: str, limit: int
) -> tuple[list[CustomerMatch], int]:
    """Return the best matches and how many there are; ids that are equal come first, then names that begin so."""
    found: dict[str, CustomerMatch] = {}
    for model in models:
        for row in _matching_rows(model, viewer, text):
            match = _match(model, int(row))
            known = found.setdefault(match["customer_id"], match)
            known["scores"].update(match["scores"])
    contacts = _matching_contacts(models[0], text) if models else {}
    for customer_id, name in contacts.items():
        other = None if customer_id in found else _visible_match(models, viewer, customer_id)
        if other is not None:
            found[customer_id] = other
        if customer_id in found:
            found[customer_id]["contact"] = name
    ranked = sorted(found.values(), key=lambda match: _rank(match, text.lower()))
    return ranked[:limit], len(ranked)


def _matching_rows(model: LiveModel, viewer: Viewer, text: str) -> npt.NDArray[np.intp]:
    customers = model.snapshot.customers
    hits = np.zeros(customers.num_rows, dtype=bool)
    for name in ("customer_id", "name"):
        if name in customers.column_names:
            hits |= _contains(customers.column(name), text)
    return np.array(
        [row for row in np.flatnonzero(hits) if viewer.sees_owner(model.snapshot.owner(int(row)))], dtype=np.intp
    )


def _matching_contacts(model: LiveModel, text: str) -> dict[str, str]:
    people = model.snapshot.run.cached_table("people")
    if people is None or not {"customer_id", "name"} <= set(people.column_names):
        return {}
    rows = people.select(["customer_id", "name"]).filter(pa.array(_contains(people.column("name"), text)))
    return dict(zip(rows["customer_id"].to_pylist(), rows["name"].to_pylist(), strict=True))


def _visible_match(models: Sequence[LiveModel], viewer: Viewer, customer_id: str) -> CustomerMatch | None:
    for model in models:
        row = model.snapshot.ids.row_of(customer_id)
        if row is not None and viewer.sees_owner(model.snapshot.owner(row)):
            return _match(model, row)
    return None


def _match(model: LiveModel, row: int) -> CustomerMatch:
    snapshot = model.snapshot
    person = snapshot.customers.slice(row, 1).to_pylist()[0]
    probability = float(snapshot.scored.probability[row]) if snapshot.scored.eligible[row] else None
    return {
        "customer_id": person["customer_id"],
        "name": person.get("name"),
        "owner": person.get("owner"),
        "region": person.get("region"),
        "state": str(snapshot.scored.state[row]),
        "contact": None,
        "scores": {model.target: probability} if probability is not None else {},
    }


def _contains(column: pa.ChunkedArray, text: str) -> Mask:
    hits = pc.match_substring(column.cast(pa.string()), text, ignore_case=True).fill_null(False)
    return np.asarray(hits.to_numpy(), dtype=bool)


def _rank(match: CustomerMatch, text: str) -> tuple[int, str]:
    customer_id, name = match["customer_id"], match["name"] or ""
    places = (
        customer_id.lower() == text,
        name.lower() == text,
        name.lower().startswith(text),
        customer_id.lower().startswith(text),
        text in name.lower(),
        True,
    )
    return places.index(True), name or customer_id
