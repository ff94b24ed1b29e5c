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

    def error(self, sentence: str, zh: str = "") -> CardError:
        """Return an error that names the position, in Chinese as well where ``zh`` is given."""
        return CardError(LocalizedText(f"{self.where}: {sentence}", f"{self.where}：{zh or sentence}"))

    def keys(self, required: Iterable[str], optional: Iterable[str] = ()) -> None:
        """Refuse any value except a mapping with every required key and no unknown key."""
        if not isinstance(self.value, dict):
            raise self._found("expected “key: value” lines", "此处应为“键: 值”")
        known = [*required, *optional]
        for key in self.value:
            if key not in known:
                keys = ", ".join(known)
                raise self.error(
                    f"“{key}” is not a key here{did_you_mean(str(key), known)} Keys: {keys}.",
                    f"此处没有“{key}”这个键{_nearest_zh(str(key), known)}可用的键：{keys}。",
                )
        if missing := [key for key in required if key not in self.value]:
            names = [f"“{key}”" for key in missing]
            raise self.error(f"{' and '.join(names)} is missing.", f"缺少 {'、'.join(names)}。")

    def has(self, key: str) -> bool:
        """Tell whether the mapping has the key."""
        return key in self.value

    def at(self, key: object, name: str = "") -> "ConfigNode":
        """Return the node under a key; `name` replaces the key in error messages."""
        return ConfigNode(f"{self.where}, {name or key}", self.value[key], self.where)

    def items(self) -> Iterator[tuple[Any, "ConfigNode"]]:
        """Iterate over a mapping, which must not be empty."""
        if not isinstance(self.value, dict) or not self.value:
            raise self._found("expected “key: value” lines", "此处应为“键: 值”")
        for key in self.value:
            yield key, self.at(key)

    def lines(self, kind: str) -> list["ConfigNode"]:
        """Return the nodes of a list, which must not be empty; errors name each by its kind, and by its name if any."""
        if not isinstance(self.value, list) or not self.value:
            raise self._found(f"expected a list of at least one {kind}", "此处应为至少一项的列表")
        parent = self.parent or self.where
        return [
            ConfigNode(f"{parent}, {_line_name(line, kind, number)}", line) for number, line in enumerate(self.value, 1)
        ]

    def name(self) -> str:
        """Return an identifier; it becomes a column name and a code."""
        if not isinstance(self.value, str) or not _NAME.fullmatch(self.value):
            raise self._is(
                "is not a name. Use small letters, digits and _, such as spend_12m.",
                "不是有效名称。请使用小写字母、数字和 _，例如 spend_12m。",
            )
        return self.value

    def text(self) -> str:
        """Return a text that is not empty."""
        if not isinstance(self.value, str) or not self.value.strip():
            raise self._found("expected a text", "此处应为文本")
        return self.value.strip()

    def localized(self) -> LocalizedText:
        """Return a text in both languages."""
        self.keys(("en", "zh"))
        return LocalizedText(self.at("en").text(), self.at("zh").text())

    def number(self) -> float:
        """Return a finite number; a number in quotes or with separators is refused, not guessed."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            raise self._is(
                "is not a number. Write it plainly, such as 1000000 or 0.25.",
                "不是数字。请直接书写，例如 1000000 或 0.25。",
            )
        if not math.isfinite(self.value):
            raise self._is("is not a finite number.", "不是有限的数字。")
        return float(self.value)

    def whole(self, least: int) -> int:
        """Return a whole number of at least `least`."""
        if isinstance(self.value, bool) or not isinstance(self.value, int) or self.value < least:
            raise self._is(f"is not a whole number of at least {least}.", f"不是不小于 {least} 的整数。")
        return self.value

    def flag(self) -> bool:
        """Return true or false."""
        if not isinstance(self.value, bool):
            raise self._is("is neither true nor false.", "既不是 true 也不是 false。")
        return self.value

    def one_of(self, choices: Sequence[str]) -> str:
        """Return one of the choices."""
        if self.value not in choices:
            word, listed = str(self.value), ", ".join(choices)
            raise self._is(
                f"is not known{did_you_mean(word, choices)} Choose one of: {listed}.",
                f"未知{_nearest_zh(word, choices)}可选：{listed}。",
            )
        return str(self.value)

    def unique(self, names: Iterable[str], what: str) -> None:
        """Refuse names of which one is there twice."""
        if twice := [name for name, count in Counter(names).items() if count > 1]:
            raise self.error(
                f"{what} “{min(twice)}” is there twice. Give each its own name.", f"“{min(twice)}”重复，请分别命名。"
            )

    def texts(self) -> tuple[str, ...]:
        """Return a list of texts."""
        return tuple(line.text() for line in self.lines("text"))

    def _found(self, expected: str, zh: str) -> CardError:
        value = describe_value(self.value)
        return self.error(f"{expected}, found {value.en}.", f"{zh}，实际为{value.zh}。")

    def _is(self, what: str, zh: str) -> CardError:
        value = describe_value(self.value)
        return self.error(f"{value.en} {what}", f"{value.zh}{zh}")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Suggest the nearest known word, as the end of a sentence."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean “{near[0]}”?" if near else "."


def _nearest_zh(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"，是否为“{near[0]}”？" if near else "。"


def describe_value(value: object) -> LocalizedText:
    """Describe a value of the wrong type, short enough for a sentence."""
    if value is None or (isinstance(value, dict | list) and not value):
        return LocalizedText("nothing", "空")
    if isinstance(value, dict):
        return LocalizedText("keys", "键值")
    if isinstance(value, list):
        return LocalizedText("a list", "列表")
    return LocalizedText(f"“{str(value)[:40]}”", f"“{str(value)[:40]}”")


def _line_name(line: object, kind: str, number: int) -> str:
    name = line.get("name") if isinstance(line, dict) else None
    return f"{kind} {name}" if isinstance(name, str) else f"{kind} {number}"
