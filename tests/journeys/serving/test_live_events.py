"""Events over the API: stored before the receipt, in every answer at once, and gone into the next run."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from serving_world import bearer, copy_home, history_body, served


@pytest.fixture(scope="module")
def home(company, tmp_path_factory):
    folder = tmp_path_factory.mktemp("live")
    copy_home(company, folder / "home")
    return folder / "home"


@pytest.fixture(scope="module")
def client(home):
    with served(home, keys=False) as one:
        yield one


def _score(client, customer_id):
    return client.post("/v1/score", json={"customer_ids": [customer_id]}).json()["answers"][0]


def test_an_order_is_in_the_next_answer_of_every_worker(client, home, active):
    customer, before = active[3], _score(client, active[3])
    now = datetime.now(UTC).isoformat()
    row = {"order_id": "new-1", "ordered_at": now, "amount": 5000.0}
    sent = {"events": [{"customer_id": customer, "table": "orders", "event_id": "e-1", "row": row}]}
    receipt = client.post("/v1/events", json=sent).json()
    assert receipt["accepted"] == 1
    assert client.post("/v1/events", json=sent).json()["accepted"] == 0, "the same event twice"
    after = _score(client, customer)
    assert after["probability"] != before["probability"]
    assert after["live"]["run_as_of"][:10] == before["as_of"][:10]
    received = datetime.fromisoformat(after["live"]["received_at"]).astimezone(UTC).replace(tzinfo=None)
    assert timedelta(0) < datetime.fromisoformat(after["as_of"]) - received <= timedelta(seconds=10)
    assert after["percentile"] == before["percentile"]
    with served(home, keys=False) as other:
        assert _score(other, customer) == after
        page = other.post("/v1/customer", json={"customer_id": customer}).json()["answers"][0]
        assert (page["probability"], page["as_of"]) == (after["probability"], after["as_of"])


def test_an_unknown_customer_becomes_known_by_its_events(client):
    assert "error" in _score(client, "brand-new")
    row = {"order_id": "n-1", "ordered_at": "2026-10-30T10:00:00", "amount": 900.0}
    client.post("/v1/events", json={"customer_id": "brand-new", "table": "orders", "rows": [row]}).raise_for_status()
    assert _score(client, "brand-new")["probability"] > 0


def test_a_correction_replaces_the_event_and_a_reused_id_is_refused(client, company, active):
    customer = active[5]
    row = {"order_id": "c-1", "ordered_at": "2026-10-20", "amount": 70000.0}
    event = {"customer_id": customer, "table": "orders", "event_id": "c-1", "row": row}
    client.post("/v1/events", json={"events": [event]}).raise_for_status()
    wrong = client.post("/v1/events", json={"events": [event | {"row": row | {"amount": 1.0}}]})
    assert wrong.status_code == 409
    deleted = {"customer_id": customer, "table": "orders", "event_id": "c-2", "corrects": "c-1"}
    client.post("/v1/events", json={"events": [deleted]}).raise_for_status()
    after = _score(client, customer)
    assert after["live"]["not_in_source"] == 0
    body = history_body(company, customer)
    again = client.post("/v1/score_history", json={"as_of": after["as_of"], "histories": [body]}).json()["answers"][0]
    assert again["probability"] == after["probability"], "as if the order had never been"


def test_a_row_that_is_not_there_cannot_be_replaced_and_a_retry_is_no_error(client, company, active):
    body = history_body(company, active[11])
    was = {name: body["orders"][0][name] for name in ("order_id", "ordered_at", "amount")}
    row = was | {"amount": 12.5}
    event = {"customer_id": active[11], "table": "orders", "event_id": "w-1", "row": row, "was": was}
    assert client.post("/v1/events", json={"events": [event]}).json()["accepted"] == 1
    assert client.post("/v1/events", json={"events": [event]}).json()["accepted"] == 0
    wrong = client.post("/v1/events", json={"events": [event | {"event_id": "w-2", "was": was | {"amount": 1e9}}]})
    assert wrong.status_code == 422


@pytest.mark.parametrize(
    ("table", "row", "says"),
    [
        ("orders", {"order_id": "x", "ordered_at": "yesterday", "amount": 1.0}, "is not a time"),
        ("orders", {"order_id": "x", "ordered_at": "2026-01-01"}, "amount"),
        ("orders", {"order_id": "x", "ordered_at": "2026-01-01", "amount": 1.0, "colour": "red"}, "no column colour"),
        ("order", {"order_id": "x"}, "No such table"),
    ],
)
def test_a_row_that_a_run_would_reject_is_refused_with_its_place(client, active, table, row, says):
    answer = client.post("/v1/events", json={"customer_id": active[0], "table": table, "rows": [row]})
    assert answer.status_code == 422
    assert says in answer.json()["error"]["message"]


@pytest.mark.parametrize("cell", [[1], {"value": 1}, "x" * 4_001])
def test_a_cell_that_is_no_single_value_is_refused_in_one_sentence(client, active, cell):
    row = {"order_id": "x", "ordered_at": "2026-01-01", "amount": cell}
    answer = client.post("/v1/events", json={"customer_id": active[0], "table": "orders", "rows": [row]})
    assert (answer.status_code, answer.json()["error"]["where"]) == (400, "rows.0.amount")
    assert "a text of at most 4,000 characters, a number, true, false or null" in answer.json()["error"]["message"]


def test_events_need_their_scope(keyed, secrets, active):
    row = {"order_id": "x", "ordered_at": "2026-01-01", "amount": 1.0}
    body = {"customer_id": active[0], "table": "orders", "rows": [row]}
    assert keyed.post("/v1/events", json=body, headers=bearer(secrets["read"])).status_code == 403


def test_events_and_runs_enter_the_change_feed_once(client, active):
    wait_until(lambda: client.get("/readyz").json()["live"]["events_behind"] == 0)
    page = client.post("/v1/changes", json={"limit": 10_000}).json()
    before = {one["customer_id"]: one["state"] for one in page["changes"] if one["target"] == "churn"}
    assert before[active[7]]["probability"] == _score(client, active[7])["probability"]
    row = {"order_id": "f-1", "ordered_at": datetime.now(UTC).isoformat(), "amount": 9000.0}
    client.post("/v1/events", json={"customer_id": active[7], "table": "orders", "rows": [row]}).raise_for_status()
    wait_until(lambda: client.get("/readyz").json()["live"]["events_behind"] == 0)
    changes = client.post("/v1/changes", json={"since": page["next"], "target": "churn"}).json()["changes"]
    assert [one["customer_id"] for one in changes] == [active[7]]
    assert changes[0]["state"]["probability"] == _score(client, active[7])["probability"]
    assert "score" in changes[0]["kinds"]
    assert b"rapport_live_events_behind 0.0" in client.get("/metrics").content


def wait_until(condition, seconds=20.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)


def test_a_lawsuit_raises_an_alert_within_seconds(client, home, active):
    cursor = client.post("/v1/changes", json={"limit": 10_000}).json()["next"]
    row = {"occurred_at": datetime.now(UTC).isoformat(), "category": "judicial", "role": "defendant", "kind": "debt"}
    sent = {"customer_id": active[9], "table": "risk_events", "rows": [row]}
    client.post("/v1/events", json=sent).raise_for_status()
    words = {"occurred_at": row["occurred_at"], "channel": "email", "text": "We want to cancel the contract."}
    sent = {"customer_id": active[9], "table": "interactions", "rows": [words]}
    client.post("/v1/events", json=sent).raise_for_status()
    wait_until(lambda: client.get("/readyz").json()["live"]["events_behind"] == 0)
    changes = client.post("/v1/changes", json={"since": cursor, "target": "churn"}).json()["changes"]
    alerts = [one["alert"] for one in changes if one["cause"] == "alert" and one["customer_id"] == active[9]]
    assert [alert["rule"] for alert in alerts if alert["rule"] == "lawsuit"] == ["lawsuit"]
    assert "defendant in a new case" in next(alert["en"] for alert in alerts if alert["rule"] == "lawsuit")
    assert "intent_to_stop" in {alert["rule"] for alert in alerts}
    assert (home / "alerts.db").is_file()
