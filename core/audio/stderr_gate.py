"""Keeps within bounds what C libraries write to ``stderr``: PortAudio's threads complain a million times a second."""

from __future__ import annotations

import ctypes
import os
import platform
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

_COMPLAINT: Final = b"xpression '"
"""How every message of PortAudio's begins; glibc writes the first letter of an unbuffered file by itself."""
_COMPLAINTS_SHOWN: Final = 5
_COMPLAINTS_ENDURED: Final = 50
"""A thread that complained so often does nothing else any more; it is put to sleep."""


class StderrGate:
    """Stands between C's ``stderr`` and file descriptor 2, with glibc; elsewhere it does nothing.

    A thread that writes complaint after complaint is put to sleep in its own write: nothing else stops it,
    and it costs no processor time there. Python's ``sys.stderr`` does not come this way.
    """

    def __init__(self) -> None:
        """Open, where it can be."""
        self._complaints: Counter[int] = Counter()
        self._hushed: set[int] = set()
        self._stderr: ctypes.c_void_p | None = None
        self._original: int | None = None
        if platform.system() == "Linux" and platform.libc_ver()[0] == "glibc":
            self._open()

    @contextmanager
    def hushed(self) -> Iterator[None]:
        """Drop what this thread writes."""
        thread = threading.get_native_id()
        self._hushed.add(thread)
        try:
            yield
        finally:
            self._hushed.discard(thread)

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
        if thread in self._hushed:
            return size
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
