"""Which files are one table: copies and parts have the name of the table and a number or a date after it."""

import hashlib
import re
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from rapport.data_format import FORMAT_FILE
from rapport.errors import TableError

PARQUET = (".parquet", ".pq")
TEXT = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".txt.gz")
JSON = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz", ".json", ".json.gz")
EXCEL = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
ZIP = (".zip",)
_READABLE = (*PARQUET, *TEXT, *JSON, *EXCEL)

_COPY = re.compile(
    r"\s*(\(\d+\)|（\d+）|[-–_ ]+(copy|copie|kopie|copia|副本)(\s*\(?\d*\)?)|的副本)$|^(copy of|kopie von|copie de)\s+",
    re.I,
)
_DATE = re.compile(
    r"[-_. ]*((19|20)\d\d([-_.年]?(0?[1-9]|1[0-2])月?([-_.]?([0-2]?\d|3[01])日?)?|q[1-4]|年)?)([-_T]?\d{4,6})?$",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"[-_. ]+(part|teil|page)?[-_. ]*\d{1,6}$|[-_. ]*part[-_. ]*\d+$", re.IGNORECASE)


def kind_of(path: Path) -> tuple[str, ...]:
    """Return the suffixes of the files that are read as this one is."""
    name = path.name.lower()
    return next((kind for kind in (PARQUET, TEXT, JSON, EXCEL, ZIP) if name.endswith(kind)), ())


def is_table(path: Path) -> bool:
    """Return whether a file may hold a table."""
    return path.name.lower().endswith(_READABLE) and not path.name.startswith(("~$", ".", "_"))


def own_name(path: Path) -> str:
    """Return the name of a file without its suffix, in lower case."""
    if path.is_dir():
        return path.name.lower()
    name = path.name.lower()
    suffix = max((each for each in (*_READABLE, *ZIP) if name.endswith(each)), key=len, default="")
    return name.removesuffix(suffix).strip()


def base_name(name: str) -> str:
    """Return the name of the table of which a file is a copy or a part."""
    base = name
    for _ in range(3):
        for pattern in (_COPY, _DATE, _NUMBER):
            base = pattern.sub("", base).strip(" -_.") or base
    return base


def tables_in(folder: Path) -> dict[str, list[Path]]:
    """Return the files of each table: one file, a subfolder, or files whose names differ in a number or a date."""
    entries: dict[str, list[Path]] = {}
    for entry in sorted(folder.iterdir()):
        if files_of(entry):
            entries.setdefault(own_name(entry), []).append(entry)
    groups: dict[str, list[str]] = {}
    for name, found in entries.items():
        if not any(entry.is_dir() for entry in found):
            groups.setdefault(base_name(name), []).append(name)
    for base, names in groups.items():
        together = [entry for name in names for entry in entries[name]]
        if len(names) > 1 and len({kind_of(entry) for entry in together}) == 1:
            for name in names:
                del entries[name]
            entries[base] = together
    return entries


def files_of(entry: Path) -> list[Path]:
    """Return the files of one entry of a folder; a data folder of Rapport holds none."""
    if entry.name.startswith((".", "_")):
        return []
    if entry.is_dir():
        return [] if _is_data_dir(entry) else sorted(_files_below(entry))
    return [entry] if is_table(entry) else []


def without_copies(files: Iterable[Path]) -> list[Path]:
    """Return the files without those that have the same bytes as an earlier one."""
    seen: set[bytes] = set()
    kept = []
    sizes: dict[int, int] = {}
    files = list(files)
    for path in files:
        sizes[path.stat().st_size] = sizes.get(path.stat().st_size, 0) + 1
    for path in files:
        if sizes[path.stat().st_size] > 1:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").digest()
            if digest in seen:
                continue
            seen.add(digest)
        kept.append(path)
    return kept


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack the tables of a zip archive into a folder of its own; return the folder."""
    target = folder / archive.stem
    target.mkdir(parents=True, exist_ok=True)
    try:
        with zipfile.ZipFile(archive) as opened:
            for member in opened.infolist():
                # A name of the archive must not lead out of the folder.
                name = Path(member.filename).name
                if not member.is_dir() and is_table(Path(name)) and "__MACOSX" not in member.filename:
                    with opened.open(member) as source, (target / name).open("wb") as file:
                        shutil.copyfileobj(source, file)
    except (zipfile.BadZipFile, RuntimeError, OSError) as error:
        raise TableError(f"{archive.name}: cannot be unpacked: {error}. Unpack it and name the folder.") from error
    return target


def _files_below(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        hidden = any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)
        if path.is_file() and not hidden and is_table(path):
            yield path


def _is_data_dir(folder: Path) -> bool:
    """Return whether Rapport keeps its models and scores in a folder."""
    if (folder / FORMAT_FILE).is_file() or folder.name == "rapport-data":
        return True
    return (folder / "models").is_dir() and (folder / "scores").is_dir()
