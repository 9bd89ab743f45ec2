"""Secrets, keys, tokens and certificates, made anew for each run."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import jwt
import trustme
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from core.server.access.settings import AccessSettings, TlsSettings

SECRET = secrets.token_hex(32)


def claims(**more: Any) -> dict[str, Any]:
    """Of a good token; ``None`` leaves one out."""
    usual = {"sub": "alice", "exp": int(time.time()) + 60, "streams": "*", "set": True}
    return {name: value for name, value in (usual | more).items() if value is not None}


def token(key: Any = SECRET, algorithm: str = "HS256", headers: dict[str, Any] | None = None, **more: Any) -> str:
    """Signed; ``more`` are claims."""
    return jwt.encode(claims(**more), key, algorithm, headers)


def with_secret(folder: Path, **more: Any) -> AccessSettings:
    """Settings that take tokens signed with `SECRET`."""
    file = folder / "secret"
    file.write_text(SECRET + "\n")
    file.chmod(0o600)
    return AccessSettings(secret_file=file, **more)


@lru_cache(maxsize=4)
def rsa_key(bits: int = 2_048) -> rsa.RSAPrivateKey:
    """A private key."""
    return rsa.generate_private_key(65_537, bits)


@lru_cache(maxsize=1)
def ec_key() -> ec.EllipticCurvePrivateKey:
    """A private key on P-256."""
    return ec.generate_private_key(ec.SECP256R1())


def private_pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    """Unencrypted."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    """Its other half."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@dataclass(frozen=True)
class Pair:
    """Certificate and key in files, and the authority that signed."""

    settings: TlsSettings
    ca_file: Path


def certificate(folder: Path, name: str = "127.0.0.1") -> Pair:
    """Write a new pair over what is there; the authority is a new one, too."""
    authority = trustme.CA()
    issued = authority.issue_cert(name)
    pair = TlsSettings(folder / "certificate.pem", folder / "key.pem")
    pair.certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    pair.key.touch(0o600)
    pair.key.write_bytes(issued.private_key_pem.bytes())
    ca_file = folder / f"authority-{secrets.token_hex(4)}.pem"
    ca_file.write_bytes(authority.cert_pem.bytes())
    return Pair(pair, ca_file)
