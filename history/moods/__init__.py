"""The mood of what was said, from -1 to 1, for interactions that have a text and no number.

A text is told by its own words alone, so it says the same whenever and wherever it is read.
"""

from rapport.history.moods.telling import mood_of, tell_moods

__all__ = ["mood_of", "tell_moods"]
