"""A sound device through PortAudio."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from core.audio.output import (
    BLOCK_FRAMES,
    OUTPUT_CHANNELS,
    SAMPLE_RATE_HZ,
    CallbackClock,
    OutputError,
    OutputFigures,
    Pcm,
    Pull,
)
from core.audio.portaudio import PortAudio

_MAX_BLOCK_FRAMES = SAMPLE_RATE_HZ // 4


class DeviceOutput:
    """One open device. The callback copies one bounded block, counts, takes a time stamp, and nothing else."""

    is_device = True

    def __init__(self, wanted: str = "default", latency_ms: float | None = None) -> None:
        """Find the device; ``latency_ms`` is what to ask of it, ``None`` for its own low latency.

        Raises:
            OutputError: no PortAudio, or no such device.
        """
        portaudio = PortAudio()
        self._library = portaudio.library
        self._device = portaudio.find_output(wanted)
        self._wanted_latency: str | float = "low" if latency_ms is None else latency_ms / 1000
        self._block_frames = BLOCK_FRAMES if latency_ms is None else min(BLOCK_FRAMES, max(48, round(latency_ms * 24)))
        self._stream: Any = None
        self._clock = CallbackClock()
        self._xruns = 0
        self._latency_s: float | None = None
        self._has_ended = False

    @property
    def name(self) -> str:
        """Name and host API of the device."""
        return self._device.label

    @property
    def is_active(self) -> bool:
        """False once the device has gone or its stream has failed."""
        return self._stream is not None and not self._has_ended

    def start(self, pull: Pull) -> None:
        """Open the device and begin.

        Raises:
            OutputError: the device cannot be opened; the message holds PortAudio's reason.
        """
        channels = min(OUTPUT_CHANNELS, self._device.channels)
        callback = self._stereo_callback(pull) if channels == OUTPUT_CHANNELS else self._mono_callback(pull)
        try:
            self._stream = self._library.OutputStream(
                samplerate=SAMPLE_RATE_HZ,
                blocksize=self._block_frames,
                device=self._device.index,
                channels=channels,
                dtype="float32",
                latency=self._wanted_latency,
                callback=callback,
                finished_callback=self._finished,
            )
            self._stream.start()
        except self._library.PortAudioError as error:
            if self._stream is not None:
                self._stream.close()
            raise OutputError(
                f"the sound device {self.name!r} cannot be opened: {error.args[0]}; choose another or free it"
            ) from error

    def stop(self) -> None:
        """End at once; when it returns, the callback does not run any more."""
        if self._stream is None:
            return
        self._stream.close(ignore_errors=True)
        self._stream = None

    def take_figures(self) -> OutputFigures:
        """Latency as the device gives it with each block, or else as it was reported when it was opened."""
        latency_s = self._latency_s
        if latency_s is None and self._stream is not None:
            latency_s = self._stream.latency
        return OutputFigures(
            latency_ms=None if latency_s is None else latency_s * 1000,
            xruns=self._xruns,
            callback_lateness_ms=self._clock.take_worst_ms(),
        )

    def _stereo_callback(self, pull: Pull) -> Any:
        def callback(out: Pcm, frames: int, times: Any, status: Any) -> None:
            now_ns = time.monotonic_ns()
            self._note(now_ns, frames, times, status)
            pull(out, now_ns)

        return callback

    def _mono_callback(self, pull: Pull) -> Any:
        both: Pcm = np.zeros((_MAX_BLOCK_FRAMES, OUTPUT_CHANNELS), dtype=np.float32)

        def callback(out: Pcm, frames: int, times: Any, status: Any) -> None:
            now_ns = time.monotonic_ns()
            self._note(now_ns, frames, times, status)
            pull(both[:frames], now_ns)
            np.mean(both[:frames], axis=1, keepdims=True, out=out)

        return callback

    def _note(self, now_ns: int, frames: int, times: Any, status: Any) -> None:
        self._clock.tick(now_ns, frames)
        if status.output_underflow:
            self._xruns += 1
        # Some host APIs leave these times at zero.
        ahead_s = times.outputBufferDacTime - times.currentTime
        if 0 < ahead_s < 10:
            self._latency_s = ahead_s

    def _finished(self) -> None:
        self._has_ended = True
