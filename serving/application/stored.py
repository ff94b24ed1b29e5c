"""The application over a data folder, for commands and jobs that answer once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rapport.history.settings import Settings
from rapport.serving.application.application import Application
from rapport.serving.security.keys import KeyRing
from rapport.serving.snapshots.live_model import TARGETS
from rapport.serving.snapshots.reloader import Reloader


def stored_application(settings: Settings, data_dir: Path) -> Application:
    """Return the application with what the data folder publishes now."""
    reloaders = {target: Reloader(data_dir, target) for target in TARGETS}
    for reloader in reloaders.values():
        reloader.reload()
    return Application(replace(settings, data_dir=str(data_dir)), reloaders, KeyRing(data_dir), keys_disabled=True)
