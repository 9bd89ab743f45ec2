"""`sounddevice`, imported only when sound is wanted: the import itself fails where PortAudio is missing."""

from __future__ import annotations

import importlib
import threading
from dataclasses import dataclass
from typing import Any

from core.audio.output import OutputError


@dataclass(frozen=True, slots=True)
class OutputDevice:
    """A device that can play. ``index`` is PortAudio's and changes when devices come and go: never store it."""

    index: int
    name: str
    host_api: str
    channels: int
    is_default: bool

    @property
    def label(self) -> str:
        """Name and host API: what identifies a device across restarts."""
        return f"{self.name} ({self.host_api})"


class PortAudio:
    """Access to PortAudio's devices."""

    _initialising = threading.Lock()

    def __init__(self) -> None:
        """Load the library.

        Raises:
            OutputError: PortAudio is not installed.
        """
        try:
            # Two threads that import at once would both initialise PortAudio.
            with self._initialising:
                self.library: Any = importlib.import_module("sounddevice")
        except OSError as error:
            raise OutputError(
                "no sound: PortAudio could not be loaded; on Debian and Ubuntu install libportaudio2"
            ) from error

    def outputs(self) -> list[OutputDevice]:
        """All devices with output channels, in PortAudio's order; an empty list where there is no sound system."""
        library = self.library
        default = self._default_index()
        apis = library.query_hostapis()
        return [
            OutputDevice(
                index=device["index"],
                name=str(device["name"]),
                host_api=str(apis[device["hostapi"]]["name"]),
                channels=int(device["max_output_channels"]),
                is_default=device["index"] == default,
            )
            for device in library.query_devices()
            if device["max_output_channels"] > 0
        ]

    def find_output(self, wanted: str) -> OutputDevice:
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
        """Look for devices again. Ends every open stream of the process: only while none plays."""
        self.library._terminate()
        self.library._initialize()

    def _default_index(self) -> int | None:
        try:
            return int(self.library.query_devices(kind="output")["index"])
        except (self.library.PortAudioError, ValueError):
            return None
