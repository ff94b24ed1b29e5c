"""Answers as JSON."""

import json
from collections.abc import Mapping, Sequence

from pydantic_core import to_json

_STRICT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def encode_json(value: Mapping[str, object] | Sequence[object]) -> bytes:
    """Return a value as compact JSON in UTF-8, each float as the shortest text that reads back to it.

    Raises ValueError for a number that is not finite: JSON has no word for it.
    """
    # pydantic's encoder takes a fifth of the time of Python's, which has a switch that refuses NaN.
    body = to_json(value)
    # A single byte is found in a fraction of the time of a word.
    if (b"N" in body and b"NaN" in body) or (b"I" in body and b"Infinity" in body):
        # It may as well be a name.
        return _STRICT.encode(value).encode()
    return body
