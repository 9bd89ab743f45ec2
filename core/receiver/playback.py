"""The output of a session: opened, exchanged while it plays, reopened when it starves, replaced while it is gone."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from core.audio.device_output import DeviceOutput
from core.audio.null_output import NullOutput
from core.audio.output import AudioOutput, OutputError, OutputFigures, Pull
from core.audio.played import PlayedAudio
from core.audio.portaudio import PortAudioMissingError
from core.audio.volume import Volume
from core.monitor.events import EventLog, Level
from core.receiver.device_watch import (
    Devices,
    DeviceWatch,
    Found,
    MakeOutput,
    Sought,
    StartAside,
    fresh_devices,
    start_thread,
)
from core.receiver.options import DEFAULT_OUTPUT, NULL_OUTPUT
from core.receiver.status import OutputStatus
from core.receiver.tap import StarvationWatch, Tap

GENEROUS_LATENCIES_MS: Final = (10.0, 30.0, 60.0, 120.0)
"""What a device that starves is asked for next. By the table in `device_output`, 10 ms is enough for a period of 256
samples, 30 ms for 1024, which PipeWire insists on in virtual machines, and 60 ms for 2048."""

_LOW_LATENCY_MS: Final = 10.0
"""About what a device means by its own low latency."""

_FAR_OFF_SHARE: Final = 0.5
_TRUSTED_AFTER_NS: Final = 20_000_000_000
_FAILURES_ENDURED: Final = 3
"""A device that came back and went again sooner, so often in a row, is looked for rarely."""

UNTIL_IT_RETURNS: Final = "going on without sound until it returns, or choose another output"


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
        devices: Devices = fresh_devices,
        start_aside: StartAside = start_thread,
    ) -> None:
        """Nothing is open; ``devices`` and ``start_aside`` are what `DeviceWatch` takes."""
        self.volume = Volume(pull)
        self.played = PlayedAudio()
        """What went to the output, volume applied."""
        self._events = events
        self._make = make
        self._clock_ns = clock_ns
        self._is_closed = False
        self._wanted = NULL_OUTPUT
        self._latency_ms: float | None = None
        self._watch: StarvationWatch | None = None
        self._output: AudioOutput | None = None
        self._tap: Tap | None = None
        self._problem: str | None = None
        self._device_watch = DeviceWatch(
            make,
            self._make_tap,
            clock_ns,
            devices,
            start_aside,
            warn=lambda text: events.add(Level.WARNING, text),
        )
        self._returned_ns: int | None = None
        self._failures = 0
        """How often in a row the device went again soon after it was back."""
        self._last = OutputFigures(None, 0, 0.0)
        self._xruns_before = 0
        self._status: OutputStatus | None = None

    def open(self, wanted: str, latency_ms: float | None, is_required: bool) -> None:
        """Open an output; where that fails and it is not required, play to the null output, say so, and look for it.

        Raises:
            OutputError: it is required and cannot be had.
        """
        try:
            self._switch(wanted, latency_ms)
            # Nothing was played before it: what begins here is the session.
            self._events.add(Level.INFO, f"output: {self._name}")
        except OutputError as error:
            if is_required:
                raise
            can_return = not isinstance(error, PortAudioMissingError)
            self._fall_back(str(error), Sought(wanted, None, latency_ms) if can_return else None)

    def switch(self, wanted: str, latency_ms: float | None) -> None:
        """Move to another output; the present one plays until the new one does. A device that had gone is given up.

        Raises:
            OutputError: the new one cannot be had; the present one goes on, as does the waiting for one that is gone.
        """
        self._switch(wanted, latency_ms)
        self._events.add(Level.CHANGE, f"output: {self._name}")

    def check(self) -> None:
        """Notice a device that has gone, that starves or that is back; playout goes on, if need be without sound."""
        found = self._device_watch.poll()
        if found is not None:
            self._take_back(found)
        output, tap, watch = self._output, self._tap, self._watch
        if output is None or tap is None or watch is None or not output.is_device:
            return
        if not output.is_active:
            self._fall_back(output.failure or f"the sound device {output.name!r} has gone", self._present)
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
                is_waiting=self._device_watch.is_looking,
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
        self._device_watch.end()
        if self._output is None:
            return
        self.take_figures()
        self.status()
        self._stop()
        self._output = None

    @property
    def _name(self) -> str:
        return "" if self._output is None else self._output.name

    @property
    def _present(self) -> Sought:
        """What to look for, should the device in use have gone. For the default any other default will do."""
        return Sought(self._wanted, None if self._wanted == DEFAULT_OUTPUT else self._name, self._latency_ms)

    def _switch(self, wanted: str, latency_ms: float | None) -> None:
        self._device_watch.interrupt()
        self._start(wanted, latency_ms)
        self._device_watch.end()
        self._problem = self._returned_ns = None
        self._failures = 0

    def _make_tap(self) -> Tap:
        return Tap(self.volume.pull, self.played)

    def _reopen(self, share: float) -> None:
        """Ask the same device for more latency than it starves with. It may allow one user only: close it first."""
        asked = f"asked for only {share:.0%} of its samples" if share else "does not ask for samples any more"
        starved = f"the sound device {self._name!r} {asked}"
        least_ms = self._latency_ms or _LOW_LATENCY_MS
        if share < _FAR_OFF_SHARE:  # With 10 ms it would stutter on for another second, only less.
            least_ms = max(least_ms, _LOW_LATENCY_MS)
        latency_ms = next((each for each in GENEROUS_LATENCIES_MS if each > least_ms), None)
        if latency_ms is None:
            self._fall_back(f"{starved}, even with {self._latency_ms:g} ms latency", self._present)
            return
        self._stop()
        try:
            self._start(self._wanted, latency_ms)
        except OutputError as error:
            self._fall_back(f"{starved}; {error}", self._present)
            return
        self._events.add(Level.WARNING, f"{starved}; reopened with {latency_ms:g} ms latency")

    def _fall_back(self, problem: str, sought: Sought | None) -> None:
        """Play to the null output, and look for a device if there is one that can return."""
        self._start(NULL_OUTPUT, None, lambda wanted, latency_ms: NullOutput())
        self._problem = problem
        if sought is not None:
            now_ns, returned_ns = self._clock_ns(), self._returned_ns
            is_again = returned_ns is not None and now_ns - returned_ns < _TRUSTED_AFTER_NS
            self._failures = self._failures + 1 if is_again else 0
            self._device_watch.begin(sought, is_unreliable=self._failures >= _FAILURES_ENDURED)
        ending = UNTIL_IT_RETURNS if sought is not None else "going on without sound"
        self._events.add(Level.ERROR, f"{problem}; {ending}")

    def _take_back(self, found: Found) -> None:
        """The device plays already, silence; let it drain the buffer instead of the null output."""
        self._stop()
        self._use(found.output, found.tap, found.sought.wanted, found.sought.latency_ms)
        self._problem, self._returned_ns = None, self._clock_ns()
        self._events.add(Level.CHANGE, f"output: {self._name} is back")

    def _start(self, wanted: str, latency_ms: float | None, make: MakeOutput | None = None) -> None:
        """Let another output drain the buffer; the present one is stopped once the new one runs.

        Raises:
            OutputError: the new one cannot be had, and nothing has changed.
        """
        if self._is_closed:
            raise OutputError("no output can be opened: the session has ended")
        output = (make or self._make)(wanted, latency_ms)
        tap = self._make_tap()
        output.start(tap.pull)
        self._stop()
        self._use(output, tap, wanted, latency_ms)

    def _use(self, output: AudioOutput, tap: Tap, wanted: str, latency_ms: float | None) -> None:
        """From now on this one drains the buffer; nobody else does."""
        tap.is_open = True
        self._output, self._tap, self._watch = output, tap, StarvationWatch(self._clock_ns())
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
