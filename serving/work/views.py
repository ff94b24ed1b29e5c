"""Saved views of the worklist: a name for filters, columns and order, private or shared with everyone."""

from __future__ import annotations

from pathlib import Path

from rapport.localized import LocalizedText
from rapport.serving.errors import RequestError
from rapport.serving.work.database import work_database


class SavedViews:
    """The saved views in one data folder."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    def save(self, owner: str, page: str, name: str, query: str, *, shared: bool, at: str) -> None:
        """Save a view; a view of the same name is replaced."""
        if not name.strip():
            raise RequestError(422, LocalizedText("Give the view a name.", "请为视图命名。"), where="name")
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
