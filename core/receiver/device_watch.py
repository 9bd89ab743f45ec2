"""Looks for an output device that has gone, beside the event loop, and tries it before it is trusted again.

That a device is listed and opens does not mean that it plays: ALSA lists what its configuration names, and PipeWire
opens streams that lead nowhere. So what is found is tried with silence, while the null output goes on to drain the
buffer. Only a device that asks for its samples is handed over; else the log would tell of a return every few seconds.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Final, Protocol

from core.audio.output import AudioOutput, OutputError
from core.audio.portaudio import CLOSE_WITHIN_S, PortAudio
from core.receiver.tap import STARVING_SHARE, StarvationWatch, Tap

MakeOutput = Callable[[str, float | None], AudioOutput]
Devices = Callable[[], AbstractContextManager[None]]
"""Within it the list of devices is up to date. Entered and left in a thread of its own; may raise `OutputError`."""

LOOK_AGAIN_AFTER_S: Final = (1.0, 2.0, 4.0, 5.0)
"""The last one holds on. To look takes 40 ms of one core."""
RARELY_S: Final = 30.0
"""For a device that comes back and goes again at once: each time is two lines in the log and a gap in the sound."""

_UNCLOSED_ENDURED: Final = 3
"""Every stream that cannot be closed costs a thread for good."""


class UnclosedStreamsError(OutputError):
    """So many streams cannot be closed that no more are opened; only a new start of the program helps."""


class Aside(Protocol):
    """Work that was begun beside the event loop."""

    def join(self, timeout: float | None = None) -> None:
        """Wait for its end, so many seconds at most."""


StartAside = Callable[[Callable[[], None]], Aside]


def start_thread(work: Callable[[], None]) -> Aside:
    """Work in a thread that holds up nobody: neither the event loop nor, should a dead sound server, the exit."""
    thread = threading.Thread(target=work, name="look-for-device", daemon=True)
    thread.start()
    return thread


@contextmanager
def fresh_devices() -> Iterator[None]:
    """PortAudio's devices, searched anew where that is possible; what C libraries say about it is dropped.

    Where an old stream cannot be closed (a server that died), PortAudio's old list stands. ALSA's devices in it are
    names, under which a server that was started again is found.

    Raises:
        UnclosedStreamsError: there are too many of those, each of them a thread that never ends.
        OutputError: they cannot be searched.
    """
    portaudio = PortAudio()
    if portaudio.unclosed_streams > _UNCLOSED_ENDURED:
        raise UnclosedStreamsError(
            f"{portaudio.unclosed_streams} sound streams cannot be closed because the sound system does not answer,"
            " so the device is not looked for any more; start the program again to hear something"
        )
    with portaudio.quietly():
        portaudio.refresh()
        yield


@dataclass(frozen=True, slots=True)
class Sought:
    """What is looked for."""

    wanted: str
    """``"default"``, or a device's name or label."""
    label: str | None
    """What the device was called while it played; another one, however alike its name, is not it. ``None`` accepts any:
    for the default, and for a device that has not been there yet.
    """
    latency_ms: float | None


@dataclass(frozen=True, slots=True)
class Found:
    """The device, playing silence through a tap that is shut."""

    output: AudioOutput
    tap: Tap
    sought: Sought


class DeviceWatch:
    """Looks for one device until it is found or `end` is called. All methods are for the event loop's thread."""

    def __init__(
        self,
        make: MakeOutput,
        make_tap: Callable[[], Tap],
        clock_ns: Callable[[], int],
        devices: Devices = fresh_devices,
        start_aside: StartAside = start_thread,
        warn: Callable[[str], object] = lambda _text: None,
    ) -> None:
        """Looks for nothing. ``warn`` is told, in one line and once, why looking has become useless."""
        self._make, self._make_tap, self._clock_ns = make, make_tap, clock_ns
        self._devices, self._start_aside = devices, start_aside
        self._sought: Sought | None = None
        self._pauses_s: tuple[float, ...] = LOOK_AGAIN_AFTER_S
        self._looks = 0
        self._next_ns = 0
        self._look: _Look | None = None
        self._aside: Aside | None = None
        self._trial: _Trial | None = None
        self._log = logging.getLogger(__name__)
        self._has_told_error = self._has_warned = False
        self._warn = warn

    @property
    def is_looking(self) -> bool:
        """Whether a device is being looked for."""
        return self._sought is not None

    def begin(self, sought: Sought, is_unreliable: bool = False) -> None:
        """Look for a device, every few seconds, or rarely for one that keeps failing."""
        self.end()
        self._sought = sought
        self._pauses_s = (RARELY_S,) if is_unreliable else LOOK_AGAIN_AFTER_S
        self._looks = 0
        self._pause()

    def poll(self) -> Found | None:
        """Go on with it, a step that takes no time; once, the device that is back. Whoever takes it stops it."""
        if self._sought is None:
            return None
        if self._trial is not None:
            return self._judge(self._trial, self._sought)
        if self._look is not None:
            self._take_result(self._look)
        elif self._clock_ns() >= self._next_ns:
            self._look = _Look(self._sought, self._make, self._make_tap(), self._devices)
            self._aside = self._start_aside(self._look.run)
        return None

    def interrupt(self) -> None:
        """Leave the sound system to somebody else, now. `poll` goes on after a pause."""
        look, self._look = self._look, None
        trial, self._trial = self._trial, None
        output = look.give_up() if look else trial.output if trial else None
        if output is not None:
            output.stop()
        if look is not None and self._aside is not None:
            # What it has in hand it gives back; a device may allow one user only.
            self._aside.join(CLOSE_WITHIN_S)
        self._aside = None
        self._pause()

    def end(self) -> None:
        """Look no more; harmless when repeated."""
        self.interrupt()
        self._sought = None

    def _pause(self) -> None:
        pause_s = self._pauses_s[min(self._looks, len(self._pauses_s) - 1)]
        self._next_ns = self._clock_ns() + round(pause_s * 1e9)

    def _take_result(self, look: _Look) -> None:
        if not look.is_over:
            return
        self._look = self._aside = None
        if look.error is not None and not self._has_told_error:
            self._has_told_error = True
            self._log.error("looking for %r failed", self._sought, exc_info=look.error)
        # Some do end after all: then it is worth a line again should there be too many once more.
        if look.hindrance is not None and not self._has_warned:
            self._warn(look.hindrance)
        self._has_warned = look.hindrance is not None
        output = look.give_up()
        if output is None:
            self._looks += 1
            self._pause()
        else:
            self._trial = _Trial(output, look.tap, self._clock_ns())

    def _judge(self, trial: _Trial, sought: Sought) -> Found | None:
        plays = trial.plays(self._clock_ns())
        if plays is None:
            return None
        self._trial = None
        if plays:
            self._sought = None
            return Found(trial.output, trial.tap, sought)
        self._start_aside(trial.output.stop)
        self._looks += 1
        self._pause()
        return None


class _Look:
    """One search. `run` is for another thread; what it opens belongs to whoever comes first, to take it or to stop."""

    def __init__(self, sought: Sought, make: MakeOutput, tap: Tap, devices: Devices) -> None:
        self.tap = tap
        self.is_over = False
        self.error: Exception | None = None
        """A mistake of ours."""
        self.hindrance: str | None = None
        """Why no look can find anything."""
        self._sought, self._make, self._devices = sought, make, devices
        self._lock = threading.Lock()
        self._is_given_up = False
        self._output: AudioOutput | None = None

    def run(self) -> None:
        try:
            if not self._is_given_up:  # whoever gave it up may be about to open a device
                with self._devices():
                    self._open()
        except UnclosedStreamsError as error:
            self.hindrance = str(error)
        except OutputError:
            pass  # Still not there: told already.
        except Exception as error:  # noqa: BLE001 - `DeviceWatch` logs it
            self.error = error
        finally:
            self.is_over = True

    def give_up(self) -> AudioOutput | None:
        """What was opened, which is the caller's to stop; what is opened later is stopped at once."""
        with self._lock:
            self._is_given_up = True
            output, self._output = self._output, None
        return output

    def _open(self) -> None:
        if self._is_given_up:
            return
        sought = self._sought
        output = self._make(sought.label or sought.wanted, sought.latency_ms)
        if sought.label not in (None, output.name) or self._is_given_up:
            return
        output.start(self.tap.pull)
        with self._lock:
            if not self._is_given_up:
                self._output = output
                return
        output.stop()


class _Trial:
    """A device that was opened, and has yet to show that it plays."""

    def __init__(self, output: AudioOutput, tap: Tap, now_ns: int) -> None:
        self.output, self.tap = output, tap
        self._watch = StarvationWatch(now_ns)

    def plays(self, now_ns: int) -> bool | None:
        """``None`` while it cannot be told."""
        if not self.output.is_active:
            return False
        share = self._watch.window_share(now_ns, self.tap.frames)
        return None if share is None else share >= STARVING_SHARE
