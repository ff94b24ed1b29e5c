"""The company's playbook as it is now: read again when one of its files changes."""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from rapport.errors import CardError
from rapport.scoring.actions.playbook import Playbook, read_playbook

_CHECK_SECONDS = 1.0
logger = logging.getLogger("rapport.playbook")


class PlaybookReader:
    """Returns the present playbook; a damaged file leaves the last good one in use, and `problem` names the fault."""

    def __init__(self, folder: Path | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder, self._clock, self._lock = folder, clock, threading.Lock()
        self._playbook = read_playbook(folder)
        self._checked = clock()
        self.problem = ""

    def current(self) -> Playbook:
        """Return the playbook; the same object while nothing changed."""
        if self._folder is None or self._clock() - self._checked < _CHECK_SECONDS:
            return self._playbook
        with self._lock:
            self._checked = self._clock()
            try:
                found, problem = read_playbook(self._folder), ""
            except CardError as error:
                found, problem = self._playbook, str(error)
            if problem and problem != self.problem:
                logger.warning("playbook refused: %s", problem)
            elif found is not self._playbook:
                logger.info("playbook reloaded")
            self._playbook, self.problem = found, problem
        return self._playbook
