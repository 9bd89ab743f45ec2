"""Whose address a request comes from, also through proxies."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from typing import Final

from multidict import CIMultiDict, CIMultiDictProxy

from core.server.access.settings import PROXY_HEADERS

Headers = CIMultiDictProxy[str] | CIMultiDict[str]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

SITE_PREFIX_BITS: Final = 64
"""RFC 4291 §2.5.1: the rest is an interface's, and one host may take any number of them (RFC 8981)."""

_FOR: Final = re.compile(r'(?:^|;)\s*for="?([^";]*)"?\s*(?=;|$)', re.IGNORECASE)
"""RFC 7239 §4, of one element."""

_MOST_HOPS: Final = 32


class Addresses:
    """Finds out on whose behalf a request comes."""

    def __init__(self, trusted_proxies: Sequence[str], header: str) -> None:
        """As of `AccessSettings`."""
        self._trusted = [ipaddress.ip_network(each) for each in trusted_proxies]
        self._header = header

    def client(self, peer: str | None, headers: Headers) -> Address | None:
        """The nearest address that is no trusted proxy's; ``None`` where there is none (a UNIX socket's).

        ``peer`` is who opened the TCP connection. What lies behind the first untrusted address anybody can have made
        up. A hop that does not say for whom it asks (RFC 7239 §6 knows ``unknown`` and ``_hidden``) counts itself.
        """
        address = _read(peer or "")
        if address is None or not self.is_trusted(address):
            return address
        for hop in reversed(self._hops(headers)):
            next_address = _read(hop)
            if next_address is None:
                return address
            address = next_address
            if not self.is_trusted(address):
                return address
        return address

    def is_local(self, peer: str | None, headers: Headers) -> bool:
        """Whether a program on this machine asks for itself: from loopback, and not as a proxy.

        A proxy need not say for whom it asks; then only that it is named as one tells it from other programs here.
        """
        address = _read(peer or "")
        return (
            address is not None and address.is_loopback and not self.is_trusted(address) and not is_forwarded(headers)
        )

    def is_trusted(self, address: Address) -> bool:
        """Whether a proxy there is believed."""
        return any(address in network for network in self._trusted)

    def _hops(self, headers: Headers) -> list[str]:
        elements = ",".join(headers.getall(self._header, [])).split(",")[-_MOST_HOPS:]
        if self._header != "Forwarded":
            return elements
        return [found[1] if (found := _FOR.search(element)) else "" for element in elements]


def is_forwarded(headers: Headers) -> bool:
    """Whether a request says that a proxy passed it on."""
    return any(name in headers for name in PROXY_HEADERS)


def site_of(address: Address | None) -> str:
    """The key by which a client is counted: an IPv4 address, or the first 64 bits of an IPv6 one."""
    if address is None:
        return "unknown"
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((int(address), SITE_PREFIX_BITS), strict=False))


def _read(text: str) -> Address | None:
    """An address, with or without a port and brackets; an IPv4 one in IPv6 clothes (RFC 4291 §2.5.5.2) as itself."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
