"""Delivery of alerts: a receiver that fails, hangs or answers too late loses nothing and sees one id."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pyarrow as pa
import pytest
from alert_rules import alerts_yaml, rule

from rapport.errors import ServingError
from rapport.history import history_of
from rapport.scoring.alerts import AlertContext
from rapport.scoring.alerts.rules import parse_rules
from rapport.scoring.cards import load_card
from rapport.serving.jobs.alert_delivery import deliver_alerts
from rapport.serving.jobs.channels import AlertFile, Webhook
from rapport.serving.jobs.outbox import Outbox
from rapport.serving.outbound_http import verify
from rapport.serving.work.alert_inbox import AlertMarks, latest_alerts

SECRET = "a secret of enough bytes"
NOW = datetime(2026, 1, 1, 2, 0, tzinfo=UTC)
RULES = parse_rules(alerts_yaml(rule("high", "kind: score_above, probability: 0.5"), capacity=100), "alerts.yaml")


class Receiver(ThreadingHTTPServer):
    """A receiver that follows its script, one word per request, and then works."""

    daemon_threads = True

    def __init__(self, *script: str) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.script, self.taken, self.signed = list(script), Counter[str](), []
        self.lock = threading.Lock()
        # Who takes an alert and then does not say so gets it again, with the same id.
        self.repeats = sum("but" in word for word in script)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def hook(self) -> Webhook:
        return Webhook(f"http://127.0.0.1:{self.server_port}/alerts", SECRET, timeout_seconds=0.3)


class _Answer(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            behaviour = self.server.script.pop(0) if self.server.script else "take"
            if behaviour in ("take", "take, but answer too late", "take, but say 500"):
                self.server.taken[self.headers["X-Rapport-Id"]] += 1
                self.server.signed.append((self.headers["X-Rapport-Signature"], body))
        if behaviour in ("hang", "take, but answer too late"):
            time.sleep(0.6)
        codes = {"fail": 500, "take, but say 500": 500, "move": 302, "refuse": 404}
        self.send_response(codes.get(behaviour, 200))
        if behaviour == "move":
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def receiver(request: pytest.FixtureRequest) -> Iterator[Receiver]:
    server = Receiver(*request.param)
    yield server
    server.shutdown()
    server.server_close()


def moment(day: datetime = datetime(2026, 1, 1), customers: int = 3) -> AlertContext:
    book = pa.table(
        {
            "customer_id": [f"c{number}" for number in range(customers)],
            "probability": np.full(customers, 0.9),
            "tier": ["at_risk"] * customers,
        }
    )
    return AlertContext(day, load_card("relationship"), book)


def rounds(outbox: Outbox, hook: Webhook, count: int) -> list[int]:
    """Deliver repeatedly, each time after the longest wait; return how many alerts still wait."""
    return [outbox.deliver(hook, NOW + timedelta(hours=7 * turn)).waiting for turn in range(1, count + 1)]


SCRIPTS = [
    ("fail", "fail", "fail", "fail"),
    ("hang", "take", "hang", "hang"),
    ("take, but answer too late", "take", "take, but say 500"),
    ("move", "refuse", "fail", "hang"),
]


@pytest.mark.parametrize("receiver", SCRIPTS, indirect=True, ids=lambda script: "; ".join(script))
def test_no_alert_is_lost_or_gets_a_second_id(receiver, tmp_path):
    history = history_of({"orders": []})
    notice = deliver_alerts(history, tmp_path, moment(), RULES, now=NOW, channels=[receiver.hook])
    assert notice.raised == 3
    assert notice.deliveries["webhook"].failed > 0
    outbox = Outbox(tmp_path / "alerts.db")
    assert rounds(outbox, receiver.hook, 3)[-1] == 0
    assert len(receiver.taken) == 3
    assert sum(receiver.taken.values()) == 3 + receiver.repeats
    # Once taken for good, nothing is sent again.
    before = receiver.taken.copy()
    outbox.deliver(receiver.hook, NOW + timedelta(days=9))
    assert receiver.taken == before


@pytest.mark.parametrize("receiver", [()], indirect=True)
def test_a_second_run_for_the_same_snapshot_delivers_nothing_new(receiver, tmp_path):
    history = history_of({"orders": []})
    first = deliver_alerts(history, tmp_path, moment(), RULES, now=NOW, channels=[receiver.hook])
    again = deliver_alerts(history, tmp_path, moment(), RULES, now=NOW + timedelta(hours=1), channels=[receiver.hook])
    later = deliver_alerts(history, tmp_path, moment(datetime(2026, 2, 5)), RULES, now=NOW, channels=[receiver.hook])
    assert (first.raised, again.raised, later.raised) == (3, 0, 3)
    assert (len(receiver.taken), max(receiver.taken.values())) == (6, 1)


@pytest.mark.parametrize("receiver", [()], indirect=True)
def test_the_signature_is_valid_for_the_body_and_a_short_time_only(receiver, tmp_path):
    deliver_alerts(history_of({"orders": []}), tmp_path, moment(customers=1), RULES, now=NOW, channels=[receiver.hook])
    ((header, body),) = receiver.signed
    assert verify(SECRET, header, body, NOW)
    assert json.loads(body)["customer_id"] == "c0"
    assert not verify(SECRET, header, body + b" ", NOW)
    assert not verify("another secret", header, body, NOW)
    assert not verify(SECRET, header, body, NOW + timedelta(minutes=6))
    assert not verify(SECRET, "nonsense", body, NOW)


def test_an_alert_of_a_process_that_died_is_sent_by_the_next(tmp_path):
    class Dying(AlertFile):
        def send(self, *_: object) -> None:
            raise KeyboardInterrupt

    outbox = Outbox(tmp_path / "alerts.db")
    with pytest.raises(KeyboardInterrupt):
        deliver_alerts(
            history_of({"orders": []}), tmp_path, moment(), RULES, now=NOW, channels=[Dying(tmp_path / "a.jsonl")]
        )
    out = AlertFile(tmp_path / "a.jsonl")
    # The one that was being sent is free again after its lease; the others are sent at once.
    assert outbox.deliver(out, NOW).waiting == 1
    assert outbox.deliver(out, NOW + timedelta(minutes=3)).waiting == 0
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert sorted(line["customer_id"] for line in lines) == ["c0", "c1", "c2"]


def test_an_invalid_address_or_secret_is_refused():
    with pytest.raises(ServingError, match="not an http or https URL"):
        Webhook("file:///etc/passwd", SECRET)
    with pytest.raises(ServingError, match="secret is too short"):
        Webhook("https://crm.example", "short")


def test_a_muted_cause_raises_no_further_alert_of_this_customer(tmp_path):
    history = history_of({"orders": []})
    deliver_alerts(history, tmp_path, moment(), RULES, now=NOW)
    (muted,) = [alert for alert in latest_alerts(tmp_path, 10) if alert["customer_id"] == "c1"]
    marks = AlertMarks(tmp_path)
    marks.mark(muted["id"], "muted", by="ann", at="2026-01-02")
    later = moment(datetime(2026, 12, 1))
    assert deliver_alerts(history, tmp_path, later, RULES, now=NOW).raised == 2
    marks.mark(muted["id"], "open", by="ann", at="2026-12-02")
    assert deliver_alerts(history, tmp_path, moment(datetime(2027, 12, 1)), RULES, now=NOW).raised == 3
