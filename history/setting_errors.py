"""What is wrong with the value of a setting, and what to do, as a sentence."""

import difflib
import re
from collections.abc import Iterable

from pydantic import ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

_KINDS = {
    "bool_type": "true or false",
    "string_type": "text in quotes",
    "int_type": "a whole number",
    "float_type": "a number",
    "tuple_type": "a list of texts",
}


def whole_sentence(text: str) -> PydanticCustomError:
    """Return the error of a validator that says all itself; ``{name}`` in the text is the setting's name."""
    return PydanticCustomError("sentence", "{text}", {"text": text})


def sentence(error: ValidationError) -> str:
    """Return what is wrong with the first setting that is not valid."""
    first = error.errors(include_url=False)[0]
    name = _name(first["loc"])
    if first["type"] == "sentence":
        return str(first["ctx"]["text"]).replace("{name}", name)
    return f"{name} = {_problem(first, name)}"


def _name(path: tuple[str | int, ...]) -> str:
    """Return the name of a setting or of a line of its table; a text of a list is named by its number."""
    name = ".".join(part for part in path if isinstance(part, str))
    return name + "".join(f", text {part + 1}," for part in path if isinstance(part, int))


def _problem(error: ErrorDetails, name: str) -> str:
    kind, value = error["type"], error["input"]
    if kind == "value_error":
        return error["msg"].removeprefix("Value error, ")
    if kind == "literal_error":
        choices = (
            repr(one) if one in ("", ".", ",") else one for one in re.findall(r"'([^']*)'", error["ctx"]["expected"])
        )
        return f"{value!r} should be one of {', '.join(choices)}."
    if kind == "dict_type" or kind == "mapping_type":
        return f"{value!r} should be a table: write [{name}] and its lines below."
    return f"{value!r} should be {_KINDS.get(kind, error['msg'])}."


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint at the known name that is nearest, or at all of them if they are few."""
    known = list(known)
    near = difflib.get_close_matches(name, known, n=1)
    return (
        f" Did you mean {near[0]}?" if near else f" There are: {', '.join(sorted(known))}." if len(known) < 40 else ""
    )
