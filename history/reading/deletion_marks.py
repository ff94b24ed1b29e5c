"""Columns in which a system marks rows as deleted instead of removing them: flags, and times of deletion."""

from collections.abc import Iterable

from rapport.history.reading.expressions import text_of
from rapport.history.reading.profiling import StagedTable
from rapport.history.reading.table_names import names_of
from rapport.history.sources.source import Source

PRESENT = (
    "",
    "-",
    "\\n",
    "null",
    "none",
    "nan",
    "0",
    "0.0",
    "f",
    "false",
    "n",
    "no",
    "nein",
    "non",
    "否",
    "正常",
    "未删除",
    "未删",
    "存在",
)
"""Values of a mark, in lower case, that say that a row is not deleted."""
# Without "archived": what is archived was true.
_FLAGS = frozenset(
    (
        *("is_deleted", "isdeleted", "deleted", "is_delete", "is_del", "del_flag", "delflag", "delete_flag"),
        *("deleted_flag", "delete_mark", "deletemark", "soft_deleted", "is_removed", "gelöscht", "geloescht"),
        *("supprimé", "supprime", "eliminado", "删除标志", "删除标记", "是否删除", "已删除", "是否已删除"),
    )
)
_TIMES = frozenset(
    (
        *("deleted_at", "deleted_on", "deleted_date", "deleted_time", "date_deleted", "deletion_date", "deletion_time"),
        *("delete_time", "delete_date", "deletedtime", "gelöscht_am", "geloescht_am", "删除时间", "删除日期"),
    )
)


def deletion_marks(source: Source) -> list[str]:
    """Return the columns whose names say that they mark deleted rows."""
    return [own for own in source.types if names_of(own) & (_FLAGS | _TIMES)]


def deleted_rows(staged: StagedTable, marks: Iterable[str]) -> dict[str, int]:
    """Return mark → number of its rows that are marked as deleted, where some are and some are not."""
    found = {}
    for own in marks:
        state = f"lower({text_of(own, staged.source.types[own])})"
        kept = ", ".join(f"'{each}'" for each in PRESENT)
        ((deleted, rows),) = staged.query(
            f"SELECT count(*) FILTER ({state} NOT IN ({kept})), count(*) FROM ({staged.source.sql})"
        )
        if 0 < deleted < rows:
            found[own] = int(deleted)
    return found
