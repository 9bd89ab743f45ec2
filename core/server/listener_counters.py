"""What happened to listeners, counted."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(slots=True)
class ListenerCounters:
    """What happened to all listeners of a stream since the server started."""

    connections: int = 0
    broken_connections: int = 0
    """Connections that ended without a closing handshake."""
    packets_sent: int = 0
    packets_dropped: int = 0
    bytes_sent: int = 0
    """Opus bytes."""
    failed: int = 0
    """Connections that were cut because of an error in this program."""
    stuck: int = 0
    """Listeners that were sent away because they did not read."""
    malformed_messages: int = 0

    def add(self, others: ListenerCounters) -> None:
        """Count these, too."""
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(others, each.name))
