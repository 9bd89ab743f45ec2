"""A screen without a screen: Xvfb, whose picture tests can look at."""

from __future__ import annotations

import os
import select
import shutil
import struct
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from tests.support.processes import ChildProcess

_READY_WITHIN_S: Final = 15.0
_XWD_HEADER_WORDS: Final = 25
_XWD_COLOUR_BYTES: Final = 12
"""Sizes in the X window dump format, version 7 (X11/XWDFile.h): the header's 32-bit words, one colour map entry."""


class DisplayError(RuntimeError):
    """Xvfb is missing or did not start; the message holds what it wrote."""


class VirtualDisplay:
    """Starts an X server of its own on entering and ends it on leaving; the server picks a free display number."""

    def __init__(self, width: int = 1600, height: int = 1000) -> None:
        """Choose the size in pixels; nothing is started yet."""
        self.width = width
        self.height = height
        self.environment: dict[str, str] = {}
        """Variables that lead a child process to this display; to be laid over ``os.environ``."""
        self._stack = ExitStack()
        self._picture_file = Path()

    def __enter__(self) -> Self:
        """Start the server and wait until it takes connections.

        Raises:
            DisplayError: Xvfb is missing, or not ready within 15 s.
        """
        if shutil.which("Xvfb") is None:
            raise DisplayError("not installed: Xvfb; run 'resources/setup/system-packages.sh test'")
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="screen-")))
            number = self._start(stack, folder)
            self._picture_file = folder / "Xvfb_screen0"
            # Qt would prefer a Wayland session of the developer's machine.
            self.environment = {
                "DISPLAY": f":{number}",
                "QT_QPA_PLATFORM": "xcb",
                "XDG_SESSION_TYPE": "x11",
                "WAYLAND_DISPLAY": "",
            }
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def picture(self) -> NDArray[np.uint8]:
        """What the screen shows now: red, green, blue, shape (height, width, 3)."""
        dump = self._picture_file.read_bytes()
        words = struct.unpack_from(f">{_XWD_HEADER_WORDS}I", dump)
        header_bytes, width, height, row_bytes, colours = words[0], words[4], words[5], words[12], words[19]
        start = header_bytes + colours * _XWD_COLOUR_BYTES
        rows = np.frombuffer(dump, np.uint8, row_bytes * height, start).reshape(height, row_bytes)
        pixels = rows[:, : 4 * width].reshape(height, width, 4)
        # 24-bit colour in 32-bit words of the server's byte order: on all machines we run on B, G, R, unused.
        return np.ascontiguousarray(pixels[:, :, 2::-1])

    def is_black(self) -> bool:
        """Whether nothing but the empty screen is shown; quick, since only the middle row is looked at."""
        with self._picture_file.open("rb") as picture:
            picture.seek(self._picture_file.stat().st_size // 2)
            return not any(picture.read(4 * self.width))

    def screenshot(self, path: Path) -> None:
        """Write `picture` into an image file; its ending says the format (``.png``).

        Raises:
            OSError: the file cannot be written.
        """
        from PySide6.QtGui import QImage

        picture = self.picture()
        height, width, _ = picture.shape
        image = QImage(picture.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
        if not image.save(str(path)):
            raise OSError(f"cannot write a picture to {path}")

    def _start(self, stack: ExitStack, folder: Path) -> int:
        """Start Xvfb and give its display number, which it writes to a pipe when it is ready."""
        reading, writing = os.pipe()
        stack.callback(os.close, reading)
        try:
            screen = f"{self.width}x{self.height}x24"
            arguments = f"-displayfd {writing} -screen 0 {screen} -dpi 96 -nolisten tcp -fbdir {folder}"
            server = stack.enter_context(ChildProcess(["Xvfb", *arguments.split()], pass_fds=[writing]))
        finally:
            os.close(writing)
        answer = b""
        while not answer.endswith(b"\n"):
            ready, _, _ = select.select([reading], [], [], _READY_WITHIN_S)
            piece = os.read(reading, 16) if ready else b""
            if not piece:
                server.stop()
                raise DisplayError(f"Xvfb did not start: {server.text() or 'it wrote nothing'}")
            answer += piece
        return int(answer)
