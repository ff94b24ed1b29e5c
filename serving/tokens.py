"""OIDC tokens: who asks, by the word of the company's issuer, checked with its published keys."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import jwt
from rapport.serving.environment import Oidc
from rapport.serving.issuer import Issuer, Jwk
from rapport.serving.keys import SCOPES, Viewer
from rapport.serving.problem import NotReadyError

from rapport.errors import ServingError

# What a private key signed. Never "none", and never HMAC: with it, a public key would be the secret.
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_SKEW_SECONDS = 60
_LONGEST = 8_192
_REMEMBERED = 4_096
_TYPES = (None, "jwt", "at+jwt", "application/at+jwt")
_SENTENCES: tuple[tuple[type[jwt.PyJWTError], str], ...] = (
    (jwt.ExpiredSignatureError, "The token has expired; get a new one."),
    (jwt.ImmatureSignatureError, "The token is not valid yet; look at the clocks."),
    (jwt.InvalidAudienceError, "The token was made for another audience than this service."),
    (jwt.InvalidIssuerError, "The token was made by another issuer than the one that is trusted here."),
    (jwt.MissingRequiredClaimError, "The token lacks a claim: it needs exp, iat, iss, aud and sub."),
)


class TokenError(ServingError):
    """A token that opens nothing; the sentence says why without repeating any of it."""


class UnknownKeyError(TokenError):
    """A token signed by a key that the issuer had not published when it was last asked."""


def is_token(secret: str) -> bool:
    """Say whether this is meant as a signed token: three parts, as no API key has."""
    return secret.count(".") == 2


class Tokens:
    """The tokens of one issuer; those found good are remembered until they expire or the issuer's keys change."""

    def __init__(self, oidc: Oidc) -> None:
        self.issuer = Issuer(oidc.issuer)
        self._oidc = oidc
        self._good: OrderedDict[bytes, tuple[Viewer, float, tuple[Jwk, ...]]] = OrderedDict()

    def viewer(self, token: str, now: datetime) -> Viewer:
        """Return who asks; TokenError when the token opens nothing."""
        keys, digest = self.issuer.keys(time.monotonic()), hashlib.sha256(token.encode()).digest()
        if not keys:
            raise NotReadyError(f"Tokens cannot be checked now: {self.issuer.refused or 'no keys were fetched yet'}")
        good = self._good.get(digest)
        if good is not None and good[1] > now.timestamp() and good[2] is keys:
            return good[0]
        claims = self._claims(token, keys)
        viewer = self._viewer(claims)
        self._good[digest] = (viewer, float(claims["exp"]) + _SKEW_SECONDS, keys)
        while len(self._good) > _REMEMBERED:
            self._good.popitem(last=False)
        return viewer

    def _claims(self, token: str, keys: tuple[Jwk, ...]) -> dict[str, Any]:
        if len(token) > _LONGEST:
            raise TokenError(f"The token is longer than {_LONGEST:,} characters.")
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                _key_of(jwt.get_unverified_header(token), keys),
                algorithms=_ALGORITHMS,
                audience=self._oidc.audience,
                issuer=self._oidc.issuer,
                leeway=_SKEW_SECONDS,
                options={"require": ["exp", "iat", "iss", "aud", "sub"], "enforce_minimum_key_length": True},
            )
        except jwt.PyJWTError as error:
            says = next((sentence for kind, sentence in _SENTENCES if isinstance(error, kind)), None)
            raise TokenError(says or "The token is not one that the issuer signed.") from error
        return claims

    def _viewer(self, claims: Mapping[str, Any]) -> Viewer:
        owner = None
        said = _words(_at(claims, self._oidc.claim))
        scopes = frozenset(scope for scope in SCOPES if {f"rapport:{scope}", f"rapport.{scope}"} & said)
        if self._oidc.owner_claim and "admin" not in scopes:
            owner = _at(claims, self._oidc.owner_claim)
            if not isinstance(owner, str) or not owner:
                raise TokenError(f"The token lacks the claim {self._oidc.owner_claim!r}, which says whose customers.")
        return Viewer(f"oidc:{claims['sub']}"[:200], scopes, owner)


def _key_of(header: Mapping[str, Any], keys: tuple[Jwk, ...]) -> jwt.PyJWK:
    """Return the key that the header names, bound to one algorithm."""
    algorithm, kid = header.get("alg"), header.get("kid")
    kind = header.get("typ")
    if algorithm not in _ALGORITHMS or (kind.lower() if isinstance(kind, str) else kind) not in _TYPES:
        raise TokenError("The token is not one that the issuer signed.")
    named = [key for key in keys if kid is None or key.get("kid") == kid]
    # Without a name there must be no choice: trying one after the other invites mistakes.
    if len(named) != 1:
        raise UnknownKeyError("The token was signed by a key that the issuer does not publish.")
    # The issuer's own word on the algorithm wins; what the token says is compared with it.
    return jwt.PyJWK(dict(named[0]), None if named[0].get("alg") else algorithm)


def _at(claims: Mapping[str, Any], path: str) -> Any:
    """Return a claim, also one inside others: ``realm_access.roles``."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _words(claim: Any) -> set[str]:
    if isinstance(claim, str):
        return set(claim.split())
    return {word for word in claim if isinstance(word, str)} if isinstance(claim, list) else set()
