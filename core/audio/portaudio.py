"""`sounddevice`, imported only when sound is wanted: the import itself fails where PortAudio is missing.

What it takes to outlive a sound server that dies is here, too: PortAudio's ALSA thread (19.6) then loops for ever,
writes more than a million lines a second to C's ``stderr``, cannot be cancelled, and whoever closes its stream
waits for it.
"""

from __future__ import annotations

import atexit
import importlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from core.audio.output import OutputError
from core.audio.stderr_gate import StderrGate

CLOSE_WITHIN_S: Final = 0.5
"""Longer than any sound device takes to stop (20-60 ms), short enough for an event loop."""

_FREE_WITHIN_S: Final = 1.0
"""To look for devices takes 40 ms with PipeWire; a sound system that is dying may never answer."""


class PortAudioMissingError(OutputError):
    """There is no PortAudio: no device can come back."""


@dataclass(frozen=True, slots=True)
class SoundDevice:
    """A device that can play, or one that can record.

    ``index`` is PortAudio's and changes when devices come and go: never store it.
    """

    index: int
    name: str
    host_api: str
    channels: int
    is_default: bool

    @property
    def label(self) -> str:
        """Name and host API: what identifies a device across restarts."""
        return f"{self.name} ({self.host_api})"


def list_devices(library: Any, kind: str) -> list[SoundDevice]:
    """All devices of a kind, ``"output"`` or ``"input"``, in PortAudio's order; empty where there is no sound system.

    ``library`` is `sounddevice`, loaded.
    """
    try:
        default = int(library.query_devices(kind=kind)["index"])
    except (library.PortAudioError, ValueError):
        default = None
    apis = library.query_hostapis()
    return [
        SoundDevice(
            index=device["index"],
            name=str(device["name"]),
            host_api=str(apis[device["hostapi"]]["name"]),
            channels=int(device[f"max_{kind}_channels"]),
            is_default=device["index"] == default,
        )
        for device in library.query_devices()
        if device[f"max_{kind}_channels"] > 0
    ]


class PortAudio:
    """Access to PortAudio's devices."""

    _initialising = threading.Lock()
    _gate: StderrGate | None = None
    _closers: Final[list[threading.Thread]] = []
    _in_use: Final = threading.Lock()
    """Held while devices are listed, looked for or opened: looking again in between would move their numbers."""
    _open: Final[list[Any]] = []
    """Streams that were opened and not yet closed."""

    def __init__(self) -> None:
        """Load the library.

        Raises:
            PortAudioMissingError: PortAudio is not installed.
        """
        try:
            # Two threads that import at once would both initialise PortAudio.
            with self._initialising:
                self.library: Any = importlib.import_module("sounddevice")
                if PortAudio._gate is None:
                    PortAudio._gate = StderrGate()
                    # Run before sounddevice's own, which ends PortAudio: the last registered is the first to run.
                    atexit.register(self._leave)
        except OSError as error:
            raise PortAudioMissingError(
                "no sound: PortAudio could not be loaded; on Debian and Ubuntu install libportaudio2"
            ) from error

    def outputs(self) -> list[SoundDevice]:
        """All devices with output channels, in PortAudio's order; an empty list where there is no sound system.

        Raises:
            OutputError: the sound system is being searched, and does not answer.
        """
        with self._alone():
            try:
                return list_devices(self.library, "output")
            except self.library.PortAudioError:  # a search that failed left PortAudio without any host API
                return []

    def find_output(self, wanted: str) -> SoundDevice:
        """The device of a label or name; ``"default"`` is the system's default.

        Raises:
            OutputError: no such device, or none at all; the message lists those there are.
        """
        devices = self.outputs()
        if not devices:
            raise OutputError(
                "no sound device was found; start a sound server (PipeWire, PulseAudio) or plug a device in"
            )
        if wanted == "default":
            return next((device for device in devices if device.is_default), devices[0])
        exact = [device for device in devices if wanted in (device.label, device.name)]
        loose = [device for device in devices if wanted.casefold() in device.label.casefold()]
        if exact or loose:
            return (exact or loose)[0]
        raise OutputError(
            f"no sound device named {wanted!r}; there are: {', '.join(device.label for device in devices)}"
        )

    def refresh(self) -> None:
        """Look for devices again; takes tens of milliseconds, and any thread may.

        It would end every open stream of the process, so it does nothing while there is one, nor while one that
        cannot be closed is left: ending PortAudio would wait for that for ever.

        Raises:
            OutputError: the sound system cannot be searched.
        """
        with self._alone():
            if self._open or self._is_stuck():
                return
            with suppress(self.library.PortAudioError):  # not initialised, because that failed the last time
                self.library._terminate()
            try:
                self.library._initialize()
            except self.library.PortAudioError as error:
                raise OutputError(f"the sound system cannot be searched for devices: {error.args[0]}") from error

    def open_output(self, **settings: Any) -> Any:
        """A new `sounddevice.OutputStream`, not started; `close` is for it.

        Raises:
            PortAudioError: of the library, as it does.
            OutputError: the sound system is being searched, and does not answer.
        """
        with self._alone():
            stream = self.library.OutputStream(**settings)
            self._open.append(stream)
            return stream

    @property
    def unclosed_streams(self) -> int:
        """How many streams are being closed and do not come to an end."""
        return len(self._closers)

    @contextmanager
    def quietly(self) -> Iterator[None]:
        """Keep what C libraries have to say in this thread off ``stderr``: who asks every few seconds would fill it."""
        if self._gate is None:
            yield
        else:
            with self._gate.hushed():
                yield

    def close(self, stream: Any, has_failed: bool) -> None:
        """Close a stream; one that has failed, or takes longer than `CLOSE_WITHIN_S`, is left to a thread.

        ``stop`` before ``close``: the latter alone cancels PortAudio's thread wherever it stands, and where that is
        Python's waiting for its own lock, the interpreter would stand still.
        """

        def work() -> None:
            try:
                stream.stop(ignore_errors=True)
                stream.close(ignore_errors=True)
            finally:
                with suppress(ValueError):
                    self._open.remove(stream)
                self._closers.remove(closer)

        closer = threading.Thread(target=work, name="close-sound-device", daemon=True)
        self._closers.append(closer)
        closer.start()
        closer.join(0.0 if has_failed else CLOSE_WITHIN_S)

    def _is_stuck(self, wait_s: float = 0.0) -> bool:
        """Whether a stream is still being closed."""
        until_s = time.monotonic() + wait_s
        for closer in tuple(self._closers):
            closer.join(max(0.0, until_s - time.monotonic()))
        return bool(self._closers)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if not self._in_use.acquire(timeout=_FREE_WITHIN_S):
            raise OutputError("the sound system does not answer; try again in a moment")
        try:
            yield
        finally:
            self._in_use.release()

    def _leave(self) -> None:
        """At exit: PortAudio cannot be ended while one of its threads does not end; the process takes it along."""
        # Never given back: nobody may look for devices any more while PortAudio ends.
        is_free = self._in_use.acquire(timeout=CLOSE_WITHIN_S)
        if self._is_stuck(CLOSE_WITHIN_S) or not is_free:
            atexit.unregister(self.library._exit_handler)
        if self._gate is not None:
            self._gate.close()
