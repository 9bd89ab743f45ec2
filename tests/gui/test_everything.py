"""All actions and controls of the window are used while a stream plays, and nothing breaks."""

from __future__ import annotations

import asyncio

import pytest
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QComboBox,
    QDialog,
    QDoubleSpinBox,
    QMenu,
    QSlider,
    QSpinBox,
    QWidget,
)

from core.monitor.events import Level
from core.monitor.monitor import BUFFER_DEPTH_MS
from tests.gui.conftest import Bench

_ENDS_IT = ("&Quit",)


def close_dialogs(window: QWidget) -> None:
    """Whatever an action opened."""
    for dialog in window.findChildren(QDialog):
        dialog.reject()


def actions_of(menu: QMenu) -> list[QAction]:
    """All of a menu and of the menus in it."""
    found = []
    for action in menu.actions():
        inner = action.menu()
        if isinstance(inner, QMenu):
            inner.aboutToShow.emit()
            found += actions_of(inner)
        else:
            found.append(action)
    return found


@pytest.fixture
def unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    """No file manager opens during tests."""
    monkeypatch.setattr("gui.main_window.open_log_folder", lambda _folder: "")


async def test_every_action_can_be_used_while_a_stream_plays(bench: Bench, unseen: None) -> None:
    window = bench.window
    window.show()
    await bench.stream()
    bench.monitor.record(BUFFER_DEPTH_MS, 50.0)
    menus = [action.menu() for action in window.menuBar().actions()]
    actions = [action for menu in menus if isinstance(menu, QMenu) for action in actions_of(menu)]
    assert len(actions) > 40
    for action in actions:
        if action.text() in _ENDS_IT or action.isSeparator() or not action.isEnabled():
            continue
        action.trigger()
        await asyncio.sleep(0)
        close_dialogs(window)
        window.show_facts()
        window.watch.refresh_next_plot()
    assert not [event for event in bench.monitor.events.since(0) if event.level is Level.ERROR]


async def test_every_control_can_be_used_while_a_stream_plays(bench: Bench) -> None:
    window = bench.window
    window.show()
    await bench.stream()
    bench.monitor.record(BUFFER_DEPTH_MS, 50.0)
    used = 0
    for control in window.findChildren(QWidget):
        if not control.isEnabled() or isinstance(control.window(), QDialog):
            continue
        if isinstance(control, QSlider):
            for value in (control.minimum(), control.maximum(), (control.minimum() + control.maximum()) // 2):
                control.setValue(value)
        elif isinstance(control, QDoubleSpinBox | QSpinBox):
            for value in (control.minimum(), control.maximum(), control.minimum()):
                control.setValue(value)
        elif isinstance(control, QComboBox) and not control.isEditable():
            for at in range(control.count()):
                control.setCurrentIndex(at)
                control.activated.emit(at)
        elif isinstance(control, QAbstractButton) and not _opens_a_menu(control):
            control.click()
            control.click()
        else:
            continue
        used += 1
        await asyncio.sleep(0)
        close_dialogs(window)
        window.show_facts()
        if not bench.owner.is_running:
            await bench.stream()
    assert used > 40
    assert not [event for event in bench.monitor.events.since(0) if event.level is Level.ERROR]


def test_every_control_says_what_it_is(bench: Bench) -> None:
    kinds = (QAbstractButton, QComboBox, QSlider, QAbstractSpinBox)
    for control in bench.window.findChildren(QWidget):
        is_own = not control.objectName().startswith("qt_") and "Dialog" not in type(control.window()).__name__
        if isinstance(control, kinds) and is_own and not _is_part_of_qt(control):
            assert control.accessibleName(), (control, control.parent())
            assert control.toolTip(), (control, control.accessibleName())


def _opens_a_menu(button: QAbstractButton) -> bool:
    return getattr(button, "menu", lambda: None)() is not None


def _is_part_of_qt(control: QWidget) -> bool:
    """Buttons that tab bars, combo boxes and tables make for themselves."""
    parent = control.parentWidget()
    while parent is not None:
        if type(parent).__name__ in ("QTabBar", "QComboBox", "QDateTimeEdit", "QTableView", "EventTable", "QMenuBar"):
            return True
        parent = parent.parentWidget()
    return type(control).__name__ == "QTableCornerButton" or type(control) is QAbstractButton
