"""What there is room for in the window at the sizes that people have."""

from __future__ import annotations

import asyncio
from itertools import combinations

import pytest
from PySide6.QtCore import QPoint, QRect, QSize
from PySide6.QtWidgets import QAbstractButton, QAbstractSpinBox, QComboBox, QWidget

from core.monitor.events import Level
from core.receiver.status import FrameSizeControl, UnderrunCounts
from tests.gui.conftest import Bench


async def opened(bench: Bench, width: int, height: int) -> None:
    bench.window.resize(width, height)
    bench.window.show()
    await asyncio.sleep(0.1)


def rect_in_window(widget: QWidget) -> QRect:
    return QRect(widget.mapTo(widget.window(), QPoint(0, 0)), widget.size())


async def test_the_log_shows_five_lines_at_the_usual_size(bench: Bench) -> None:
    for number in range(20):
        bench.monitor.events.add(Level.INFO, f"line {number}")
    await opened(bench, 1600, 1000)
    bench.window.show_facts()
    table = bench.window.events.table
    assert table.viewport().height() / table.rowHeight(0) >= 5
    for plot in bench.window.watch.docks[:5]:
        assert plot.height() >= 110, "the log shall not live on the plots"


@pytest.mark.parametrize("size", [(1280, 800), (1280, 720)])
async def test_all_of_the_window_fits_a_small_screen(bench: Bench, size: tuple[int, int]) -> None:
    await opened(bench, *size)
    window = bench.window
    assert (window.width(), window.height()) == size
    # One behind another's tab stands somewhere outside.
    seen = [dock for dock in window.panels.docks.all if not dock.visibleRegion().isEmpty()]
    assert len(seen) == 9
    for dock in seen:
        assert window.rect().contains(rect_in_window(dock)), dock.objectName()
    for first, second in combinations(seen, 2):
        overlap = rect_in_window(first) & rect_in_window(second)
        assert overlap.isEmpty(), (first.objectName(), second.objectName(), overlap)


async def test_the_window_can_be_made_small(bench: Bench) -> None:
    await opened(bench, 1280, 800)
    bench.window.resize(1, 1)
    await asyncio.sleep(0.05)
    assert bench.window.width() <= 1_185
    assert bench.window.height() <= 685


async def test_no_control_is_cut_in_a_small_window(bench: Bench) -> None:
    session = await bench.stream()
    session.know(frame_size=FrameSizeControl(None, 20.0, (), "this server takes no control messages"))
    await opened(bench, 1280, 720)
    window = bench.window
    for panel in (window.panels.tune, window.panels.lab):
        panel.raise_()
        window.show_facts()
        await asyncio.sleep(0.1)
        assert (window.width(), window.height()) == (1280, 720)
        controls = [*window.findChildren(QAbstractButton), *window.findChildren(QAbstractSpinBox)]
        seen = [control for control in (*controls, *window.findChildren(QComboBox)) if control.isVisible()]
        # What scrolls may be out of sight; of the rest everything is there, and as large as it has to be.
        for control in seen:
            if control.visibleRegion().isEmpty():
                continue
            least = control.minimumSize().expandedTo(QSize(0, control.minimumSizeHint().height()))
            assert control.width() >= least.width(), control.accessibleName()
            assert control.height() >= least.height(), control.accessibleName()
            assert control.visibleRegion().boundingRect() == control.rect(), control.accessibleName()


@pytest.mark.parametrize("size", [(1600, 1000), (1280, 800)])
async def test_what_filters_the_log_stands_whole_in_the_title_of_its_panel(bench: Bench, size: tuple[int, int]) -> None:
    await opened(bench, *size)
    events, dock = bench.window.events, bench.window.panels.events
    title = dock.titleBarWidget()
    for widget in (*events.levels.values(), events.search, events.clear_search):
        assert title.isAncestorOf(widget)
        assert rect_in_window(title).contains(rect_in_window(widget))
        assert widget.width() >= widget.minimumSizeHint().width()
    assert events.search.width() >= 120


async def test_tab_goes_from_the_search_to_the_lines(bench: Bench) -> None:
    await opened(bench, 1600, 1000)
    events = bench.window.events
    events.search.setText("x")
    events.focus_search()
    bench.monitor.events.add(Level.INFO, "x")
    bench.window.show_facts()
    seen = []
    for _ in range(2):
        bench.window.focusNextChild()
        seen.append(bench.window.focusWidget())
    assert seen == [events.clear_search, events.table]


async def test_how_long_there_was_nothing_to_play_says_since_when_and_gives_way_to_a_small_window(bench: Bench) -> None:
    session = await bench.stream()
    await opened(bench, 1600, 1000)
    dock = bench.window.watch.underrun_dock
    assert dock.value.text() == "none since connecting"
    least_px = dock.minimumSizeHint().width()
    session.know(underruns=UnderrunCounts(5, 249.0))
    bench.window.show_facts()
    await asyncio.sleep(0.05)
    whole = "249 ms in 5 episodes since connecting"
    assert dock.value.text() == dock.value.shown_text == dock.value.toolTip() == whole
    assert dock.minimumSizeHint().width() <= least_px
    dock.setFloating(True)
    dock.resize(300, 200)
    await asyncio.sleep(0.05)
    assert dock.value.shown_text.startswith("249 ms in")
    assert dock.value.shown_text.endswith("…")
    assert not dock.grab().isNull()


async def test_why_the_frame_size_cannot_be_changed_is_not_cut_in_the_middle_of_a_line(bench: Bench) -> None:
    session = await bench.stream()
    await opened(bench, 1280, 800)
    why = "this server takes no control messages, it sends what it sends, and nothing else was agreed upon"
    session.know(frame_size=FrameSizeControl(None, 20.0, (), why))
    bench.window.show_facts()
    await asyncio.sleep(0.05)
    note = bench.window.tune_panel.frame_note
    assert why in note.text()
    assert why in note.toolTip()
    assert note.shown_text.endswith("…")
    assert note.height() >= note.sizeHint().height()
