"""OIDC tokens: verification with the published keys of the company's issuer."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import jwt

from rapport.errors import ServingError
from rapport.integrity import same_secret
from rapport.serving.environment import Oidc
from rapport.serving.errors import NotReadyError
from rapport.serving.security.issuer import IssuerKeys, SigningKeys, VerifyingKey
from rapport.serving.security.keys import Viewer
from rapport.serving.security.roles import granted

# Asymmetric algorithms only. Never "none", and never HMAC, with which a public key would be the secret.
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_SKEW_SECONDS = 60
_MAX_CHARACTERS = 8_192
_MAX_CACHED = 4_096
# The claims that may hold a person's name, the best first.
_NAMES = ("name", "preferred_username", "email")
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

    def __init__(self, oidc: Oidc, issuer: IssuerKeys | None = None) -> None:
        self.issuer = issuer or IssuerKeys(oidc.issuer)
        self._oidc = oidc
        self._verified: OrderedDict[bytes, tuple[Viewer, float, SigningKeys]] = OrderedDict()

    def viewer(self, token: str, now: datetime) -> Viewer:
        """Return the caller; raises TokenError for an invalid token."""
        keys, digest = self._keys(), hashlib.sha256(token.encode()).digest()
        cached = self._verified.get(digest)
        if cached is not None and cached[1] > now.timestamp() and cached[2] is keys:
            return cached[0]
        claims = self._claims(token, keys)
        viewer = self._viewer(claims)
        self._verified[digest] = (viewer, float(claims["exp"]) + _SKEW_SECONDS, keys)
        while len(self._verified) > _MAX_CACHED:
            self._verified.popitem(last=False)
        return viewer

    def person(self, id_token: str, nonce: str) -> Viewer:
        """Return the person of an ID token that answers the request with ``nonce``; TokenError for any other."""
        claims = self._claims(id_token, self._keys())
        mine = claims.get("azp", self._oidc.audience) == self._oidc.audience
        if not mine or not same_secret(str(claims.get("nonce", "")), nonce):
            raise TokenError("The token does not answer this sign-in.")
        return self._viewer(claims)

    def _keys(self) -> SigningKeys:
        keys = self.issuer.trusted()
        if keys is None:
            raise NotReadyError(f"Tokens cannot be checked now: {self.issuer.refusal or 'no keys were fetched yet'}")
        return keys

    def _claims(self, token: str, keys: SigningKeys) -> dict[str, Any]:
        if len(token) > _MAX_CHARACTERS:
            raise TokenError(f"The token is longer than {_MAX_CHARACTERS:,} characters.")
        try:
            claims: dict[str, object] = jwt.decode(
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
        role, scopes = granted(_words(_claim(claims, self._oidc.claim)))
        owner: str | None = None
        team: tuple[str, ...] = ()
        if role == "manager":
            team = self._people(claims, "RAPPORT_OIDC_TEAM_CLAIM", self._oidc.team_claim)
        elif role == "owner" or (self._oidc.owner_claim and "admin" not in scopes and role != "analyst"):
            owner = self._people(claims, "RAPPORT_OIDC_OWNER_CLAIM", self._oidc.owner_claim)[0]
        person = next((claims[name] for name in _NAMES if isinstance(claims.get(name), str)), "")
        return Viewer(f"oidc:{claims['sub']}"[:200], scopes, owner, team, person[:200], role)

    def _people(self, claims: Mapping[str, object], variable: str, name: str | None) -> tuple[str, ...]:
        """Return the account owners that a claim names."""
        if name is None:
            raise TokenError(f"The role sees the customers of the owners that a claim names. Set {variable}.")
        found = _claim(claims, name)
        people = tuple(one for one in (found if isinstance(found, list) else [found]) if isinstance(one, str) and one)
        if not people:
            raise TokenError(f"The token lacks the claim {name!r}, which names the owner of the customers.")
        return people


def _key_of(header: Mapping[str, object], keys: SigningKeys) -> VerifyingKey:
    """Return the key that the header names."""
    kind = header.get("typ")
    if header.get("alg") not in _ALGORITHMS or (kind.lower() if isinstance(kind, str) else kind) not in _TYPES:
        raise TokenError("The token is not one that the issuer signed.")
    key = keys.verifying(header.get("kid"))
    if key is None:
        raise UnknownKeyError("The token was signed by a key that the issuer does not publish.")
    return key


def _claim(claims: Mapping[str, object], path: str) -> object:
    """Return a claim, also one inside others: ``realm_access.roles``."""
    if path in claims:
        return claims[path]
    found: object = claims
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _words(claim: object) -> set[str]:
    if isinstance(claim, str):
        return set(claim.split())
    return {word for word in claim if isinstance(word, str)} if isinstance(claim, list) else set()
