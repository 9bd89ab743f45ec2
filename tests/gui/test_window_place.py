"""A window is never larger than what the screen has left for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QScreen
from PySide6.QtWidgets import QStyle, QWidget
from pytestqt.qtbot import QtBot

from gui.main_window import FIRST_SIZE
from gui.window_place import fit_to_screen
from tests.gui.conftest import Bench

LAPTOP = QRect(0, 40, 1366, 728)
"""What a small laptop has below a panel of 40."""


def place(qtbot: QtBot, rect: QRect) -> QWidget:
    window = QWidget()
    qtbot.addWidget(window)
    window.setGeometry(rect)
    return window


@pytest.mark.parametrize(
    "rect",
    [QRect(0, 0, 1600, 1000), QRect(900, 600, 1300, 600), QRect(-50, -700, 1366, 800), QRect(3000, 3000, 400, 300)],
)
def test_all_of_it_stands_on_the_screen(qtbot: QtBot, rect: QRect) -> None:
    window = place(qtbot, rect)
    fit_to_screen(window, LAPTOP)
    assert LAPTOP.contains(QRect(window.pos(), window.size()))
    title_px = window.style().pixelMetric(QStyle.PixelMetric.PM_TitleBarHeight)
    assert window.pos().y() + title_px + window.height() <= LAPTOP.bottom() + 1


def test_what_fits_stays_as_it_is(qtbot: QtBot) -> None:
    rect = QRect(100, 100, 1200, 600)
    window = place(qtbot, rect)
    fit_to_screen(window, LAPTOP)
    assert window.geometry() == rect


def test_a_maximised_window_is_the_desktops_affair(qtbot: QtBot) -> None:
    rect = QRect(0, 0, 1600, 1000)
    window = place(qtbot, rect)
    window.setWindowState(Qt.WindowState.WindowMaximized)
    fit_to_screen(window, LAPTOP)
    assert window.geometry() == rect


@pytest.mark.usefixtures("bench")
def test_the_window_asks_the_screen_before_it_is_first_shown(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QScreen, "availableGeometry", lambda _screen: LAPTOP)
    small = Bench(tmp_path / "first.ini").window
    qtbot.addWidget(small)
    assert small.width() == LAPTOP.width()
    assert LAPTOP.height() - 60 < small.height() < LAPTOP.height()
    monkeypatch.setattr(QScreen, "availableGeometry", lambda _screen: QRect(0, 0, 3840, 2160))
    large = Bench(tmp_path / "second.ini").window
    qtbot.addWidget(large)
    assert (large.width(), large.height()) == FIRST_SIZE
