"""Every state of the connection says what it is and offers what makes sense."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from core.receiver.options import ListenOptions
from core.receiver.status import ConnectionState
from gui import settings
from gui.options import WindowOptions
from tests.gui.conftest import URL, Bench, eventually

STATES = [
    # state, fields, word, in the detail, in the banner
    (ConnectionState.CONNECTING, {}, "Connecting …", "Opening", ""),
    (ConnectionState.CONNECTED, {"dialect": "bare"}, "Connected", "first audio", ""),
    (ConnectionState.STREAMING, {"dialect": "bare (parse alike)"}, "Streaming", "bare (parse alike)", ""),
    (ConnectionState.WAITING, {"reason": "refused", "attempt": 2}, "Waiting", "failed attempts: 2", "Refused"),
]


@pytest.mark.parametrize(("state", "fields", "word", "detail", "banner"), STATES, ids=lambda value: str(value)[:20])
async def test_each_state_of_a_running_connection_has_shape_text_and_the_right_actions(
    bench: Bench, state: ConnectionState, fields: dict[str, object], word: str, detail: str, banner: str
) -> None:
    session = await bench.connect()
    session.become(state, **fields)
    bench.window.show_facts()
    panel = bench.window.connect_panel
    assert panel.shape.text()
    assert panel.word.text() == word
    assert detail in panel.detail.full_text
    assert bench.window.banner.text == banner
    assert panel.button.text().replace("&", "") == "Disconnect"
    assert bench.window.actions_.disconnect.isEnabled()
    assert not bench.window.listen_panel.refresh.isEnabled()


@pytest.mark.parametrize("state", [ConnectionState.ENDED, ConnectionState.FAILED])
async def test_an_end_by_itself_offers_to_connect_again_and_says_why(bench: Bench, state: ConnectionState) -> None:
    session = await bench.connect()
    session.become(state, reason="not found (404); check the path")
    session.end()
    await eventually(lambda: not bench.owner.is_running)
    bench.window.show_facts()
    panel = bench.window.connect_panel
    assert panel.button.text().replace("&", "") == "Connect"
    assert "404" in panel.detail.full_text + bench.window.banner.text
    assert not bench.window.actions_.disconnect.isEnabled()
    assert bench.window.listen_panel.refresh.isEnabled()


def test_all_states_differ_in_shape_or_word_without_looking_at_colours(bench: Bench) -> None:
    from core.receiver.status import ConnectionStatus
    from gui.view_models.connection import connection_view

    views = [connection_view(ConnectionStatus(state, URL), 0) for state in ConnectionState]
    assert len({view.shape for view in views}) == len({view.word for view in views}) == len(views)


def test_before_the_first_connection_the_window_says_what_to_do(bench: Bench) -> None:
    panel = bench.window.connect_panel
    assert panel.word.text() == "Not connected"
    assert panel.detail.full_text == "Enter an address and press Connect."
    assert panel.typed_url == "ws://127.0.0.1:8765/ws-audio"
    bench.window.watch.refresh_all()
    assert "connect" in bench.window.watch.plots.depth.empty_text


async def test_the_reconnect_countdown_counts_down(bench: Bench) -> None:
    session = await bench.connect()
    session.become(ConnectionState.WAITING, reason="refused", next_attempt_at_ns=bench.clock() + 4_200_000_000)
    bench.window.show_facts()
    assert "Next attempt in 5 s" in bench.window.connect_panel.detail.full_text
    bench.clock.advance(3.5)
    bench.window.show_facts()
    assert "Next attempt in 1 s" in bench.window.connect_panel.detail.full_text


async def test_the_wait_for_the_next_attempt_can_be_cut_short(bench: Bench, qtbot: QtBot) -> None:
    panel, action = bench.window.connect_panel, bench.window.actions_.try_now
    bench.window.show()
    session = await bench.stream()
    assert panel.try_now.isHidden()
    assert not action.isEnabled()
    session.become(ConnectionState.WAITING, reason="refused", next_attempt_at_ns=bench.clock() + 20_000_000_000)
    bench.window.show_facts()
    assert panel.try_now.isVisible()
    assert panel.try_now.accessibleName() == "Try now"
    assert "at once" in panel.try_now.toolTip()
    assert panel.try_now.focusPolicy() & Qt.FocusPolicy.TabFocus
    panel.try_now.setFocus()
    qtbot.keyClick(panel.try_now, Qt.Key.Key_Space)
    action.trigger()
    assert session.asked.count(("try now", None)) == 2
    session.become(ConnectionState.CONNECTING)
    bench.window.show_facts()
    assert panel.try_now.isHidden()
    assert not action.isEnabled()


async def test_the_panel_keeps_its_height_while_the_next_attempt_is_waited_for(bench: Bench) -> None:
    session = await bench.stream()
    bench.window.show()
    await asyncio.sleep(0.05)
    before_px = bench.window.connect_panel.sizeHint().height()
    session.become(ConnectionState.WAITING, reason="refused")
    bench.window.show_facts()
    assert bench.window.connect_panel.sizeHint().height() == before_px


async def test_the_reason_of_a_lost_connection_stands_until_there_is_sound(bench: Bench) -> None:
    session = await bench.stream()
    session.become(ConnectionState.WAITING, reason="the server went away")
    bench.window.show_facts()
    session.become(ConnectionState.CONNECTING)
    bench.window.show_facts()
    assert bench.window.banner.text == "The server went away"
    session.stream()
    bench.window.show_facts()
    assert bench.window.banner.text == ""


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "127.0.0.1:8765", "ws://", "ws://host:99999/"])
async def test_a_wrong_address_is_told_in_the_banner_and_nothing_changes(bench: Bench, url: str) -> None:
    session = await bench.stream()
    history = bench.store.get(settings.URL_HISTORY)
    bench.window.connect_panel.set_address(url)
    bench.window.connect_panel.button.click()
    await asyncio.sleep(0.02)
    assert "expected ws://host:port/path" in bench.window.banner.text
    assert bench.owner.session is session
    assert not session.stopped
    assert bench.store.get(settings.URL_HISTORY) == history


async def test_another_address_while_connected_switches_to_it(bench: Bench) -> None:
    first = await bench.stream()
    bench.window.connect_panel.set_address("ws://127.0.0.1:9000/other")
    assert bench.window.connect_panel.button.text().replace("&", "") == "Connect"
    bench.window.connect_panel.button.click()
    await eventually(lambda: len(bench.sessions) == 2)
    assert first.stopped
    bench.session.stream()
    bench.window.show_facts()
    assert bench.store.get(settings.URL_HISTORY) == ("ws://127.0.0.1:9000/other", URL)


async def test_a_token_of_the_command_line_is_shown_to_its_own_server_only(qtbot: QtBot, settings_path: Path) -> None:
    given = ListenOptions(URL, dialect="rtp", token="secret")  # noqa: S106
    bench = Bench(settings_path, WindowOptions(URL, given))
    qtbot.addWidget(bench.window)
    bench.window.connect_to(URL)
    await asyncio.sleep(0.02)
    bench.window.connect_to("ws://elsewhere.example:8765/ws-audio")
    await eventually(lambda: len(bench.sessions) == 2)
    assert (bench.sessions[0].options.token, bench.sessions[0].options.dialect) == ("secret", "rtp")
    assert (bench.sessions[1].options.token, bench.sessions[1].options.dialect) == (None, "auto")
    bench.owner.close()
    await eventually(lambda: not bench.owner.is_running)


async def test_an_address_that_shall_not_be_remembered_is_not(qtbot: QtBot, settings_path: Path) -> None:
    bench = Bench(settings_path, WindowOptions(URL, remember_url=False))
    qtbot.addWidget(bench.window)
    await bench.stream()
    assert bench.store.get(settings.URL_HISTORY) == ()
    await bench.connect("ws://127.0.0.1:9000/")
    bench.session.stream()
    bench.window.show_facts()
    assert bench.store.get(settings.URL_HISTORY) == ("ws://127.0.0.1:9000/",)
