"""The keys with which tokens are checked. Import this only where there are tokens: PyJWT and `cryptography` take 0.1 s.

What a key is decides the algorithm, and nothing that a token says (RFC 8725 §3.1): a secret is for HS256, an RSA key
for RS256, a P-256 key for ES256.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from core.server.access.settings import AccessError, AccessSettings

MIN_SECRET_BYTES: Final = 32
"""RFC 7518 §3.2: as long as the hash of HS256 at least."""

MIN_RSA_BITS: Final = 2_048
"""RFC 7518 §3.3."""

MAX_KEY_FILE_BYTES: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Key:
    """A key, the one algorithm it is for, and its name in a set of keys."""

    algorithm: str
    material: Any = field(repr=False)
    name: str | None = None


def load_keys(settings: AccessSettings) -> tuple[Key, ...]:
    """The keys that the settings name, freshly read; at least one.

    Raises:
        AccessError: there is none, it cannot be read, or it is too weak. It never repeats what was read.
    """
    if settings.secret_file or settings.secret_env:
        return (secret_key(settings.secret_file, settings.secret_env),)
    if settings.public_key_file:
        return (_public_key(settings.public_key_file),)
    if settings.jwks_file:
        return _key_set(settings.jwks_file)
    raise AccessError("there is no key to check tokens with")


def secret_key(file: Path | None, variable: str | None) -> Key:
    """The secret for HS256 in a file, without the end of its last line, or in an environment variable.

    Raises:
        AccessError: as of `load_keys`.
    """
    if file is not None:
        where, secret = f"file {file}", _read(file, "token secret").rstrip(b"\r\n")
    else:
        where, text = f"variable {variable}", os.environ.get(variable or "")
        if text is None:
            raise AccessError(f"the environment variable {variable} for the token secret is not set")
        secret = os.fsencode(text)
    if len(secret) < MIN_SECRET_BYTES:
        raise AccessError(
            f"the token secret in {where} has {len(secret)} bytes; accepted: {MIN_SECRET_BYTES} and more, for instance"
            " from: openssl rand -hex 32"
        )
    try:
        jwt.get_algorithm_by_name("HS256").prepare_key(secret)
    except jwt.InvalidKeyError:
        raise AccessError(f"the token secret in {where} is a key or certificate, which is no secret") from None
    return Key("HS256", secret)


def private_key(file: Path) -> Key:
    """The private key of an RSA or P-256 pair, to sign tokens with.

    Raises:
        AccessError: as of `load_keys`.
    """
    try:
        material = load_pem_private_key(_read(file, "private key"), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise AccessError(f"{file} holds no private key that can be used; accepted: unencrypted PEM") from None
    if isinstance(material, RSAPrivateKey):
        _check_rsa(material.key_size, str(file))
        return Key("RS256", material)
    if isinstance(material, EllipticCurvePrivateKey) and isinstance(material.curve, SECP256R1):
        return Key("ES256", material)
    raise AccessError(f"{file} holds a key of another kind; accepted: RSA (RS256) and P-256 (ES256)")


def _public_key(file: Path) -> Key:
    try:
        material = load_pem_public_key(_read(file, "public key"))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise AccessError(f"{file} holds no public key; accepted: PEM that begins with BEGIN PUBLIC KEY") from None
    return Key(_algorithm_of(material, str(file)), material)


def _key_set(file: Path) -> tuple[Key, ...]:
    try:
        content = json.loads(_read(file, "key set"))
        given = content["keys"]
        found = [dict(each) for each in given]
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        raise AccessError(f'{file} holds no key set; accepted: JSON like {{"keys": [...]}} (RFC 7517)') from None
    keys = [_jwk(each, file) for each in found if each.get("use", "sig") == "sig"]
    if not keys:
        raise AccessError(f"{file} holds no key for signatures")
    names = [key.name for key in keys]
    if len(keys) > 1 and (None in names or len(set(names)) < len(names)):
        raise AccessError(f"{file} holds several keys, of which each needs a 'kid' of its own")
    return tuple(keys)


def _jwk(content: dict[str, Any], file: Path) -> Key:
    name = content.get("kid")
    where = f"the key {str(name)[:40]!r} in {file}"
    if content.get("kty") not in ("RSA", "EC") or "d" in content:
        raise AccessError(
            f"{where} is not a public key of a kind that is taken; accepted: RSA (RS256) and P-256 (ES256)"
        )
    try:
        material = jwt.PyJWK(content, "RS256" if content["kty"] == "RSA" else "ES256").key
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError):
        raise AccessError(f"{where} cannot be used") from None
    algorithm = _algorithm_of(material, where)
    if content.get("alg", algorithm) != algorithm:
        raise AccessError(f"{where} is for another algorithm than {algorithm}")
    return Key(algorithm, material, name if isinstance(name, str) else None)


def _algorithm_of(material: object, where: str) -> str:
    if isinstance(material, RSAPublicKey):
        _check_rsa(material.key_size, where)
        return "RS256"
    if isinstance(material, EllipticCurvePublicKey) and isinstance(material.curve, SECP256R1):
        return "ES256"
    raise AccessError(f"{where} holds a key of another kind; accepted: RSA (RS256) and P-256 (ES256)")


def _check_rsa(bits: int, where: str) -> None:
    if bits < MIN_RSA_BITS:
        raise AccessError(f"the RSA key of {where} has {bits} bits; accepted: {MIN_RSA_BITS} and more")


def _read(file: Path, what: str) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(MAX_KEY_FILE_BYTES)
    except OSError as error:
        raise AccessError(f"the {what} {file} cannot be read: {error.strerror}") from error
