"""Texts as arrays: few different words, many rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt


class Texts:
    """Texts as their places among the different ones, which stand in ``words`` once each."""

    def __init__(self, places: npt.NDArray[Any], words: Sequence[str]) -> None:
        self.places, self.words = places, words

    @classmethod
    def of(cls, cells: Sequence[str | None]) -> Texts:
        """Take texts; for one that is missing stands the empty text."""
        words = {word: place for place, word in enumerate(dict.fromkeys(cell or "" for cell in cells))}
        return cls(np.array([words[cell or ""] for cell in cells], np.int32), list(words))

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, rows: Any) -> Texts:
        return Texts(self.places[rows], self.words)

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the shape, as of an array."""
        return self.places.shape

    def each(self, change: Callable[[str], str]) -> Texts:
        """Change every text."""
        changed = [change(word) for word in self.words]
        words = {word: place for place, word in enumerate(dict.fromkeys(changed))}
        return Texts(np.array([words[word] for word in changed], np.int32)[self.places], list(words))

    def filled(self, missing: npt.NDArray[np.bool_] | None, word: str) -> Texts:
        """Put a text where one is missing."""
        if missing is None:
            return self
        words = list(dict.fromkeys([*self.words, word]))
        return Texts(np.where(missing, np.int32(words.index(word)), self.places), words)

    def among(self, wanted: Collection[str]) -> npt.NDArray[np.bool_]:
        """Return which texts are among the wanted."""
        found: npt.NDArray[np.bool_] = np.array([word in wanted for word in self.words], bool)[self.places]
        return found
