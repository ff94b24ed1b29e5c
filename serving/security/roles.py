"""Roles of people: each is a set of scopes, and says whose customers it sees."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rapport.errors import ServingError

SCOPES = ("read", "score", "feedback", "events", "analyze", "admin")
"""What a caller may do: ``analyze`` opens the pages of experiments; an admin may do everything."""

ROLES: Mapping[str, tuple[str, ...]] = {
    "reader": ("read",),
    "owner": ("read", "feedback"),
    "manager": ("read", "feedback"),
    "analyst": ("read", "score", "analyze"),
    "admin": SCOPES,
}
"""An owner sees its own customers, a manager those of a team of owners, the others everyone."""


def granted(words: Iterable[str]) -> tuple[str, frozenset[str]]:
    """Return the role with the most scopes and all scopes that a claim grants: ``rapport:NAME`` or ``rapport.NAME``."""
    names = {word[8:] for word in words if word.startswith(("rapport:", "rapport."))}
    role = next((role for role in reversed(tuple(ROLES)) if role in names), "")
    return role, frozenset(names & set(SCOPES)) | frozenset(ROLES.get(role, ()))


def check_people(role: str, owner: str | None, team: Iterable[str]) -> None:
    """Refuse a role without the people whose customers it sees."""
    if role and role not in ROLES:
        raise ServingError(f"No such role: {role}. Known roles: {', '.join(ROLES)}.")
    if role == "owner" and not owner:
        raise ServingError("The role owner sees the customers of one account owner. Name it with --owner.")
    if role == "manager" and not tuple(team):
        raise ServingError("The role manager sees the customers of a team. Name its account owners with --team.")
    if role in ("analyst", "admin") and (owner or tuple(team)):
        raise ServingError(
            f"The role {role} sees every customer. Leave out --owner and --team, or choose another role."
        )
