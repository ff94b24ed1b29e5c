"""Exports of scores: CSV, Excel, Parquet, a PostgreSQL table, a CRM's webhook."""

from __future__ import annotations

import hashlib
import json
import re
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from rapport.errors import ServingError
from rapport.files import atomic_write, replace_bytes
from rapport.serving.console.export import to_csv, to_excel
from rapport.serving.outbound_http import MIN_SECRET_BYTES, SIGNATURE_HEADER, NoAnswerError, send, sign

SCORES_TABLE = "rapport_scores"
KEY = ("target", "as_of", "customer_id")
# A view keeps the columns that the table had: replaced with each export, it has those that came since.
_NEWEST = f"""
CREATE OR REPLACE VIEW {SCORES_TABLE}_newest AS SELECT * FROM {SCORES_TABLE}
WHERE (target, as_of) IN (SELECT target, max(as_of) FROM {SCORES_TABLE} GROUP BY target)
"""
_DATABASE = re.compile(r"(postgres(?:ql)?):/{1,2}(?!/)")
_TYPES = {"double": "double precision", "string": "text", "int64": "bigint"}
_WEB = ("https://", "http://")
_ROWS_PER_BATCH = 500
_TRIES = 4


def export_scores(table: pa.Table, out: str | Path, secret: str | None = None) -> None:
    """Write the scores to ``out``: a file by its extension, a database or a CRM's webhook by its URL.

    Files and databases receive all or nothing; a webhook receives batches, signed with ``secret``.
    """
    check_destination(out, secret)
    if str(out).startswith(_WEB) and secret is not None:
        post_webhook(table, str(out), secret)
        return
    if database := _DATABASE.match(str(out)):
        upsert_postgres(table, f"postgresql://{str(out)[database.end() :]}")
        return
    path = Path(out)
    if path.suffix == ".parquet":
        with atomic_write(path, private=False) as part:
            pq.write_table(table, part)
    else:
        columns = [column.to_pylist() for column in table.columns]
        rows = list(zip(*columns, strict=True))
        written = (
            to_csv(table.column_names, rows) if path.suffix == ".csv" else to_excel(table.column_names, rows, "scores")
        )
        replace_bytes(path, written, mode=0o644)


def check_destination(out: str | Path, secret: str | None = None) -> None:
    """Raise ServingError for a destination that scores cannot be written to; call it before scoring."""
    if str(out).startswith(_WEB):
        if len((secret or "").encode()) < MIN_SECRET_BYTES:
            raise ServingError(
                f"Scores sent to a webhook are signed. Set RAPPORT_WEBHOOK_SECRET to at least {MIN_SECRET_BYTES} bytes."
            )
    elif not _DATABASE.match(str(out)) and Path(out).suffix not in (".parquet", ".csv", ".xlsx"):
        raise ServingError(
            f"{out}: unknown extension {Path(out).suffix or '(none)'}. "
            "Use .parquet, .csv, .xlsx, postgresql://… or https://… (a webhook)."
        )


def upsert_postgres(table: pa.Table, url: str) -> None:
    """Upsert the scores into the table ``rapport_scores``, by target, cutoff and customer.

    All rows appear in one transaction: a reader never sees half a snapshot.
    """
    try:
        driver = import_module("adbc_driver_postgresql.dbapi")
        errors = import_module("adbc_driver_manager").Error
    except ModuleNotFoundError as error:
        raise ServingError("PostgreSQL needs the extra 'sql': pip install 'rapport-crm[sql]'.") from error
    columns = ", ".join(f'"{field.name}" {_TYPES[str(field.type)]}' for field in table.schema)
    others = ", ".join(f'"{name}" = EXCLUDED."{name}"' for name in table.column_names if name not in KEY)
    names = ", ".join(f'"{name}"' for name in table.column_names)
    try:
        with driver.connect(url) as server, server.cursor() as cursor:
            cursor.execute(f"CREATE TABLE IF NOT EXISTS {SCORES_TABLE} ({columns}, PRIMARY KEY ({', '.join(KEY)}))")
            for field in table.schema:
                # A table that an earlier version made lacks the newer columns.
                kind = _TYPES[str(field.type)]
                cursor.execute(f'ALTER TABLE {SCORES_TABLE} ADD COLUMN IF NOT EXISTS "{field.name}" {kind}')
            cursor.adbc_ingest(f"{SCORES_TABLE}_new", table, mode="create", temporary=True)
            cursor.execute(
                f"INSERT INTO {SCORES_TABLE} ({names}) SELECT {names} FROM {SCORES_TABLE}_new "
                f"ON CONFLICT ({', '.join(KEY)}) DO UPDATE SET {others}"
            )
            cursor.execute(f"DROP TABLE {SCORES_TABLE}_new")
            cursor.execute(_NEWEST)
            server.commit()
    except errors as error:
        # The URL may contain a password, so only the server's message is shown.
        raise ServingError(f"The database refused the scores: {str(error).splitlines()[0]}") from error


def post_webhook(table: pa.Table, url: str, secret: str, pause: Callable[[float], None] = time.sleep) -> int:
    """Send the scores to a CRM in batches; return the number of accepted requests.

    Each batch is signed like alerts (``X-Rapport-Signature``) and has an ``Idempotency-Key`` derived from its content,
    so that the receiver recognises a batch that is sent again after a lost response.
    """
    if not url.startswith(_WEB):
        raise ServingError(f"{url}: a webhook URL begins with https:// (or http:// inside your own network).")
    sent = 0
    for body in _batches(table):
        _post_batch(url, body, secret, pause, done=sent)
        sent += 1
    return sent


def _batches(table: pa.Table) -> Iterator[bytes]:
    for batch in table.to_batches(max_chunksize=_ROWS_PER_BATCH):
        yield json.dumps({"scores": batch.to_pylist()}, ensure_ascii=False, allow_nan=False).encode()


def _post_batch(url: str, body: bytes, secret: str, pause: Callable[[float], None], *, done: int) -> None:
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
            send(urllib.request.Request(url, body, headers), timeout=20)
            return
        except NoAnswerError as error:
            reason = f"status {error.status}" if error.status else str(getattr(error.reason, "reason", error.reason))
            if 0 < error.status < 500 and error.status not in (408, 409, 425, 429):
                break
    raise ServingError(
        f"The webhook refused batch {done + 1} ({reason}); it accepted the batches before it. Run the export again."
    )
