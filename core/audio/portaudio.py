"""`sounddevice`, imported only when sound is wanted: the import itself fails where PortAudio is missing.

What it takes to outlive a sound server that dies is here, too: PortAudio's ALSA thread (19.6) then loops for ever,
writes more than a million lines a second to C's ``stderr``, cannot be cancelled, and whoever closes its stream
waits for it.
"""

from __future__ import annotations

import atexit
import ctypes
import importlib
import os
import platform
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from core.audio.output import OutputError

CLOSE_WITHIN_S: Final = 0.5
"""Longer than any sound device takes to stop (20-60 ms), short enough for an event loop."""

_COMPLAINT: Final = b"xpression '"
"""How every message of PortAudio's begins; glibc writes the first letter of an unbuffered file by itself."""
_COMPLAINTS_SHOWN: Final = 5
_COMPLAINTS_ENDURED: Final = 50
"""A thread that complained so often does nothing else any more; it is put to sleep."""


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
    _gate: _StderrGate | None = None
    _closers: Final[list[threading.Thread]] = []

    def __init__(self) -> None:
        """Load the library.

        Raises:
            OutputError: PortAudio is not installed.
        """
        try:
            # Two threads that import at once would both initialise PortAudio.
            with self._initialising:
                self.library: Any = importlib.import_module("sounddevice")
                if PortAudio._gate is None:
                    PortAudio._gate = _StderrGate()
                    # Run before sounddevice's own, which ends PortAudio: the last registered is the first to run.
                    atexit.register(self._leave)
        except OSError as error:
            raise OutputError(
                "no sound: PortAudio could not be loaded; on Debian and Ubuntu install libportaudio2"
            ) from error

    def outputs(self) -> list[SoundDevice]:
        """All devices with output channels, in PortAudio's order; an empty list where there is no sound system."""
        return list_devices(self.library, "output")

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
        """Look for devices again. Ends every open stream of the process: only while none plays.

        Does nothing while a stream that cannot be closed is left: ending PortAudio would wait for it for ever.
        """
        if self._is_stuck():
            return
        self.library._terminate()
        self.library._initialize()

    def close(self, stream: Any, has_failed: bool) -> None:
        """Close a stream; one that has failed, or takes longer than `CLOSE_WITHIN_S`, is left to a thread.

        ``stop`` before ``close``: the latter alone cancels PortAudio's thread wherever it stands, and where that is
        Python's waiting for its own lock, the interpreter would stand still.
        """

        def work() -> None:
            stream.stop(ignore_errors=True)
            stream.close(ignore_errors=True)

        closer = threading.Thread(target=work, name="close-sound-device", daemon=True)
        closer.start()
        self._closers.append(closer)
        closer.join(0.0 if has_failed else CLOSE_WITHIN_S)

    def _is_stuck(self, wait_s: float = 0.0) -> bool:
        """Whether a stream is still being closed."""
        until_s = time.monotonic() + wait_s
        for closer in self._closers:
            closer.join(max(0.0, until_s - time.monotonic()))
        self._closers[:] = [closer for closer in self._closers if closer.is_alive()]
        return bool(self._closers)

    def _leave(self) -> None:
        """At exit: PortAudio cannot be ended while one of its threads does not end; the process takes it along."""
        if self._is_stuck(CLOSE_WITHIN_S):
            atexit.unregister(self.library._exit_handler)
        if self._gate is not None:
            self._gate.close()


class _StderrGate:
    """Stands between C's ``stderr`` and file descriptor 2, with glibc; elsewhere it does nothing.

    A thread that writes complaint after complaint is put to sleep in its own write: nothing else stops it,
    and it costs no processor time there. Python's ``sys.stderr`` does not come this way.
    """

    def __init__(self) -> None:
        self._complaints: Counter[int] = Counter()
        self._stderr: ctypes.c_void_p | None = None
        self._original: int | None = None
        if platform.system() == "Linux" and platform.libc_ver()[0] == "glibc":
            self._open()

    def close(self) -> None:
        """Give C its own ``stderr`` back: no Python may be called while the interpreter ends."""
        if self._stderr is not None:
            self._stderr.value = self._original
            self._stderr = None

    def _open(self) -> None:
        libc = ctypes.CDLL(None)
        write_type = ctypes.CFUNCTYPE(ctypes.c_ssize_t, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)

        class Functions(ctypes.Structure):
            """``cookie_io_functions_t``; see fopencookie(3)."""

            _fields_ = (
                ("read", ctypes.c_void_p),
                ("write", write_type),
                ("seek", ctypes.c_void_p),
                ("close", ctypes.c_void_p),
            )

        self._write_function = write_type(self._write)
        libc.fopencookie.argtypes = (ctypes.c_void_p, ctypes.c_char_p, Functions)
        libc.fopencookie.restype = ctypes.c_void_p
        file = ctypes.c_void_p(libc.fopencookie(None, b"w", Functions(write=self._write_function)))
        if not file:
            return
        unbuffered, by_caller = 2, 2
        libc.setvbuf(file, None, unbuffered, ctypes.c_size_t(0))
        # Without the file's lock: a thread asleep in its write would keep it.
        libc["__fsetlocking"](file, by_caller)
        # glibc's manual, "Standard Streams": variables that can be set just like any others.
        stderr = ctypes.c_void_p.in_dll(libc, "stderr")
        self._original = stderr.value
        stderr.value = file.value
        self._stderr = stderr

    def _write(self, cookie: int | None, data: int, size: int) -> int:
        text = ctypes.string_at(data, size)
        thread = threading.get_native_id()
        if _COMPLAINT in text and thread != os.getpid():  # the main thread has the process's number
            self._complaints[thread] += 1
        if self._complaints[thread] > _COMPLAINTS_ENDURED:
            while True:
                time.sleep(3600)
        if self._complaints[thread] > _COMPLAINTS_SHOWN:
            return size
        with suppress(OSError):
            os.write(2, text)
        return size
