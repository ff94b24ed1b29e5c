"""Events and answers of several threads at the same moment: no answer misses an event that was accepted before it."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from serving_world import NOW, copy_home
from test_live_crash import application

from rapport.serving.live.event_store import NewEvent
from rapport.serving.live.intake import SentEvent
from rapport.serving.security.keys import LOCAL

# Long enough for an answer that waits for nobody; nobody waits so long where the order is right.
MOMENT = 0.3


@pytest.fixture
def app(company, tmp_path):
    return application(copy_home(company, tmp_path / "home"))


def _send(app, customer, number):
    row = {"order_id": f"race-{number}", "ordered_at": "2026-10-31T12:00:00", "amount": 75.0}
    return app.store_events([SentEvent(customer, "orders", row, event_id=f"race-{number}")], LOCAL)


class _Paused(dict):
    """Marks of customers that stop in the middle of being learned, so that another thread comes in between."""

    def __init__(self, marks, pause):
        super().__init__(marks)
        self._pause = pause

    def __iter__(self):
        # Without a method of its own, a dictionary would be copied in one step.
        return super().__iter__()

    def keys(self):
        self._pause()
        return super().keys()


def test_an_answer_between_an_events_commit_and_its_mark_has_the_event(app, active, monkeypatch):
    customer, answers = active[3], []
    model, read = app.live_model("churn"), app.events.marks
    with ThreadPoolExecutor(1) as pool:

        def pause():
            if not answers:
                answers.append(pool.submit(app.overlay.scores, model, [customer]))
                time.sleep(MOMENT)

        def marks(after):
            found, newest = read(after)
            return _Paused(found, pause), newest

        monkeypatch.setattr(app.events, "marks", marks)
        _send(app, customer, 1)
        [answer] = answers
        assert len(answer.result(10)[customer].waiting) == 1


def test_of_answers_that_are_computed_together_the_newest_event_counts(app, active, monkeypatch):
    customer, other = active[3:5]
    model, suppressed, gate, slow = app.live_model("churn"), app.events.suppressed.of, threading.Event(), []

    def held_up(ids):
        if not slow and list(ids) == [customer]:
            slow.append(customer)
            assert gate.wait(10)
        return suppressed(ids)

    _send(app, other, 0)
    _send(app, customer, 1)
    with ThreadPoolExecutor(3) as pool:
        with ExitStack() as lent:
            # A computation needs a database: the first one lasts until all of them are back.
            for _ in range(4):
                lent.enter_context(app.databases.borrow())
            first = pool.submit(app.overlay.scores, model, [other])
            time.sleep(MOMENT)
            monkeypatch.setattr(app.events.suppressed, "of", held_up)
            # It knows the first event alone, and joins the next computation after one that knows both.
            late = pool.submit(app.overlay.scores, model, [customer])
            time.sleep(MOMENT)
            row = {"customer_id": customer, "order_id": "race-2", "ordered_at": "2026-10-31T13:00:00", "amount": 75.0}
            [(_, received, _)] = app.events.add([NewEvent("race-2", "orders", customer, row)], by="x", now=NOW)
            early = pool.submit(app.overlay.scores, model, [customer])
            time.sleep(MOMENT)
            gate.set()
            time.sleep(MOMENT)
        assert other in first.result(10)
        for answer in (early, late):
            live = answer.result(10)[customer]
            assert (len(live.waiting), live.received_at) == (2, received)
