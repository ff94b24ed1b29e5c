"""Everything that can keep a worker from answering, checked in a process of its own.

The parent of the workers lives as long as the server and needs neither models nor their libraries.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

from rapport.serving.environment import Environment


@dataclass(frozen=True)
class StartCheck:
    """What a worker would load: the targets, the reasons against others, and notes about their settings."""

    loaded: tuple[str, ...]
    refusals: dict[str, str]
    notes: tuple[str, ...]


def check_start(environment: Environment) -> StartCheck:
    """Load what is published as a worker would; raises what would keep the worker from starting."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(_check, environment).result()


def _check(environment: Environment) -> StartCheck:
    from rapport.serving.api.app_state import AppState  # noqa: PLC0415 - only this process needs it

    state = AppState(environment)
    state.reload()
    loaded = {target: reloader.loaded for target, reloader in state.reloaders.items() if reloader.loaded}
    notes = (model.bundle.settings_mismatch(state.settings) for model in loaded.values())
    return StartCheck(
        loaded=tuple(loaded),
        refusals={target: reloader.refusal for target, reloader in state.reloaders.items() if reloader.refusal},
        notes=tuple(note for note in notes if note),
    )
