"""What customers say in their interactions: needs, pains, praise, competitors, prices and intents to stop."""

from rapport.history.content.signals import KINDS, Signal, content_signals

__all__ = ["KINDS", "Signal", "content_signals"]
