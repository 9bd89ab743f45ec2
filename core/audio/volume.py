"""Volume and mute between jitter buffer and device, changed without a click."""

from __future__ import annotations

from typing import Final

import numpy as np

from core.audio.output import Pcm, Pull

MIN_VOLUME_DB: Final = -60.0
MAX_VOLUME_DB: Final = 12.0


class VolumeError(ValueError):
    """A volume outside of what is offered."""


class Volume:
    """A gain stage: `pull` has the signature of the buffer's own, so it stands between buffer and output."""

    def __init__(self, pull: Pull) -> None:
        """0 dB, not muted."""
        self._source = pull
        self._gain = 1.0
        self._is_muted = False
        self._applied = 1.0

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

    def set_muted(self, is_muted: bool) -> None:
        """Silence, or back to the level set; playout goes on meanwhile."""
        self._is_muted = is_muted

    def pull(self, out: Pcm, now_ns: int) -> None:
        """Fill ``out`` from the source and scale it; a change of gain is spread over the block."""
        self._source(out, now_ns)
        wanted = 0.0 if self._is_muted else self._gain
        if wanted != self._applied:
            out *= np.linspace(self._applied, wanted, len(out), dtype=np.float32)[:, np.newaxis]
            self._applied = wanted
        elif wanted != 1.0:
            out *= np.float32(wanted)
