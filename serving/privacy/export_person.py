"""Exports everything that a data folder stores about one customer (PIPL 45, GDPR 15 and 20)."""

from __future__ import annotations

import json
import sqlite3
import zipfile
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from rapport.files import atomic_write
from rapport.serving.privacy.databases import stores
from rapport.serving.privacy.run_files import rows_about
from rapport.serving.privacy.scrubber import Scrubber, text_files


def person(data_dir: Path, customer_id: str, now: datetime) -> dict[str, Any]:
    """Return all stored rows and lines that name a customer, by file."""
    found: dict[str, object] = {}
    for path in sorted(data_dir.glob("scores/**/*")):
        if path.suffix in (".arrow", ".parquet") and not path.name.startswith("."):
            _add(found, path.relative_to(data_dir).as_posix(), rows_about(path, customer_id))
    for path in stores(data_dir):
        for table, rows in _database_rows(path, customer_id).items():
            _add(found, f"{path.name}/{table}", rows)
    scrubber = Scrubber({customer_id: ""})
    for path in text_files(data_dir):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        theirs = [_only(line, customer_id) for line in lines if scrubber.may_be_in(line.encode())]
        _add(found, path.relative_to(data_dir).as_posix(), theirs)
    return {"customer_id": customer_id, "exported_at": now.isoformat(timespec="seconds"), "stores": found}


def write_person(content: dict[str, object], path: Path) -> None:
    """Write an export as JSON, or as a ZIP with one JSON file for each store."""
    with atomic_write(path) as part:
        if path.suffix != ".zip":
            part.write_text(_json(content), encoding="utf-8")
            return
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("summary.json", _json({**content, "stores": {n: len(r) for n, r in _stores(content)}}))
            for name, rows in _stores(content):
                archive.writestr(f"{name}.json", _json(rows))


def _stores(content: dict[str, Any]) -> list[tuple[str, list[object]]]:
    return sorted(content["stores"].items())


def _json(value: object) -> str:
    return json.dumps(_plain(value), ensure_ascii=False, indent=1, default=str)


def _plain(value: object) -> Any:
    """Return a value without nan, which JSON does not have."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and value != value else value


def _add(found: dict[str, Any], name: str, rows: list[Any]) -> None:
    if rows:
        found[name] = rows


def _database_rows(path: Path, customer_id: str) -> dict[str, list[dict[str, object]]]:
    found = {}
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as store:
        store.row_factory = sqlite3.Row
        names = [row[0] for row in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for name in names:
            if "customer_id" in {row[1] for row in store.execute(f'PRAGMA table_info("{name}")')}:
                rows = store.execute(f'SELECT * FROM "{name}" WHERE customer_id = ?', (customer_id,)).fetchall()
                found[name] = [{key: _text(row[key]) for key in row.keys()} for row in rows]  # noqa: SIM118
        if found.get("tasks"):
            marks = ",".join(str(row["id"]) for row in found["tasks"])
            rows = store.execute(f"SELECT * FROM task_log WHERE task_id IN ({marks})").fetchall()
            found["task_log"] = [dict(row) for row in rows]
    return found


def _text(value: object) -> object:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _only(line: str, customer_id: str) -> object:
    """Return a line of a file; of a list of customers only this one, for the others' ids are not theirs to have."""
    try:
        entry = json.loads(line)
    except ValueError:
        return line
    if isinstance(entry, dict) and isinstance(entry.get("customer_ids"), list):
        return {**entry, "customer_ids": [customer_id]}
    return entry
