"""A sound device through PortAudio.

Share of its samples that a stream asks for, by the sound server's period (PipeWire 0.3.65, 2 s each), blocks of 240:

======  ===========  =====  =====  ======  =====
period  low (10 ms)  20 ms  30 ms  45 ms   60 ms
======  ===========  =====  =====  ======  =====
   256        100 %  100 %  100 %  100 %   100 %
   512         88 %   99 %  100 %  100 %   100 %
  1024          5 %   94 %   99 %   99 %    99 %
  2048          0 %    2 %    3 %  100 %   100 %
======  ===========  =====  =====  ======  =====

5 ms, the preset for the lowest delay, in blocks of 120 on a busy machine: 99.5 % at 128, 87 % at 256, 0 % from 512 on;
2.5 ms: 94 % at 128, 0 % from 256 on. Where programs may choose the period, PipeWire makes it 64 for blocks of 120.
Blocks of 128, which a period of 128 asks for evenly, cost 1.6 ms more there than blocks of 120: 7.8 against 6.2 ms.
Blocks of the host's own choice (0) do no better: 69 % with low at 512. So low is asked for first, because a desktop
gives it, and `core.receiver.playback` asks for more where that starves.
"""

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
from core.audio.priority import raise_priority_of_this_thread

_MAX_BLOCK_FRAMES = SAMPLE_RATE_HZ // 4
_SILENT_NS = 250_000_000
"""A stream that was not called back for so long is not waited for when it is closed."""


class DeviceOutput:
    """One open device. The callback copies one bounded block, counts, takes a time stamp, and nothing else."""

    is_device = True

    def __init__(self, wanted: str = "default", latency_ms: float | None = None) -> None:
        """Find the device; ``latency_ms`` is what to ask of it, ``None`` for its own low latency.

        Raises:
            OutputError: no PortAudio, or no such device.
        """
        self._portaudio = PortAudio()
        self._library = self._portaudio.library
        self._device = self._portaudio.find_output(wanted)
        self._wanted_latency: str | float = "low" if latency_ms is None else latency_ms / 1000
        self._block_frames = BLOCK_FRAMES if latency_ms is None else min(BLOCK_FRAMES, max(48, round(latency_ms * 24)))
        self._stream: Any = None
        self._clock = CallbackClock()
        self._xruns = 0
        self._latency_s: float | None = None
        self._ahead = (0.0, 0)
        """Sum in seconds and number of the latencies given since the figures were last taken."""
        self._has_ended = False
        self._error: Exception | None = None
        self._last_call_ns: int | None = None

    @property
    def name(self) -> str:
        """Name and host API of the device."""
        return self._device.label

    @property
    def is_active(self) -> bool:
        """False once the device has gone or its stream has failed."""
        return self._stream is not None and not self._has_ended

    @property
    def failure(self) -> str | None:
        """Why it is not active any more; ``None`` while it is."""
        if self._error is not None:
            return f"playing on {self.name!r} failed: {type(self._error).__name__}: {self._error}"
        return f"the sound device {self.name!r} has gone" if self._has_ended else None

    def start(self, pull: Pull) -> None:
        """Open the device and begin.

        Raises:
            OutputError: the device cannot be opened; the message holds PortAudio's reason.
        """
        channels = min(OUTPUT_CHANNELS, self._device.channels)
        callback = self._stereo_callback(pull) if channels == OUTPUT_CHANNELS else self._mono_callback(pull)
        try:
            self._stream = self._portaudio.open_output(
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
                self._portaudio.close(self._stream, has_failed=True)
                self._stream = None
            raise OutputError(
                f"the sound device {self.name!r} cannot be opened: {error.args[0]}; choose another or free it"
            ) from error

    def stop(self) -> None:
        """End at once; when it returns, ``pull`` is not called any more. A dead device is not waited for."""
        stream, self._stream = self._stream, None
        if stream is None:
            return
        last_ns = self._last_call_ns
        is_silent = last_ns is not None and time.monotonic_ns() - last_ns > _SILENT_NS
        self._portaudio.close(stream, has_failed=self._has_ended or is_silent)

    def take_figures(self) -> OutputFigures:
        """Latency as the device gave it with each block, on average, or else as it was reported when it was opened.

        One block's alone would be a matter of chance: within a burst each is asked for a block sooner than needed.
        """
        # Without a lock: a block that comes just now may be counted in both intervals, which a mean survives.
        (total_s, number), self._ahead = self._ahead, (0.0, 0)
        if number:
            self._latency_s = total_s / number
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
            self._pull(pull, out, now_ns)

        return callback

    def _mono_callback(self, pull: Pull) -> Any:
        both: Pcm = np.zeros((_MAX_BLOCK_FRAMES, OUTPUT_CHANNELS), dtype=np.float32)

        def callback(out: Pcm, frames: int, times: Any, status: Any) -> None:
            now_ns = time.monotonic_ns()
            self._note(now_ns, frames, times, status)
            self._pull(pull, both[:frames], now_ns)
            np.mean(both[:frames], axis=1, keepdims=True, out=out)

        return callback

    def _pull(self, pull: Pull, out: Pcm, now_ns: int) -> None:
        if self._stream is None:  # being closed
            out.fill(0.0)
            return
        try:
            pull(out, now_ns)
        except Exception as error:
            # PortAudio would print it and say no more than that the stream has ended.
            self._error = error
            raise self._library.CallbackAbort from error

    def _note(self, now_ns: int, frames: int, times: Any, status: Any) -> None:
        if self._last_call_ns is None:
            raise_priority_of_this_thread()
        self._last_call_ns = now_ns
        self._clock.tick(now_ns, frames)
        if status.output_underflow:
            self._xruns += 1
        # Some host APIs leave these times at zero.
        ahead_s = times.outputBufferDacTime - times.currentTime
        if 0 < ahead_s < 10:
            total_s, number = self._ahead
            self._ahead = (total_s + ahead_s, number + 1)

    def _finished(self) -> None:
        self._has_ended = True
