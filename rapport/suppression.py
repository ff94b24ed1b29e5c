"""The suppression list of a data folder: which customers were forgotten, as salted hashes, so that they stay away.

``suppressed.json`` holds an HMAC-SHA256 of each id under the secret ``suppression.salt``. Neither file contains an id;
with both, a known id can be tested, which is what a scoring run and the intake of events do.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable
from pathlib import Path

from rapport.errors import DataDirError
from rapport.files import WatchedFile, replace_text, shared_secret

LIST, SALT = "suppressed.json", "suppression.salt"
_NOBODY: frozenset[str] = frozenset()


class SuppressionList:
    """The forgotten customers of one data folder; the file is read again when it changes."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._file: WatchedFile[frozenset[str]] = WatchedFile(data_dir / LIST, _read, frozenset())
        self._salt = b""

    @property
    def is_used(self) -> bool:
        """Whether any customer was forgotten here."""
        return bool(self._file.content())

    def add(self, customer_ids: Iterable[str]) -> None:
        """Add customers; one that is in the list stays in it."""
        hashes = self._file.content() | {self.hash_of(one) for one in customer_ids}
        replace_text(self._file.path, json.dumps({"algorithm": "hmac-sha256", "hashes": sorted(hashes)}, indent=1))

    def of(self, customer_ids: Iterable[str]) -> frozenset[str]:
        """Return those of some customers that were forgotten."""
        hashes = self._file.content()
        return frozenset(one for one in customer_ids if self.hash_of(one) in hashes) if hashes else _NOBODY

    def pseudonym(self, customer_id: str) -> str:
        """Return what stands in the place of a forgotten customer in texts, receipts and the audit trail."""
        return f"forgotten-{self.hash_of(customer_id)[:12]}"

    def hash_of(self, customer_id: str) -> str:
        """Return the salted hash of a customer, which stands for it in receipts."""
        self._salt = self._salt or shared_secret(self._data_dir, SALT)
        return hmac.new(self._salt, customer_id.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def _read(path: Path) -> frozenset[str]:
    try:
        return frozenset(json.loads(path.read_text(encoding="utf-8"))["hashes"])
    except (ValueError, KeyError, TypeError) as error:
        # Scoring without the list would bring forgotten customers back.
        raise DataDirError(f"{path}: cannot be read. Restore it from a backup.") from error
