"""Two captures side by side: chosen, looked through, shown, and played from where one clicks."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from core.receiver.status import ConnectionState
from core.recording.capture_reader import open_capture
from core.recording.capture_writer import CaptureWriter
from core.recording.overview import Overview, overview_of
from gui.plots.comparison_plots import time_ticks
from gui.settings import ThemeChoice
from gui.theme import DARK, LIGHT, Theme
from gui.view_models.comparison import comparison_rows, findings_text
from gui.widgets.compare_window import CompareWindow
from tests.gui.conftest import eventually
from tests.gui.test_replay import CAPTURES, RealWindow
from tests.recording.transcripts import stream

LATE = {number: max(0.0, 400.0 - 20 * (number - 500)) for number in range(500, 520)}


def captured(path: Path, **faults: object) -> Path:
    """Twenty seconds."""
    with CaptureWriter(path) as writer:
        for seen in stream(1_000, **faults):  # type: ignore[arg-type]
            writer.take(seen)
    return path


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return captured(tmp_path / "good.pcapng")


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    """Four packets never came, and at 10 s nothing came for 400 ms."""
    return captured(tmp_path / "bad.pcapng", delays_ms=LATE, dropped=frozenset(range(100, 104)))


def overviews(*paths: Path) -> tuple[Overview, Overview]:
    first, second = (overview_of(open_capture(path)) for path in paths)
    return first, second


@pytest.fixture
def shown(qtbot: QtBot, good: Path, bad: Path) -> CompareWindow:
    """A comparison on the screen."""
    theme = Theme(ThemeChoice.DARK)
    theme.apply()
    window = CompareWindow(theme)
    qtbot.addWidget(window)
    window.compare(*overviews(good, bad))
    window.show()
    return window


def column(window: CompareWindow, name: str) -> list[str]:
    """The line of a figure: A, B, B - A."""
    table = window.table
    for at in range(table.rowCount()):
        texts = [item.text() if (item := table.item(at, place)) else "" for place in range(4)]
        if texts[0] == name:
            return texts[1:]
    raise AssertionError(f"no figure is called {name}")


def test_figures_stand_side_by_side_with_their_difference(shown: CompareWindow) -> None:
    assert column(shown, "Packets") == ["1,000", "996", "−4"]
    assert column(shown, "Missing") == ["0", "4", "+4"]
    assert column(shown, "Stalls") == ["0", "1", "+1"]
    assert column(shown, "most") == ["0.0", "400.0", "+400.0"]
    assert column(shown, "Packet, ms") == ["20.0", "20.0", ""]
    # No ping was answered in either.
    assert column(shown, "Round trip, ms") == ["—", "—", "—"]


def test_both_are_shown_on_the_same_scales(shown: CompareWindow) -> None:
    ranges = [card.plot.getViewBox().viewRange() for card in shown.cards]
    assert ranges[0] == ranges[1]
    assert ranges[0][0] == pytest.approx([0.0, 19.98], abs=0.1)
    assert ranges[0][1][1] >= 400
    assert max(shown.cards[1].plot.bars.tops) == pytest.approx(400, abs=6)
    # What is in time is a thin line, and can be seen to be there.
    assert 0 < max(shown.cards[0].plot.bars.tops) < 10


def test_what_is_wrong_is_said_in_words_and_marked_where_it_is(shown: CompareWindow) -> None:
    first, second = shown.cards
    assert first.name.full_text == "A: good.pcapng · 20.0 s · faults: 0 · lateness in ms"
    assert first.findings.text() == "✓ nothing found"
    assert second.findings.text().startswith("▲ 4 packets")
    marked_s, _ = second.plot.problem_lines.getData()
    assert list(marked_s) == pytest.approx([2.08, 2.08, 9.98, 9.98], abs=0.05)
    assert second.plot.text_at(2.08) == "2.1 s: 0.0 ms\n4 packets missing in sequence"
    assert second.plot.text_at(10.2).startswith("10.2 s: no packet came")
    assert second.plot.text_at(30.0) == ""


def test_what_a_buffer_would_have_met_is_told_for_both(shown: CompareWindow) -> None:
    assert shown.shares.text_at(0.0).startswith("a buffer of 0 ms: A ")
    # 20 packets are late, by 20 to 400 ms: 10 by more than 200.
    assert shown.shares.text_at(200.0) == "a buffer of 200 ms: A 0 % late, B 1 %"
    assert shown.shares.text_at(-20.0) == ""


def test_two_equal_captures_have_no_difference(good: Path) -> None:
    rows = comparison_rows(*overviews(good, good))
    assert {row.difference for row in rows} <= {"", "—"}


def test_a_capture_of_another_program_can_be_compared(good: Path) -> None:
    ours, other = overviews(good, CAPTURES / "gstreamer.pcapng")
    named = {row.name: row for row in comparison_rows(ours, other)}
    assert (named["Packets"].second, named["Missing"].second, named["Connections"].second) == ("101", "0", "—")
    # GStreamer's first packet is 6.5 ms shorter by its time stamp than it is: the encoder's look-ahead.
    assert "missing" not in findings_text(other)


async def test_the_open_capture_is_compared_with_another_and_played_where_one_clicks(
    qtbot: QtBot, tmp_path: Path, good: Path, bad: Path
) -> None:
    real = RealWindow(tmp_path)
    # Its plots have to go before their menus do (`nothing_left_behind`).
    qtbot.addWidget(real.window)
    real.desk.open(good)
    await eventually(lambda: real.state is ConnectionState.STREAMING)
    real.bar.compare.click()
    [dialog] = [each for each in real.window.findChildren(QFileDialog) if each.isVisible()]
    assert dialog.windowTitle() == "Compare good.pcapng with"
    dialog.filesSelected.emit([str(bad)])
    dialog.reject()
    comparing = real.window.comparing
    await eventually(lambda: comparing.shown is not None and comparing.shown.isVisible(), 10)
    assert comparing.shown is not None
    # The main window plays on.
    assert real.state is ConnectionState.STREAMING
    plot = comparing.shown.cards[1].plot
    await asyncio.sleep(0.05)
    QTest.mouseClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=_place(plot, 10.0))
    await eventually(lambda: real.bar.name.full_text == "bad.pcapng" and 9.5 < real.position_s < 13, 10)
    plot.moment_chosen.emit(2.0)
    await eventually(lambda: 1.9 < real.position_s < 4)
    await real.end()
    assert not comparing.shown.isVisible()


def _place(plot: object, at_s: float) -> QPoint:
    box = plot.getViewBox()  # type: ignore[attr-defined]
    return plot.mapFromScene(box.mapViewToScene(box.viewRect().center().__class__(at_s, 1.0)))  # type: ignore[attr-defined, no-any-return]


async def test_what_cannot_be_compared_is_told_in_one_line(qtbot: QtBot, tmp_path: Path, good: Path) -> None:
    real = RealWindow(tmp_path)
    qtbot.addWidget(real.window)
    comparing = real.window.comparing
    comparing.choose([good])
    assert real.window.banner.text == "One capture cannot be compared; choose two, or open the other one first"
    comparing.choose([good, good, good])
    assert real.window.banner.text == "3 captures cannot be compared; choose two"
    comparing.choose([good, CAPTURES / "README.md"])
    await eventually(lambda: "is no capture; expected pcapng" in real.window.banner.text)
    assert comparing.shown is None
    await real.end()


@pytest.mark.parametrize(
    ("span_s", "texts"),
    [
        (2.0, ["0 s", "0.5 s", "1 s", "1.5 s", "2 s"]),
        (60.0, ["0 s", "10 s", "20 s", "30 s", "40 s", "50 s", "60 s"]),
        (600.0, ["0:00", "2:00", "4:00", "6:00", "8:00", "10:00"]),
        (5_000.0, ["0:00", "20:00", "40:00", "1:00:00", "1:20:00"]),
    ],
)
def test_the_time_axis_has_round_moments(span_s: float, texts: list[str]) -> None:
    assert [text for _, text in time_ticks(span_s)] == texts


def test_the_two_colours_differ_in_both_themes() -> None:
    for colors in (DARK, LIGHT):
        assert colors.depth != colors.stack[1]
