"""Volume, balance and mute between jitter buffer and device, changed without a click."""

from __future__ import annotations

from typing import Final

import numpy as np

from core.audio.output import Pcm, Pull

MIN_VOLUME_DB: Final = -60.0
MAX_VOLUME_DB: Final = 12.0

_EVEN: Final = (1.0, 1.0)


class VolumeError(ValueError):
    """A volume or a balance outside of what is offered."""


class Volume:
    """A gain stage: `pull` has the signature of the buffer's own, so it stands between buffer and output."""

    def __init__(self, pull: Pull) -> None:
        """0 dB, even balance, not muted."""
        self._source = pull
        self._gain = 1.0
        self._sides = _EVEN
        """What is left of left and right; replaced as a whole, since the audio thread reads it."""
        self._is_muted = False
        self._applied = 1.0
        self._applied_sides = _EVEN

    def set_db(self, volume_db: float) -> None:
        """Set the level; 0 dB leaves samples as they are.

        Raises:
            VolumeError: outside of -60 to +12 dB.
        """
        if not MIN_VOLUME_DB <= volume_db <= MAX_VOLUME_DB:
            raise VolumeError(
                f"a volume of {volume_db:g} dB is not possible; accepted: {MIN_VOLUME_DB:g} to {MAX_VOLUME_DB:g} dB"
            )
        self._gain = 10 ** (volume_db / 20)

    def set_balance(self, balance: float) -> None:
        """Turn one side down: from -1 (left only) over 0 (both as they are) to 1 (right only).

        The other side stays as it is, so nothing can clip that did not before; amplitude falls linearly.

        Raises:
            VolumeError: outside of -1 to 1.
        """
        if not -1.0 <= balance <= 1.0:
            raise VolumeError(f"a balance of {balance:g} is not possible; accepted: -1 (left only) to 1 (right only)")
        self._sides = (min(1.0, 1.0 - balance), min(1.0, 1.0 + balance))

    def set_muted(self, is_muted: bool) -> None:
        """Silence, or back to the level set; playout goes on meanwhile."""
        self._is_muted = is_muted

    def pull(self, out: Pcm, now_ns: int) -> None:
        """Fill ``out`` from the source and scale it; a change of gain or balance is spread over the block."""
        self._source(out, now_ns)
        wanted = 0.0 if self._is_muted else self._gain
        sides = self._sides
        if sides == self._applied_sides == _EVEN:
            _scale(out, self._applied, wanted)
        else:
            for channel, (before, after) in enumerate(zip(self._applied_sides, sides, strict=True)):
                _scale(out[:, channel : channel + 1], self._applied * before, wanted * after)
            self._applied_sides = sides
        self._applied = wanted


def _scale(samples: Pcm, before: float, after: float) -> None:
    """Multiply in place, shape (frames, channels), on the way from one gain to another; by 1 costs nothing."""
    if before != after:
        samples *= np.linspace(before, after, len(samples), dtype=np.float32)[:, np.newaxis]
    elif after != 1.0:
        samples *= np.float32(after)
