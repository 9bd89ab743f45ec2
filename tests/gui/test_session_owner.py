"""One session at a time, every exception told, nothing left running."""

from __future__ import annotations

import asyncio
import inspect
import logging

import pytest
from PySide6.QtWidgets import QApplication

from core.monitor.monitor import Monitor
from core.opus.library import OpusLibraryError
from core.receiver.options import ListenOptions
from core.receiver.session import ListeningSession
from core.receiver.status import ConnectionState
from gui.session_owner import SessionOwner
from tests.gui.conftest import URL, eventually
from tests.gui.fake_session import FakeSession


class Owned:
    """An owner with its sessions and what it told."""

    def __init__(self) -> None:
        self.monitor = Monitor()
        self.sessions: list[FakeSession] = []
        self.told: list[str] = []
        self.owner = SessionOwner(self.monitor, self._make)  # type: ignore[arg-type]
        self.owner.failed.connect(self.told.append)

    def _make(self, options: ListenOptions, monitor: Monitor) -> FakeSession:
        self.sessions.append(FakeSession(options, monitor))
        return self.sessions[-1]


@pytest.fixture
def owned(qapp: QApplication) -> Owned:
    return Owned()


def test_the_stand_in_has_the_interface_of_the_real_session() -> None:
    real = {
        name: inspect.signature(member)
        for name, member in inspect.getmembers(ListeningSession, inspect.isfunction)
        if not name.startswith("_")
    }
    fake = {name: inspect.signature(getattr(FakeSession, name)) for name in real}
    assert fake == real


async def test_another_address_ends_the_session_before_the_next_one_begins(owned: Owned) -> None:
    owned.owner.start(ListenOptions(URL))
    await asyncio.sleep(0.02)
    owned.owner.start(ListenOptions("ws://127.0.0.1:9999/other"))
    assert owned.sessions[0].stopped
    assert len(owned.sessions) == 1, "the first one has not ended yet"
    await eventually(lambda: len(owned.sessions) == 2)
    assert owned.owner.url == "ws://127.0.0.1:9999/other"
    assert owned.owner.session is owned.sessions[1]


async def test_the_last_of_many_quick_wishes_wins(owned: Owned) -> None:
    for port in (1001, 1002, 1003):
        owned.owner.start(ListenOptions(f"ws://127.0.0.1:{port}/"))
    await eventually(lambda: len(owned.sessions) == 2)
    assert owned.sessions[1].options.url == "ws://127.0.0.1:1003/"


async def test_an_unexpected_exception_is_told_logged_and_shown_as_failure(
    owned: Owned, caplog: pytest.LogCaptureFixture
) -> None:
    owned.owner.start(ListenOptions(URL))
    await asyncio.sleep(0.02)
    owned.sessions[0].breaks_with = ZeroDivisionError("a mistake of ours")
    with caplog.at_level(logging.ERROR):
        owned.sessions[0].end()
        await eventually(lambda: not owned.owner.is_running)
    assert owned.told == ["The session broke off: a mistake of ours"]
    assert caplog.records[0].exc_info is not None, "the traceback must be in the log"
    assert [event.text for event in owned.monitor.events.since(0)] == owned.told
    snapshot = owned.owner.snapshot()
    assert snapshot is not None
    assert snapshot.connection.state is ConnectionState.FAILED
    assert snapshot.connection.reason == owned.told[0]


async def test_of_a_group_of_exceptions_the_cause_is_named(owned: Owned) -> None:
    owned.owner.start(ListenOptions(URL))
    await asyncio.sleep(0.02)
    owned.sessions[0].breaks_with = ExceptionGroup("unhandled errors in a TaskGroup", [KeyError("depth")])
    owned.sessions[0].end()
    await eventually(lambda: bool(owned.told))
    assert owned.told == ["The session broke off: 'depth'"]


async def test_after_a_break_the_next_session_can_begin(owned: Owned) -> None:
    owned.owner.start(ListenOptions(URL))
    await asyncio.sleep(0.02)
    owned.sessions[0].breaks_with = ZeroDivisionError()
    owned.sessions[0].end()
    await eventually(lambda: not owned.owner.is_running)
    owned.owner.start(ListenOptions(URL))
    await asyncio.sleep(0.02)
    assert owned.owner.session is owned.sessions[1]


async def test_a_session_that_cannot_be_made_is_told_in_one_line(qapp: QApplication) -> None:
    def no_opus(options: ListenOptions, monitor: Monitor) -> ListeningSession:
        raise OpusLibraryError("libopus was not found; install PyAV")

    told: list[str] = []
    owner = SessionOwner(Monitor(), no_opus)
    owner.failed.connect(told.append)
    owner.start(ListenOptions(URL))
    assert told == ["libopus was not found; install PyAV"]
    assert not owner.is_running
    assert owner.snapshot() is None


async def test_a_session_that_does_not_stop_is_cut_off_and_closing_takes_less_than_two_seconds(owned: Owned) -> None:
    owned.owner.start(ListenOptions(URL))
    await asyncio.sleep(0.02)
    owned.sessions[0].ignores_stop = True
    closed = asyncio.Event()
    owned.owner.closed.connect(closed.set)
    owned.owner.close()
    async with asyncio.timeout(2.0):
        await closed.wait()
    assert not owned.owner.is_running
    assert "cut off" in owned.monitor.events.since(0)[-1].text


async def test_a_refused_wish_is_told_and_undone(owned: Owned) -> None:
    owned.owner.start(ListenOptions(URL))
    await asyncio.sleep(0.02)
    owned.sessions[0].refuses_output = "no sound device named 'ear'"
    undone: list[bool] = []
    owned.owner.set_output("ear", lambda: undone.append(True))
    await eventually(lambda: bool(undone))
    assert owned.told == ["no sound device named 'ear'"]


async def test_closing_without_a_session_is_immediate(owned: Owned) -> None:
    closed: list[bool] = []
    owned.owner.closed.connect(lambda: closed.append(True))
    owned.owner.close()
    assert closed == [True]
    owned.owner.start(ListenOptions(URL))
    assert owned.sessions == []
