"""SKELETON being written: the interface stands."""

from __future__ import annotations

from core.monitor.monitor import Monitor
from core.receiver.options import ListenOptions
from core.receiver.status import SessionSnapshot


class ListeningSession:
    """One URL being listened to, from the first attempt until it is stopped or cannot go on."""

    def __init__(self, options: ListenOptions, monitor: Monitor) -> None:
        """Prepare; nothing is opened before `run`."""

    async def run(self) -> None:
        """Connect, play, reconnect, until `stop` or until trying again would not help."""

    def stop(self) -> None:
        """Ask `run` to close the connection and the output, and to return."""

    def snapshot(self) -> SessionSnapshot:
        """How it stands now."""
        raise NotImplementedError

    def set_target_delay_ms(self, target_delay_ms: float) -> None:
        """Change the buffer depth, effective at once in both directions. Raises SettingError."""

    async def request_frame_ms(self, frame_ms: float) -> None:
        """Ask the server for another frame size. Raises SettingError where it can't."""

    def set_volume_db(self, volume_db: float) -> None:
        """-60 .. +12 dB."""

    def set_muted(self, muted: bool) -> None:
        """Silence without a click; playout goes on."""

    async def set_output(self, name: str) -> None:
        """Move to another output: "default", "null" or a device's name; the old one plays until the new one works.
        Raises core.audio.output.OutputError."""

    def record_loop_lag(self, lag_ms: float) -> None:
        """The window tells how late its event loop ran."""
