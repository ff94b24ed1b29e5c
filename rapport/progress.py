"""How long work reports how far it is: a message and a share from 0 to 1."""

from collections.abc import Callable

Progress = Callable[[str, float], None]


def no_progress(message: str, share: float) -> None:
    """Report nothing."""
