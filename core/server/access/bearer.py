"""Where a request carries its token (RFC 6750 §2), and how that is kept out of what others see and log."""

from __future__ import annotations

from typing import Final

from aiohttp import web

BEARER_PROTOCOL: Final = "bearer."
"""The beginning of a subprotocol that is a token: a browser's script can send nothing else with a WebSocket."""

_HEADER: Final = "Sec-WebSocket-Protocol"


class SeveralTokensError(ValueError):
    """A request with tokens that differ."""


def offered_protocols(request: web.Request) -> list[str]:
    """The subprotocols that a client offers (RFC 6455 §4.1), tokens among them."""
    offers = ",".join(request.headers.getall(_HEADER, []))
    return [offer.strip() for offer in offers.split(",") if offer.strip()]


def token_of(request: web.Request) -> str | None:
    """The token in ``Authorization: Bearer``, in ``?token=`` or in a subprotocol ``bearer.``; may be anything.

    Raises:
        SeveralTokensError: there are two (RFC 6750 §2: not more than one method in each request).
    """
    found = set(request.query.getall("token", []))
    for value in request.headers.getall("Authorization", []):
        scheme, _, credentials = value.strip().partition(" ")
        if scheme.casefold() == "bearer":  # RFC 9110 §11.1
            found.add(credentials.strip())
    found.update(
        offer.removeprefix(BEARER_PROTOCOL) for offer in offered_protocols(request) if offer.startswith(BEARER_PROTOCOL)
    )
    if len(found) > 1:
        raise SeveralTokensError
    return next(iter(found), None)


def challenge(error: str | None = None, description: str = "") -> dict[str, str]:
    """The header of a 401 or 403 that says what is missing (RFC 6750 §3)."""
    more = f', error="{error}", error_description="{description}"' if error else ""
    return {"WWW-Authenticate": f'Bearer realm="opuscope"{more}'}


def without_token(request: web.Request) -> web.Request:
    """The request as far as the handshake may know it: aiohttp logs subprotocols that it does not find."""
    offers = offered_protocols(request)
    kept = [offer for offer in offers if not offer.startswith(BEARER_PROTOCOL)]
    if len(kept) == len(offers):
        return request
    headers = request.headers.copy()
    headers.popall(_HEADER)
    if kept:
        headers[_HEADER] = ", ".join(kept)
    # A clone encodes all headers anew, and a client may have sent what cannot be.
    for name in [name for name, value in headers.items() if not value.isascii()]:
        headers.popall(name, None)
    return request.clone(headers=headers)
