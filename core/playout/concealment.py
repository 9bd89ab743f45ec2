"""What is played while the ring is not: the decoder's own continuation, faded out, or a wait on purpose."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.opus.decoder import OpusDecoder
from core.opus.packet import SAMPLES_PER_MS

Pcm = NDArray[np.float32]

FADE_OUT_SAMPLES: Final = 100 * SAMPLES_PER_MS
"""Concealment beyond about 100 ms sounds like a robot, not like the speaker; NetEQ mutes it, too."""

FULL_LEVEL_SAMPLES: Final = 20 * SAMPLES_PER_MS
"""A single missing frame of the usual size is continued at full level."""

_STEP_SAMPLES: Final = 10 * SAMPLES_PER_MS
"""libopus conceals in steps of 10 ms in every mode; smaller ones break the continuity of SILK's (opus_decoder.c)."""


class Concealment:
    """One stretch of concealment, rendered on demand from where the decoder stands.

    Before the decoder is given the next real packet, `complete` has to render the rest, since afterwards the decoder
    stands elsewhere.
    """

    def __init__(self, decoder: OpusDecoder) -> None:
        """Ready for `begin`."""
        self._decoder = decoder
        falling = np.ones((FADE_OUT_SAMPLES, 1), dtype=np.float32)
        fade = FADE_OUT_SAMPLES - FULL_LEVEL_SAMPLES
        falling[FULL_LEVEL_SAMPLES:, 0] = 0.5 + 0.5 * np.cos(np.pi * (np.arange(fade) + 1) / fade)
        self._envelope = falling
        self._pcm: Pcm = np.zeros((FADE_OUT_SAMPLES, decoder.channels), dtype=np.float32)
        self._rendered = 0
        self._position = 0

    def begin(self) -> None:
        """Start a new stretch at the decoder's present position."""
        self._rendered = 0
        self._position = 0

    def end(self) -> None:
        """Nothing more to continue: `read_into` and `tail` give silence from here on."""
        self._rendered = self._position = FADE_OUT_SAMPLES

    def read_into(self, out: Pcm) -> int:
        """Fill ``out`` with the next frames, silence after the fade; return how many were not silence."""
        audible = min(len(out), FADE_OUT_SAMPLES - self._position)
        while self._rendered < self._position + audible:
            self._render_step()
        out[:audible] = self._pcm[self._position : self._position + audible]
        out[audible:] = 0.0
        self._position += audible
        return audible

    def complete(self) -> None:
        """Render all of the rest now, 0.03 ms of work for each 10 ms."""
        while self._rendered < FADE_OUT_SAMPLES:
            self._render_step()

    def tail(self, frames: int) -> Pcm:
        """The next frames for a cross-fade, shape (frames, channels), without rendering more than there is."""
        piece = self._pcm[self._position : min(self._position + frames, self._rendered)]
        missing = frames - len(piece)
        return np.pad(piece, ((0, missing), (0, 0))) if missing else piece

    def _render_step(self) -> None:
        end = self._rendered + _STEP_SAMPLES
        step = self._decoder.conceal(_STEP_SAMPLES)
        self._pcm[self._rendered : end] = step * self._envelope[self._rendered : end]
        self._rendered = end
