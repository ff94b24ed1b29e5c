"""OIDC tokens: verification with the published keys of the company's issuer."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import jwt

from rapport.errors import ServingError
from rapport.serving.environment import Oidc
from rapport.serving.errors import NotReadyError
from rapport.serving.security.issuer import IssuerKeys, Jwk
from rapport.serving.security.keys import SCOPES, Viewer

# Asymmetric algorithms only. Never "none", and never HMAC, with which a public key would be the secret.
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_SKEW_SECONDS = 60
_MAX_CHARACTERS = 8_192
_MAX_CACHED = 4_096
_TYPES = (None, "jwt", "at+jwt", "application/at+jwt")
_MESSAGES: tuple[tuple[type[jwt.PyJWTError], str], ...] = (
    (jwt.ExpiredSignatureError, "The token has expired; get a new one."),
    (jwt.ImmatureSignatureError, "The token is not valid yet; check the clocks."),
    (jwt.InvalidAudienceError, "The token was issued for another audience than this service."),
    (jwt.InvalidIssuerError, "The token comes from another issuer than the trusted one."),
    (jwt.MissingRequiredClaimError, "The token lacks a claim: it needs exp, iat, iss, aud and sub."),
)


class TokenError(ServingError):
    """An invalid token; the message gives the reason without quoting the token."""


class UnknownKeyError(TokenError):
    """A token signed by a key that the issuer had not published at the last refresh."""


def is_token(secret: str) -> bool:
    """Return whether this looks like a signed token: three parts, which no API key has."""
    return secret.count(".") == 2


class TokenVerifier:
    """Verifies the tokens of one issuer; verified tokens are cached until they expire or the issuer's keys change."""

    def __init__(self, oidc: Oidc) -> None:
        self.issuer = IssuerKeys(oidc.issuer)
        self._oidc = oidc
        self._verified: OrderedDict[bytes, tuple[Viewer, float, tuple[Jwk, ...]]] = OrderedDict()

    def viewer(self, token: str, now: datetime) -> Viewer:
        """Return the caller; raises TokenError for an invalid token."""
        keys, digest = self.issuer.keys(time.monotonic()), hashlib.sha256(token.encode()).digest()
        if not keys:
            raise NotReadyError(f"Tokens cannot be checked now: {self.issuer.refusal or 'no keys were fetched yet'}")
        cached = self._verified.get(digest)
        if cached is not None and cached[1] > now.timestamp() and cached[2] is keys:
            return cached[0]
        claims = self._claims(token, keys)
        viewer = self._viewer(claims)
        self._verified[digest] = (viewer, float(claims["exp"]) + _SKEW_SECONDS, keys)
        while len(self._verified) > _MAX_CACHED:
            self._verified.popitem(last=False)
        return viewer

    def _claims(self, token: str, keys: tuple[Jwk, ...]) -> dict[str, Any]:
        if len(token) > _MAX_CHARACTERS:
            raise TokenError(f"The token is longer than {_MAX_CHARACTERS:,} characters.")
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
            message = next((text for kind, text in _MESSAGES if isinstance(error, kind)), None)
            raise TokenError(message or "The token is not one that the issuer signed.") from error
        return claims

    def _viewer(self, claims: Mapping[str, Any]) -> Viewer:
        owner = None
        granted = _words(_claim(claims, self._oidc.claim))
        scopes = frozenset(scope for scope in SCOPES if {f"rapport:{scope}", f"rapport.{scope}"} & granted)
        if self._oidc.owner_claim and "admin" not in scopes:
            owner = _claim(claims, self._oidc.owner_claim)
            if not isinstance(owner, str) or not owner:
                raise TokenError(
                    f"The token lacks the claim {self._oidc.owner_claim!r}, which names the owner of the customers."
                )
        return Viewer(f"oidc:{claims['sub']}"[:200], scopes, owner)


def _key_of(header: Mapping[str, Any], keys: tuple[Jwk, ...]) -> jwt.PyJWK:
    """Return the key that the header names, bound to one algorithm."""
    algorithm, kid = header.get("alg"), header.get("kid")
    kind = header.get("typ")
    if algorithm not in _ALGORITHMS or (kind.lower() if isinstance(kind, str) else kind) not in _TYPES:
        raise TokenError("The token is not one that the issuer signed.")
    candidates = [key for key in keys if kid is None or key.get("kid") == kid]
    # A token without a key id is accepted only if the issuer has one key: trying several invites mistakes.
    if len(candidates) != 1:
        raise UnknownKeyError("The token was signed by a key that the issuer does not publish.")
    # The algorithm that the issuer declares wins; the token's is compared with it.
    return jwt.PyJWK(dict(candidates[0]), None if candidates[0].get("alg") else algorithm)


def _claim(claims: Mapping[str, Any], path: str) -> Any:
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
