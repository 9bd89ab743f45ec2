"""What was refused, and how often."""

from __future__ import annotations

import enum
from collections import Counter
from dataclasses import dataclass, field


class Reason(enum.StrEnum):
    """Why something was refused; the values are fit for labels of metrics."""

    MALFORMED_REQUEST = "malformed_request"
    HEADER_TIMEOUT = "header_timeout"
    """No complete request in time."""
    DRAINING = "draining"
    """The server is going away."""
    ORIGIN = "origin"
    NO_TOKEN = "no_token"  # noqa: S105 - none is one
    BAD_TOKEN = "bad_token"  # noqa: S105
    EXPIRED_TOKEN = "expired_token"  # noqa: S105
    NOT_LOCAL = "not_local"
    """Without a token only this machine may push."""
    STREAM = "stream"
    """The token is not for this stream."""
    SETTINGS_IN_ADDRESS = "settings_in_address"
    """The token gives no right to them."""
    ATTEMPTS_OF_ADDRESS = "attempts_of_address"
    ATTEMPTS_OF_SUBJECT = "attempts_of_subject"
    FULL = "full"
    FULL_FOR_ADDRESS = "full_for_address"
    FULL_FOR_SUBJECT = "full_for_subject"
    LOOP = "loop"
    """A relay that leads back to itself."""
    CONNECTIONS = "connections"
    """So many are open in all; this one was closed before anything was read."""
    CONNECTIONS_OF_ADDRESS = "connections_of_address"
    ENCODERS = "encoders"
    """The settings in the address, or asked for later, would take one encoder too many."""
    SET = "set"
    """A `set` without the right to it; the connection goes on."""
    MESSAGE_RATE = "message_rate"
    """A message that was ignored; the connection goes on."""
    MESSAGE_SIZE = "message_size"
    """A message that is too big; the connection was closed with 1009."""
    FLOOD = "flood"
    TOKEN_RAN_OUT = "token_ran_out"  # noqa: S105
    """While its bearer listened."""


@dataclass(slots=True)
class Refusals:
    """Counts since the server started, by reason."""

    counts: Counter[Reason] = field(default_factory=Counter)

    def count(self, reason: Reason) -> None:
        """One more."""
        self.counts[reason] += 1
