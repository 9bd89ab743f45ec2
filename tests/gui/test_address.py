"""The address: what is typed is what is connected to, what never played is not offered, and keys are free again."""

from __future__ import annotations

import asyncio

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from core.receiver.status import ConnectionState
from gui import settings
from tests.gui.conftest import URL, Bench, eventually

OTHER = "ws://127.0.0.1:9000/other"


async def shown(bench: Bench) -> None:
    bench.window.show()
    bench.window.activateWindow()
    await eventually(bench.window.isActiveWindow)


async def type_address(bench: Bench, qtbot: QtBot, url: str) -> None:
    bench.window.connect_panel.focus_address()
    assert bench.window.focusWidget() is bench.window.connect_panel.address
    qtbot.keyClicks(bench.window.focusWidget(), url)


async def test_return_connects_to_what_was_typed_and_to_nothing_longer_that_is_known(
    bench: Bench, qtbot: QtBot
) -> None:
    bench.window.connect_panel.set_history((URL + "?frame_ms=7", URL.upper()))
    await shown(bench)
    await type_address(bench, qtbot, URL)
    assert bench.window.connect_panel.typed_url == URL
    qtbot.keyClick(bench.window.focusWidget(), Qt.Key.Key_Return)
    await eventually(lambda: bool(bench.sessions))
    assert bench.session.options.url == URL
    assert bench.window.connect_panel.typed_url == URL


async def test_an_address_is_remembered_once_audio_has_come_from_it(bench: Bench) -> None:
    session = await bench.connect(URL + "?token=secret")
    bench.window.show_facts()
    session.become(ConnectionState.WAITING, reason="refused")
    bench.window.show_facts()
    assert bench.store.get(settings.URL_HISTORY) == ()
    assert bench.window.connect_panel.address.count() == 0
    session.stream()
    bench.window.show_facts()
    (remembered,) = bench.store.get(settings.URL_HISTORY)
    assert remembered.startswith(URL)
    assert "secret" not in remembered
    assert bench.window.connect_panel.address.itemText(0) == remembered


async def test_audio_of_the_last_server_speaks_for_no_other(bench: Bench) -> None:
    session = await bench.connect()
    session.stream()
    bench.window.connect_panel.set_address(OTHER)
    bench.window.connect_panel.button.click()
    bench.window.show_facts()
    assert OTHER not in bench.store.get(settings.URL_HISTORY)


async def test_a_new_address_in_the_list_leaves_the_cursor_where_it_is(bench: Bench) -> None:
    panel = bench.window.connect_panel
    panel.set_address(OTHER)
    panel.address.lineEdit().setCursorPosition(5)
    panel.set_history((URL,))
    assert (panel.typed_url, panel.address.lineEdit().cursorPosition()) == (OTHER, 5)


async def test_after_return_single_keys_are_shortcuts(bench: Bench, qtbot: QtBot) -> None:
    await shown(bench)
    await type_address(bench, qtbot, URL)
    qtbot.keyClick(bench.window.focusWidget(), Qt.Key.Key_Return)
    await eventually(lambda: bool(bench.sessions))
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_M)
    assert bench.window.listen_panel.mute.isChecked()
    assert bench.window.connect_panel.typed_url == URL


async def test_started_with_an_address_single_keys_are_shortcuts(bench: Bench, qtbot: QtBot) -> None:
    await shown(bench)
    bench.window.connect_to(URL)
    await asyncio.sleep(0.02)
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_F)
    assert bench.window.watch.view.is_frozen
    assert bench.window.connect_panel.typed_url == URL


async def test_a_refused_address_can_be_corrected_at_once(bench: Bench, qtbot: QtBot) -> None:
    await shown(bench)
    await type_address(bench, qtbot, "http://wrong")
    qtbot.keyClick(bench.window.focusWidget(), Qt.Key.Key_Return)
    assert bench.window.focusWidget() is bench.window.connect_panel.address


async def test_connecting_from_elsewhere_leaves_the_focus_there(bench: Bench) -> None:
    await shown(bench)
    bench.window.listen_panel.volume.setFocus()
    bench.window.connect_to(URL)
    assert bench.window.focusWidget() is bench.window.listen_panel.volume


async def test_escape_brings_back_the_address_that_is_listened_to(bench: Bench, qtbot: QtBot) -> None:
    await bench.stream()
    await shown(bench)
    bench.window.report("something else")
    await type_address(bench, qtbot, OTHER)
    qtbot.keyClick(bench.window.focusWidget(), Qt.Key.Key_Escape)
    assert bench.window.connect_panel.typed_url == URL
    assert bench.window.banner.text == "Something else"
    qtbot.keyClick(bench.window.focusWidget(), Qt.Key.Key_Escape)
    assert bench.window.banner.text == ""
