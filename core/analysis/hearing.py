"""What the packets sound like: levels, silence, channels, band. Sound is looked at in blocks, never by the sample."""

from __future__ import annotations

import math
from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.analysis.results import MAX_EVIDENCE, Evidence, Sound
from core.audio.loudness import LoudnessLibraryError
from core.audio.programme_loudness import ProgrammeLevels, ProgrammeLoudness
from core.opus.decoder import DecodeError, OpusDecoder, Pcm
from core.opus.packet import MAX_PACKET_SAMPLES, SAMPLE_RATE_HZ, PacketInfo

SILENCE_DBFS: Final = -60.0
"""Quieter peaks are silence: 40 dB below speech at the usual level, and above the noise of a decoder that conceals."""

BLOCK_FRAMES: Final = SAMPLE_RATE_HZ // 5
"""Longer blocks cost hardly less, and dozens of streams that were measured at once would hold up an event loop."""

LOOK_FRAMES: Final = SAMPLE_RATE_HZ
"""Loudness of the moment and the spectrum are looked at once a second."""

CHUNK_FRAMES: Final = 480
"""Silence is told in steps of 10 ms."""

FULL_SCALE: Final = 1.0
"""Samples that a 16-bit output would cut. The decoder's own output is floating point and goes beyond where what was
encoded had been cut before: the codec rounds the corners of a cut wave to overshoots."""

MONO_DB: Final = -50.0
"""A difference between the channels that lies so far below their sum is the codec's noise, and nobody's stereo."""

BAND_FLOOR_DB: Final = 75.0
"""What lies so far below the strongest part of the spectrum is nothing."""

LOUDNESS_LEAST_S: Final = 3.0
"""Of less sound integrated loudness is a figure, but not one of the programme: EBU R128 measures programmes."""

BAND_LEAST_S: Final = 5.0
"""Consonants and cymbals have come up by then, if there are any."""

TONE_SHARE: Final = 0.95
TONE_BINS: Final = 4
"""Of the spectrum's power so much within so many bins (47 Hz) to either side of the strongest is a single tone."""

SILENCE_TOLD_S: Final = 1.0
STEREO_PCT: Final = 95.0

_FFT_FRAMES: Final = 4_096
_WINDOW: Final = np.hanning(_FFT_FRAMES + 1)[:-1].astype(np.float32)
_FLOOR_DBFS: Final = -120.0
_SILENCE: Final = 10 ** (SILENCE_DBFS / 20)


class Hearing:
    """Decodes and measures. Holds a decoder: `close` frees it."""

    def __init__(self) -> None:
        """Nothing heard.

        Raises:
            OpusLibraryError: libopus cannot be loaded.
        """
        self._decoder = OpusDecoder(2)
        self._problem: str | None = None
        self._loudness: ProgrammeLoudness | None = None
        try:
            self._loudness = ProgrammeLoudness()
        except LoudnessLibraryError as error:
            self._problem = str(error)
        self._block: Pcm = np.zeros((BLOCK_FRAMES + MAX_PACKET_SAMPLES, 2), dtype=np.float32)
        self._filled = 0
        self._unseen_frames = LOOK_FRAMES
        self._block_began = (0.0, 0)
        self._dtx_frames = 0
        self._stereo_packets = 0
        self._packets = 0
        self.first_sound_packet_ns: int | None = None
        self._frames = 0
        self._loudest: float | None = None
        self.momentary_lufs: float | None = None
        """At the end of the last second that was measured; ``None`` in silence."""
        self._peak = 0.0
        self._clipped = 0
        self._newest_clipped: deque[Evidence] = deque(maxlen=MAX_EVIDENCE)
        self._silent_frames = 0
        self._silent_dtx_frames = 0
        self._silence_frames = 0
        self._silence_began = (0.0, 0)
        self._longest_silence_frames = 0
        self._newest_silences: deque[Evidence] = deque(maxlen=MAX_EVIDENCE)
        self._loud_frames = 0
        self._sums = np.zeros(2)
        self._squares = np.zeros(2)
        self._difference = self._sum_power = 0.0
        self._spectrum: NDArray[np.float32] = np.zeros(_FFT_FRAMES // 2 + 1, dtype=np.float32)
        self._undecodable = 0

    def begin(self) -> None:
        """Another stream: the decoder forgets the old one."""
        self._decoder.reset()

    def take(self, payload: bytes, info: PacketInfo, arrival_ns: int, number: int, at_s: float) -> None:
        """Decode one packet; once a second what was decoded is measured."""
        try:
            pcm = self._decoder.decode(payload)
        except DecodeError:
            self._undecodable += 1
            return
        frames = len(pcm)
        if not self._filled:
            self._block_began = at_s, number
        self._block[self._filled : self._filled + frames] = pcm
        self._filled += frames
        self._packets += 1
        self._stereo_packets += info.channels == 2
        if info.is_dtx:
            self._dtx_frames += frames
        if self.first_sound_packet_ns is None and float(np.abs(pcm).max()) >= _SILENCE:
            self.first_sound_packet_ns = arrival_ns
        if self._filled >= BLOCK_FRAMES:
            self._measure()

    def result(self, coded_band_hz: float | None) -> Sound | None:
        """All figures up to now; ``None`` if nothing was decoded."""
        self._measure()
        if not self._frames and not self._undecodable:
            return None
        missing: dict[str, str] = {}
        heard_s = self._frames / SAMPLE_RATE_HZ
        loud_s = self._loud_frames / SAMPLE_RATE_HZ
        levels = ProgrammeLevels(None, None, None) if self._loudness is None else self._loudness.levels()
        for name in ("loudness_lufs", "loudest_lufs", "loudness_range_lu", "true_peak_dbtp"):
            if self._problem is not None:
                missing[name] = self._problem
        if self._problem is None and levels.integrated_lufs is None:
            missing["loudness_lufs"] = missing["loudness_range_lu"] = "all that was heard is below -70 LUFS"
        elif self._problem is None and loud_s < LOUDNESS_LEAST_S:
            missing["loudness_range_lu"] = f"of {loud_s:.1f} s of sound; needs {LOUDNESS_LEAST_S:.0f} s"
        loud = max(self._loud_frames, 1)
        powers = self._squares / loud
        stereo_pct = 100 * self._stereo_packets / max(self._packets, 1)
        difference_db = None
        if self._loud_frames and stereo_pct >= STEREO_PCT:
            difference_db = _db(self._difference) - _db(self._sum_power)
        else:
            missing["is_mono_as_stereo"] = missing["stereo_difference_db"] = (
                "not coded as stereo" if self._loud_frames else "there is no sound"
            )
        imbalance_db = _db(float(powers[0])) - _db(float(powers[1])) if self._loud_frames else None
        if imbalance_db is None:
            missing["imbalance_db"] = "there is no sound"
        band_hz = self._band_limit_hz() if loud_s >= BAND_LEAST_S else None
        if band_hz is None and loud_s >= BAND_LEAST_S:
            missing["band_limit_hz"] = "nearly all of it is a single tone, which has no treble"
        elif band_hz is None:
            missing["band_limit_hz"] = f"of {loud_s:.1f} s of sound; needs {BAND_LEAST_S:.0f} s"
        silence_s = max(self._longest_silence_frames, self._silence_frames) / SAMPLE_RATE_HZ
        return Sound(
            measured_s=heard_s,
            loudness_lufs=levels.integrated_lufs,
            loudest_lufs=self._loudest,
            loudness_range_lu=levels.range_lu if loud_s >= LOUDNESS_LEAST_S else None,
            true_peak_dbtp=levels.true_peak_dbtp,
            peak_dbfs=_db(self._peak**2),
            clipped_samples=self._clipped,
            clipped_pct=100 * self._clipped / max(2 * self._frames, 1),
            newest_clipped=tuple(self._newest_clipped),
            silent_s=self._silent_frames / SAMPLE_RATE_HZ,
            silent_dtx_s=self._silent_dtx_frames / SAMPLE_RATE_HZ,
            longest_silence_s=silence_s,
            newest_silences=(*self._newest_silences, *self._open_silence())[-MAX_EVIDENCE:],
            dc_offset=(float(self._sums[0] / loud), float(self._sums[1] / loud)),
            rms_dbfs=(_db(float(powers[0])), _db(float(powers[1]))),
            imbalance_db=imbalance_db,
            is_mono_as_stereo=None if difference_db is None else difference_db <= MONO_DB,
            stereo_difference_db=difference_db,
            band_limit_hz=band_hz,
            coded_band_hz=coded_band_hz,
            undecodable=self._undecodable,
            not_measurable=missing,
        )

    def close(self) -> None:
        """Free what the libraries hold. Harmless when repeated; the figures stay."""
        self._measure()
        self._decoder.close()

    def _measure(self) -> None:
        if not self._filled:
            return
        block = self._block[: self._filled]
        frames, self._filled = self._filled, 0
        dtx_frames, self._dtx_frames = self._dtx_frames, 0
        self._frames += frames
        self._unseen_frames += frames
        has_to_look = self._unseen_frames >= LOOK_FRAMES
        if self._loudness is not None:
            self._loudness.add(block)
            if has_to_look:
                self.momentary_lufs = self._loudness.momentary_lufs()
            now = self.momentary_lufs if has_to_look else None
            if now is not None:
                self._loudest = now if self._loudest is None else max(self._loudest, now)
        magnitudes = np.abs(block)
        peak = float(magnitudes.max())
        self._peak = max(self._peak, peak)
        if peak >= FULL_SCALE:
            clipped = int(np.count_nonzero(magnitudes >= FULL_SCALE))
            self._clipped += clipped
            at_s, number = self._block_began
            self._newest_clipped.append(Evidence(at_s, number, note=f"{clipped} samples"))
        silent_frames = self._follow_silence(magnitudes, frames)
        self._silent_dtx_frames += min(dtx_frames, silent_frames)
        if peak < _SILENCE:
            return
        self._loud_frames += frames
        self._sums += block.sum(axis=0, dtype=np.float64)
        self._squares += np.einsum("ij,ij->j", block, block, dtype=np.float64)
        left, right = block[:, 0], block[:, 1]
        difference = left - right
        together = left + right
        self._difference += float(np.dot(difference, difference))
        self._sum_power += float(np.dot(together, together))
        if has_to_look and frames >= _FFT_FRAMES:
            self._unseen_frames = 0
            self._look_at_spectrum(block)

    def _look_at_spectrum(self, block: Pcm) -> None:
        """The most that each frequency ever had, from one look a second at the piece with most treble."""
        pieces = len(block) // _FFT_FRAMES
        shaped = block[: pieces * _FFT_FRAMES].reshape(pieces, _FFT_FRAMES, 2)
        # Differences of neighbours are a high-pass filter.
        steepness = np.square(np.diff(shaped[:, :, 0], axis=1)).sum(axis=1)
        piece = shaped[int(steepness.argmax())]
        spectrum = np.fft.rfft(piece.T * _WINDOW)
        power = (np.square(spectrum.real) + np.square(spectrum.imag)).max(axis=0).astype(np.float32)
        np.maximum(self._spectrum, power, out=self._spectrum)

    def _band_limit_hz(self) -> float | None:
        strongest = float(self._spectrum.max())
        if strongest <= 0:
            return None
        peak = int(self._spectrum.argmax())
        around = float(self._spectrum[max(0, peak - TONE_BINS) : peak + TONE_BINS + 1].sum())
        if around >= TONE_SHARE * float(self._spectrum.sum()):
            return None
        # Half a kilohertz has to be there: a single line is a whistle of something, and no band.
        width = round(500 / (SAMPLE_RATE_HZ / _FFT_FRAMES))
        above = self._spectrum >= strongest * 10 ** (-BAND_FLOOR_DB / 10)
        counts = np.convolve(above, np.ones(width), mode="valid")
        filled = np.flatnonzero(counts >= width / 2)
        last = int(filled[-1]) + width if len(filled) else int(np.flatnonzero(above)[-1])
        return last * SAMPLE_RATE_HZ / _FFT_FRAMES

    def _follow_silence(self, magnitudes: NDArray[np.float32], frames: int) -> int:
        """Count silence that ends, goes on or begins in this block; return how many of its frames are silent."""
        chunks = -(-frames // CHUNK_FRAMES)
        peaks = np.maximum.reduceat(magnitudes.max(axis=1), np.arange(chunks) * CHUNK_FRAMES)
        quiet = peaks < _SILENCE
        silent = int(quiet.sum())
        if silent == chunks:
            self._lengthen(frames, self._block_began)
            self._silent_frames += frames
            return frames
        edges = np.flatnonzero(np.diff(quiet, prepend=False, append=False)).reshape(-1, 2)
        at_s, number = self._block_began
        if not quiet[0]:
            self._end_silence()
        for start, end in edges.tolist():
            length = min(end * CHUNK_FRAMES, frames) - start * CHUNK_FRAMES
            self._lengthen(length, (at_s + start * CHUNK_FRAMES / SAMPLE_RATE_HZ, number))
            self._silent_frames += length
            if end < chunks:
                self._end_silence()
        return min(silent * CHUNK_FRAMES, frames)

    def _lengthen(self, frames: int, began: tuple[float, int]) -> None:
        if not self._silence_frames:
            self._silence_began = began
        self._silence_frames += frames

    def _end_silence(self) -> None:
        self._newest_silences.extend(self._open_silence())
        self._longest_silence_frames = max(self._longest_silence_frames, self._silence_frames)
        self._silence_frames = 0

    def _open_silence(self) -> tuple[Evidence, ...]:
        seconds = self._silence_frames / SAMPLE_RATE_HZ
        if seconds < SILENCE_TOLD_S:
            return ()
        at_s, number = self._silence_began
        return (Evidence(at_s, number, length_ms=seconds * 1e3),)


def _db(power: float) -> float:
    return max(_FLOOR_DBFS, 10 * math.log10(power)) if power > 0 else _FLOOR_DBFS
