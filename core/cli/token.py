"""`opuscope token`: make a token for a server that asks for one."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any, Final

from core.cli.common import EXIT_FINE, CommandError, number_option
from core.server.access.settings import AccessError

DEFAULT_EXPIRY_S: Final = 3_600.0
MAX_EXPIRY_S: Final = 366 * 86_400.0

_EXAMPLES = """\
examples:
  (umask 077; openssl rand -hex 32 > secret)
  opuscope serve --token-secret-file secret
  opuscope token --secret-file secret --subject alice
  opuscope probe ws://127.0.0.1:8765/ws-audio --token "$(opuscope token --secret-file secret --subject alice)"
"""


def add_parser(subparsers: Any) -> argparse.ArgumentParser:
    """Add the command to what ``ArgumentParser.add_subparsers`` returned."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "token",
        help="make a token for a server that asks for one",
        description="Print a JSON Web Token for 'opuscope serve', and nothing else.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    key = parser.add_mutually_exclusive_group(required=True)
    key.add_argument("--secret-file", type=Path, metavar="FILE", help="sign with HS256 and the secret in a file")
    key.add_argument("--secret-env", metavar="NAME", help="the same from an environment variable")
    key.add_argument("--private-key", type=Path, metavar="PEM", help="sign with RS256 (RSA) or ES256 (P-256)")
    add("--key-id", metavar="KID", help="the key's name in the server's set of keys")
    add("--subject", required=True, metavar="NAME", help="whose token it is; limits per subject count by it")
    add(
        "--stream",
        action="append",
        default=[],
        metavar="NAME",
        help="what its bearer may hear, * for all (default: *); repeatable",
    )
    add("--may-set", action="store_true", help="let its bearer change the encoder's settings")
    add(
        "--expires-in",
        type=number_option,
        default=DEFAULT_EXPIRY_S,
        metavar="S",
        help="seconds, at most a year (default: %(default)g)",
    )
    add("--audience", metavar="NAME", help="as the server's --token-audience")
    add("--issuer", metavar="NAME", help="as the server's --token-issuer")
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Print the token.

    Raises:
        CommandError: the key cannot be had, or an option cannot be taken.
    """
    import jwt

    from core.server.access.keys import private_key, secret_key

    if not args.subject.strip():
        raise CommandError("a token without a subject is not possible; name whose it is, as --subject alice")
    if not 1 <= args.expires_in <= MAX_EXPIRY_S:
        raise CommandError(f"a token for {args.expires_in:.15g} s is not possible; accepted: 1 to {MAX_EXPIRY_S:.0f} s")
    try:
        key = private_key(args.private_key) if args.private_key else secret_key(args.secret_file, args.secret_env)
    except AccessError as error:
        raise CommandError(str(error)) from error
    headers = {"kid": args.key_id} if args.key_id else None
    print(jwt.encode(_claims(args, int(time.time())), key.material, key.algorithm, headers))
    return EXIT_FINE


def _claims(args: argparse.Namespace, now_s: int) -> dict[str, object]:
    """As `core.server.access.tokens` reads them, with the registered ones of RFC 7519 §4.1."""
    claims: dict[str, object] = {
        "sub": args.subject,
        "iat": now_s,
        "exp": now_s + round(args.expires_in),
        "streams": "*" if not args.stream or "*" in args.stream else args.stream,
        "set": args.may_set,
    }
    registered = {"aud": args.audience, "iss": args.issuer}
    return claims | {name: value for name, value in registered.items() if value is not None}
