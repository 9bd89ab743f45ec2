"""How much encoding one server takes on: each setting that nobody else has costs an encoder of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from core.opus.encoder import EncoderSettings, EncoderSettingsError

USUAL_FRAME_MS: Final = 20.0


def cost(settings: EncoderSettings) -> float:
    """Of one encoder, in encoders of 20 ms frames: shorter ones make more packets, and each has its price."""
    return max(1.0, USUAL_FRAME_MS / settings.frame_ms)


class EncoderBudget:
    """Shared by all streams of a server."""

    def __init__(self, limit: float | None = None) -> None:
        """``limit`` is how much there may be at once, in encoders of 20 ms frames; ``None``: any number."""
        self._limit = limit
        self._spenders: list[Callable[[], float]] = []

    def add(self, spent: Callable[[], float]) -> None:
        """One more stream; ``spent`` tells what its encoders cost now."""
        self._spenders.append(spent)

    def has_room(self, wanted: EncoderSettings, instead_of: EncoderSettings | None = None) -> bool:
        """Whether one more encoder may be made, or one changed."""
        if self._limit is None:
            return True
        more = cost(wanted) - (0.0 if instead_of is None else cost(instead_of))
        # What costs no more than before is never refused.
        return more <= 0 or sum(spent() for spent in self._spenders) + more <= self._limit


class NoRoomError(EncoderSettingsError):
    """The budget is spent."""

    def __init__(self) -> None:
        """The message is for the client."""
        super().__init__("the server makes no more different encodings at once; take its usual settings, or ask later")
