"""How a server is watched, and how it ends."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final

PATHS: Final = ("/healthz", "/readyz", "/metrics")
"""Taken: no stream can have one of these addresses."""

LOG_FORMATS: Final = ("text", "json")
LOG_LEVELS: Final = ("debug", "info", "warning", "error")

DRAIN_CODES: Final = (1001, 1012)
"""Going away (RFC 6455 §7.4.1), and service restart (IANA's registry of WebSocket close codes)."""

MAX_DRAIN_S: Final = 3_600.0


@dataclass(frozen=True, slots=True)
class OperationSettings:
    """Without an argument: metrics for this machine only, warnings on stderr, an end without delay."""

    metrics_from: tuple[str, ...] = ()
    """Networks (``10.0.0.0/8``) or addresses that may read the metrics, beside the loopback."""
    drain_s: float = 0.0
    """Between the signal to end, when nobody new is let in any more, and the goodbye to those who listen."""
    drain_code: int = 1001
    """The close code of that goodbye."""
    log_format: str = "text"
    log_level: str = "warning"

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            ValueError: the message is one line that says what would be accepted.
        """
        for text in self.metrics_from:
            _network(text)
        if not 0 <= self.drain_s <= MAX_DRAIN_S:
            raise ValueError(f"a drain of {self.drain_s:.15g} s is not possible; accepted: 0 to {MAX_DRAIN_S:g} s")
        if self.drain_code not in DRAIN_CODES:
            raise ValueError(
                f"a drain code of {self.drain_code} is not possible; accepted: 1001 (going away), 1012 (restart)"
            )
        if self.log_format not in LOG_FORMATS:
            raise ValueError(f"log format {self.log_format!r} is not known; accepted: {', '.join(LOG_FORMATS)}")
        if self.log_level not in LOG_LEVELS:
            raise ValueError(f"log level {self.log_level!r} is not known; accepted: {', '.join(LOG_LEVELS)}")

    def may_read_metrics(self, address: str, *, is_forwarded: bool) -> bool:
        """Whether a peer at ``address`` may; what a proxy forwards comes from anywhere, so it never may."""
        try:
            peer = ipaddress.ip_address(address)
        except ValueError:
            return False
        if isinstance(peer, ipaddress.IPv6Address) and peer.ipv4_mapped is not None:
            peer = peer.ipv4_mapped
        return not is_forwarded and (peer.is_loopback or any(peer in _network(text) for text in self.metrics_from))


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise ValueError(f"metrics from {text[:60]!r} are not possible: {error}; accepted: as 10.0.0.0/8") from error
