"""The written value of a setting, turned into its type; a sentence for one of another type."""

import difflib
from collections.abc import Mapping
from typing import Any, get_args, get_origin

from rapport.errors import SettingsError


def converted(kind: Any, value: Any, name: str) -> Any:
    """Return the value as the type of the setting; SettingsError if it has another type."""
    if kind is bool:
        fits = isinstance(value, bool)
    elif kind in (str, int):
        fits = isinstance(value, kind) and not isinstance(value, bool)
    elif kind is float:
        fits = isinstance(value, int | float) and not isinstance(value, bool)
    elif get_origin(kind) is tuple:
        fits = isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)
    else:
        return _converted_table(kind, value, name)
    if not fits:
        raise SettingsError(f"{name} = {value!r} should be {_type_name(kind)}.")
    return tuple(value) if get_origin(kind) is tuple else kind(value)


def _converted_table(kind: Any, value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise SettingsError(f"{name} = {value!r} should be a table: write [{name}] and its lines below.")
    inner = get_args(kind)[1]
    return {str(key): converted(inner, each, f"{name}.{key}") for key, each in value.items()}


def _type_name(kind: Any) -> str:
    names = {bool: "true or false", str: "text in quotes", int: "a whole number", float: "a number"}
    return names.get(kind, "a list of texts")


def nearest(name: str, known: Any) -> str:
    """Return a hint at the known name that is nearest, or at all of them if they are few."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return (
        f" Did you mean {near[0]}?" if near else f" There are: {', '.join(sorted(known))}." if len(known) < 40 else ""
    )
