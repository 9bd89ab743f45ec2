"""Reading a ring a little faster or slower than it was written: what makes up for two clocks that differ.

Band-limited interpolation after J. O. Smith, "Digital Audio Resampling" (https://ccrma.stanford.edu/~jos/resample/):
a sinc under a Kaiser window. Each of its taps is a polynomial of the phase, after Farrow, "A Continuously Variable
Digital Delay Element" (ISCAS 1988): for a block of phases that is one small matrix product, quicker than looking them
up in a table. The sinc's cut-off is half the sample rate, so at a whole phase the kernel is a single 1, and
interpolating and copying pass into each other without a seam.
"""

from __future__ import annotations

import itertools
import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.playout.ring import Pcm, PcmRing

MAX_DEVIATION: Final = 0.005
"""The farthest from 1 that a ratio is followed: 8.6 cents. Time-scale modification does more, and keeps the pitch."""

TAPS: Final = 32
"""Flat to 18 kHz takes 12 kHz from there to its first image at 30 kHz: more than Kaiser's formula asks of 32 taps."""

BEHIND: Final = TAPS // 2 - 1
"""Frames before the one at the read position that are needed: kept here, since the ring forgets what was read."""

AHEAD: Final = TAPS // 2
"""Frames after the one at the read position that are needed: 0.33 ms at 48 kHz, and all the latency there is."""

_KAISER_BETA: Final = 9.0
"""Stop band at -90 dB: Kaiser 1974, beta = 0.1102 (A - 8.7). The transition is 8.5 kHz wide, from 19.7 to 28.3 kHz."""

_DEGREE: Final = 7
"""Of the polynomials: they miss the kernel by -136 dB for 15 kHz, by -124 dB for 18 kHz (computed)."""

_GLIDE: Final = 100e-6
"""The pace at which a phase returns to a whole frame: half a frame in 104 ms, by a sixth of a cent."""

_LANDING_FRAMES: Final = 32
"""Over so many frames at least, if there are as many, the reader comes to stand on a whole frame before the end."""

_PART_FRAMES: Final = 512
"""Scratch memory is for so many frames; larger blocks are read in equal parts of at most this."""


def _kernel_polynomials() -> NDArray[np.float32]:
    """For each power of the phase less a half, from 0 on, what each tap takes of it; shape (powers, taps)."""
    phases = 0.5 - 0.5 * np.cos(np.pi * (np.arange(64) + 0.5) / 64)
    at = np.arange(-BEHIND, AHEAD + 1) - phases[:, np.newaxis]
    kernels = np.sinc(at) * np.i0(_KAISER_BETA * np.sqrt(np.maximum(0, 1 - (at / AHEAD) ** 2)))
    kernels /= kernels.sum(axis=1, keepdims=True)
    powers = np.vander(phases - 0.5, _DEGREE + 1, increasing=True)
    return np.linalg.lstsq(powers, kernels, rcond=None)[0].astype(np.float32)


_POLYNOMIALS: Final = _kernel_polynomials()


class FractionalReader:
    """Takes audio out of a ring at a ratio of input to output frames near 1. Not thread-safe.

    The next frame to be put out lies ``phase`` frames, at least 0 and less than 1, after the ring's read position:
    reading adds no delay. While no drift is corrected the reader is transparent: at a ratio of exactly 1 and a phase
    of 0 it copies, bit for bit. When the ratio returns to 1, the phase glides to the nearest whole frame by 100 ppm,
    and copying goes on from there.

    Interpolation looks ahead by `AHEAD` frames. Where the ring ends sooner, the reader lands: over the last frames of
    the block its phase goes to 0, so that whatever comes next (more of the stream, or a concealment that starts right
    after the last decoded frame) follows without a jump, and what lies behind the end hardly counts. The less than
    one frame by which landing misses the ratio is made up for at later landings, so that a ring which stays nearly
    empty is corrected as well.

    Others may change what lies at the front of the ring between calls, if that goes on smoothly from what was read.
    """

    def __init__(self, channels: int) -> None:
        """Reserve the memory."""
        # Planar, since the taps of one output frame then lie beside each other. The frames already read come first.
        width = BEHIND + math.ceil(_PART_FRAMES * (1 + MAX_DEVIATION)) + 2 + AHEAD
        self._frames: Pcm = np.zeros((channels, width), dtype=np.float32)
        self._windows = np.lib.stride_tricks.sliding_window_view(self._frames, TAPS, axis=1)
        self._steps = np.arange(_PART_FRAMES, dtype=np.float64)
        self._coefficients: Pcm = np.empty((_PART_FRAMES, TAPS), dtype=np.float32)
        self._powers: Pcm = np.ones((_DEGREE + 1, _PART_FRAMES), dtype=np.float32)
        self._phase = 0.0
        self._owed = 0.0

    @property
    def phase(self) -> float:
        """How far after the ring's read position the next output frame lies, in frames: 0 up to, not including, 1."""
        return self._phase

    def reset(self) -> None:
        """What is read next does not go on from what was read before: forget the past and stand on a whole frame."""
        self._frames[:, :BEHIND] = 0
        self._phase = self._owed = 0.0

    def read_into(self, ring: PcmRing, out: Pcm, ratio: float) -> int:
        """Fill the start of ``out``, shape (frames, channels), and move the ring on by whole frames.

        Args:
            ring: what to read; its frames have as many channels as the reader.
            out: where to; every frame is wanted.
            ratio: input frames for each output frame; above 1 plays faster. Held within `MAX_DEVIATION` of 1.

        Returns:
            How many frames were written. Fewer than asked for only if the ring is empty afterwards.
        """
        ratio = min(max(ratio, 1 - MAX_DEVIATION), 1 + MAX_DEVIATION)
        filled = 0
        while filled < len(out) and len(ring) > 0:
            rest = out[filled:]
            if ratio != 1:
                filled += self._interpolate(ring, self._part(rest), ratio)
                continue
            self._owed = 0.0
            if self._phase == 0:
                filled += self._copy(ring, rest)
                continue
            way = round(self._phase) - self._phase
            steps = math.ceil(abs(way) / _GLIDE)
            filled += self._interpolate(ring, self._part(rest[:steps]), 1 + way / steps)
        return filled

    @staticmethod
    def _part(out: Pcm) -> Pcm:
        return out[: math.ceil(len(out) / math.ceil(len(out) / _PART_FRAMES))]

    def _copy(self, ring: PcmRing, out: Pcm) -> int:
        count = ring.read_into(out)
        past = self._frames[:, :BEHIND]
        if count < BEHIND:
            past[:, :-count] = past[:, count:].copy()
        past[:, -count:] = out[max(0, count - BEHIND) : count].T
        return count

    def _interpolate(self, ring: PcmRing, out: Pcm, ratio: float) -> int:
        """Put out at most ``len(out)`` frames, fewer if the end has to be treated apart or the ring ends."""
        stored, count = len(ring), len(out)
        if int(self._phase + (count - 1) * ratio) + 1 + AHEAD > stored:
            before_landing = min(count, stored - AHEAD) - _LANDING_FRAMES
            if before_landing <= 0:
                return self._land(ring, out, ratio)
            count = before_landing
        end = self._phase + count * ratio
        if abs(end - round(end)) < 1e-9:
            end = round(end)
        consumed = int(end)
        self._put_out(ring, out[:count], ratio, consumed)
        self._phase = end - consumed
        return count

    def _land(self, ring: PcmRing, out: Pcm, ratio: float) -> int:
        """Fill ``out`` as far as the ring reaches, at a pace near the ratio that ends on a whole frame."""
        owed = self._owed
        count = len(out)
        consumed = round(self._phase + owed + count * ratio)
        missing = consumed - len(ring)
        if missing > 0:
            consumed = len(ring)
        # A ring that ends a frame or two short of what is asked for is stretched over them: no underrun for that.
        if missing > 1 + count * MAX_DEVIATION:
            count = min(count, max(0, round((consumed - self._phase - owed) / ratio)))
        self._owed = min(max(self._phase + owed + count * ratio - consumed, -1.0), 1.0)
        self._put_out(ring, out[:count], (consumed - self._phase) / max(count, 1), consumed)
        self._phase = 0.0
        return count

    def _put_out(self, ring: PcmRing, out: Pcm, step: float, consumed: int) -> None:
        """Interpolate every ``step`` frames from the phase on, and move the ring on by ``consumed`` frames."""
        count = len(out)
        if count == 0:
            # Less than half a frame was left: there is nothing to put out for it.
            ring.advance(consumed)
            return
        needed = BEHIND + consumed + 1 + AHEAD
        known = min(needed, BEHIND + len(ring))
        self._frames[:, BEHIND:known] = ring.peek(0, known - BEHIND).T
        if known < needed:
            # Nobody knows how it goes on: mirrored at its last point it is steady, and so is its slope.
            mirrored = np.maximum(known - 2 - np.arange(needed - known), 0)
            self._frames[:, known:needed] = 2 * self._frames[:, known - 1 : known] - self._frames[:, mirrored]
        positions = self._phase + step * self._steps[:count]
        # Most frames lie one after the other; near a ratio of 1 few runs of them make up a block, and mostly one.
        frames, borders = self._steps[:count], []
        if int(positions[-1]) != count - 1:
            frames = np.floor(positions)
            borders = (np.flatnonzero(np.diff(frames) != 1) + 1).tolist()
        powers, coefficients = self._powers[:, :count], self._coefficients[:count]
        np.subtract(positions - frames, 0.5, out=powers[1], casting="same_kind")
        # Up to `_DEGREE`, the last four in two steps.
        np.multiply(powers[1], powers[1], out=powers[2])
        np.multiply(powers[1], powers[2], out=powers[3])
        np.multiply(powers[2:4], powers[2], out=powers[4:6])
        np.multiply(powers[2:4], powers[4], out=powers[6:8])
        np.matmul(powers.T, _POLYNOMIALS, out=coefficients)
        for begin, end in itertools.pairwise((0, *borders, count)):
            first = int(frames[begin])
            windows = self._windows[:, first : first + end - begin]
            out[begin:end] = np.vecdot(windows, coefficients[begin:end]).T
        self._frames[:, :BEHIND] = self._frames[:, consumed : consumed + BEHIND].copy()
        ring.advance(consumed)
