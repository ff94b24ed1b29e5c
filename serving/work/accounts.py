"""What people record about an account: notes, tags, plan, how stakeholders stand to us; and saved views of lists."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rapport.serving.errors import RequestError, message
from rapport.serving.work.database import work_database

KINDS = ("note", "tag", "plan", "attitude", "influence")
ATTITUDES = ("champion", "supporter", "neutral", "sceptic", "opponent")
INFLUENCES = ("high", "medium", "low")
_CHOICES: Mapping[str, tuple[str, ...]] = {"attitude": ATTITUDES, "influence": INFLUENCES}
_MAX_CHARACTERS = 4_000


class AccountFacts:
    """The facts that people recorded in one data folder; nothing is overwritten, the latest counts."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    def record(self, customer_id: str, kind: str, value: str, *, subject: str = "", by: str, at: str) -> None:
        """Record a fact; an empty value withdraws the tag, the plan or the assessment of this subject."""
        if kind not in KINDS or (value and value not in _CHOICES.get(kind, (value,))):
            allowed = ", ".join(_CHOICES.get(kind, KINDS))
            raise RequestError(422, message("choose_one_of", choices=allowed), where=kind)
        # A tag is its own subject, so that several tags stand beside each other.
        subject = subject or (value if kind == "tag" else "")
        with work_database(self._data_dir) as store:
            store.execute(
                "INSERT INTO account_facts (customer_id, kind, subject, value, at, by) VALUES (?,?,?,?,?,?)",
                (customer_id, kind, subject[:200], value[:_MAX_CHARACTERS], at, by),
            )

    def of_customer(self, customer_id: str) -> dict[str, object]:
        """Return notes (newest first), tags, the plan, and attitude and influence of each contact."""
        with work_database(self._data_dir) as store:
            rows = [
                dict(row)
                for row in store.execute(
                    "SELECT kind, subject, value, at, by FROM account_facts WHERE customer_id = ? ORDER BY id",
                    (customer_id,),
                )
            ]
        latest = {(row["kind"], row["subject"]): row for row in rows if row["kind"] != "note"}
        current = [row for row in latest.values() if row["value"]]
        people: dict[str, dict[str, object]] = {}
        for row in current:
            if row["kind"] in _CHOICES:
                people.setdefault(row["subject"], dict.fromkeys(_CHOICES))[row["kind"]] = row
        return {
            "notes": [row for row in reversed(rows) if row["kind"] == "note" and row["value"]][:50],
            "tags": sorted(row["value"] for row in current if row["kind"] == "tag"),
            "plan": next((row for row in current if row["kind"] == "plan"), None),
            "people": people,
        }

    def tags(self) -> dict[str, list[str]]:
        """Return the customers of each tag."""
        newest = "SELECT MAX(id) FROM account_facts WHERE kind = 'tag' GROUP BY customer_id, subject"
        found: dict[str, list[str]] = {}
        with work_database(self._data_dir) as store:
            for row in store.execute(
                f"SELECT customer_id, value FROM account_facts WHERE id IN ({newest}) AND value != '' ORDER BY value"
            ):
                found.setdefault(row["value"], []).append(row["customer_id"])
        return found


class SavedViews:
    """The saved views in one data folder."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    def save(self, owner: str, page: str, name: str, query: str, *, shared: bool, at: str) -> None:
        """Save a view; a view of the same name is replaced."""
        if not name.strip():
            raise RequestError(422, message("view_without_name"), where="name")
        with work_database(self._data_dir) as store:
            store.execute(
                "INSERT INTO views (owner, name, page, query, shared, at) VALUES (?,?,?,?,?,?) "
                "ON CONFLICT (owner, page, name) DO UPDATE SET query = excluded.query, shared = excluded.shared",
                (owner, name.strip()[:80], page, query[:2_000], int(shared), at),
            )

    def visible_to(self, viewer: str, page: str) -> list[dict[str, object]]:
        """Return the viewer's own views, then those that others share."""
        with work_database(self._data_dir) as store:
            rows = store.execute(
                "SELECT id, owner, name, query, shared FROM views WHERE page = ? AND (owner = ? OR shared = 1) "
                "ORDER BY owner != ?, name",
                (page, viewer, viewer),
            ).fetchall()
        return [dict(row) for row in rows]

    def delete(self, view_id: int, owner: str) -> None:
        """Delete a view of its owner."""
        with work_database(self._data_dir) as store:
            store.execute("DELETE FROM views WHERE id = ? AND owner = ?", (view_id, owner))
