"""What is typed into a number box is taken, or it is said why not; and Ctrl+Z there is the window's, too."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gui.widgets.number_box import NumberBox
from tests.gui.conftest import Bench, eventually

CTRL = Qt.KeyboardModifier.ControlModifier


class Typing:
    """A box from -60 to 2000, what it has set, and what it has refused."""

    def __init__(self, qtbot: QtBot) -> None:
        self.box = NumberBox(6.0, 2_000.0, 5.0, " ms")
        self.box.setAccessibleName("Depth")
        self.box.setValue(60.0)
        qtbot.addWidget(self.box)
        self.values: list[float] = []
        self.refused: list[str] = []
        self.box.valueChanged.connect(self.values.append)
        self.box.refused.connect(self.refused.append)

    def type(self, keys: str) -> None:
        self.box.selectAll()
        QTest.keyClicks(self.box, keys)
        QTest.keyClick(self.box, Qt.Key.Key_Return)


@pytest.fixture
def typing(qtbot: QtBot) -> Typing:
    return Typing(qtbot)


@pytest.mark.parametrize("keys", ["99999", "3", "2000.5", "0"])
def test_a_number_out_of_bounds_is_refused_in_one_line_and_the_value_stays(typing: Typing, keys: str) -> None:
    typing.type(keys)
    assert typing.refused == [f"Depth: {keys} ms is not possible; accepted: 6 to 2000 ms"]
    assert typing.values == []
    assert typing.box.text() == "60 ms"


def test_what_is_within_bounds_is_taken_without_a_word(typing: Typing) -> None:
    for keys in ("6", "2000", "12.5"):
        typing.type(keys)
    assert typing.values == [6.0, 2_000.0, 12.5]
    assert typing.refused == []


@pytest.mark.parametrize("keys", ["1e5x", "12345678901234567890"])
def test_letters_cannot_be_typed_and_endless_numbers_end(typing: Typing, keys: str) -> None:
    typing.box.selectAll()
    QTest.keyClicks(typing.box, keys)
    assert len(typing.box.cleanText()) <= 12
    assert typing.box.cleanText().isdigit()


def test_arrows_stop_at_the_bounds_without_a_word(typing: Typing) -> None:
    for _ in range(20):
        QTest.keyClick(typing.box, Qt.Key.Key_Down)
    assert typing.box.value() == 6.0
    assert typing.refused == []


async def test_every_box_of_the_window_tells_the_banner(bench: Bench) -> None:
    boxes = bench.window.findChildren(NumberBox)
    assert len(boxes) >= 14
    for box in boxes:
        bench.window.banner.dismiss()
        # As typed: some are disabled until there is a server.
        box.fixup("99999999999")
        assert box.accessibleName() + ": " in bench.window.banner.text
        assert "accepted: " in bench.window.banner.text


async def test_a_number_that_is_taken_takes_the_complaint_away(bench: Bench) -> None:
    seed = bench.window.lab_panel.seed
    for keys in ("99999999999", "7"):
        seed.selectAll()
        QTest.keyClicks(seed, keys)
        QTest.keyClick(seed, Qt.Key.Key_Return)
        assert bool(bench.window.banner.text) is (keys != "7")
    assert bench.window.lab_panel.values.seed == 7


async def test_undo_in_a_number_box_takes_the_last_change_back(bench: Bench) -> None:
    await bench.stream()
    window = bench.window
    window.show()
    window.activateWindow()
    await eventually(window.isActiveWindow)
    controls = window.tune_panel.playout
    controls.kind.setCurrentIndex(1)
    controls.kind.activated.emit(1)
    window._tuner._undo_change.settle()
    before = controls.depth_spin.value()
    spin = controls.depth_spin
    spin.setFocus()
    spin.selectAll()
    QTest.keyClicks(spin, "80")
    # While it is being typed, Ctrl+Z is about the text.
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Z, CTRL)
    assert spin.value() == before
    spin.selectAll()
    QTest.keyClicks(spin, "90")
    QTest.keyClick(spin, Qt.Key.Key_Return)
    assert spin.value() == 90.0
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Z, CTRL)
    assert spin.value() == before
