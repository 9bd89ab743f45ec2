"""Capture from a sound device, each block with the time at which its first sample was in the air."""

from __future__ import annotations

import asyncio
import importlib
import time
from collections import deque
from collections.abc import Callable
from contextlib import nullcontext
from types import ModuleType
from typing import Any, Final

import numpy as np

from core.audio.alsa import HOST_API as ALSA
from core.audio.alsa import short_periods
from core.audio.portaudio import SoundDevice, list_devices
from core.audio.priority import raise_priority_of_this_thread
from core.audio.sources.pcm import Pcm16, PcmBlock, PcmFifo, SourceError

DEVICE_BLOCK_MS: Final = 2.5
"""The smallest Opus frame: a frame of any size is complete with the block that holds its last sample, and a listener
may change the frame size without the device being opened anew."""

_ALSA_BUFFER_MS: Final = 80.0
"""Costs no delay, since every block is fetched as soon as it is there, and survives every period of a sound server.

Age of a block's first sample when it is handed over, median / 95 %, and share of the samples that come at all, by what
is asked of PipeWire 0.3.65 (3 s each; nothing reports the loss):

======================  =====================  ==================  ==================
asked                   period left to us      1024                2048
======================  =====================  ==================  ==================
low (10 ms)             5.3 / 7.8 ms, 100 %    71 %                36 %
5 ms                    4.0 / 5.2 ms, 100 %    35 %                18 %
40 ms                   13.5 / 23.0 ms, 100 %  100 %               100 %
40 ms, `short_periods`  3.9 / 5.1 ms, 100 %    100 %               100 %
======================  =====================  ==================  ==================
"""

_QUEUE_BLOCKS: Final = 400
"""One second; an event loop that is held up for longer loses the oldest sound, and the loss is counted."""

_MAX_DEVICE_DELAY_NS: Final = 1_000_000_000
"""A longer delay between converter and callback is a driver that doesn't fill in its time stamps."""


_MIN_LOSS_NS: Final = 500_000
"""Time stamps of a good driver jitter by some microseconds; the shortest period of PipeWire that is lost is 0.7 ms."""

_BLOCKS_TO_TRUST: Final = 20
"""After 50 ms without such a jump a driver's time stamps are good, and the next jump is lost sound."""

_MAX_FILLED_LOSS_NS: Final = 200_000_000
"""A longer pause is not filled up; the stream notices it as one."""


def input_devices() -> list[SoundDevice]:
    """All devices with input channels, in PortAudio's order; an empty list where there is no sound system.

    Raises:
        SourceError: PortAudio is not installed.
    """
    return list_devices(_load_sounddevice(), "input")


def _find(wanted: str) -> int | str:
    """The device of a label as `input_devices` gives it; any other name is left to sounddevice's own search."""
    return next((device.index for device in input_devices() if wanted in (device.label, device.name)), wanted)


class MicrophoneSource:
    """One input device, asked for its smallest latency."""

    is_live = True
    is_at_hand = False

    def __init__(
        self,
        sample_rate: int,
        channels: int,
        device: str | None = None,
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Check that PortAudio and the device are there and take these settings; capture starts with `read`.

        ``device`` is a name or a part of one; ``None`` is the system's default input. ``now_ns`` is for tests.

        Raises:
            SourceError: no PortAudio, no such device, or it doesn't do this rate or channel count.
        """
        self._sounddevice = _load_sounddevice()
        self._sample_rate = sample_rate
        self._channels = channels
        self._device = None if device is None else _find(device)
        self._now_ns = now_ns
        self._label = f"input device {device!r}" if device else "the default input device"
        self._fifo = PcmFifo(channels)
        self._fifo_start_ns: int | None = None
        self._overflows_filled = 0
        self._blocks: deque[tuple[Pcm16, int]] = deque(maxlen=_QUEUE_BLOCKS)
        self._arrived = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stream: Any = None
        self._stopped = False
        self._has_priority = False
        self._clock_offset_ns: int | None = None
        self._steady_blocks = 0
        self.lost_frames = 0
        """Samples that never came and were made up for with silence."""
        self.overflows = 0
        """Blocks lost because nobody read for a second, and gaps that PortAudio itself reported."""
        try:
            self._sounddevice.check_input_settings(
                device=self._device, channels=channels, dtype="int16", samplerate=sample_rate
            )
        except (self._sounddevice.PortAudioError, ValueError) as error:
            raise SourceError(
                f"{self._label} cannot record {sample_rate} Hz with {channels} channel(s): {error};"
                " see 'opuscope devices' for what there is"
            ) from error

    async def read(self, frames: int) -> PcmBlock | None:
        """The next ``frames`` samples as soon as the last of them was captured.

        Raises:
            SourceError: the device cannot be opened, or stopped (unplugged).
        """
        if self._stream is None:
            self._start()
        while self._fifo.frames < frames:
            if self._blocks:
                self._take_in(*self._blocks.popleft())
            elif self._stopped:
                raise SourceError(f"{self._label} stopped delivering sound; plug it in again or choose another")
            else:
                self._arrived.clear()
                if not self._blocks and not self._stopped:
                    await self._arrived.wait()
        block = PcmBlock(self._fifo.take(frames), self._fifo_start_ns)
        if self._fifo_start_ns is not None:
            self._fifo_start_ns += self._duration_ns(frames)
        return block

    async def close(self) -> None:
        """Stop and close the device."""
        stream, self._stream = self._stream, None
        self._stopped = True
        if stream is not None:
            stream.abort(ignore_errors=True)
            stream.close(ignore_errors=True)

    def _take_in(self, pcm: Pcm16, capture_time_ns: int) -> None:
        """Append a device block; what is known to be lost before it becomes silence, so that time stays true."""
        if self._fifo_start_ns is not None:
            loss_ns = capture_time_ns - self._fifo_start_ns - self._duration_ns(self._fifo.frames)
            is_jump = abs(loss_ns) > _MIN_LOSS_NS
            # PipeWire says nothing of cycles that it left out.
            is_told = self.overflows != self._overflows_filled
            if is_jump and (is_told or self._steady_blocks >= _BLOCKS_TO_TRUST):
                self._overflows_filled = self.overflows
                if 0 < loss_ns < _MAX_FILLED_LOSS_NS:
                    lost_frames = round(loss_ns * self._sample_rate / 1e9)
                    self.lost_frames += lost_frames
                    self._fifo.append(np.zeros((lost_frames, self._channels), dtype=np.int16))
            self._steady_blocks = 0 if is_jump else self._steady_blocks + 1
        # Counted back from this block, so that the device's clock and ours never come apart.
        self._fifo_start_ns = capture_time_ns - self._duration_ns(self._fifo.frames)
        self._fifo.append(pcm)

    def _duration_ns(self, frames: int) -> int:
        return frames * 1_000_000_000 // self._sample_rate

    def _start(self) -> None:
        # In the event loop's thread on purpose: some host APIs (WASAPI) tie a device to the thread that opens it.
        self._loop = asyncio.get_running_loop()
        try:
            has_alsa = self._host_api() == ALSA
            with short_periods(self._sounddevice) if has_alsa else nullcontext():
                self._stream = self._sounddevice.InputStream(
                    samplerate=self._sample_rate,
                    blocksize=round(self._sample_rate * DEVICE_BLOCK_MS / 1000),
                    device=self._device,
                    channels=self._channels,
                    dtype="int16",
                    latency=_ALSA_BUFFER_MS / 1000 if has_alsa else "low",
                    callback=self._on_block,
                    finished_callback=self._on_finished,
                )
            self._stream.start()
        except (self._sounddevice.PortAudioError, ValueError) as error:
            raise SourceError(f"{self._label} cannot be opened: {error}; is another program using it?") from error

    def _host_api(self) -> str:
        """Of the device that will be opened, as PortAudio names it."""
        device = self._sounddevice.query_devices(self._device, "input")
        return str(self._sounddevice.query_hostapis(device["hostapi"])["name"])

    def _on_block(self, indata: Pcm16, frames: int, times: Any, status: Any) -> None:
        """PortAudio's thread: stamp, copy, queue, wake."""
        if not self._has_priority:
            self._has_priority = True
            raise_priority_of_this_thread()
        if status.input_overflow or len(self._blocks) == _QUEUE_BLOCKS:
            self.overflows += 1
        self._blocks.append((np.array(indata), self._capture_time_ns(frames, times)))
        self._wake()

    def _on_finished(self) -> None:
        self._stopped = True
        self._wake()

    def _wake(self) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._arrived.set)

    def _capture_time_ns(self, frames: int, times: Any) -> int:
        """When the first of ``frames`` samples was converted, on time.monotonic_ns.

        PortAudio's clock may start elsewhere. The smallest difference ever seen between the two is the true one:
        a callback that waited for the interpreter only makes it larger.
        """
        now_ns = self._now_ns()
        stream_now_ns = int(times.currentTime * 1e9)
        captured_ns = int(times.inputBufferAdcTime * 1e9)
        if captured_ns <= 0 or not 0 <= stream_now_ns - captured_ns < _MAX_DEVICE_DELAY_NS:
            return now_ns - self._duration_ns(frames)
        offset_ns = now_ns - stream_now_ns
        if self._clock_offset_ns is None or offset_ns < self._clock_offset_ns:
            self._clock_offset_ns = offset_ns
        return captured_ns + self._clock_offset_ns


def _load_sounddevice() -> ModuleType:
    try:
        return importlib.import_module("sounddevice")
    except (ImportError, OSError) as error:
        raise SourceError(
            f"no microphone without PortAudio ({error}); install it, on Debian: apt-get install libportaudio2"
        ) from error
