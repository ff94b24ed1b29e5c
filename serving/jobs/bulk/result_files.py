"""Results of bulk jobs: one line of JSON a customer, or one Parquet row; written piece by piece."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import UnionType
from typing import Any, Protocol, get_args, get_type_hints

import pyarrow as pa
import pyarrow.parquet as pq

from rapport.files import atomic_write
from rapport.serving.json_encoding import encode_json

Bodies = Sequence[Mapping[str, Any]]
_PLAIN = {str: pa.string(), float: pa.float64(), int: pa.int64(), bool: pa.bool_()}
_READ_BYTES, _GZIP_LEVEL = 1 << 20, 5


class Write(Protocol):
    """Adds answers to a result."""

    def __call__(self, bodies: Bodies) -> None:
        """Write some answers."""


@contextmanager
def ndjson_writer(path: Path) -> Iterator[Write]:
    """Yield a writer of compressed JSON lines; the file appears complete or not at all."""
    with atomic_write(path) as part, gzip.GzipFile(part, "wb", _GZIP_LEVEL, mtime=0) as file:

        def write(bodies: Bodies) -> None:
            file.write(b"".join(encode_json(body) + b"\n" for body in bodies))

        yield write


def parquet_writer(path: Path, shape: type) -> AbstractContextManager[Write]:
    """Yield a writer of Parquet rows with the fields of an answer's ``shape``; what is nested is JSON text."""
    return _parquet_writer(path, answer_schema(shape))


@contextmanager
def _parquet_writer(path: Path, schema: pa.Schema) -> Iterator[Write]:
    nested = [field.name for field in schema if field.metadata]
    with atomic_write(path) as part, pq.ParquetWriter(part, schema, compression="zstd") as file:

        def write(bodies: Bodies) -> None:
            rows = [
                dict(body) | {name: encode_json(body[name]).decode() for name in nested if body.get(name) is not None}
                for body in bodies
            ]
            file.write_table(pa.Table.from_pylist(rows, schema))

        yield write


def answer_schema(shape: type) -> pa.Schema:
    """Return the columns of an answer: its plain fields as they are, all others as JSON text."""
    fields = []
    for name, hint in get_type_hints(shape).items():
        kinds = [
            kind for kind in (get_args(hint) if isinstance(hint, UnionType) else (hint,)) if kind is not type(None)
        ]
        plain = _PLAIN.get(kinds[0]) if len(kinds) == 1 else None
        fields.append(pa.field(name, plain or pa.string(), metadata=None if plain else {"json": "text"}))
    return pa.schema(fields)


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def pieces_of(path: Path, *, unpacked: bool) -> Iterator[bytes]:
    """Yield a file piece by piece, as it is stored or decompressed."""
    with gzip.open(path, "rb") if unpacked else path.open("rb") as file:
        while piece := file.read(_READ_BYTES):
            yield piece
