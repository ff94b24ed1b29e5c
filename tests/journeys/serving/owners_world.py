"""A company whose customers have several owners, with a key for each owner and scope."""

import re
from contextlib import contextmanager
from datetime import UTC, datetime

from serving_world import AS_OF, bearer, copy_home, served

from rapport.serving.live.change_store import ChangeStore, CustomerState
from rapport.serving.security.keys import KeyRing
from rapport.serving.security.roles import SCOPES
from rapport.serving.snapshots.live_model import load_live_model

NOBODY = "nobody-at-all"
DAY = AS_OF.date().isoformat()


class World:
    """A data folder with a key for each owner and scope, a task of each owner, and whose each customer is."""

    def __init__(self, company, home):
        self.home, self.ring = copy_home(company, home), KeyRing(home)
        rows = load_live_model(home, "churn").snapshot.customers.select(["owner", "customer_id", "name"]).to_pylist()
        self.owner_of = {row["customer_id"]: row["owner"] for row in rows}
        self.name_of = {row["customer_id"]: row["name"] for row in rows}
        self.owners = sorted({row["owner"] for row in rows if row["owner"]})
        now = datetime.now(UTC)
        self.keys = {
            (owner, scope): bearer(self.ring.add(f"{scope}-{place}", [scope], now, owner=owner))
            for place, owner in enumerate(self.owners)
            for scope in SCOPES
        }
        self.boss = bearer(self.ring.add("boss", ["admin"], now))
        states = [CustomerState(one, DAY, {"owner": who, "probability": 0.5}) for one, who in self.owner_of.items()]
        ChangeStore(home).record("churn", states, cause="run", now=now)

    def own(self, owner):
        """Return the customers of an owner."""
        return [one for one, who in self.owner_of.items() if who == owner]

    def named_in(self, owner, text):
        """Return the ids and names of other owners' customers in a text, however they stand in it."""
        mine = "\n".join(str(self.name_of[one]) for one in self.own(owner))
        ids = {one for one in re.findall(r"C\d{6}", text) if self.owner_of.get(one, owner) != owner}
        names = {name for one, name in self.name_of.items() if name and self.owner_of[one] != owner}
        # A branch carries the name of its parent company.
        return ids | {name for name in names if name in text and name not in mine}


@contextmanager
def served_to_owners(world):
    """Yield a client of the service; each owner has a task, and one more with a due day before it."""
    with served(world.home, requests_per_minute=100_000) as client:
        for owner in world.owners:
            for one, due in zip(world.own(owner)[:2], (None, "2026-12-01"), strict=True):
                body = {"customer_id": one, "title": "Call", "steps": ["Offer"]} | ({"due": due} if due else {})
                client.post("/v1/tasks/open", json=body, headers=world.boss).raise_for_status()
        yield client
