"""Hand scores to people and other systems: CSV, Excel, Parquet, a PostgreSQL table, a CRM's webhook."""

from __future__ import annotations

import hashlib
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from rapport.serving.console.export import as_csv, as_excel
from rapport.serving.outward import FEWEST_SECRET_BYTES, OPENER, SIGNATURE_HEADER, sign

from rapport.errors import ServingError
from rapport.files import aside, replace_bytes

TABLE = "rapport_scores"
KEY = ("target", "as_of", "customer_id")
_DATABASE = re.compile(r"(postgres(?:ql)?):/{1,2}(?!/)")
_TYPES = {"double": "double precision", "string": "text", "int64": "bigint"}
_WEB = ("https://", "http://")
_ROWS_IN_A_POST = 500
_TRIES = 4


def export(table: pa.Table, out: str | Path, secret: str | None = None) -> None:
    """Write the scores where ``out`` says: a file by its ending, a database or a CRM's webhook by its URL.

    A file and a database take all or nothing; a webhook takes parts, signed with ``secret``.
    """
    refuse_unless_known(out, secret)
    if str(out).startswith(_WEB) and secret is not None:
        post(table, str(out), secret)
        return
    if database := _DATABASE.match(str(out)):
        upsert(table, f"postgresql://{str(out)[database.end() :]}")
        return
    path = Path(out)
    if path.suffix == ".parquet":
        with aside(path) as part:
            pq.write_table(table, part)
    else:
        columns = [column.to_pylist() for column in table.columns]
        rows = list(zip(*columns, strict=True))
        written = (
            as_csv(table.column_names, rows) if path.suffix == ".csv" else as_excel(table.column_names, rows, "scores")
        )
        replace_bytes(path, written)


def refuse_unless_known(out: str | Path, secret: str | None = None) -> None:
    """Refuse a place that scores cannot go to: best asked before they are made."""
    if str(out).startswith(_WEB):
        if len((secret or "").encode()) < FEWEST_SECRET_BYTES:
            raise ServingError(
                "Scores are signed before they are sent; set RAPPORT_WEBHOOK_SECRET to at least "
                f"{FEWEST_SECRET_BYTES} bytes."
            )
    elif not _DATABASE.match(str(out)) and Path(out).suffix not in (".parquet", ".csv", ".xlsx"):
        raise ServingError(
            f"{out}: unknown ending {Path(out).suffix or '(none)'}. "
            "Use .parquet, .csv, .xlsx, postgresql://… or https://… (a webhook)."
        )


def upsert(table: pa.Table, url: str) -> None:
    """Put the scores into the table ``rapport_scores``; a row of the same target, cutoff and customer is replaced.

    All rows appear in one transaction: a reader never sees half a night.
    """
    try:
        driver = import_module("adbc_driver_postgresql.dbapi")
        errors = import_module("adbc_driver_manager").Error
    except ModuleNotFoundError as error:
        raise ServingError("PostgreSQL needs the extra 'sql': pip install 'rapport[sql]'.") from error
    columns = ", ".join(f'"{field.name}" {_TYPES[str(field.type)]}' for field in table.schema)
    others = ", ".join(f'"{name}" = EXCLUDED."{name}"' for name in table.column_names if name not in KEY)
    names = ", ".join(f'"{name}"' for name in table.column_names)
    try:
        with driver.connect(url) as server, server.cursor() as cursor:
            cursor.execute(f"CREATE TABLE IF NOT EXISTS {TABLE} ({columns}, PRIMARY KEY ({', '.join(KEY)}))")
            cursor.adbc_ingest(f"{TABLE}_new", table, mode="create", temporary=True)
            cursor.execute(
                f"INSERT INTO {TABLE} ({names}) SELECT {names} FROM {TABLE}_new "
                f"ON CONFLICT ({', '.join(KEY)}) DO UPDATE SET {others}"
            )
            cursor.execute(f"DROP TABLE {TABLE}_new")
            server.commit()
    except errors as error:
        # The URL may hold a password, so only the server's words are shown.
        raise ServingError(f"The database did not take the scores: {str(error).splitlines()[0]}") from error


def post(table: pa.Table, url: str, secret: str, pause: Callable[[float], None] = time.sleep) -> int:
    """Send the scores to a CRM in parts; returns how many requests were taken.

    Each part is signed as alerts are (``X-Rapport-Signature``) and has an ``Idempotency-Key`` made from its content, so
    that a part sent again after a broken answer can be told from a new one.
    """
    if not url.startswith(_WEB):
        raise ServingError(f"{url}: a webhook's address begins with https:// (or http:// inside your own network).")
    sent = 0
    for body in _parts(table):
        _post_one(url, body, secret, pause, done=sent)
        sent += 1
    return sent


def _parts(table: pa.Table) -> Iterator[bytes]:
    for batch in table.to_batches(max_chunksize=_ROWS_IN_A_POST):
        yield json.dumps({"scores": batch.to_pylist()}, ensure_ascii=False, allow_nan=False).encode()


def _post_one(url: str, body: bytes, secret: str, pause: Callable[[float], None], *, done: int) -> None:
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": hashlib.sha256(body).hexdigest(),
    }
    reason = ""
    for attempt in range(_TRIES):
        if attempt:
            pause(2.0**attempt)
        headers[SIGNATURE_HEADER] = sign(secret, body, datetime.now(UTC))
        try:
            with OPENER.open(urllib.request.Request(url, body, headers), timeout=20):
                return
        except urllib.error.HTTPError as error:
            reason = f"status {error.code}"
            if error.code < 500 and error.code not in (408, 409, 425, 429):
                break
        except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
            reason = str(getattr(error, "reason", error))
    raise ServingError(
        f"The webhook did not take part {done + 1} ({reason}); the parts before it were taken. Run it again."
    )
