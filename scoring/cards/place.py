"""A place in a hand-written file: takes values out of it and says in a sentence what is wrong there."""

import difflib
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rapport.history.contract import Words

from rapport.errors import CardError

_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Place:
    """A value and the words for where it stands."""

    where: str
    value: Any
    around: str = ""

    def wrong(self, sentence: str) -> CardError:
        """Make the error that says what is wrong here."""
        return CardError(f"{self.where}: {sentence}")

    def keys(self, required: Iterable[str], optional: Iterable[str] = ()) -> None:
        """Refuse anything but a mapping that has every required key and no unknown one."""
        if not isinstance(self.value, dict):
            raise self.wrong(f"expected “key: value” lines, found {described(self.value)}.")
        known = [*required, *optional]
        for key in self.value:
            if key not in known:
                raise self.wrong(f"“{key}” is not a key here{hint(str(key), known)} Keys: {', '.join(known)}.")
        if missing := [key for key in required if key not in self.value]:
            raise self.wrong(f"{' and '.join(f'“{key}”' for key in missing)} is missing.")

    def has(self, key: str) -> bool:
        """Say whether the key is there."""
        return key in self.value

    def at(self, key: Any, called: str = "") -> "Place":
        """Go to the value under a key."""
        return Place(f"{self.where}, {called or key}", self.value[key], self.where)

    def items(self) -> Iterator[tuple[Any, "Place"]]:
        """Go through a mapping that may not be empty."""
        if not isinstance(self.value, dict) or not self.value:
            raise self.wrong(f"expected “key: value” lines, found {described(self.value)}.")
        for key in self.value:
            yield key, self.at(key)

    def lines(self, called: str) -> list["Place"]:
        """Go through a list that may not be empty; each line is called by its name where it has one."""
        if not isinstance(self.value, list) or not self.value:
            raise self.wrong(f"expected a list of at least one {called}, found {described(self.value)}.")
        around = self.around or self.where
        return [Place(f"{around}, {_called(line, called, at)}", line) for at, line in enumerate(self.value, 1)]

    def name(self) -> str:
        """Take a short name: it becomes a column and a code."""
        if not isinstance(self.value, str) or not _NAME.fullmatch(self.value):
            raise self.wrong(f"{described(self.value)} is no name. Use small letters, digits and _, such as spend_12m.")
        return self.value

    def text(self) -> str:
        """Take a text that says something."""
        if not isinstance(self.value, str) or not self.value.strip():
            raise self.wrong(f"expected a text, found {described(self.value)}.")
        return self.value.strip()

    def words(self) -> Words:
        """Take a text in both languages."""
        self.keys(("en", "zh"))
        return Words(self.at("en").text(), self.at("zh").text())

    def number(self) -> float:
        """Take a finite number; a number in quotes or with separators is refused rather than guessed."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            raise self.wrong(f"{described(self.value)} is no number. Write it plainly, such as 1000000 or 0.25.")
        if not math.isfinite(self.value):
            raise self.wrong(f"{self.value} is no finite number.")
        return float(self.value)

    def whole(self, least: int) -> int:
        """Take a whole number that is not too small."""
        if isinstance(self.value, bool) or not isinstance(self.value, int) or self.value < least:
            raise self.wrong(f"{described(self.value)} is not a whole number of at least {least}.")
        return self.value

    def flag(self) -> bool:
        """Take a yes or no."""
        if not isinstance(self.value, bool):
            raise self.wrong(f"{described(self.value)} is neither true nor false.")
        return self.value

    def one_of(self, choices: Sequence[str]) -> str:
        """Take one of the given words."""
        if self.value not in choices:
            guess = hint(str(self.value), choices)
            raise self.wrong(f"{described(self.value)} is not known{guess} Choose one of: {', '.join(choices)}.")
        return str(self.value)

    def texts(self) -> tuple[str, ...]:
        """Take a list of texts."""
        return tuple(line.text() for line in self.lines("text"))


def hint(word: str, known: Iterable[str]) -> str:
    """Offer the nearest known word, as the end of a sentence."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean “{near[0]}”?" if near else "."


def described(value: Any) -> str:
    """Say what was found, short enough for a sentence."""
    if value is None:
        return "nothing"
    if isinstance(value, dict | list) and not value:
        return "nothing"
    if isinstance(value, dict):
        return "keys"
    return "a list" if isinstance(value, list) else f"“{str(value)[:40]}”"


def _called(line: Any, called: str, at: int) -> str:
    named = line.get("name") if isinstance(line, dict) else None
    return f"{called} {named}" if isinstance(named, str) else f"{called} {at}"
