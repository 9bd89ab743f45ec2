"""A report about a problem tells everything that helps, and nothing that is secret."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from core.audio.output import OutputError
from core.diagnostics import EVENTS_TOLD, secrets_of, without_private
from core.monitor.events import Level
from core.monitor.monitor import Monitor
from core.playout.cause import UnderrunCause
from core.playout.figures import UnderrunEpisode
from core.playout.presets import PresetName
from core.receiver.options import ListenOptions
from core.receiver.status import ConnectionState, UnderrunCounts
from gui import settings
from gui.credentials import Credentials
from gui.diagnostics import Diagnostics
from gui.options import WindowOptions
from gui.session_owner import SessionOwner
from gui.settings import SettingsStore
from tests.gui.conftest import Bench, Clock
from tests.gui.fake_session import FakeSession

TOKEN = "tok-3f9a77c1"  # noqa: S105 - made up
URL = "wss://anna:geheim99@radio.example:9000/live?room=kitchen-42&access_token=abcdef123456&n=2"
KEPT = "from-the-keyring"
HEADER = "Bearer-of-news 77aa88bb"
SECRETS = (TOKEN, KEPT, HEADER, "77aa88bb", "anna:", "geheim99", "kitchen-42", "abcdef123456", "n=2")


class Desk:
    """All that diagnostics are made of, without a window."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.monitor = Monitor(self.clock, lambda: 1_760_000_000.0)
        self.sessions: list[FakeSession] = []
        self.owner = SessionOwner(self.monitor, self._make_session)  # type: ignore[arg-type]
        self.store = SettingsStore(folder / "settings.ini")
        self.folder = folder / "log"
        self.listen = ListenOptions("wss://radio.example/", token=TOKEN, headers=(("X-News", HEADER),))
        self.diagnostics = Diagnostics(
            self.monitor,
            self.owner,
            self.store,
            self._list_devices,
            WindowOptions(URL, self.listen),
            self.clock,
            lambda: self.folder,
            lambda: [KEPT],
        )
        self.problem: str | None = None

    async def stream(self) -> FakeSession:
        self.owner.start(ListenOptions(URL))
        await asyncio.sleep(0)
        self.sessions[-1].stream()
        return self.sessions[-1]

    def _make_session(self, options: ListenOptions, monitor: Monitor) -> FakeSession:
        self.sessions.append(FakeSession(options, monitor))
        return self.sessions[-1]

    def _list_devices(self, look_again: bool) -> list[str]:
        assert not look_again, "that would end every stream"
        if self.problem is not None:
            raise OutputError(self.problem)
        return ["Headphones (ALSA)", "ear (ALSA)"]


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.owner.close()


def section(text: str, title: str) -> list[str]:
    """The lines under a heading."""
    lines = text.splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith(f"[{title}"))
    end = next((at for at in range(start, len(lines)) if not lines[at]), len(lines))
    return lines[start + 1 : end]


def test_before_any_connection_it_already_tells_versions_devices_and_settings(desk: Desk) -> None:
    text = desk.diagnostics.text()
    names = [line.split(":")[0] for line in section(text, "Versions")]
    assert {"Opuscope", "Python", "System", "PySide6", "qasync", "websockets", "opuslib", "libopus"} <= set(names)
    assert {"PortAudio", "av", "numpy", "pyqtgraph", "sounddevice"} <= set(names)
    assert "Qt 6." in "".join(section(text, "Versions"))
    assert section(text, "Output devices") == ["Headphones (ALSA)", "ear (ALSA)"]
    assert "preset: balanced" in section(text, "Settings in force")
    assert section(text, "Counts") == ["no session yet"]


async def test_what_is_in_force_stands_beside_what_was_asked_for(desk: Desk) -> None:
    desk.store.set(settings.PRESET, PresetName.SAFE)
    desk.store.set(settings.FRAME_MS, 10.0)
    session = await desk.stream()
    lines = section(desk.diagnostics.text(), "Settings in force")
    assert "preset: safe" in lines
    assert f"playout target_delay_ms: {session.playout.target_delay_ms:g}" in lines
    assert "frame size asked for: 10 ms" in lines
    assert "frame size in force: 20 ms" in lines
    assert any(line.startswith("device latency asked for: ") for line in lines)


async def test_every_plain_fact_of_stream_and_session_is_told(desk: Desk) -> None:
    snapshot = (await desk.stream()).snapshot()
    text = desk.diagnostics.text()
    assert snapshot.stream is not None
    told = [line.split(":")[0] for line in section(text, "Stream")]
    assert told == [field.name for field in dataclasses.fields(snapshot.stream)]
    assert "bitrate_kbps: 64.3" in section(text, "Stream")
    assert "packets_received: 3010" in section(text, "Counts and delays")
    assert "name: ear (ALSA)" in section(text, "Output in use")
    assert "network: 4.2" in section(text, "Latency, ms")


async def test_underruns_are_told_with_their_causes_newest_last(desk: Desk) -> None:
    session = await desk.stream()
    now_ns = desk.clock()
    session.know(
        underruns=UnderrunCounts(2, 86.0),
        episodes=(
            UnderrunEpisode(now_ns - 30_000_000_000, 62 * 48, UnderrunCause.NETWORK),
            UnderrunEpisode(now_ns - 4_500_000_000, 24 * 48, UnderrunCause.DEVICE),
        ),
    )
    assert section(desk.diagnostics.text(), "Underruns") == [
        "2 episodes, 86 ms without audio",
        "causes: 1 late network, 1 device xrun",
        "30.0 s ago: 62 ms, late network",
        "4.5 s ago: 24 ms, device xrun",
    ]


def test_the_last_fifty_events_are_told_with_date_and_level(desk: Desk) -> None:
    for at in range(EVENTS_TOLD + 10):
        desk.monitor.events.add(Level.WARNING, f"event {at}")
    lines = section(desk.diagnostics.text(), "Last events")
    assert len(lines) == EVENTS_TOLD
    assert lines[0].endswith("warning: event 10")
    assert lines[0].startswith("2025-10-")


async def test_no_token_no_login_and_no_value_of_the_query_is_in_it(desk: Desk) -> None:
    session = await desk.stream()
    session.become(
        ConnectionState.WAITING,
        reason=f"{URL} did not answer; Authorization: Bearer {TOKEN} was sent; room kitchen-42 is not known",
        dialect=f"bare ({HEADER})",
    )
    desk.monitor.events.add(Level.ERROR, f"the address {URL} and the token {TOKEN} were refused (abcdef123456, {KEPT})")
    desk.monitor.events.add(Level.ERROR, "the second word of a header may be repeated alone: 77aa88bb")
    text = desk.diagnostics.text()
    assert [secret for secret in SECRETS if secret in text] == []
    assert "wss://radio.example:9000/live?..." in text, "where it was connected to is no secret"
    assert "credentials given: yes" in section(text, "Connection")


def test_the_users_home_folder_is_not_in_it(desk: Desk) -> None:
    desk.monitor.events.add(Level.ERROR, f"the CA file {Path.home()}/certificates/ca.pem cannot be read")
    text = desk.diagnostics.text()
    assert "~/certificates/ca.pem" in text
    assert f"{Path.home()}/" not in text


@pytest.mark.parametrize(
    ("text", "private"),
    [
        ("/home/anna/a.pem", "~/a.pem"),
        ("in /home/anna.", "in ~."),
        ("/home/annabel/a.pem", "/home/annabel/a.pem"),
        ("see ws://h:1/p?x=1&token=2, then", "see ws://h:1/p?... then"),
        ("h:1/p?x=1 is refused", "h:1/p?... is refused"),
        ("ws://[::1/p?token=a", "<hidden>"),
        ("password=hunter2 was wrong", "password=<hidden> was wrong"),
        ("frame size 20 ms?", "frame size 20 ms?"),
    ],
)
def test_what_is_private_is_cut_out_of_any_text(text: str, private: str) -> None:
    assert without_private(text, (), Path("/home/anna")) == private


def test_short_values_of_a_query_do_not_eat_other_lines() -> None:
    secrets = secrets_of("ws://h/p?n=2&codec=opus&room=kitchen-42")
    assert secrets == {"kitchen-42"}
    assert without_private("2 episodes, opus-rtp.v1 in kitchen-42", secrets) == "2 episodes, opus-rtp.v1 in <hidden>"


def test_a_secret_that_is_part_of_another_one_hides_neither_in_half() -> None:
    secrets = secrets_of("", ("abc-def", "abc-def-ghi", ""))
    assert without_private("abc-def-ghi and abc-def", secrets) == "<hidden> and <hidden>"


def test_without_portaudio_it_says_why_there_are_no_devices(desk: Desk) -> None:
    desk.problem = "no sound: PortAudio could not be loaded; on Debian and Ubuntu install libportaudio2"
    assert section(desk.diagnostics.text(), "Output devices") == [desk.problem]


def test_traces_of_the_newest_fault_are_in_it(desk: Desk) -> None:
    desk.folder.mkdir()
    (desk.folder / "fault-20251009-101112.log").write_text("an older one")
    (desk.folder / "fault-20251010-101112.log").write_text(f"Fatal Python error\n  File {Path.home()}/x.py")
    text = desk.diagnostics.text()
    assert section(text, "Last fault in C code (fault-20251010-101112.log)") == ["Fatal Python error", "  File ~/x.py"]


def test_copying_puts_it_onto_the_clipboard_and_says_so_in_one_line(desk: Desk) -> None:
    line = desk.diagnostics.copy()
    assert QGuiApplication.clipboard().text().startswith("Opuscope diagnostics, ")
    assert line.startswith("Diagnostics copied (")
    assert "\n" not in line


async def test_what_was_entered_in_the_window_is_in_no_report(bench: Bench) -> None:
    await bench.stream()
    keeper = bench.window.connecting._credentials.keeper
    keeper.keep("ws://127.0.0.1:8765/ws-audio", Credentials("sesame-open", (("X-Key", "deep-dark"),)))
    bench.monitor.events.add(Level.ERROR, "the proxy did not like deep-dark and sesame-open")
    text = bench.window._diagnostics.text()
    assert "credentials given: yes" in text
    assert "deep-dark" not in text
    assert "sesame-open" not in text
