"""A wheel of the installed package, so that a logged model brings the code that reads it."""

import base64
import hashlib
import importlib.util
import zipfile
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

DISTRIBUTION, PACKAGE = "rapport-crm", "rapport"
ROOMS = ("history", "features", "scoring", "training", "serving")
_CACHE = "__pycache__"
_LEFT_OUT = {_CACHE, "docs_site", *ROOMS}
# A zip keeps no date before 1980; a fixed one makes the same bytes twice.
_DATE = (1980, 1, 1, 0, 0, 0)


def write_wheel(folder: Path) -> Path:
    """Write the wheel of this installation, without the documentation pages; return its path."""
    installed = distribution(DISTRIBUTION)
    stem = f"{DISTRIBUTION.replace('-', '_')}-{installed.version}"
    described = installed.read_text("METADATA") or installed.read_text("PKG-INFO") or ""
    path, records = folder / f"{stem}-py3-none-any.whl", []
    information = {
        "METADATA": described,
        "WHEEL": "Wheel-Version: 1.0\nGenerator: rapport\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, content in _files():
            records.append(_add(wheel, name, content))
        for name, text in information.items():
            records.append(_add(wheel, f"{stem}.dist-info/{name}", text.encode()))
        record = f"{stem}.dist-info/RECORD"
        _add(wheel, record, "\n".join([*records, f"{record},,", ""]).encode())
    return path


def _files() -> Iterator[tuple[str, bytes]]:
    """Yield the files of the package; in a checkout the rooms lie beside it, installed they lie in it."""
    top = _folder(PACKAGE)
    for child in sorted(top.iterdir()):
        if child.name not in _LEFT_OUT:
            yield from _below(child, f"{PACKAGE}/{child.name}")
    for room in ROOMS:
        yield from _below(_folder(f"{PACKAGE}.{room}"), f"{PACKAGE}/{room}")


def _below(path: Path, name: str) -> Iterator[tuple[str, bytes]]:
    if path.is_file():
        yield name, path.read_bytes()
        return
    for child in sorted(path.iterdir()):
        if child.name != _CACHE:
            yield from _below(child, f"{name}/{child.name}")


def _folder(package: str) -> Path:
    found = importlib.util.find_spec(package)
    assert found is not None
    assert found.submodule_search_locations
    return Path(next(iter(found.submodule_search_locations)))


def _add(wheel: zipfile.ZipFile, name: str, content: bytes) -> str:
    """Write one file and return its line of the record."""
    wheel.writestr(zipfile.ZipInfo(name, _DATE), content, zipfile.ZIP_DEFLATED)
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(content)}"
