"""One node of a hand-written configuration file: typed access to its value, and errors that name the position."""

import difflib
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rapport.errors import CardError
from rapport.localized import LocalizedText

_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class ConfigNode:
    """A value and its position in the file, in words; `parent` is the position of the node that holds it."""

    where: str
    value: Any
    parent: str = ""

    def error(self, sentence: str) -> CardError:
        """Return an error that names the position."""
        return CardError(f"{self.where}: {sentence}")

    def keys(self, required: Iterable[str], optional: Iterable[str] = ()) -> None:
        """Refuse any value except a mapping with every required key and no unknown key."""
        if not isinstance(self.value, dict):
            raise self.error(f"expected “key: value” lines, found {describe_value(self.value)}.")
        known = [*required, *optional]
        for key in self.value:
            if key not in known:
                raise self.error(f"“{key}” is not a key here{did_you_mean(str(key), known)} Keys: {', '.join(known)}.")
        if missing := [key for key in required if key not in self.value]:
            raise self.error(f"{' and '.join(f'“{key}”' for key in missing)} is missing.")

    def has(self, key: str) -> bool:
        """Tell whether the mapping has the key."""
        return key in self.value

    def at(self, key: object, name: str = "") -> "ConfigNode":
        """Return the node under a key; `name` replaces the key in error messages."""
        return ConfigNode(f"{self.where}, {name or key}", self.value[key], self.where)

    def items(self) -> Iterator[tuple[Any, "ConfigNode"]]:
        """Iterate over a mapping, which must not be empty."""
        if not isinstance(self.value, dict) or not self.value:
            raise self.error(f"expected “key: value” lines, found {describe_value(self.value)}.")
        for key in self.value:
            yield key, self.at(key)

    def lines(self, kind: str) -> list["ConfigNode"]:
        """Return the nodes of a list, which must not be empty; errors name each by its kind, and by its name if any."""
        if not isinstance(self.value, list) or not self.value:
            raise self.error(f"expected a list of at least one {kind}, found {describe_value(self.value)}.")
        parent = self.parent or self.where
        return [
            ConfigNode(f"{parent}, {_line_name(line, kind, number)}", line) for number, line in enumerate(self.value, 1)
        ]

    def name(self) -> str:
        """Return an identifier; it becomes a column name and a code."""
        if not isinstance(self.value, str) or not _NAME.fullmatch(self.value):
            raise self.error(
                f"{describe_value(self.value)} is not a name. Use small letters, digits and _, such as spend_12m."
            )
        return self.value

    def text(self) -> str:
        """Return a text that is not empty."""
        if not isinstance(self.value, str) or not self.value.strip():
            raise self.error(f"expected a text, found {describe_value(self.value)}.")
        return self.value.strip()

    def localized(self) -> LocalizedText:
        """Return a text in both languages."""
        self.keys(("en", "zh"))
        return LocalizedText(self.at("en").text(), self.at("zh").text())

    def number(self) -> float:
        """Return a finite number; a number in quotes or with separators is refused, not guessed."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            raise self.error(
                f"{describe_value(self.value)} is not a number. Write it plainly, such as 1000000 or 0.25."
            )
        if not math.isfinite(self.value):
            raise self.error(f"{self.value} is not a finite number.")
        return float(self.value)

    def whole(self, least: int) -> int:
        """Return a whole number of at least `least`."""
        if isinstance(self.value, bool) or not isinstance(self.value, int) or self.value < least:
            raise self.error(f"{describe_value(self.value)} is not a whole number of at least {least}.")
        return self.value

    def flag(self) -> bool:
        """Return true or false."""
        if not isinstance(self.value, bool):
            raise self.error(f"{describe_value(self.value)} is neither true nor false.")
        return self.value

    def one_of(self, choices: Sequence[str]) -> str:
        """Return one of the choices."""
        if self.value not in choices:
            guess = did_you_mean(str(self.value), choices)
            raise self.error(f"{describe_value(self.value)} is not known{guess} Choose one of: {', '.join(choices)}.")
        return str(self.value)

    def unique(self, names: Iterable[str], what: str) -> None:
        """Refuse names of which one is there twice."""
        if twice := [name for name, count in Counter(names).items() if count > 1]:
            raise self.error(f"{what} “{min(twice)}” is there twice. Give each its own name.")

    def texts(self) -> tuple[str, ...]:
        """Return a list of texts."""
        return tuple(line.text() for line in self.lines("text"))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Suggest the nearest known word, as the end of a sentence."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean “{near[0]}”?" if near else "."


def describe_value(value: object) -> str:
    """Describe a value of the wrong type, short enough for a sentence."""
    if value is None:
        return "nothing"
    if isinstance(value, dict | list) and not value:
        return "nothing"
    if isinstance(value, dict):
        return "keys"
    return "a list" if isinstance(value, list) else f"“{str(value)[:40]}”"


def _line_name(line: object, kind: str, number: int) -> str:
    name = line.get("name") if isinstance(line, dict) else None
    return f"{kind} {name}" if isinstance(name, str) else f"{kind} {number}"
