"""Laws of the change feed: the changes from cursor 0 rebuild the state, without a gap and none twice."""

import random
from datetime import UTC, datetime, timedelta

from rapport.serving.live.change_store import KINDS, ChangeStore, CustomerState

START = datetime(2026, 11, 2, 8, tzinfo=UTC)


def _state(draw):
    values = dict.fromkeys(KINDS) | {"probability": round(draw.random(), 2), "risk_band": draw.choice(["low", "high"])}
    return None if draw.random() < 0.1 else values | {"owner": draw.choice(["Maria", "Tom"])}


def test_the_changes_from_cursor_0_rebuild_the_state_exactly(tmp_path):
    draw, store = random.Random(11), ChangeStore(tmp_path, min_points=0.0)
    expected, followed, cursor, seen = {}, {}, 0, []
    for step in range(1_000):
        now = START + timedelta(hours=step * 2)
        kind = draw.random()
        if kind < 0.75:
            states = [
                CustomerState(f"C{draw.randrange(30)}", "2026-11-02", _state(draw)) for _ in range(draw.randrange(1, 4))
            ]
            states = list({one.customer_id: one for one in states}.values())
            store.record("churn", states, cause="event", now=now)
            expected |= {one.customer_id: one.values for one in states}
        elif kind < 0.85:
            store.record_alert("churn", f"C{draw.randrange(30)}", {"rule": "r"}, as_of="2026-11-02", now=now)
        elif kind < 0.95:
            changes, cursor, _ = store.since(cursor, limit=draw.randrange(1, 40))
            seen += [one["seq"] for one in changes]
            followed |= {one["customer_id"]: one["state"] for one in changes}
        else:
            store.prune(now)
    changes, _, more = store.since(cursor, limit=100_000)
    assert not more
    seen += [one["seq"] for one in changes]
    followed |= {one["customer_id"]: one["state"] for one in changes}
    current = {name: state for name, state in expected.items() if state is not None}
    assert store.states("churn") == current
    assert {name: state for name, state in followed.items() if state is not None} == current
    assert len(seen) == len(set(seen))
    fresh, _, _ = store.since(0, limit=100_000)
    rebuilt = {}
    for one in fresh:
        assert rebuilt.get(one["customer_id"], (0, None))[0] < one["customer_seq"]
        rebuilt[one["customer_id"]] = one["customer_seq"], one["state"]
    assert {name: state for name, (_, state) in rebuilt.items() if state is not None} == current


def test_each_customers_numbers_have_no_gap(tmp_path):
    draw, store = random.Random(2), ChangeStore(tmp_path)
    for _ in range(300):
        store.record(
            "churn", [CustomerState(f"C{draw.randrange(5)}", "2026-11-02", _state(draw))], cause="run", now=START
        )
    numbers = {}
    for change in store.since(0, limit=10_000)[0]:
        numbers.setdefault(change["customer_id"], []).append(change["customer_seq"])
    assert all(each == list(range(1, len(each) + 1)) for each in numbers.values())


def test_a_customer_that_changed_hands_leaves_its_former_owners_feed(tmp_path):
    feed = ChangeStore(tmp_path)
    for owner, probability in (("first", 0.5), ("second", 0.9)):
        state = CustomerState("C1", "2026-11-01", {"owner": owner, "probability": probability})
        feed.record("churn", [state], cause="run", now=datetime.now(UTC))
    assert feed.since(0, owners=["first"])[0] == []
    assert [one["state"]["probability"] for one in feed.since(0, owners=["second"])[0]] == [0.9]
    assert len(feed.since(0, owners=["first", "second"])[0]) == 2
