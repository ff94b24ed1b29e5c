"""A process that is killed after it accepted an event, before it answers, loses nothing."""

import signal
import subprocess
import sys
from dataclasses import replace

import pytest
from serving_world import copy_home

from rapport.history.settings import Settings
from rapport.serving.application.application import Application
from rapport.serving.live.intake import SentEvent
from rapport.serving.security.keys import LOCAL, KeyRing
from rapport.serving.snapshots.live_model import TARGETS
from rapport.serving.snapshots.reloader import Reloader

EVENT = {
    "table": "orders",
    "row": {"order_id": "crash-1", "ordered_at": "2026-10-31T12:00:00", "amount": 75.0},
    "event_id": "crash-1",
}
# The event is committed; the process ends before its receipt or any answer leaves it.
KILLED = """
import os, signal, sys
from pathlib import Path
from test_live_crash import EVENT, application
from rapport.serving.live.intake import EventIntake, SentEvent
from rapport.serving.security.keys import LOCAL

EventIntake._receipt = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
application(Path(sys.argv[1])).store_events([SentEvent(sys.argv[2], **EVENT)], LOCAL)
"""


def application(home):
    """Return an application that has loaded what is published."""
    reloaders = {target: Reloader(home, target) for target in TARGETS}
    for reloader in reloaders.values():
        reloader.reload()
    return Application(replace(Settings(), data_dir=str(home)), reloaders, KeyRing(home), keys_disabled=True)


@pytest.mark.parametrize("retried", [False, True])
def test_an_event_of_a_process_killed_before_its_answer_is_in_the_next_answer_once(company, active, tmp_path, retried):
    home, customer = copy_home(company, tmp_path / "home"), active[3]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(home), customer],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    after = application(home)
    if retried:
        receipt = after.store_events([SentEvent(customer, **EVENT)], LOCAL)
        assert (receipt["accepted"], receipt["repeated_events"]) == (0, 1)
    answer = after.answers([customer], "churn")[0]
    assert answer["live"]["not_in_source"] == 1
    assert [event.row["order_id"] for event in after.events.of([customer])[customer]] == ["crash-1"]
