"""What playing faster or slower sounds like, and what it costs: ``python -m tests.benchmarks.sound_quality``.

The demo's voice is stretched by 10 % either way: by our pitch-synchronous splices, and by leaving out or repeating
frames of 20 ms, with a cross-fade of 5 ms and without. PESQ (ITU-T P.862.2, wideband; up to 4.64) is printed where the
package ``pesq`` is installed (``pip install -e '.[bench]'``, which needs a C compiler); it compares sounds of the same
timing only, so the stretched one is brought back to the source's times first, see `back_in_time`.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import av
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from core.playout.ring import PcmRing
from core.playout.time_scale import TimeScale
from core.playout.windows import FADE_SAMPLES, rising_fade
from tests.support.clips import largest_jump
from tests.support.processes import REPOSITORY

Sound = NDArray[np.float32]
"""Shape (frames, channels), 48 kHz."""

SPEECH: Final = REPOSITORY / "resources" / "demo" / "speech.flac"
BLOCK: Final = 480
AHEAD: Final = 60 * 48
"""As a jitter buffer of 60 ms: so much lies in the ring before each block is played."""

_FRAME: Final = 960
_SEGMENT_S: Final = 7
"""PESQ was made for samples of 8 to 12 s at most."""


class Way(Protocol):
    """One way to shorten and to lengthen what lies in a ring; see `TimeScale`."""

    def hear(self, pcm: Sound) -> None: ...
    def remove(self, ring: PcmRing, most: int, least_similarity: float) -> int: ...
    def insert(self, ring: PcmRing, most: int, least_similarity: float) -> int: ...


class WholeFrames:
    """Frames of 20 ms are left out or repeated, faded over ``fade`` samples."""

    def __init__(self, fade: int) -> None:
        self._fade = fade

    def hear(self, pcm: Sound) -> None:
        pass

    def remove(self, ring: PcmRing, most: int, least_similarity: float) -> int:
        return ring.skip(_FRAME, self._fade) if most >= _FRAME else 0

    def insert(self, ring: PcmRing, most: int, least_similarity: float) -> int:
        if min(ring.history_frames, most) < _FRAME or len(ring) < self._fade:
            return 0
        again, window = ring.history(_FRAME), rising_fade(self._fade)
        again[: self._fade] = again[: self._fade] * window + ring.peek(0, self._fade) * (1 - window)
        ring.prepend(again)
        return _FRAME


@dataclass
class Stretched:
    """A sound that took longer or shorter than its source; splices are (place in it, place in the source, frames)."""

    pcm: Sound
    splices: list[tuple[int, int, int]] = field(default_factory=list)
    costs_us: list[float] = field(default_factory=list)
    """Processor time of each call, also of those that found no good place."""


def stretched(
    source: Sound, rate: float, way: Way, *, most: int = 1_920, least_similarity: float = 0.5, ahead: int = AHEAD
) -> Stretched:
    """Play all of ``source`` through a ring in blocks of 10 ms, ``rate`` longer (0.1: by 10 %) or shorter (-0.1).

    Whenever that much of the source has been played that something is due, one splice is tried before the next block.
    """
    ring = PcmRing(2 * 48_000, source.shape[1])
    done = Stretched(np.zeros((0, source.shape[1]), dtype=np.float32))
    blocks: list[Sound] = []
    written = played = changed = reached = 0
    while True:
        more = source[written : written + max(ahead - len(ring), 0)]
        ring.write(more)
        written += len(more)
        if len(ring) == 0:
            break
        if ring.read_position * abs(rate) > changed:
            at, began_ns = ring.read_position, time.thread_time_ns()
            if rate > 0:
                frames = way.insert(ring, most, least_similarity)
            else:
                frames = way.remove(ring, min(most, len(ring) - BLOCK), least_similarity)
            done.costs_us.append((time.thread_time_ns() - began_ns) / 1e3)
            changed += frames
            if frames:
                # Insertions on top of one another turn the read position back; what they lengthen is where it once was.
                reached = max(at, reached)
                done.splices.append((played, reached, frames if rate > 0 else -frames))
        block = np.zeros((min(BLOCK, len(ring)), source.shape[1]), dtype=np.float32)
        ring.read_into(block)
        way.hear(block)
        blocks.append(block)
        played += len(block)
    done.pcm = np.concatenate(blocks)
    return done


def back_in_time(source: Sound, result: Stretched) -> Sound:
    """The stretched sound (mono) at the times of its source, with all that the splices did to it.

    Windows of 40 ms, one each 10 ms of the source, are taken from where its splices put that time, their jumps spread
    evenly from one to the next so that nothing of the result is passed over; each is moved by up to 12 ms to
    where it correlates best with the source, and all are overlapped and added. Where nothing was spliced this gives the
    source itself, and no other timing than the source's is left for PESQ to find fault with.
    """
    window, hop, slack = 1_920, 480, 576
    fade = np.hanning(window + 1)[:window]
    drifts = np.cumsum([0, *(frames for _, _, frames in result.splices)])
    places = [at for _, at, _ in result.splices]
    heard = np.pad(result.pcm[:, 0].astype(np.float64), window)
    aligned, weights = np.zeros(len(source)), np.full(len(source), 1e-9)
    for start in range(0, len(source) - window, hop):
        wanted = source[start : start + window, 0].astype(np.float64)
        drift = np.interp(start + window / 2, places, (drifts[:-1] + drifts[1:]) / 2) if places else 0.0
        first = int(np.clip(window + start + round(float(drift)) - slack, 0, len(heard) - window - 2 * slack))
        around = heard[first : first + window + 2 * slack]
        sums = np.concatenate(([0.0], np.cumsum(around**2)))
        likeness = np.correlate(around, wanted, "valid") / np.sqrt(sums[window:] - sums[:-window] + 1e-6)
        best = slack if not np.any(likeness > 1e-6) else int(np.argmax(likeness))
        aligned[start : start + window] += around[best : best + window] * fade
        weights[start : start + window] += fade
    return (aligned / weights).astype(np.float32)[:, np.newaxis]


def load(path: Any = SPEECH, rate: int = 48_000) -> Sound:
    """The left channel of a file."""
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=rate)
        frames = [*container.decode(audio=0), None]
        return np.concatenate([piece.to_ndarray()[0] for frame in frames for piece in resampler.resample(frame)])[
            :, np.newaxis
        ]


def at_16_khz(sound: Sound) -> NDArray[np.float32]:
    """Resampled for PESQ, shape (frames,)."""
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound[:, :1].T), format="fltp", layout="mono")
    frame.sample_rate = 48_000
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=16_000)
    return np.concatenate([piece.to_ndarray()[0] for part in (frame, None) for piece in resampler.resample(part)])


def pesq_score(source: Sound, result: Sound) -> float:
    """The mean over pieces of 7 s.

    Raises:
        ImportError: the package is not installed.
    """
    from pesq import pesq

    wanted, heard, length = at_16_khz(source), at_16_khz(result), _SEGMENT_S * 16_000
    starts = range(0, len(wanted) - length + 1, length)
    return float(np.mean([pesq(16_000, wanted[at : at + length], heard[at : at + length], "wb") for at in starts]))


def spectral_distance_db(source: Sound, result: Sound) -> float:
    """How far bands of a third of an octave, 100 Hz to 8 kHz, differ in windows of 20 ms of the same time, RMS.

    Levels below -60 dB of the loudest count as that.
    """
    levels = [_band_levels_db(sound) for sound in (source, result)]
    lowest = levels[0].max() - 60
    one, other = (np.maximum(level, lowest) for level in levels)
    return float(np.sqrt(np.mean((one - other) ** 2)))


def _band_levels_db(sound: Sound, window: int = 960) -> NDArray[np.float64]:
    pieces = sliding_window_view(sound[:, 0].astype(np.float64), window)[:: window // 2] * np.hanning(window)
    powers = np.abs(np.fft.rfft(pieces)) ** 2
    edges = np.unique(np.round(100 * 2 ** (np.arange(20) / 3) * window / 48_000).astype(int))
    return 10 * np.log10(np.add.reduceat(powers, edges, axis=1)[:, :-1] + 1e-12)


def pitch_hz(sound: Sound, at: int) -> float:
    """The pitch around a frame by autocorrelation, 60 to 400 Hz, refined by a parabola; NaN if there is none."""
    length, shortest, longest = 1_920, 120, 800
    piece = sound[max(at - length // 2, 0) : at - length // 2 + length + longest + 2, 0].astype(np.float64)
    if len(piece) < length + longest + 2:
        return float("nan")
    sums = np.concatenate(([0.0], np.cumsum(piece**2)))
    powers = sums[length:] - sums[:-length]
    likeness = 2 * np.correlate(piece, piece[:length], "valid") / (powers + powers[0] + 1e-3)
    inner = likeness[1:-1]
    peaks = (inner >= likeness[:-2]) & (inner >= likeness[2:])
    peaks &= inner >= max(0.9 * likeness[shortest:].max(), 0.7)
    peaks[: shortest - 1] = False
    if not peaks.any():
        return float("nan")
    lag = int(np.argmax(peaks)) + 1
    before, top, after = likeness[lag - 1 : lag + 2]
    return float(48_000 / (lag + 0.5 * (before - after) / (before - 2 * top + after)))


def pitch_error_percent(source: Sound, result: Stretched) -> float:
    """The mean deviation, without its sign, of the pitch where both have one."""
    places, drifts = [at for _, at, _ in result.splices], np.cumsum([frames for _, _, frames in result.splices])
    errors = []
    for at in range(4_800, len(source) - 4_800, 1_200):
        drift = int(drifts[np.searchsorted(places, at) - 1]) if places and at > places[0] else 0
        wanted, heard = pitch_hz(source, at), pitch_hz(result.pcm, at + drift)
        # An octave is a mistake of the measurement, not of the sound.
        if abs(np.log2(heard / wanted)) < 0.4:
            errors.append(abs(heard / wanted - 1) * 100)
    return float(np.mean(errors))


WAYS: Final[dict[str, Any]] = {
    "ours": TimeScale,
    "frames, 5 ms fade": lambda: WholeFrames(FADE_SAMPLES),
    "frames, hard": lambda: WholeFrames(0),
}


def main() -> int:
    """Print the table."""
    source = load()
    print(
        f"\n{'speech, 10 %':28}{'PESQ':>8}{'spectrum':>11}{'jump':>8}{'pitch error':>13}"
        f"{'splices':>9}{'cost p50 / p99':>20}"
    )
    for rate in (0.1, -0.1):
        for name, make in WAYS.items():
            result = stretched(source, rate, make())
            aligned = back_in_time(source, result)
            try:
                score = f"{pesq_score(source, aligned):8.2f}"
            except ImportError:
                score = f"{'-':>8}"
            p50, p99 = np.percentile(result.costs_us, (50, 99))
            print(
                f"{name + (', longer' if rate > 0 else ', shorter'):28}{score}"
                f"{spectral_distance_db(source, aligned):8.2f} dB{largest_jump(result.pcm):8.3f}"
                f"{pitch_error_percent(source, result):11.2f} %{len(result.splices):9}{p50:10.0f} / {p99:4.0f} us"
            )
    print(f"{'the source':28}{'4.64':>8}{'0 dB':>11}{largest_jump(source):8.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
