"""What a user sets on the jitter buffer."""

from __future__ import annotations

from dataclasses import dataclass

from core.opus.packet import SAMPLES_PER_MS


class PlayoutSettingsError(ValueError):
    """A setting outside of what the buffer can hold; the message says what would be accepted."""


@dataclass(frozen=True, slots=True)
class PlayoutSettings:
    """Depths in milliseconds.

    ``target_delay_ms`` is how long a packet that came without delay waits before it is played, so a packet that is
    later than that starves the output. ``max_depth_ms`` bounds the memory: what would exceed it pushes out the oldest.
    """

    target_delay_ms: float = 60.0
    max_depth_ms: float = 10_000.0

    def __post_init__(self) -> None:
        """Refuse a negative depth, and a target that leaves no room for the packets that come.

        Raises:
            PlayoutSettingsError: with what would be accepted.
        """
        room_ms = 240.0  # two packets of the largest size (RFC 6716 §3.2.5)
        if not self.max_depth_ms >= room_ms:
            raise PlayoutSettingsError(
                f"a bound of {self.max_depth_ms:g} ms is too small; accepted: {room_ms:g} ms or more"
            )
        if not 0 <= self.target_delay_ms <= self.max_depth_ms - room_ms:
            raise PlayoutSettingsError(
                f"a target delay of {self.target_delay_ms:g} ms is not possible;"
                f" accepted: 0 to {self.max_depth_ms - room_ms:g} ms"
            )

    @property
    def target_samples(self) -> int:
        """The target delay in 48 kHz samples."""
        return round(self.target_delay_ms * SAMPLES_PER_MS)

    @property
    def max_depth_samples(self) -> int:
        """The bound in 48 kHz samples."""
        return round(self.max_depth_ms * SAMPLES_PER_MS)
