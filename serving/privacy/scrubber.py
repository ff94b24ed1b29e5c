"""Removes customers from values: from JSON, text, and Arrow tables, wherever their ids are."""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from rapport.files import replace_bytes

REMOVED = object()
"""What ``Scrubber.json`` returns for a value that is about a removed customer only."""
_ID = "customer_id"
# Shorter ids, such as 17, are also numbers of a text; they are removed as whole values only.
_SHORTEST_IN_TEXT = 5


class Scrubber:
    """Knows the ids to remove and what stands in their place in texts and audit entries."""

    def __init__(self, names: dict[str, str]) -> None:
        self._names = names
        self.ids = frozenset(names)
        in_text = [one for one in names if len(one) >= _SHORTEST_IN_TEXT and not one.isdecimal()]
        either = "|".join(re.escape(one) for one in sorted(in_text, key=len, reverse=True))
        self._pattern = re.compile(rf"(?<![\w-])(?:{either})(?![\w-])") if either else None
        self._needles = [one.encode() for one in names] + [json.dumps(one)[1:-1].encode() for one in names]

    def may_be_in(self, content: bytes) -> bool:
        """Return whether bytes contain an id, perhaps as a part of a longer one."""
        return any(needle in content for needle in self._needles)

    def text(self, text: str) -> str:
        """Return a text in which pseudonyms replace the ids."""
        if text in self._names:
            return self._names[text]
        return self._pattern.sub(lambda found: self._names[found.group()], text) if self._pattern else text

    def json(self, value: object, *, pseudonyms: bool = False) -> object:
        """Return a JSON value without the customers, or REMOVED; with ``pseudonyms`` instead of their ids."""
        if isinstance(value, str):
            return REMOVED if value in self.ids and not pseudonyms else self.text(value)
        if isinstance(value, list):
            items = [self.json(one, pseudonyms=pseudonyms) for one in value]
            return [one for one in items if one is not REMOVED]
        if not isinstance(value, dict):
            return value
        if not pseudonyms and value.get(_ID) in self.ids:
            return REMOVED
        fields = {key: self.json(one, pseudonyms=pseudonyms) for key, one in value.items() if key not in self.ids}
        return {key: None if one is REMOVED else one for key, one in fields.items()}

    def stored_text(self, text: str, *, pseudonyms: bool = False) -> str | None:
        """Return a stored text or JSON document without the customers; None if nothing of it is left."""
        try:
            value = json.loads(text)
        except ValueError:
            return self.text(text)
        if not isinstance(value, (dict, list)):
            return self.text(text)
        cleaned = self.json(value, pseudonyms=pseudonyms)
        return None if cleaned is REMOVED else json.dumps(cleaned, ensure_ascii=False)

    def table(self, table: pa.Table) -> pa.Table:
        """Return a table without the customers' rows, and without their ids in the rows of others.

        The same object comes back if it names none of them: tables with nan are not equal to themselves.
        """
        if _ID in table.column_names and pa.types.is_string(table.schema.field(_ID).type):
            theirs = pc.is_in(table.column(_ID), value_set=_strings(self.ids))
            if pc.any(theirs).as_py():
                table = table.filter(pc.invert(theirs))
        for position, field in enumerate(table.schema):
            cleaned = self._column(table, field)
            if cleaned is not None:
                table = table.set_column(position, field, cleaned)
        return table

    def _column(self, table: pa.Table, field: pa.Field) -> pa.ChunkedArray | None:
        """Return a column without the ids; None if it has none."""
        column = table.column(field.name)
        if pa.types.is_nested(field.type):
            values = column.to_pylist()
            if not self.may_be_in(json.dumps(values, default=str, ensure_ascii=False).encode()):
                return None
            cleaned = [None if (one := self.json(value)) is REMOVED else one for value in values]
            return pa.chunked_array([pa.array(cleaned, field.type)])
        if not pa.types.is_string(field.type) and not pa.types.is_large_string(field.type):
            return None
        return self._strings(table, column, field)

    def _strings(self, table: pa.Table, column: pa.ChunkedArray, field: pa.Field) -> pa.ChunkedArray | None:
        hit = pc.is_in(column, value_set=_strings(self.ids).cast(field.type))
        if field.name == "root_id" and pc.any(hit).as_py():
            # The members of a group whose root is gone are groups of their own.
            kept: pa.ChunkedArray = pc.if_else(hit, table.column(_ID), column)
            return kept
        changed: pa.ChunkedArray = pc.if_else(hit, pa.scalar(None, field.type), column)
        if self._pattern is None:
            return changed if pc.any(hit).as_py() else None
        unique = [one for one in pc.unique(changed).to_pylist() if one is not None and self._pattern.search(one)]
        if not unique and not pc.any(hit).as_py():
            return None
        for one in unique:
            same = pc.equal(changed, pa.scalar(one, field.type))
            changed = pc.if_else(same, pa.scalar(self.text(one), field.type), changed)
        return changed


def _strings(values: Collection[str]) -> pa.Array:
    return pa.array(sorted(values), pa.string())


_TEXT = frozenset({".json", ".jsonl", ".csv", ".txt", ".md", ".html", ".yaml", ".log"})


def text_files(data_dir: Path) -> list[Path]:
    """Return the text files that may name customers; sealed folders and settings of the program are not among them."""
    found = [*data_dir.glob("*.jsonl"), *data_dir.glob("audit/*.jsonl"), *data_dir.glob("events/**/*")]
    found += [*data_dir.glob("exports/**/*"), *data_dir.glob("mlflow-artifacts/**/*")]
    found += [*data_dir.glob("upload/**/*"), *data_dir.glob("unregistered/*/report/**/*")]
    return sorted(path for path in found if path.is_file() and path.suffix in _TEXT)


def scrub_text(path: Path, scrubber: Scrubber, *, pseudonyms: bool = False) -> bool:
    """Remove the customers from one file; with ``pseudonyms`` their entries stay, as in an audit trail."""
    with path.open("r+b") as file:
        # The service appends to its files under this lock, and keeps them open: they are rewritten in place.
        fcntl.flock(file, fcntl.LOCK_EX)
        content = file.read()
        if not scrubber.may_be_in(content):
            return False
        text = content.decode("utf-8", "surrogateescape")
        new = _lines(text, scrubber, pseudonyms=pseudonyms).encode("utf-8", "surrogateescape")
        if new == content:
            return False
        if path.suffix != ".jsonl":
            replace_bytes(path, new)
            return True
        file.seek(0)
        file.write(new)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())
    return True


def _lines(text: str, scrubber: Scrubber, *, pseudonyms: bool) -> str:
    lines = text.splitlines(keepends=True)
    return "".join(filter(None, (_line(line, scrubber, pseudonyms=pseudonyms) for line in lines)))


def _line(line: str, scrubber: Scrubber, *, pseudonyms: bool) -> str | None:
    if not scrubber.may_be_in(line.encode("utf-8", "surrogateescape")):
        return line
    cleaned = scrubber.stored_text(line.rstrip("\n"), pseudonyms=pseudonyms)
    return None if cleaned is None else cleaned + ("\n" if line.endswith("\n") else "")
