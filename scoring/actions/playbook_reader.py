"""The company's playbook as it is now: read again when one of its files changes."""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from rapport.errors import CardError
from rapport.scoring.actions.playbook import FILES, Playbook, read_playbook

_CHECK_SECONDS = 1.0
logger = logging.getLogger("rapport.playbook")


class PlaybookReader:
    """Returns the present playbook; a damaged file leaves the last good one in use, and `problem` names the fault."""

    def __init__(self, folder: Path | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder, self._clock, self._lock = folder, clock, threading.Lock()
        self._playbook = read_playbook(folder)
        self._stamp, self._checked = self._stamps(), clock()
        self.problem = ""

    def current(self) -> Playbook:
        """Return the playbook; the same object while nothing changed."""
        if self._folder is None or self._clock() - self._checked < _CHECK_SECONDS:
            return self._playbook
        with self._lock:
            self._checked, stamp = self._clock(), self._stamps()
            if stamp != self._stamp:
                self._stamp = stamp
                self._read()
        return self._playbook

    def _read(self) -> None:
        try:
            self._playbook, self.problem = read_playbook(self._folder), ""
            logger.info("playbook reloaded")
        except CardError as error:
            self.problem = str(error)
            logger.warning("playbook refused: %s", error)

    def _stamps(self) -> tuple[tuple[str, int, int], ...]:
        if self._folder is None:
            return ()
        paths = [path for name in FILES if (path := self._folder / name).is_file()]
        return tuple((path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in paths)
