"""Errors of hand-written configuration files: one sentence that says where, what and what to do, in both languages."""

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic_core import ErrorDetails

from rapport.errors import CardError
from rapport.languages import grammar
from rapport.localized import LocalizedText, MessageCatalogue, localize

MESSAGES = MessageCatalogue("rapport.scoring.cards")
_AND = LocalizedText(" and ", "、")
_SINGULAR = {"families": "family", "when": "condition"}


class ConfigError(CardError):
    """What a validator refuses, by the key of its message.

    `at` is the position below the validated value, such as an index and a key.
    """

    def __init__(self, key: str, /, *, at: tuple[int | str, ...] = (), **values: object) -> None:
        super().__init__(MESSAGES.message(key, **values))
        self.at = at


def sentence_of(errors: Sequence[ErrorDetails], written: object, where: str) -> LocalizedText:
    """Return position and sentence of the first of pydantic's errors; ``written`` is what the file holds."""
    error = errors[0]
    at = (*error["loc"], *getattr(error.get("ctx", {}).get("error"), "at", ()))
    if error["type"] == "missing":
        at = at[:-1]
        names = [f"“{each['loc'][-1]}”" for each in errors if each["type"] == "missing" and each["loc"][:-1] == at]
        words = MESSAGES.message("missing", names=LocalizedText.of(lambda code: localize(_AND, code).join(names)))
    else:
        words = _words(error)
    position = _position(at, written, where)
    return LocalizedText.of(lambda code: f"{position}{grammar(code).colon}{localize(words, code)}")


def nearest(word: object, known: Iterable[str]) -> LocalizedText:
    """Suggest the nearest known word, as the end of a sentence."""
    near = difflib.get_close_matches(str(word), list(known), n=1)
    return MESSAGES.message("near", word=near[0]) if near else LocalizedText.of(lambda code: grammar(code).full_stop)


def unknown_choice(value: object, choices: Sequence[str], at: tuple[int | str, ...] = ()) -> ConfigError:
    """Return the error of a value that is none of the choices."""
    listed = ", ".join(choices)
    return ConfigError("unknown_choice", value=describe(value), near=nearest(value, choices), choices=listed, at=at)


def describe(value: object) -> LocalizedText:
    """Describe a value of the wrong type, short enough for a sentence."""
    if value is None or (isinstance(value, dict | list) and not value):
        return LocalizedText("nothing", "空")
    if isinstance(value, dict):
        return LocalizedText("keys", "键值")
    if isinstance(value, list):
        return LocalizedText("a list", "列表")
    return LocalizedText.same(f"“{str(value)[:40]}”")


def _words(error: ErrorDetails) -> LocalizedText:
    kind, value, details = error["type"], error["input"], error.get("ctx", {})
    refusal = details.get("error")
    if kind == "literal_error":
        refusal = unknown_choice(value, re.findall(r"'([^']+)'", details["expected"]))
    if kind == "too_short":
        kind = "dict_type" if isinstance(value, dict) else "tuple_type"
    if refusal is None and kind in MESSAGES.texts:
        return MESSAGES.message(kind, value=describe(value), item=_item(*error["loc"][-1:]))
    return getattr(refusal, "localized", None) or LocalizedText.same(str(refusal or error["msg"]))


def _position(at: Sequence[int | str], written: Any, where: str) -> str:
    """Return a position in words; an item of a list is called by its name, else by its number."""
    words = [where] if where else []
    for step in at:
        if isinstance(written, list | tuple) and isinstance(step, int):
            written, item = written[step], _item(words[-1])
            name = written.get("name") if isinstance(written, dict) else None
            called = f"{item} {name if name and isinstance(name, str) else step + 1}"
            words[-1:] = [words[-1], called] if item == "item" else [called]
        elif step != "[key]":
            written = written.get(step) if isinstance(written, dict) else None
            words.append(str(step))
    return ", ".join(words)


def _item(key: object = "") -> str:
    """Return what an item of the list under a key is called."""
    name = str(key)
    singular = _SINGULAR.get(name, name.removesuffix("s"))
    return singular if singular != name else "item"
