"""The output of a session: opened, exchanged while it plays, and replaced when it goes."""

from __future__ import annotations

from collections.abc import Callable

from core.audio.device_output import DeviceOutput
from core.audio.null_output import NullOutput
from core.audio.output import AudioOutput, OutputError, OutputFigures, Pcm, Pull
from core.audio.volume import Volume
from core.monitor.events import EventLog, Level
from core.receiver.options import NULL_OUTPUT
from core.receiver.status import OutputStatus

MakeOutput = Callable[[str, float | None], AudioOutput]


def make_output(wanted: str, latency_ms: float | None) -> AudioOutput:
    """The null output for ``"null"``, else the device of that name.

    Raises:
        OutputError: no PortAudio, or no such device.
    """
    return NullOutput() if wanted == NULL_OUTPUT else DeviceOutput(wanted, latency_ms)


class Playback:
    """Between jitter buffer and output. Exactly one output drains the buffer at any time."""

    def __init__(self, pull: Pull, events: EventLog, make: MakeOutput = make_output) -> None:
        """Nothing is open."""
        self.volume = Volume(pull)
        self._events = events
        self._make = make
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
        output = self._make(wanted, latency_ms)
        tap = _Tap(self.volume.pull)
        output.start(tap.pull)
        self._take_over(output, tap)
        self._problem = None
        self._events.add(Level.CHANGE, f"output: {output.name}")

    def check(self) -> None:
        """Notice a device that has gone, and let playout go on without sound."""
        if self._output is not None and self._output.is_device and not self._output.is_active:
            self._fall_back(f"the sound device {self._output.name!r} has gone; choose another one")

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
        """End the sound; the buffer is not drained any more when this returns."""
        if self._output is None:
            return
        self.take_figures()
        self.status()
        self._output.stop()
        self._output = None

    def _fall_back(self, problem: str) -> None:
        output = NullOutput()
        tap = _Tap(self.volume.pull)
        output.start(tap.pull)
        self._take_over(output, tap)
        self._problem = problem
        self._events.add(Level.ERROR, f"{problem}; going on without sound")

    def _take_over(self, output: AudioOutput, tap: _Tap) -> None:
        old, old_tap = self._output, self._tap
        if old_tap is not None:
            old_tap.is_open = False
        tap.is_open = True
        self._output, self._tap = output, tap
        self._last = OutputFigures(None, 0, 0.0)
        if old is not None:
            self._xruns_before += old.take_figures().xruns
            old.stop()


class _Tap:
    """Lets one output drain the buffer, or gives it silence."""

    def __init__(self, pull: Pull) -> None:
        self._pull = pull
        self.is_open = False

    def pull(self, out: Pcm, now_ns: int) -> None:
        if self.is_open:
            self._pull(out, now_ns)
        else:
            out.fill(0.0)
