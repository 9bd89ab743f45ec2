"""What can be done with the plots: choose the time shown, freeze, go from problem to problem, save."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, QPoint, QRect, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPixmap
from PySide6.QtWidgets import QFileDialog, QWidget

from core.monitor.export import write_csv
from core.monitor.monitor import Monitor
from gui.view_models.text import count
from gui.watch import Watch
from gui.widgets.change_table import ChangeTable
from gui.widgets.watch_bar import WatchBar

Say = Callable[[str], None]
"""Tells people one line: what went wrong, or what was done."""


_CAPTION_SHARE: Final = 0.85
_CAPTION_GAP_PX: Final = 6


class WatchDesk(QObject):
    """Between the bar above the plots and what they show."""

    def __init__(
        self,
        watch: Watch,
        monitor: Monitor,
        window: QWidget,
        complain: Say,
        tell: Say,
        describe: Callable[[], Sequence[str]] = lambda: (),
    ) -> None:
        """``complain`` and ``tell`` are for what did not work, and for what did.

        ``describe`` gives what a saved picture says of where it is from, without secrets.
        """
        super().__init__(window)
        self._watch, self._monitor, self._window = watch, monitor, window
        self._complain, self._tell, self._describe = complain, tell, describe
        self._note = ""
        self.bar = WatchBar()
        self.changes = ChangeTable(watch.changes)
        self.bar.window_chosen.connect(watch.view.choose)
        self.bar.freeze_wanted.connect(self.set_frozen)
        self.bar.problem_wanted.connect(self.go_to_problem)
        self.bar.image_wanted.connect(self.ask_for_image)
        self.bar.table_wanted.connect(self.ask_for_table)
        self.changes.moment_wanted.connect(self.go_to)
        watch.view.changed.connect(self._show_view)
        watch.view.crosshair_moved.connect(self._show_state)
        self._show_view()

    def show_facts(self) -> None:
        """Bring the table of changes up to date."""
        self.changes.changes.take()

    def set_note(self, text: str) -> None:
        """What everybody who looks at the plots should know; stands in the bar while they are live."""
        self._note = text
        self._show_state()

    def set_frozen(self, is_frozen: bool) -> None:
        """Let the plots stand still, or follow again."""
        if is_frozen:
            self._watch.view.freeze()
        else:
            self._watch.view.resume()
        # Before anything was recorded there is nothing to freeze.
        self._show_view()

    def toggle_frozen(self) -> None:
        """The other way round."""
        self.set_frozen(not self._watch.view.is_frozen)

    def go_to_problem(self, is_next: bool) -> None:
        """Freeze at the next problem, or the one before; say so if there is none."""
        at_s = self._watch.problem_s(is_next)
        if at_s is None:
            self._tell(self.tr("No later problem is known") if is_next else self.tr("No earlier problem is known"))
        else:
            self._watch.view.go_to(at_s)

    def go_to(self, at_s: float) -> None:
        """Freeze at a moment; say so if it is not kept any more."""
        if not self._watch.view.go_to(at_s):
            self._tell(self.tr("That is longer ago than the ten minutes that are kept"))

    def ask_for_image(self) -> None:
        """Ask where to, then save the plots that can be seen as one picture."""
        dialog = self._dialog(self.tr("Save the plots"), "opuscope.png", self.tr("Pictures (*.png)"))
        dialog.fileSelected.connect(lambda name: self.save_image(Path(name)))
        dialog.open()

    def ask_for_table(self) -> None:
        """Ask where to, then save the part of all series that is shown."""
        dialog = self._dialog(self.tr("Save the series"), "opuscope.csv", self.tr("Tables (*.csv)"))
        dialog.fileSelected.connect(lambda name: self.save_table(Path(name)))
        dialog.open()

    def save_image(self, path: Path) -> None:
        """Write the visible plots, one below the other, with their titles, and a line on where and when that was."""
        docks = [dock for dock in self._watch.docks if dock.widget().isVisible()]
        if not docks:
            self._complain(self.tr("No plot is open that could be saved; View, Panels opens them"))
            return
        pictures = [dock.picture() for dock in docks]
        pictures.append(self._caption(max(pictures, key=QPixmap.width)))
        ratio = pictures[0].devicePixelRatio()
        height = sum(picture.height() for picture in pictures)
        whole = QPixmap(max(picture.width() for picture in pictures), height)
        whole.setDevicePixelRatio(ratio)
        whole.fill(self._window.palette().window().color())
        painter = QPainter(whole)
        top = 0.0
        for picture in pictures:
            painter.drawPixmap(QPoint(0, round(top)), picture)
            top += picture.height() / ratio
        painter.end()
        if whole.save(str(path), "PNG"):
            self._tell(self.tr("The plots were written to {0}").format(path))
        else:
            self._complain(self.tr("{0} cannot be written; choose another place").format(path))

    def save_table(self, path: Path) -> None:
        """Write all series over the time shown."""
        try:
            with path.open("w", newline="", encoding="utf-8") as file:
                offset_s = time.time() - self._monitor.now_s()
                rows = write_csv(self._watch.view.history, self._watch.view.window.span, offset_s, file)
        except OSError as error:
            self._complain(self.tr("{0} cannot be written ({1}); choose another place").format(path, error.strerror))
            return
        self._tell(self.tr("{0} rows were written to {1}").format(count(rows), path))

    def _caption(self, above: QPixmap) -> QPixmap:
        """A small line, or as many as it takes, as wide as ``above``: address, moment, and what else is told."""
        wall_s = (self._watch.view.end_s or self._monitor.now_s()) + time.time() - self._monitor.now_s()
        moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(wall_s))
        address, *more = self._describe() or ("",)
        text = " · ".join(part for part in (address, moment, *more) if part)
        font = QFont(self._window.font())
        font.setPointSizeF(max(font.pointSizeF() * _CAPTION_SHARE, 6.0))
        ratio = above.devicePixelRatio()
        room = QRect(_CAPTION_GAP_PX, 0, round(above.width() / ratio) - 2 * _CAPTION_GAP_PX, 10_000)
        wrapped = int(Qt.TextFlag.TextWordWrap)
        height = QFontMetrics(font).boundingRect(room, wrapped, text).height() + 2 * _CAPTION_GAP_PX
        picture = QPixmap(above.width(), round(height * ratio))
        picture.setDevicePixelRatio(ratio)
        palette = self._window.palette()
        picture.fill(palette.window().color())
        painter = QPainter(picture)
        painter.setFont(font)
        painter.setPen(palette.windowText().color())
        painter.drawText(room.translated(0, _CAPTION_GAP_PX), wrapped, text)
        painter.end()
        return picture

    def _dialog(self, title: str, name: str, kinds: str) -> QFileDialog:
        dialog = QFileDialog(self._window, title, name, kinds)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(Path(name).suffix[1:])
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        return dialog

    def _show_view(self) -> None:
        view = self._watch.view
        self.bar.show_window(view.window.seconds, view.is_frozen)
        self._show_state()

    def _show_state(self) -> None:
        view = self._watch.view
        text = self._note
        if view.is_frozen:
            moment_s = view.pointed_s if view.pointed_s is not None else view.end_s
            wall_s = (moment_s or 0.0) + time.time() - self._monitor.now_s()
            clock = time.strftime("%H:%M:%S", time.localtime(wall_s)) + f".{int(wall_s % 1 * 10)}"
            text = (
                self.tr("at {0}").format(clock)
                if view.pointed_s is not None
                else self.tr("frozen; up to {0}. Drag to move, wheel to zoom, F to go on").format(clock)
            )
        self.bar.state.show_text(text)
