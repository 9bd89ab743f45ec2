"""Our end of the session bus: MPRIS 2.2 (https://specifications.freedesktop.org/mpris-spec/2.2/).

Import this late and only where there is a bus: `dbus_fast` takes 30 ms to load, and is there on Linux only.
"""

# Without "from __future__ import annotations": dbus_fast reads signatures from them, and cannot read the text "None".

import asyncio
import math
import os
from typing import Annotated, Any, Final, Protocol, Self

from dbus_fast import ErrorType, Message, NameFlag, PropertyAccess, RequestNameReply, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.annotations import DBusBool, DBusDouble, DBusInt64, DBusObjectPath, DBusSignature, DBusStr
from dbus_fast.errors import DBusError, DBusFastError
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property, dbus_signal

from gui.view_models.player import PlayerState

BUS_NAME: Final = "org.mpris.MediaPlayer2.opuscope"
OBJECT_PATH: Final = "/org/mpris/MediaPlayer2"
TRACK_ID: Final = "/opuscope/stream"
"""There is one track, the stream; the specification reserves /org/mpris for itself."""

_ANSWER_WITHIN_S: Final = 5.0
"""A bus answers within milliseconds; one that hangs shall not be waited for until the program ends."""

Texts = Annotated[list[str], DBusSignature("as")]
Metadata = Annotated[dict[str, Variant], DBusSignature("a{sv}")]

_READ: Final = PropertyAccess.READ


class Commands(Protocol):
    """What desktops ask for. None of it takes long, and what goes wrong in it is told by who does it."""

    def play(self) -> None: ...
    def pause(self) -> None: ...
    def play_pause(self) -> None: ...
    def stop(self) -> None: ...
    def set_volume(self, volume: float) -> None: ...
    def raise_window(self) -> None: ...
    def quit(self) -> None: ...


class RootInterface(ServiceInterface):
    """``org.mpris.MediaPlayer2``: the program."""

    def __init__(self, commands: Commands) -> None:
        """Pass on to ``commands``."""
        super().__init__("org.mpris.MediaPlayer2")
        self._commands = commands

    @dbus_method(name="Raise")
    def raise_(self) -> None:
        """Show the window."""
        self._commands.raise_window()

    @dbus_method(name="Quit")
    def quit(self) -> None:
        """Close it."""
        self._commands.quit()

    @dbus_property(_READ, name="Identity")
    def identity(self) -> DBusStr:
        """The name for people."""
        return "Opuscope"

    @dbus_property(_READ, name="CanRaise")
    def can_raise(self) -> DBusBool:
        """Yes."""
        return True

    @dbus_property(_READ, name="CanQuit")
    def can_quit(self) -> DBusBool:
        """Yes."""
        return True

    @dbus_property(_READ, name="HasTrackList")
    def has_track_list(self) -> DBusBool:
        """A stream has no tracks."""
        return False

    @dbus_property(_READ, name="SupportedUriSchemes")
    def supported_uri_schemes(self) -> Texts:
        """None: no other program shall choose what we connect to."""
        return []

    @dbus_property(_READ, name="SupportedMimeTypes")
    def supported_mime_types(self) -> Texts:
        """None, as above."""
        return []


class PlayerInterface(ServiceInterface):
    """``org.mpris.MediaPlayer2.Player``: what it plays. What the specification demands and we have not does nothing."""

    def __init__(self, commands: Commands, state: PlayerState) -> None:
        """Pass on to ``commands``; nobody hears of ``state`` but who asks."""
        super().__init__("org.mpris.MediaPlayer2.Player")
        self._commands = commands
        self._state = state

    def show(self, state: PlayerState) -> None:
        """Tell whoever listens what is different now."""
        before, self._state = _changing(self._state), state
        changed = {name: value for name, value in _changing(state).items() if value != before[name]}
        if changed:
            self.emit_properties_changed(changed)

    @dbus_method(name="Play")
    def play(self) -> None:
        """Listen."""
        self._commands.play()

    @dbus_method(name="Pause")
    def pause(self) -> None:
        """Be silent."""
        self._commands.pause()

    @dbus_method(name="PlayPause")
    def play_pause(self) -> None:
        """One or the other."""
        self._commands.play_pause()

    @dbus_method(name="Stop")
    def stop(self) -> None:
        """Listen no more."""
        self._commands.stop()

    @dbus_method(name="Next")
    def next(self) -> None:
        """Without CanGoNext it does nothing."""

    @dbus_method(name="Previous")
    def previous(self) -> None:
        """Without CanGoPrevious it does nothing."""

    @dbus_method(name="Seek")
    def seek(self, offset_us: DBusInt64) -> None:
        """Without CanSeek it does nothing."""

    @dbus_method(name="SetPosition")
    def set_position(self, track: DBusObjectPath, position_us: DBusInt64) -> None:
        """Without CanSeek it does nothing."""

    @dbus_method(name="OpenUri")
    def open_uri(self, uri: DBusStr) -> None:
        """Refused, see `RootInterface.supported_uri_schemes`."""
        raise DBusError(ErrorType.NOT_SUPPORTED, "Opuscope takes addresses from its own window only")

    @dbus_signal(name="Seeked")
    def seeked(self) -> DBusInt64:
        """Never sent; clients look for it."""
        return 0

    @dbus_property(_READ, name="PlaybackStatus")
    def playback_status(self) -> DBusStr:
        """Playing, Paused or Stopped."""
        return self._state.status.value

    @dbus_property(_READ, name="Metadata")
    def metadata(self) -> Metadata:
        """Of the stream; empty while there is none."""
        return _metadata(self._state)

    @dbus_property(name="Volume")
    def volume(self) -> DBusDouble:
        """Linear: 1.0 is 0 dB."""
        return self._state.volume

    @volume.setter
    def set_volume(self, volume: DBusDouble) -> None:
        """Louder or quieter; what is beyond our range is its end."""
        if math.isnan(volume):
            raise DBusError(ErrorType.INVALID_ARGS, "the volume is not a number")
        self._commands.set_volume(volume)

    @dbus_property(_READ, name="Position")
    def position(self) -> DBusInt64:
        """Microseconds; what is live has no beginning to count from."""
        return 0

    @dbus_property(_READ, name="Rate")
    def rate(self) -> DBusDouble:
        """As it comes."""
        return 1.0

    @dbus_property(_READ, name="MinimumRate")
    def minimum_rate(self) -> DBusDouble:
        """No slower."""
        return 1.0

    @dbus_property(_READ, name="MaximumRate")
    def maximum_rate(self) -> DBusDouble:
        """No faster."""
        return 1.0

    @dbus_property(_READ, name="CanControl")
    def can_control(self) -> DBusBool:
        """Yes."""
        return True

    @dbus_property(_READ, name="CanPlay")
    def can_play(self) -> DBusBool:
        """Yes; what is wrong with the address is said in the window."""
        return True

    @dbus_property(_READ, name="CanPause")
    def can_pause(self) -> DBusBool:
        """Yes, as described in `gui.view_models.player`."""
        return True

    @dbus_property(_READ, name="CanGoNext")
    def can_go_next(self) -> DBusBool:
        """No."""
        return False

    @dbus_property(_READ, name="CanGoPrevious")
    def can_go_previous(self) -> DBusBool:
        """No."""
        return False

    @dbus_property(_READ, name="CanSeek")
    def can_seek(self) -> DBusBool:
        """No."""
        return False


class _Bus(MessageBus):
    """A bus whose loss is told once, by `wait_for_disconnect`, and not for each message that was on its way as well."""

    def send(self, msg: Message) -> asyncio.Future[Any]:  # type: ignore[override]  # as its base does
        """As the base."""
        future = super().send(msg)
        future.add_done_callback(lambda done: None if done.cancelled() else done.exception())
        return future


class Mpris:
    """A connection that owns a name."""

    def __init__(self, bus: MessageBus, player: PlayerInterface, name: str) -> None:
        """`connect` makes one."""
        self._bus, self._player = bus, player
        self._is_closed = False
        self.name = name
        """What desktops know us by."""

    @classmethod
    async def connect(cls, address: str, commands: Commands, state: PlayerState) -> Self:
        """Be a media player on the bus at ``address``; a second one on a bus gets a name with its process id.

        Raises:
            OSError, EOFError: there is no bus, or it does not want us.
            TimeoutError: it does not answer.
        """
        try:
            async with asyncio.timeout(_ANSWER_WITHIN_S):
                bus = await _Bus(address).connect()
                try:
                    player = PlayerInterface(commands, state)
                    # Before the name: who sees it asks at once.
                    bus.export(OBJECT_PATH, RootInterface(commands))
                    bus.export(OBJECT_PATH, player)
                    return cls(bus, player, await _own_name(bus))
                except BaseException:
                    bus.disconnect()
                    raise
        except DBusFastError as error:
            raise ConnectionError(str(error)) from error

    def show(self, state: PlayerState) -> None:
        """Tell whoever listens what is different now."""
        if not self._is_closed:
            self._player.show(state)

    async def until_gone(self) -> None:
        """Wait until `close`, or until the bus has gone.

        Raises:
            OSError, EOFError: the latter.
        """
        try:
            await self._bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
        finally:
            self.close()

    def close(self) -> None:
        """Give the name back; harmless when repeated."""
        if not self._is_closed:
            self._is_closed = True
            if self._bus.connected:
                self._bus.disconnect()


async def _own_name(bus: MessageBus) -> str:
    """Each instance needs a name of its own (MPRIS 2.2, Bus Name Policy)."""
    reply = await bus.request_name(BUS_NAME, NameFlag.DO_NOT_QUEUE)
    if reply in (RequestNameReply.PRIMARY_OWNER, RequestNameReply.ALREADY_OWNER):
        return BUS_NAME
    name = f"{BUS_NAME}.instance{os.getpid()}"
    await bus.request_name(name, NameFlag.DO_NOT_QUEUE)
    return name


def _changing(state: PlayerState) -> dict[str, Any]:
    return {"PlaybackStatus": state.status.value, "Metadata": _metadata(state), "Volume": state.volume}


def _metadata(state: PlayerState) -> dict[str, Variant]:
    if not state.title:
        return {}
    return {"mpris:trackid": Variant("o", TRACK_ID), "xesam:title": Variant("s", state.title)}
