"""Checking tokens: JSON Web Tokens (RFC 7519) by the rules of RFC 8725. Import this only where there are tokens."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import jwt

from core.server.access.keys import Key
from core.server.access.settings import AccessSettings

ALL_STREAMS: Final = "*"

LATEST_EXPIRY_UNIX_S: Final = 32_503_680_000.0
"""The year 3000: a claim may hold any number, and reckoning with it must not overflow."""

_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
"""RFC 7515 §7.1. What does not look so need not be decoded."""


class TokenError(Exception):
    """A token that is not accepted; the message is one line, fixed words only."""


class ExpiredTokenError(TokenError):
    """It was good once."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a good token gives its bearer."""

    subject: str
    streams: frozenset[str] | None
    """``None``: all."""
    may_set: bool
    expires_unix_s: float
    """The last moment at which it is accepted, leeway included."""

    def allows(self, stream: str) -> bool:
        """Whether its bearer may hear ``stream``."""
        return self.streams is None or stream in self.streams


class TokenVerifier:
    """Accepts tokens that one of its keys has signed."""

    def __init__(self, keys: Sequence[Key], settings: AccessSettings) -> None:
        """``keys`` are not empty."""
        self._keys = tuple(keys)
        self._settings = settings

    def verify(self, token: str) -> Claims:
        """What the token says, if it is to be believed.

        Raises:
            ExpiredTokenError: it is too late for it.
            TokenError: it is not to be believed.
        """
        if not _COMPACT.fullmatch(token):
            raise TokenError("the token is not a JSON Web Token")
        try:
            key = self._key_for(token)
            claims = jwt.decode(
                token,
                key.material,
                algorithms=[key.algorithm],
                audience=self._settings.audience,
                issuer=self._settings.issuer,
                leeway=self._settings.leeway_s,
                options={"require": ["exp"]},
            )
        except jwt.PyJWTError as error:
            raise _explained(error) from None
        return self._read(claims)

    def _key_for(self, token: str) -> Key:
        """The one that the token names (RFC 7515 §4.1.4); a key without a name is there for all."""
        name = jwt.get_unverified_header(token).get("kid")
        named = [key for key in self._keys if key.name is not None and key.name == name]
        unnamed = [key for key in self._keys if key.name is None]
        only = list(self._keys) if name is None and len(self._keys) == 1 else []
        for key in (*named, *unnamed, *only):
            return key
        raise TokenError("the token names no key that is known here")

    def _read(self, claims: dict[str, Any]) -> Claims:
        streams = claims.get("streams", [])
        if streams != ALL_STREAMS and not (
            isinstance(streams, list) and all(isinstance(each, str) for each in streams)
        ):
            raise TokenError("the token's claim 'streams' is neither a list of names nor '*'")
        may_set = claims.get("set", False)
        if not isinstance(may_set, bool):
            raise TokenError("the token's claim 'set' is neither true nor false")
        # As PyJWT read it, which has refused what is no number.
        expires_unix_s = min(int(claims["exp"]), int(LATEST_EXPIRY_UNIX_S)) + self._settings.leeway_s
        return Claims(
            subject=claims.get("sub", ""),
            streams=None if ALL_STREAMS in streams else frozenset(streams),
            may_set=may_set,
            expires_unix_s=expires_unix_s,
        )


def _explained(error: jwt.PyJWTError) -> TokenError:
    """Our own words: the library's may repeat what was sent."""
    match error:
        case jwt.ExpiredSignatureError():
            return ExpiredTokenError("the token has expired")
        case jwt.ImmatureSignatureError():
            return TokenError("the token is not valid yet")
        case jwt.InvalidAudienceError():
            return TokenError("the token is for another audience")
        case jwt.InvalidIssuerError():
            return TokenError("the token is from another issuer")
        case jwt.MissingRequiredClaimError() if error.claim in ("exp", "aud", "iss"):
            return TokenError(f"the token lacks the claim '{error.claim}'")
        case jwt.InvalidSignatureError() | jwt.InvalidAlgorithmError():
            return TokenError("the token is not signed with the key of this server")
        case _:
            return TokenError("the token is malformed")
