"""The desktop's media keys reach the window over the session bus; without a bus nobody notices."""

from __future__ import annotations

import asyncio
import math
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from dbus_fast import DBusError, Variant
from dbus_fast.aio import MessageBus

from core.monitor.events import Level
from gui import settings
from gui.media_keys import session_bus_address
from gui.mpris import BUS_NAME, OBJECT_PATH
from gui.view_models.player import PlaybackStatus, decibels_of, linear_of, player_state, possible_volume
from tests.gui.conftest import URL, Bench, eventually
from tests.support.processes import REPOSITORY, python
from tests.support.session_bus import SessionBus

ROOT = "org.mpris.MediaPlayer2"
PLAYER = "org.mpris.MediaPlayer2.Player"


@pytest.fixture
def session_bus(monkeypatch: pytest.MonkeyPatch) -> Iterator[SessionBus]:
    """A bus that this process takes for its own."""
    with SessionBus() as bus:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", bus.address)
        yield bus


class Desktop:
    """What a desktop knows of us, and does with us."""

    def __init__(self, bus: MessageBus) -> None:
        self.bus = bus
        self.heard: list[dict[str, Any]] = []
        """What PropertiesChanged told, in order."""

    async def find(self, name: str = BUS_NAME) -> None:
        """Get hold of the player of that name."""
        thing = self.bus.get_proxy_object(name, OBJECT_PATH, await self.bus.introspect(name, OBJECT_PATH))
        self.root: Any = thing.get_interface(ROOT)
        self.player: Any = thing.get_interface(PLAYER)
        self.properties: Any = thing.get_interface("org.freedesktop.DBus.Properties")
        self.properties.on_properties_changed(self._hear)
        # The bus has taken our wish to listen when it has answered this, for it answers in order.
        await self.names()

    async def names(self) -> list[str]:
        """The players there are."""
        about = await self.bus.introspect("org.freedesktop.DBus", "/org/freedesktop/DBus")
        thing = self.bus.get_proxy_object("org.freedesktop.DBus", "/org/freedesktop/DBus", about)
        names: list[str] = await thing.get_interface("org.freedesktop.DBus").call_list_names()  # type: ignore[attr-defined]
        return sorted(name for name in names if name.startswith(ROOT))

    async def status(self) -> str:
        return str(await self.player.get_playback_status())

    async def becomes(self, status: str) -> None:
        """Wait until it was told to be so."""
        await eventually(lambda: any(told.get("PlaybackStatus") == status for told in self.heard))

    def _hear(self, interface: str, changed: dict[str, Variant], _invalidated: list[str]) -> None:
        assert interface == PLAYER
        self.heard.append({name: value.value for name, value in changed.items()})


@pytest_asyncio.fixture
async def desktop(session_bus: SessionBus) -> AsyncIterator[Desktop]:
    bus = await MessageBus(session_bus.address).connect()
    yield Desktop(bus)
    if bus.connected:
        bus.disconnect()
        await bus.wait_for_disconnect()


@pytest_asyncio.fixture
async def keys(bench: Bench, desktop: Desktop) -> AsyncIterator[Bench]:
    """A window with an address, seen by the desktop."""
    bench.window.connect_panel.set_address(URL)
    await be_found(bench)
    await desktop.find()
    yield bench
    await bench.window.media_keys.wait_until_ended()


async def be_found(bench: Bench) -> None:
    bench.window.media_keys.begin()
    await eventually(lambda: bench.window.media_keys.name is not None)


async def test_play_pause_connects_and_then_mutes_and_unmutes(keys: Bench, desktop: Desktop) -> None:
    assert await desktop.status() == "Stopped"
    await desktop.player.call_play_pause()
    await desktop.becomes("Playing")
    assert keys.session.options.url == URL
    desktop.heard.clear()
    await desktop.player.call_play_pause()
    await desktop.becomes("Paused")
    assert keys.window.listen_panel.mute.isChecked()
    assert keys.owner.is_running
    desktop.heard.clear()
    await desktop.player.call_play_pause()
    await desktop.becomes("Playing")
    assert not keys.window.listen_panel.mute.isChecked()


async def test_pause_and_play_each_work_once(keys: Bench, desktop: Desktop) -> None:
    keys.window.listen_panel.set_muted(True)
    # Who presses play wants to hear something, whatever was muted before.
    await desktop.player.call_play()
    await desktop.becomes("Playing")
    for _ in range(2):
        await desktop.player.call_pause()
    await desktop.becomes("Paused")
    assert await desktop.status() == "Paused"
    for _ in range(2):
        await desktop.player.call_play()
    await eventually(lambda: not keys.window.listen_panel.mute.isChecked())
    assert await desktop.status() == "Playing"
    assert len(keys.sessions) == 1


async def test_stop_disconnects(keys: Bench, desktop: Desktop) -> None:
    await keys.stream()
    await desktop.player.call_stop()
    await desktop.becomes("Stopped")
    assert not keys.owner.is_running
    assert await desktop.player.get_metadata() == {}


async def test_the_title_is_the_address_without_secrets(keys: Bench, desktop: Desktop) -> None:
    await keys.connect("ws://anna:geheim@127.0.0.1:8765/ws-audio?token=geheim")
    await desktop.becomes("Playing")
    metadata = await desktop.player.get_metadata()
    assert metadata["xesam:title"].value == "ws://127.0.0.1:8765/ws-audio?..."
    assert metadata["mpris:trackid"].signature == "o"
    assert "geheim" not in repr(desktop.heard)
    assert desktop.heard[-1]["Metadata"]["xesam:title"].value == "ws://127.0.0.1:8765/ws-audio?..."


async def test_volume_is_linear_and_bounded(keys: Bench, desktop: Desktop) -> None:
    panel, player = keys.window.listen_panel, desktop.player
    assert await player.get_volume() == 1.0
    for wanted, volume_db, told in ((0.5, -6, 0.5), (0.0, -60, 0.0), (-3.0, -60, 0.0), (1e9, 12, linear_of(12))):
        await player.set_volume(wanted)
        assert panel.volume.value() == volume_db
        assert await player.get_volume() == told
        assert desktop.heard[-1] == {"Volume": told}
        assert keys.store.get(settings.VOLUME_DB) == volume_db
    panel.set_volume_db(-20)
    await eventually(lambda: desktop.heard[-1] == {"Volume": pytest.approx(0.1)})
    with pytest.raises(DBusError, match="not a number"):
        await player.set_volume(math.nan)
    assert panel.volume.value() == -20


async def test_small_steps_of_a_wheel_get_somewhere(keys: Bench, desktop: Desktop) -> None:
    """Five per cent of 0 dB are less than the slider's decibel."""
    for _ in range(10):
        await desktop.player.set_volume(await desktop.player.get_volume() - 0.05)
    assert await desktop.player.get_volume() == pytest.approx(0.5)
    assert keys.window.listen_panel.volume.value() == -6


async def test_what_it_says_of_itself(keys: Bench, desktop: Desktop) -> None:
    root = {name: value.value for name, value in (await desktop.properties.call_get_all(ROOT)).items()}
    assert root == {
        "Identity": "Opuscope",
        "CanQuit": True,
        "CanRaise": True,
        "HasTrackList": False,
        "SupportedUriSchemes": [],
        "SupportedMimeTypes": [],
    }
    player = {name: value.value for name, value in (await desktop.properties.call_get_all(PLAYER)).items()}
    assert {name: player[name] for name in player if name.startswith("Can")} == {
        "CanControl": True,
        "CanPlay": True,
        "CanPause": True,
        "CanGoNext": False,
        "CanGoPrevious": False,
        "CanSeek": False,
    }
    with pytest.raises(DBusError):
        await desktop.player.call_open_uri("ws://evil.example/")
    assert not keys.sessions


async def test_it_works_the_same_while_the_window_is_hidden_or_the_compact_one_is_open(
    keys: Bench, desktop: Desktop
) -> None:
    window = keys.window
    window.show()
    window.compact.open()
    await desktop.player.call_play()
    await desktop.becomes("Playing")
    await desktop.root.call_raise()
    await asyncio.sleep(0.05)
    assert window.compact.is_open
    assert not window.isVisible()
    window.compact.window.hide()
    desktop.heard.clear()
    await desktop.player.call_pause()
    await desktop.becomes("Paused")
    await desktop.root.call_raise()
    await eventually(window.isVisible)


async def test_quit_closes_the_window_and_gives_the_name_back(keys: Bench, desktop: Desktop) -> None:
    await keys.stream()
    assert await desktop.names() == [BUS_NAME]
    closed: list[bool] = []
    keys.owner.closed.connect(lambda: closed.append(True))
    await desktop.root.call_quit()
    await eventually(lambda: bool(closed))
    await keys.window.media_keys.wait_until_ended()
    assert await desktop.names() == []
    assert told(keys) == []


async def test_a_second_one_has_a_name_of_its_own(session_bus: SessionBus, desktop: Desktop, bench: Bench) -> None:
    first = await MessageBus(session_bus.address).connect()
    await first.request_name(BUS_NAME)
    await be_found(bench)
    assert await desktop.names() == [BUS_NAME, f"{BUS_NAME}.instance{os.getpid()}"]
    await bench.window.media_keys.wait_until_ended()
    assert await desktop.names() == [BUS_NAME]
    first.disconnect()
    await first.wait_for_disconnect()


def told(bench: Bench) -> list[str]:
    """What the event log says of it."""
    events = [event for event in bench.monitor.events.since(0) if "media keys" in event.text]
    assert all(event.level is Level.INFO for event in events)
    return [event.text for event in events]


async def test_a_bus_that_goes_is_one_line_and_all_else_goes_on(
    keys: Bench, session_bus: SessionBus, caplog: pytest.LogCaptureFixture
) -> None:
    await keys.stream()
    await asyncio.to_thread(session_bus.stop)
    # At once, before the loss has been noticed: what is said to nobody must harm nobody.
    keys.window.listen_panel.set_muted(True)
    await eventually(lambda: told(keys) == ["no media keys: the session bus has gone"])
    keys.window.listen_panel.set_muted(False)
    keys.window.listen_panel.set_volume_db(-3)
    assert keys.window.media_keys.name is None
    assert keys.owner.is_running
    assert [record for record in caplog.records if record.levelname != "INFO"] == []


async def test_without_a_bus_there_is_silence(bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    bench.window.media_keys.begin()
    await bench.stream()
    bench.window.listen_panel.set_muted(True)
    assert len(asyncio.all_tasks()) == 2  # this test and the session
    await bench.window.media_keys.wait_until_ended()
    assert told(bench) == []


@pytest.mark.parametrize("address", ["unix:path=/nowhere/bus", "disabled:", "nonsense"])
async def test_a_bus_that_cannot_be_reached_is_one_line(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, address: str
) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
    bench.window.media_keys.begin()
    await eventually(lambda: len(told(bench)) == 1)
    assert told(bench)[0].startswith("no media keys: the session bus cannot be used (")
    await bench.stream()
    await bench.window.media_keys.wait_until_ended()
    assert len(told(bench)) == 1
    assert [record for record in caplog.records if record.name.startswith("gui")] == []


async def test_a_mistake_of_ours_reaches_the_log_with_its_traceback(
    session_bus: SessionBus, bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def break_off(*_arguments: object) -> None:
        raise RuntimeError("oh no")

    monkeypatch.setattr("gui.mpris._own_name", break_off)
    bench.window.media_keys.begin()
    await eventually(lambda: told(bench) == ["no media keys: the session bus cannot be used (oh no)"])
    assert [record.levelname for record in caplog.records if record.exc_info] == ["ERROR"]


async def test_a_bus_that_does_not_answer_keeps_nobody(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={tmp_path / 'bus'}")
    monkeypatch.setattr("gui.mpris._ANSWER_WITHIN_S", 0.2)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "bus"))
        silent.listen()
        bench.window.media_keys.begin()
        await eventually(lambda: told(bench) == ["no media keys: the session bus does not answer"])


def test_where_the_bus_is(tmp_path: Path) -> None:
    assert session_bus_address({}) is None
    assert session_bus_address({"XDG_RUNTIME_DIR": str(tmp_path)}) is None
    assert session_bus_address({"DBUS_SESSION_BUS_ADDRESS": "unix:path=/x"}) == "unix:path=/x"


def test_the_library_is_not_loaded_before_the_window_is_there() -> None:
    command = "import sys; import gui.running; sys.exit('dbus_fast' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", command], cwd=REPOSITORY, check=False).returncode == 0


async def test_the_whole_program_comes_and_goes(session_bus: SessionBus, desktop: Desktop, settings_path: Path) -> None:
    environment = {
        **session_bus.environment,
        "QT_QPA_PLATFORM": "offscreen",
        "OPUSCOPE_SETTINGS": str(settings_path),
        "QT_LOGGING_RULES": "",
    }
    with python("-m", "tests.gui.run_window", "wait", environment=environment) as child:
        await asyncio.to_thread(child.wait_for_line, "standing", 30)
        await desktop.find()
        await desktop.player.call_pause()
        await desktop.becomes("Paused")
        await desktop.root.call_quit()
        assert await asyncio.to_thread(child.wait, 5) == 0
        assert await desktop.names() == []
        assert [line for line in child.text("stderr").splitlines() if "propagateSizeHints" not in line] == []


def test_decibels_and_back() -> None:
    assert linear_of(0.0) == 1.0
    for volume_db in (-60.0, -6.0, 0.0, 12.0):
        assert decibels_of(linear_of(volume_db)) == pytest.approx(volume_db)
    assert decibels_of(0.0) == -60.0
    assert possible_volume(math.inf) == pytest.approx(3.981, abs=0.001)


def test_muted_while_nothing_plays_is_stopped() -> None:
    assert player_state(URL, is_running=False, is_muted=True, volume=1.0).status is PlaybackStatus.STOPPED
