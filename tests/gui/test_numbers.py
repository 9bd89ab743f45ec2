"""Numbers stand in the user's own way of writing them, in every text for people, and in no file."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QLocale, Qt, QTranslator
from PySide6.QtWidgets import QApplication

import gui
from core.monitor.monitor import UNDERRUN_CAUSES
from core.receiver.status import UnderrunCounts
from gui.tuning import DEFAULT_TUNING, Tuning
from gui.view_models import text
from gui.view_models.time_window import TimeWindow
from gui.view_models.tune import tuning_change_text
from tests.gui.conftest import Bench
from tests.gui.fake_session import LATENCY


@pytest.fixture
def german() -> Iterator[None]:
    before = QLocale()
    QLocale.setDefault(QLocale("de_DE"))
    yield
    QLocale.setDefault(before)


@pytest.mark.usefixtures("german")
def test_decimals_and_groups_are_those_of_the_language() -> None:
    shown = {
        text.milliseconds(1234.5): "1.234 ms",
        text.milliseconds(26.54): "26,5 ms",
        text.milliseconds(-3.26): "−3,3 ms",
        text.plain_milliseconds(2.5): "2,5 ms",
        text.count(12_345): "12.345",
        text.size(4_560_000): "4,56 MB",
        text.duration_of(48_000): "1,0 s",
        text.decimal(0.42): "0,42",
        text.share(1, 3): "33,33 %",
        text.share(1, 100_000): "< 0,01 %",
        text.decibels(-2.5): "−2,5 dB",
        text.fixed(-0.04, 1): "0,0",
        TimeWindow(3).ticks(0)[-2][1]: "−0,5 s",
    }
    assert list(shown) == list(shown.values())


@pytest.mark.usefixtures("german")
async def test_the_whole_window_writes_them_so(bench: Bench) -> None:
    session = await bench.stream()
    session.know(latency=replace(LATENCY, total=1234.5), bytes_received=4_560_000, underruns=UnderrunCounts(1_200, 9.5))
    window = bench.window
    window.show_facts()
    assert "1.234 ms" in window.watch.latency_dock.value.text()
    assert "9,5 ms in 1.200 episodes" in window.watch.underrun_dock.value.text()
    assert "64,3 kbit/s" in window.watch.bitrate_dock.value.text()
    table = window.statistics.model()
    values = [str(table.data(table.index(row, 1))) for row in range(table.rowCount())]
    assert any("4,56 MB" in value for value in values)
    labels = [label for _, label in window.what_if.plot.getPlotItem().getAxis("bottom")._tickLevels[0]]
    assert labels
    assert all("." not in label for label in labels)


@pytest.mark.usefixtures("german")
def test_the_lines_of_the_log_stay_as_they_are() -> None:
    before = Tuning(replace(DEFAULT_TUNING.playout, is_adaptive=False, target_delay_ms=2.5), None)
    now = Tuning(replace(before.playout, target_delay_ms=1_000.0), None)
    assert tuning_change_text(before, now) == "buffer is now fixed at 1000 ms (was fixed at 2.5 ms)"


def test_without_a_language_numbers_stand_as_in_english() -> None:
    before = QLocale()
    QLocale.setDefault(QLocale.c())
    try:
        assert text.milliseconds(1234.5) == "1,234 ms"
    finally:
        QLocale.setDefault(before)


def test_no_number_for_people_is_written_past_the_one_place() -> None:
    """A format of Python's knows no language. Digits that are filled up with zeros are times of day and colours."""
    past = []
    for path in sorted(Path(gui.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FormattedValue) and node.format_spec is not None:
                spec = ast.unparse(node.format_spec)
                if not spec.strip("f'").startswith("0"):
                    past.append((path.name, node.lineno, spec))
    # Those say what a file may hold.
    assert [name for name, _, _ in past] == ["settings.py", "settings.py"], past


class Foreign(QTranslator):
    """Stands for any other language."""

    def translate(self, context: str, source_text: str, disambiguation: str | None = None, n: int = -1) -> str:
        return f"¤{source_text}"

    def isEmpty(self) -> bool:  # noqa: N802 - Qt's name
        return False


def test_causes_and_presets_are_translated(bench: Bench, qapp: QApplication) -> None:
    foreign = Foreign()
    qapp.installTranslator(foreign)
    try:
        window = Bench(Path(bench.store._file.fileName()).with_name("other.ini")).window
    finally:
        qapp.removeTranslator(foreign)
    causes = [entry.label.text() for entry in window.watch._causes]
    assert causes == [f"¤{cause}" for cause in UNDERRUN_CAUSES]
    preset = window.tune_panel.playout.preset
    for at in range(preset.count() - 1):
        assert preset.itemText(at).startswith("¤")
        assert str(preset.itemData(at, Qt.ItemDataRole.ToolTipRole)).startswith("¤")
    window.deleteLater()
