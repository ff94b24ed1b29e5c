"""API keys and their scopes. Only hashes of the keys are stored."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

from rapport.data_format import mark_new
from rapport.errors import ServingError
from rapport.files import WatchedFile, replace_text
from rapport.serving.errors import StoreError
from rapport.serving.security.roles import ROLES, SCOPES, check_people

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")


@dataclass(frozen=True)
class Viewer:
    """An authenticated caller: its name, its scopes, and whose customers it may see.

    ``owner`` limits it to one account owner, ``team`` to several; with neither it sees everyone. ``person`` is the name
    that pages show beside the ``role``; ``mark`` identifies the secret, so that a session ends with the secret that
    started it.
    """

    name: str
    scopes: frozenset[str]
    owner: str | None = None
    team: tuple[str, ...] = ()
    person: str = ""
    role: str = ""
    mark: str = ""

    @cached_property
    def owners(self) -> tuple[str, ...] | None:
        """Return the account owners whose customers it may see; None for everyone."""
        return (self.owner,) if self.owner is not None else self.team or None

    def sees_owner(self, owner: str | None) -> bool:
        """Return whether it may see the customers of an account owner."""
        return self.owners is None or owner in self.owners

    def may(self, scope: str) -> bool:
        """Return whether this viewer has ``scope``; an admin has all scopes."""
        return scope in self.scopes or "admin" in self.scopes

    def may_for_all(self, scope: str) -> bool:
        """Return whether this viewer has ``scope`` for what concerns the whole company: it sees every customer."""
        return self.owners is None and self.may(scope)


LOCAL = Viewer("local", frozenset(SCOPES))


@dataclass(frozen=True)
class Key:
    """One key as stored on disk; times are ISO 8601 in UTC."""

    name: str
    hash: str
    scopes: tuple[str, ...]
    made_at: str
    expires_at: str | None = None
    owner: str | None = None
    team: tuple[str, ...] = ()
    person: str = ""
    role: str = ""


class KeyRing:
    """The keys of one data folder, read again when their file changes."""

    def __init__(self, data_dir: Path) -> None:
        self._file: WatchedFile[tuple[Key, ...]] = WatchedFile(data_dir / "keys.json", _read, ())

    def keys(self) -> tuple[Key, ...]:
        """Return the keys that the file has now."""
        return self._file.content()

    def check(self, secret: str, now: datetime) -> Viewer | None:
        """Return the owner of the key ``secret``; None for an unknown or expired key.

        Every stored hash is compared in constant time, so that the duration does not reveal how close a guess is.
        """
        # Work that any outcome needs is done before the outcome is known.
        digest, moment = _hash(secret), _iso(now)
        found: Key | None = None
        for key in self.keys():
            if hmac.compare_digest(key.hash, digest):
                found = key
        return _viewer(found, moment)

    def viewer(self, name: str, mark: str, now: datetime) -> Viewer | None:
        """Return the viewer of the secret with this name and mark; None when it is no longer valid."""
        seen = (_viewer(key, _iso(now)) for key in self.keys() if key.name == name)
        return next((viewer for viewer in seen if viewer and hmac.compare_digest(viewer.mark, mark)), None)

    def add(self, name: str, scopes: Sequence[str], now: datetime, *, expires_at: datetime | None = None,
            owner: str | None = None) -> str:  # fmt: skip
        """Create a key and return its secret, which is shown once and stored nowhere."""
        if not _NAME.fullmatch(name):
            raise ServingError(f"Key name {name!r}: use 1 to 40 of a-z, 0-9, '.', '_', '-'.")
        if unknown := sorted(set(scopes) - set(SCOPES)):
            raise ServingError(f"No such scope: {', '.join(unknown)}. Known scopes: {', '.join(SCOPES)}.")
        if not scopes:
            raise ServingError(f"A key needs a scope. Known scopes: {', '.join(SCOPES)}.")
        if any(key.name == name and _viewer(key, _iso(now)) for key in self.keys()):
            raise ServingError(f"There is a key called {name!r}; rotate or revoke it, or choose another name.")
        return self._new(Key(name, "", tuple(scopes), _iso(now), _iso(expires_at) if expires_at else None, owner))

    def set_person(self, name: str, *, team: Sequence[str] = (), person: str = "", role: str = "") -> None:
        """Set whose customers a key sees besides those of one owner, and the name and role that pages show."""
        self._write(
            [
                replace(key, team=tuple(team), person=person, role=role) if key.name == name else key
                for key in self.keys()
            ]
        )

    def add_person(
        self,
        name: str,
        role: str,
        now: datetime,
        *,
        owner: str | None = None,
        team: Sequence[str] = (),
        person: str = "",
    ) -> str:
        """Create the key of a person in a role and return its secret."""
        check_people(role, owner, team)
        secret = self.add(name, ROLES[role], now, owner=owner)
        self.set_person(name, team=team, person=person, role=role)
        return secret

    def rotate(self, name: str, now: datetime, *, until: datetime) -> str:
        """Create another secret for ``name``; the existing ones expire at ``until``."""
        old = [key for key in self.keys() if key.name == name and _viewer(key, _iso(now))]
        if not old:
            raise ServingError(f"There is no valid key called {name!r}. Known: {self._names()}.")
        ended = [replace(key, expires_at=min(key.expires_at or _iso(until), _iso(until))) for key in old]
        self._write([*(key for key in self.keys() if key not in old), *ended])
        return self._new(replace(old[-1], made_at=_iso(now)))

    def revoke(self, name: str) -> None:
        """Delete every secret of ``name`` immediately."""
        kept = [key for key in self.keys() if key.name != name]
        if len(kept) == len(self.keys()):
            raise ServingError(f"There is no key called {name!r}. Known: {self._names()}.")
        self._write(kept)

    def _new(self, key: Key) -> str:
        secret = f"rapport_{secrets.token_urlsafe(32)}"
        self._write([*self.keys(), replace(key, hash=_hash(secret))])
        return secret

    def _names(self) -> str:
        return ", ".join(sorted({key.name for key in self.keys()})) or "none"

    def _write(self, keys: Sequence[Key]) -> None:
        mark_new(self._file.path.parent)
        replace_text(self._file.path, json.dumps([asdict(key) for key in keys], indent=1), mode=0o600)


def _hash(secret: str) -> str:
    # A secret has 256 random bits, so a plain digest cannot be searched; a slow hash would only invite overload.
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def _viewer(key: Key | None, now: str) -> Viewer | None:
    if key is None or (key.expires_at is not None and key.expires_at <= now):
        return None
    # Derived again, so that a cookie never contains a part of the stored hash.
    mark = _hash(f"session {key.hash}")[:24]
    return Viewer(key.name, frozenset(key.scopes), key.owner, tuple(key.team), key.person, key.role, mark)


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _read(path: Path) -> tuple[Key, ...]:
    try:
        return tuple(Key(**{**row, "scopes": tuple(row["scopes"])}) for row in json.loads(path.read_text()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path.name}: not a list of keys. Restore the file or create new keys.") from error
