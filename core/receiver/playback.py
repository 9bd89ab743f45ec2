"""The output of a session: opened, exchanged while it plays, reopened when it starves, replaced when it goes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from core.audio.device_output import DeviceOutput
from core.audio.null_output import NullOutput
from core.audio.output import SAMPLE_RATE_HZ, AudioOutput, OutputError, OutputFigures, Pcm, Pull
from core.audio.played import PlayedAudio
from core.audio.volume import Volume
from core.monitor.events import EventLog, Level
from core.receiver.options import NULL_OUTPUT
from core.receiver.status import OutputStatus

MakeOutput = Callable[[str, float | None], AudioOutput]

GENEROUS_LATENCIES_MS: Final = (10.0, 30.0, 60.0, 120.0)
"""What a device that starves is asked for next. By the table in `device_output`, 10 ms is enough for a period of 256
samples, 30 ms for 1024, which PipeWire insists on in virtual machines, and 60 ms for 2048."""

_LOW_LATENCY_MS: Final = 10.0
"""About what a device means by its own low latency."""

_WINDOW_NS: Final = 500_000_000
_STARVING_SHARE: Final = 0.8
_FAR_OFF_SHARE: Final = 0.5
_STARVING_WINDOWS: Final = 2
_SHORT_SHARE: Final = 0.95
_SHORT_WINDOWS: Final = 6
"""A stall of the machine costs one window or two; a latency too small for the server's period costs all."""
_FIRST_CALL_WITHIN_NS: Final = 3_000_000_000
"""Bluetooth needs seconds to begin."""


def make_output(wanted: str, latency_ms: float | None) -> AudioOutput:
    """The null output for ``"null"``, else the device of that name.

    Raises:
        OutputError: no PortAudio, or no such device.
    """
    return NullOutput() if wanted == NULL_OUTPUT else DeviceOutput(wanted, latency_ms)


class Playback:
    """Between jitter buffer and output. Exactly one output drains the buffer at any time."""

    def __init__(
        self,
        pull: Pull,
        events: EventLog,
        make: MakeOutput = make_output,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Nothing is open."""
        self.volume = Volume(pull)
        self.played = PlayedAudio()
        """What went to the output, volume applied."""
        self._events = events
        self._make = make
        self._clock_ns = clock_ns
        self._is_closed = False
        self._wanted = NULL_OUTPUT
        self._latency_ms: float | None = None
        self._watch: _Watch | None = None
        self._output: AudioOutput | None = None
        self._tap: _Tap | None = None
        self._problem: str | None = None
        self._last = OutputFigures(None, 0, 0.0)
        self._xruns_before = 0
        self._status: OutputStatus | None = None

    def open(self, wanted: str, latency_ms: float | None, is_required: bool) -> None:
        """Open an output; where that fails and it is not required, play to the null output and say so.

        Raises:
            OutputError: it is required and cannot be had.
        """
        try:
            self.switch(wanted, latency_ms)
        except OutputError as error:
            if is_required:
                raise
            self._fall_back(str(error))

    def switch(self, wanted: str, latency_ms: float | None) -> None:
        """Move to another output; the present one plays until the new one does.

        Raises:
            OutputError: the new one cannot be had; the present one goes on.
        """
        self._start(wanted, latency_ms)
        self._problem = None
        self._events.add(Level.CHANGE, f"output: {self._name}")

    def check(self) -> None:
        """Notice a device that has gone or that starves, and let playout go on, if need be without sound."""
        output, tap, watch = self._output, self._tap, self._watch
        if output is None or tap is None or watch is None or not output.is_device:
            return
        if not output.is_active:
            self._fall_back(output.failure or f"the sound device {output.name!r} has gone; choose another one")
            return
        share = watch.starving_share(self._clock_ns(), tap.frames)
        if share is not None:
            self._reopen(share)

    def status(self) -> OutputStatus | None:
        """The output in use, or after `close` the last one; ``None`` before `open`."""
        if self._output is not None:
            self._status = OutputStatus(
                name=self._output.name,
                is_device=self._output.is_device,
                latency_ms=self._last.latency_ms,
                xruns=self._xruns_before + self._last.xruns,
                problem=self._problem,
            )
        return self._status

    def take_figures(self) -> OutputFigures | None:
        """How the output did since the last call."""
        if self._output is None:
            return None
        self._last = self._output.take_figures()
        return self._last

    def close(self) -> None:
        """End the sound for good; the buffer is not drained any more when this returns."""
        self._is_closed = True
        if self._output is None:
            return
        self.take_figures()
        self.status()
        self._stop()
        self._output = None

    @property
    def _name(self) -> str:
        return "" if self._output is None else self._output.name

    def _reopen(self, share: float) -> None:
        """Ask the same device for more latency than it starves with. It may allow one user only: close it first."""
        asked = f"asked for only {share:.0%} of its samples" if share else "does not ask for samples any more"
        starved = f"the sound device {self._name!r} {asked}"
        least_ms = self._latency_ms or _LOW_LATENCY_MS
        if share < _FAR_OFF_SHARE:  # With 10 ms it would stutter on for another second, only less.
            least_ms = max(least_ms, _LOW_LATENCY_MS)
        latency_ms = next((each for each in GENEROUS_LATENCIES_MS if each > least_ms), None)
        if latency_ms is None:
            self._fall_back(f"{starved}, even with {self._latency_ms:g} ms latency; choose another one")
            return
        self._stop()
        try:
            self._start(self._wanted, latency_ms)
        except OutputError as error:
            self._fall_back(f"{starved}; {error}")
            return
        self._events.add(Level.WARNING, f"{starved}; reopened with {latency_ms:g} ms latency")

    def _fall_back(self, problem: str) -> None:
        self._start(NULL_OUTPUT, None, lambda wanted, latency_ms: NullOutput())
        self._problem = problem
        self._events.add(Level.ERROR, f"{problem}; going on without sound")

    def _start(self, wanted: str, latency_ms: float | None, make: MakeOutput | None = None) -> None:
        """Let another output drain the buffer; the present one is stopped once the new one runs.

        Raises:
            OutputError: the new one cannot be had, and nothing has changed.
        """
        if self._is_closed:
            raise OutputError("no output can be opened: the session has ended")
        output = (make or self._make)(wanted, latency_ms)
        tap = _Tap(self.volume.pull, self.played)
        output.start(tap.pull)
        self._stop()
        tap.is_open = True
        self._output, self._tap, self._watch = output, tap, _Watch(self._clock_ns())
        self._wanted, self._latency_ms = wanted, latency_ms
        self._last = OutputFigures(None, 0, 0.0)

    def _stop(self) -> None:
        """Shut the present output out and stop it; harmless when repeated."""
        if self._output is None or self._tap is None:
            return
        self._tap.is_open = False
        self._tap = None
        self._xruns_before += self._output.take_figures().xruns
        self._output.stop()


class _Tap:
    """Lets one output drain the buffer, or gives it silence; counts the frames asked for."""

    def __init__(self, pull: Pull, played: PlayedAudio) -> None:
        self._pull = pull
        self._played = played
        self.is_open = False
        self.frames = 0

    def pull(self, out: Pcm, now_ns: int) -> None:
        self.frames += len(out)
        if self.is_open:
            self._pull(out, now_ns)
            self._played.write(out)
        else:
            out.fill(0.0)


class _Watch:
    """Compares the frames that a device asked for with the time that went by."""

    def __init__(self, now_ns: int) -> None:
        self._started_ns = now_ns
        self._window_began_ns: int | None = None
        self._frames = 0
        self._shares: list[float] = []

    def starving_share(self, now_ns: int, frames: int) -> float | None:
        """The share of its samples the device asked for last, once it starves for too long; else ``None``."""
        if self._window_began_ns is None:
            if frames or now_ns - self._started_ns > _FIRST_CALL_WITHIN_NS:
                self._begin_window(now_ns, frames)
            return None
        elapsed_ns = now_ns - self._window_began_ns
        if elapsed_ns < _WINDOW_NS:
            return None
        share = (frames - self._frames) * 1_000_000_000 / SAMPLE_RATE_HZ / elapsed_ns
        self._begin_window(now_ns, frames)
        if elapsed_ns > 2 * _WINDOW_NS:  # This process itself stood still: no verdict on the device.
            self._shares.clear()
            return None
        self._shares.append(share)
        for most, windows in ((_STARVING_SHARE, _STARVING_WINDOWS), (_SHORT_SHARE, _SHORT_WINDOWS)):
            last = self._shares[-windows:]
            if len(last) == windows and max(last) < most:
                return last[-1]
        del self._shares[:-_SHORT_WINDOWS]
        return None

    def _begin_window(self, now_ns: int, frames: int) -> None:
        self._window_began_ns, self._frames = now_ns, frames
