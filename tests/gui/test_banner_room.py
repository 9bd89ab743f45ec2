"""A line in the banner moves nothing, hides nothing that is needed, and does not lose the focus."""

from __future__ import annotations

import asyncio

import pytest
from PySide6.QtCore import QEvent, QObject, QRect, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from gui.widgets.banner import BannerLevel
from tests.gui.conftest import Bench

LONG = "something went wrong that takes many words to tell, " * 6


class Moves(QObject):
    """Counts what is laid out anew."""

    def __init__(self, widgets: list[QWidget]) -> None:
        super().__init__()
        self.count = 0
        for widget in widgets:
            widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        self.count += event.type() in (QEvent.Type.Resize, QEvent.Type.Move, QEvent.Type.LayoutRequest)
        return False

    async def settled(self) -> None:
        """Wait until what showing the window has begun is over, and forget it."""
        async with asyncio.timeout(5):
            while self.count >= 0:
                seen = self.count
                await asyncio.sleep(0.15)
                if self.count == seen:
                    break
        self.count = 0


@pytest.mark.parametrize("text", ["short", LONG], ids=["short", "long"])
async def test_what_stands_below_stays_where_it_is(bench: Bench, text: str) -> None:
    window = bench.window
    window.resize(1280, 800)
    window.show()
    await asyncio.sleep(0.1)
    docks = [dock for dock in window.panels.docks.all if not dock.visibleRegion().isEmpty()]
    moves = Moves([window, window.centralWidget(), *docks, *window.watch.plots])
    await moves.settled()
    before = [QRect(dock.geometry()) for dock in docks]
    window.report(text)
    await asyncio.sleep(0.1)
    assert window.banner.isVisible()
    window.banner.dismiss()
    await asyncio.sleep(0.1)
    assert [dock.geometry() for dock in docks] == before
    assert moves.count == 0


async def test_it_takes_the_place_of_the_verdict_and_gives_it_back(bench: Bench) -> None:
    window = bench.window
    window.show()
    await asyncio.sleep(0.05)
    place = window.verdict.bar.geometry()
    window.tell("the plots were written")
    assert not window.verdict.bar.isVisible()
    assert window.banner.geometry() == place
    QTest.keyClick(window, Qt.Key.Key_Escape)
    assert not window.banner.isVisible()
    assert window.verdict.bar.isVisible()


async def test_two_lines_of_text_can_be_read_and_the_tooltip_has_the_rest(bench: Bench) -> None:
    window = bench.window
    window.resize(1280, 800)
    window.show()
    window.report(LONG)
    await asyncio.sleep(0.05)
    label = window.banner._label
    assert label.height() >= 2 * label.fontMetrics().lineSpacing()
    assert label.toolTip() == window.banner.text
    assert window.banner.accessibleDescription() == LONG


async def test_whoever_asks_for_a_verdict_gets_the_focus_back(bench: Bench) -> None:
    window = bench.window
    window.show()
    window.activateWindow()
    await asyncio.sleep(0.05)
    window.verdict.bar.buffer.setFocus()
    window.report("something")
    assert window.focusWidget() is window.banner.dismiss_button
    QTest.keyClick(window.banner.dismiss_button, Qt.Key.Key_Space)
    assert window.focusWidget() is window.verdict.bar.buffer


async def test_elsewhere_the_focus_stays(bench: Bench) -> None:
    window = bench.window
    window.show()
    window.activateWindow()
    await asyncio.sleep(0.05)
    window.listen_panel.volume.setFocus()
    window.banner.show_problem("other", BannerLevel.WARNING, "something")
    assert window.focusWidget() is window.listen_panel.volume
    window.banner.dismiss()
    assert window.focusWidget() is window.listen_panel.volume
