"""Media keys: to the desktop the window is a media player (MPRIS). Without a session bus nothing happens."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from PySide6.QtCore import QObject, QTimer

from core.monitor.events import EventLog, Level
from gui.session_owner import SessionOwner
from gui.view_models.player import PlayerState, decibels_of, linear_of, player_state, possible_volume
from gui.widgets.listen_panel import ListenPanel

if TYPE_CHECKING:
    from gui.mpris import Mpris

_LEAVE_WITHIN_S: Final = 0.3


class MediaKeys(QObject):
    """Turns the same knobs as the listen card, and keeps the one task that holds the connection to the bus.

    Nothing is asked in intervals: every change comes as a signal, whether the window is seen or not.
    """

    def __init__(
        self,
        panel: ListenPanel,
        owner: SessionOwner,
        events: EventLog,
        *,
        connect: Callable[[], None],
        disconnect: Callable[[], None],
        show_window: Callable[[], None],
        close_window: Callable[[], object],
        parent: QObject | None = None,
    ) -> None:
        """``connect`` takes the address that stands in the window. Nothing happens before `begin`."""
        super().__init__(parent)
        self._panel, self._owner, self._events = panel, owner, events
        self._connect, self._disconnect = connect, disconnect
        self._show_window, self._close_window = show_window, close_window
        self._log = logging.getLogger(__name__)
        self._task: asyncio.Task[None] | None = None
        self._bus: Mpris | None = None
        self._is_over = False
        self._asked_volume = linear_of(panel.volume.value())
        self._asked_volume_db = panel.volume.value()
        for signal in (owner.changed, panel.muted_changed, panel.volume_changed):
            signal.connect(self._show_state)

    @property
    def name(self) -> str | None:
        """What the desktop knows us by; ``None`` without a bus."""
        return None if self._bus is None else self._bus.name

    def begin(self) -> None:
        """Look for a bus; called when the window is there, because loading the library takes 30 ms."""
        address = session_bus_address(os.environ) if sys.platform == "linux" else None
        if address is None or self._task is not None or self._is_over:
            return
        self._task = asyncio.get_running_loop().create_task(self._serve(address), name="media keys")
        self._task.add_done_callback(self._on_done)

    def end(self) -> None:
        """Give the name back; the task ends by itself in the next moment."""
        self._is_over = True
        if self._bus is not None:
            self._bus.close()
        elif self._task is not None:
            self._task.cancel()

    async def wait_until_ended(self) -> None:
        """`end`, and wait for it: not long, because a bus that hangs shall not keep the program."""
        self.end()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=_LEAVE_WITHIN_S)

    # What desktops ask for, see `gui.mpris.Commands`

    def play(self) -> None:
        """Connect, or be heard again: who presses this wants sound."""
        self._later(self._play)

    def pause(self) -> None:
        """Mute: live audio cannot pause, and silence is what a listener expects of that key."""
        self._later(lambda: self._panel.set_muted(True))

    def play_pause(self) -> None:
        """Mute or unmute what is playing, else connect."""
        self._later(self._play_pause)

    def stop(self) -> None:
        """Disconnect."""
        self._later(self._disconnect)

    def raise_window(self) -> None:
        """Show whichever window is in use."""
        self._later(self._show_window)

    def quit(self) -> None:
        """Close the window, and with it the program."""
        self._later(self._close_window)

    def set_volume(self, volume: float) -> None:
        """Linear. At once: who sets it may ask for it next.

        Desktops step by some per cent of what they read, which near 0 dB is less than the slider's decibel. So they
        read what they set for as long as the slider stands where that has put it.
        """
        if self._is_over:
            return
        volume = possible_volume(volume)
        self._asked_volume, self._asked_volume_db = volume, round(decibels_of(volume))
        self._panel.set_volume_db(self._asked_volume_db)
        self._show_state()

    # Inside

    def _play(self) -> None:
        self._panel.set_muted(False)
        if not self._owner.is_running:
            self._connect()

    def _play_pause(self) -> None:
        if self._owner.is_running:
            self._panel.mute.toggle()
        else:
            self._play()

    def _later(self, do: Callable[[], object]) -> None:
        """Who asked gets an answer first, even to Quit; what goes wrong is reported as in every slot, not to them."""
        if not self._is_over:
            QTimer.singleShot(0, self, do)

    def _state(self) -> PlayerState:
        volume_db = self._panel.volume.value()
        volume = self._asked_volume if volume_db == self._asked_volume_db else linear_of(volume_db)
        return player_state(self._owner.url, self._owner.is_running, self._panel.mute.isChecked(), volume)

    def _show_state(self) -> None:
        if self._bus is not None and not self._is_over:
            self._bus.show(self._state())

    async def _serve(self, address: str) -> None:
        from gui.mpris import Mpris

        self._bus = await Mpris.connect(address, self, self._state())
        # Something may have changed while the bus was asked for a name.
        self._show_state()
        await self._bus.until_gone()

    def _on_done(self, task: asyncio.Task[None]) -> None:
        had_bus, self._bus = self._bus is not None, None
        error = None if task.cancelled() else task.exception()
        if error is None or self._is_over:
            return
        if not isinstance(error, OSError | EOFError | ImportError):
            # A mistake of ours, or of the library's: the log gets the traceback.
            self._log.error("No media keys", exc_info=error)
        # One line is enough: nobody has asked for it.
        if had_bus:
            text = "has gone"
        elif isinstance(error, TimeoutError):
            text = "does not answer"
        else:
            text = f"cannot be used ({' '.join(str(error).split()) or type(error).__name__})"
        self._events.add(Level.INFO, f"no media keys: the session bus {text}")


def session_bus_address(environment: Mapping[str, str]) -> str | None:
    """Where the session bus is: what the environment says, else systemd's place if there is one; ``None`` without."""
    if address := environment.get("DBUS_SESSION_BUS_ADDRESS"):
        return address
    folder = environment.get("XDG_RUNTIME_DIR")
    if not folder or not (socket := Path(folder) / "bus").is_socket():
        return None
    return f"unix:path={quote(str(socket))}"
