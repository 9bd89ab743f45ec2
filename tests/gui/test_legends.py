"""Everything that is drawn has its entry in a legend, and there is room for it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from PySide6.QtGui import QColor

from core.monitor.monitor import STARVED_MS, UNDERRUN_CAUSES
from core.playout.presets import PRESETS, PresetName
from gui.plots.palette import loudness_palette
from gui.settings import ThemeChoice
from gui.widgets.labels import LegendEntry, LegendRow
from tests.gui.conftest import Bench


def seen_in(legend: LegendRow) -> list[str]:
    entries = sorted(legend.findChildren(LegendEntry), key=lambda entry: entry.x())
    return [entry.label.text() for entry in entries if not entry.isHidden()]


async def test_the_legend_of_what_if_has_room_for_all_of_it(bench: Bench) -> None:
    bench.window.resize(1600, 1000)
    bench.window.show()
    session = await bench.stream()
    session.set_playout(PRESETS[PresetName.BALANCED].playout)
    await asyncio.sleep(0.1)
    for _ in range(2):
        bench.window.what_if.show_facts(session.snapshot())
    dock = bench.window.what_if.dock
    await asyncio.sleep(0.05)
    assert seen_in(dock.legend) == ["10 s", "5 min", "target", "delay", "same cost"]
    assert dock.value.shown_text == dock.value.text() != ""
    session.set_playout(replace(session.playout, is_adaptive=False))
    for _ in range(2):
        bench.window.what_if.show_facts(session.snapshot())
    assert seen_in(dock.legend) == ["10 s", "5 min", "target", "delay"]


async def test_an_underrun_that_still_lasts_is_in_the_legend(bench: Bench) -> None:
    bench.window.resize(1600, 1000)
    bench.window.show()
    await bench.stream()
    await asyncio.sleep(0.05)
    watch = bench.window.watch
    watch.refresh_all()
    bench.window.show_facts()
    assert seen_in(watch.underrun_dock.legend) == []
    bench.clock.advance(1.05)
    bench.monitor.tally(STARVED_MS, 60.0)
    watch.refresh_all()
    bench.window.show_facts()
    assert seen_in(watch.underrun_dock.legend) == ["no cause yet"]
    bench.monitor.tally_episode(UNDERRUN_CAUSES[0], bench.clock.now_ns / 1e9, 60.0)
    watch.refresh_all()
    bench.window.show_facts()
    assert seen_in(watch.underrun_dock.legend) == [UNDERRUN_CAUSES[0]]


@pytest.mark.parametrize("choice", [ThemeChoice.DARK, ThemeChoice.LIGHT])
def test_the_legend_of_the_spectrogram_holds_all_its_colours(bench: Bench, choice: ThemeChoice) -> None:
    bench.theme.choose(choice)
    strip = bench.window.sound.scale.strip
    shown = strip.grab().toImage()
    row = [shown.pixelColor(x, shown.height() // 2) for x in range(shown.width())]
    palette = [QColor(int(color) & 0xFFFFFF) for color in loudness_palette(bench.theme.colors)]
    assert (row[1], row[-2]) == (palette[0], palette[-1])
    assert row[0] == row[-1] == QColor(bench.theme.colors.muted)
    assert len({color.rgb() for color in row[1:-1]}) > 80
