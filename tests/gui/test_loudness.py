"""Loudness stands beside the meter, over the level plot, in the statistics; without the library it is left out."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from core.audio import loudness
from core.audio.levels import AudioLevels
from core.monitor.export import write_csv
from core.monitor.monitor import LOUDNESS_LUFS, PEAK_DBFS, RMS_DBFS
from core.monitor.time_series import Span
from gui.settings import ThemeChoice
from gui.theme import Theme
from gui.view_models.rows import Row
from gui.view_models.statistics import statistics_rows
from gui.widgets.listen_panel import ListenPanel
from tests.gui.conftest import Bench

LOUD = AudioLevels((-7.4, -8.1), (-21.3, -22.0), -23.0)
SILENT = AudioLevels((-100.0, -100.0), (-100.0, -100.0), None)


@pytest.fixture
def no_library(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As on a machine that has no libebur128."""
    monkeypatch.setattr(loudness, "_FILES", {"linux": ("libnowhere.so.1",)})
    loudness._looked_for.cache_clear()
    yield
    loudness._looked_for.cache_clear()


def loudness_row(bench: Bench) -> Row:
    rows = statistics_rows(bench.owner.snapshot(), bench.owner.playout, bench.monitor)
    return next(row for row in rows if row.name == "Loudness")


async def test_it_is_shown_wherever_the_level_is(bench: Bench) -> None:
    session = await bench.stream()
    window = bench.window
    for levels, text in ((LOUD, "−23.0 LUFS"), (SILENT, "—")):
        session.know(levels=levels)
        window.show_facts()
        assert window.listen_panel.loudness.text() == text
        assert window.listen_panel.meter.toolTip().endswith(text)
        assert loudness_row(bench).value == text
        assert window.watch.level_dock.value.text().endswith("dBFS · −23.0 LUFS" if levels is LOUD else "dBFS")


async def test_the_plot_has_a_curve_for_it_and_the_table_a_column(bench: Bench) -> None:
    watch, monitor = bench.window.watch, bench.monitor
    await bench.stream()
    for _ in range(20):
        bench.clock.advance(0.1)
        monitor.record(PEAK_DBFS, -9.0)
        monitor.record(RMS_DBFS, -21.0)
        monitor.record(LOUDNESS_LUFS, -23.0)
    watch.plots.level.refresh(watch.view.history)
    assert watch.plots.level.has_loudness
    assert watch.plots.level.text_at(watch.view.window.span.points - 2) == "−21.0 dBFS · −23.0 LUFS"
    assert watch.plots.level.loudness_curve.yData[-2] == -23.0
    table = io.StringIO(newline="")
    assert write_csv(monitor.history, Span(600), 0.0, table)
    assert "loudness_lufs" in table.getvalue().splitlines()[0].split(",")


async def test_without_the_library_the_tooltip_says_which_package_brings_it(no_library: None, bench: Bench) -> None:
    session = await bench.stream()
    session.know(levels=AudioLevels((-7.4, -8.1), (-21.3, -22.0)))
    bench.window.show_facts()
    panel = bench.window.listen_panel
    assert panel.loudness.isHidden()
    assert "libebur128-1" in panel.meter.toolTip()
    assert (loudness_row(bench).value, "libebur128-1" in loudness_row(bench).meaning) == ("—", True)
    assert bench.window.watch.level_dock.value.text() == "−7.4 dBFS"


def test_the_figure_moves_nothing_beside_it(qtbot: QtBot, qapp: QApplication) -> None:
    panel = ListenPanel(Theme(ThemeChoice.DARK))
    qtbot.addWidget(panel)
    panel.resize(700, 90)
    panel.show()
    places = set()
    for levels in (None, LOUD, SILENT):
        panel.show_output(None, levels)
        qapp.processEvents()
        places.add((panel.meter.geometry().right(), panel.output_text.geometry().left()))
    assert len(places) == 1
