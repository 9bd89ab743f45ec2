"""The options of `opuscope serve` about who may listen, and what is warned of."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.cli.common import number_option
from core.server.access.settings import (
    PROXY_HEADERS,
    UNLIMITED,
    AccessError,
    AccessSettings,
    Limit,
    LimitSettings,
    TlsSettings,
)
from core.server.config import ServerConfig

_LIMITS = {
    "max_listeners": "N",
    "max_listeners_per_address": "N",
    "max_listeners_per_subject": "N",
    "attempts_per_minute_per_address": "N",
    "attempts_per_minute_per_subject": "N",
    "messages_per_s": "N",
    "max_connections": "N",
    "max_connections_per_address": "N",
    "max_encoders": "N",
}


def add_access_options(parser: argparse.ArgumentParser) -> None:
    """Add them; none has to be given."""
    tokens = parser.add_argument_group("tokens", "one of the four keys, and everybody needs a JSON Web Token")
    tokens.add_argument("--token-secret-file", type=Path, metavar="FILE", help="secret for HS256, 32 bytes or more")
    tokens.add_argument("--token-secret-env", metavar="NAME", help="the same in an environment variable")
    tokens.add_argument(
        "--token-public-key", type=Path, metavar="PEM", help="public key for RS256 (RSA) or ES256 (P-256)"
    )
    tokens.add_argument("--token-key-set", type=Path, metavar="JWKS", help="a file of such keys (RFC 7517)")
    tokens.add_argument("--token-audience", metavar="NAME", help="what a token's 'aud' has to be")
    tokens.add_argument("--token-issuer", metavar="NAME", help="what a token's 'iss' has to be")
    tls = parser.add_argument_group("encryption", "wss:// in place of ws://; SIGHUP reads both files and the keys anew")
    tls.add_argument("--tls-certificate", type=Path, metavar="PEM")
    tls.add_argument("--tls-key", type=Path, metavar="PEM", help="its key, unencrypted")
    origins = parser.add_argument_group("web pages and proxies")
    origins.add_argument(
        "--allow-origin",
        action="append",
        metavar="ORIGIN",
        help="let a web page's script listen, for instance https://example.org, or * (default: none may); repeatable",
    )
    origins.add_argument(
        "--require-origin", action=argparse.BooleanOptionalAction, help="refuse whoever is no web page (default: no)"
    )
    origins.add_argument(
        "--trusted-proxy",
        action="append",
        metavar="NETWORK",
        help="believe a proxy there when it says for whom it asks; repeatable",
    )
    origins.add_argument(
        "--proxy-header",
        choices=PROXY_HEADERS,
        help=f"where it says so (default: {PROXY_HEADERS[0]})",
    )
    limits = parser.add_argument_group(
        "limits",
        f"a number or {UNLIMITED!r}; without an option: none on loopback without a proxy, else those in parentheses",
    )
    public = LimitSettings.for_public()
    for name, metavar in _LIMITS.items():
        option = f"--{name.replace('_', '-')}"
        limits.add_argument(option, type=_limit_option, metavar=metavar, help=f"({getattr(public, name)})")
    limits.add_argument(
        "--header-timeout",
        type=number_option,
        metavar="S",
        help=f"cut who connects and asks for nothing (default: {public.header_timeout_s:g})",
    )


def with_access_options(config: ServerConfig, args: argparse.Namespace) -> ServerConfig:
    """``config``, which may be a file's, with what was said on the command line about access.

    Raises:
        AccessError: one of the options cannot be taken, or not beside what the file says.
    """
    config = replace(config, access=_access(config.access, args), tls=_tls(args) or config.tls)
    return replace(config, limits=_limits(config, args))


def access_warnings(config: ServerConfig) -> list[str]:
    """What whoever starts a server should know, a line each."""
    if not config.is_public:
        if not config.access.trusted_proxies or config.access.has_tokens:
            return []
        return [
            f"behind a proxy on {' or '.join(config.access.trusted_proxies)}: everybody whom it lets through can"
            " listen, without a password; use tokens (--token-secret-file)"
        ]
    if config.access.has_tokens and config.tls is None:
        return [
            f"listening on {config.host} with tokens, but unencrypted: whoever is on the way can read and use them;"
            " give --tls-certificate and --tls-key, or listen on 127.0.0.1 behind a proxy that encrypts"
        ]
    if config.access.has_tokens:
        return []
    how = "without a password" if config.tls is not None else "unencrypted and without a password"
    return [
        f"listening on {config.host}: every machine that reaches this one can listen, {how};"
        " use --host 127.0.0.1 to keep it to this machine, or tokens (--token-secret-file)"
    ]


def _access(configured: AccessSettings, args: argparse.Namespace) -> AccessSettings:
    said = {
        "secret_file": args.token_secret_file,
        "secret_env": args.token_secret_env,
        "public_key_file": args.token_public_key,
        "jwks_file": args.token_key_set,
        "audience": args.token_audience,
        "issuer": args.token_issuer,
        "allowed_origins": args.allow_origin and tuple(args.allow_origin),
        "requires_origin": args.require_origin,
        "trusted_proxies": args.trusted_proxy and tuple(args.trusted_proxy),
        "proxy_header": args.proxy_header,
    }
    return replace(configured, **{name: value for name, value in said.items() if value is not None})


def _tls(args: argparse.Namespace) -> TlsSettings | None:
    certificate, key = args.tls_certificate, args.tls_key
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise AccessError("a certificate and its key are needed, both: --tls-certificate and --tls-key")
    return TlsSettings(certificate, key)


def _limits(config: ServerConfig, args: argparse.Namespace) -> LimitSettings:
    usual = config.limits.on_public_host() if config.has_strangers else config.limits
    given: dict[str, Any] = {name: value for name in _LIMITS if (value := getattr(args, name)) is not None}
    if args.header_timeout is not None:
        given["header_timeout_s"] = args.header_timeout
    return replace(usual, **given)


def _limit_option(text: str) -> Limit:
    if text == UNLIMITED:
        return UNLIMITED
    try:
        # 0 has always been another word for it here.
        return int(text) or UNLIMITED
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not possible; accepted: a whole number or {UNLIMITED!r}"
        ) from None
