"""Dictionary-encoded texts: few distinct categories, many rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rapport.features.arrays.column import Flags


class EncodedTexts:
    """Texts as integer codes into ``categories``, which holds each distinct text once."""

    def __init__(self, codes: npt.NDArray[Any], categories: Sequence[str]) -> None:
        self.codes, self.categories = codes, categories

    @classmethod
    def of(cls, texts: Sequence[str | None]) -> EncodedTexts:
        """Encode texts; a missing text becomes the empty text."""
        codes = {text: code for code, text in enumerate(dict.fromkeys(text or "" for text in texts))}
        return cls(np.array([codes[text or ""] for text in texts], np.int32), list(codes))

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, rows: Any) -> EncodedTexts:
        return EncodedTexts(self.codes[rows], self.categories)

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the shape, as of an array."""
        return self.codes.shape

    def map(self, function: Callable[[str], str]) -> EncodedTexts:
        """Apply a function to every text."""
        mapped = [function(text) for text in self.categories]
        codes = {text: code for code, text in enumerate(dict.fromkeys(mapped))}
        return EncodedTexts(np.array([codes[text] for text in mapped], np.int32)[self.codes], list(codes))

    def fill_missing(self, missing: Flags | None, text: str) -> EncodedTexts:
        """Replace missing texts by ``text``."""
        if missing is None:
            return self
        categories = list(dict.fromkeys([*self.categories, text]))
        return EncodedTexts(np.where(missing, np.int32(categories.index(text)), self.codes), categories)

    def where(self, test: Callable[[str], bool]) -> Flags:
        """Return which texts pass a test; each distinct text is tested once."""
        found: Flags = np.array([test(text) for text in self.categories], bool)[self.codes]
        return found

    def isin(self, wanted: Collection[str]) -> Flags:
        """Return which texts are among the wanted ones."""
        return self.where(wanted.__contains__)
