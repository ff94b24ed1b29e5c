"""Seals of folders: digests against corruption, and a keyed digest (HMAC) against tampering where a key is configured.

A sealed folder holds ``digests.json``: the SHA-256 of each of its files, and, if the data folder has ``signing.key``,
an HMAC over that list. With a key, a folder without a valid HMAC is refused: whoever changes a file and its digest
cannot sign the list. Keep the key where those who may write models and scores cannot read it, or mount it from there.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path

from rapport.errors import IntegrityError
from rapport.files import replace_text, shared_secret

SEAL = "digests.json"
SIGNING_KEY = "signing.key"
_ALGORITHM = "sha256"


def seal(folder: Path, data_dir: Path) -> None:
    """Write the digests of a complete folder, signed if the data folder has a key."""
    files = _digests(folder)
    key = _signing_key(data_dir)
    content = {"files": files, "hmac": _mac(files, key) if key else None}
    replace_text(folder / SEAL, json.dumps(content, indent=1))


def check_seal(folder: Path, data_dir: Path) -> None:
    """Raise IntegrityError if a file of a sealed folder was changed, removed or added, or if its signature is wrong.

    A folder of a version without seals is accepted, unless the data folder has a key.
    """
    key = _signing_key(data_dir)
    stored = _read(folder)
    if stored is None:
        if key:
            raise IntegrityError(f"{folder} is not signed. If its content is yours, sign it: rapport keys sign.")
        return
    found, files = _digests(folder), stored["files"]
    differing = sorted(name for name in found.keys() | files.keys() if found.get(name) != files.get(name))
    if differing:
        names = ", ".join(differing[:3])
        raise IntegrityError(f"{folder}: {names} changed since it was written. Publish or score again.")
    if key and not same_secret(str(stored.get("hmac")), _mac(files, key)):
        raise IntegrityError(f"{folder}: the signature does not fit. If its content is yours: rapport keys sign.")


def same_secret(received: str, expected: str) -> bool:
    """Return whether two texts are equal, in a time that does not tell where they differ; any text may be given."""
    return hmac.compare_digest(received.encode("utf-8", "surrogatepass"), expected.encode())


def create_signing_key(data_dir: Path) -> bool:
    """Create the key that signs models and scoring runs, and sign what is there; False if there is a key already."""
    if (data_dir / SIGNING_KEY).exists():
        return False
    shared_secret(data_dir, SIGNING_KEY)
    sign_all(data_dir)
    return True


def sign_all(data_dir: Path) -> int:
    """Seal every published bundle and every scoring run again; return how many."""
    folders = [path.parent for path in data_dir.glob("models/*/*/bundle.json")]
    folders += [path.parent for path in data_dir.glob("scores/*/runs/*/manifest.json")]
    folders = [folder for folder in folders if not folder.name.startswith(".")]
    for folder in folders:
        seal(folder, data_dir)
    return len(folders)


def _digests(folder: Path) -> dict[str, str]:
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name != SEAL and not path.name.startswith("."):
            with path.open("rb") as file:
                found[name] = hashlib.file_digest(file, _ALGORITHM).hexdigest()
    return found


def _mac(files: dict[str, str], key: bytes) -> str:
    return hmac.new(key, json.dumps(files, sort_keys=True).encode(), _ALGORITHM).hexdigest()


def _signing_key(data_dir: Path) -> bytes | None:
    try:
        return (data_dir / SIGNING_KEY).read_bytes()
    except FileNotFoundError:
        return None


def _read(folder: Path) -> dict[str, dict[str, str]] | None:
    path = folder / SEAL
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return {**stored, "files": dict(stored["files"])}
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"{path}: cannot be read. Publish or score again.") from error
