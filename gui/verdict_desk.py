"""Between the question for a buffer's depth and the session that knows the answer."""

from __future__ import annotations

from PySide6.QtCore import QObject

from core.playout.late_history import GRID_MS
from gui import settings
from gui.session_owner import SessionOwner
from gui.settings import SettingsStore
from gui.view_models.text import plain_milliseconds
from gui.view_models.verdict import verdict_view
from gui.widgets.verdict_bar import VerdictBar


class VerdictDesk(QObject):
    """Remembers what is asked, and keeps the answer up to date."""

    def __init__(self, owner: SessionOwner, store: SettingsStore, parent: QObject | None = None) -> None:
        """The depth as remembered."""
        super().__init__(parent)
        self._owner, self._store = owner, store
        self.bar = VerdictBar(0.0, float(GRID_MS[-1]))
        self.bar.set_depth(store.get(settings.VERDICT_DEPTH_MS))
        self.bar.depth_changed.connect(self._on_depth)
        self.bar.anew_wanted.connect(self._on_anew)

    def show_facts(self) -> None:
        """Bring the answer up to date."""
        verdict = self._owner.verdict(self._store.get(settings.VERDICT_DEPTH_MS))
        self.bar.show_verdict(verdict_view(verdict, self._owner.is_running))

    @property
    def text(self) -> str:
        """Question and answer in one line, for pictures and the like."""
        depth_ms = self._store.get(settings.VERDICT_DEPTH_MS)
        view = verdict_view(self._owner.verdict(depth_ms), self._owner.is_running)
        if not view.word:
            return ""
        question = self.tr("Is a buffer of {depth} enough?").format(depth=plain_milliseconds(depth_ms))
        return f"{question} {view.word}: {view.sentence}"

    def _on_depth(self, depth_ms: float) -> None:
        self._store.set(settings.VERDICT_DEPTH_MS, depth_ms)
        self.show_facts()

    def _on_anew(self) -> None:
        self._owner.judge_anew()
        self.show_facts()
