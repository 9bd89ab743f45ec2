"""Which panels the window has and where they stand: watch on the left, tune and know on the right and below."""

from __future__ import annotations

from typing import Final

from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QSizePolicy, QVBoxLayout, QWidget

from gui.docks import Docks, PanelDock
from gui.translation import translate
from gui.watch import Watch
from gui.what_if_room import WhatIfRoom
from gui.widgets.event_panel import EventPanel

_LEAST_TABLE_PX: Final = 36
"""Two lines; Qt would ask for twice as much, and small screens have not got it."""


def set_top(window: QMainWindow, panels: tuple[QWidget, ...], below: tuple[QWidget, ...]) -> None:
    """Put ``panels`` side by side, and ``below`` them one under the other; they take no more height than they need."""
    centre = QWidget()
    column = QVBoxLayout(centre)
    column.setContentsMargins(0, 8, 0, 0)
    column.setSpacing(8)
    row = QHBoxLayout()
    row.setSpacing(8)
    for panel in panels:
        row.addWidget(panel, 1)
    column.addLayout(row)
    for widget in below:
        column.addWidget(widget)
    centre.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
    window.setCentralWidget(centre)
    window.setContentsMargins(8, 0, 8, 8)


class Panels:
    """All docks of the window."""

    def __init__(
        self,
        window: QMainWindow,
        watch: Watch,
        what_if: WhatIfRoom,
        *,
        events: EventPanel,
        changes: QWidget,
        tune: QWidget,
        lab: QWidget,
        statistics: QWidget,
        closed: tuple[PanelDock, ...] = (),
    ) -> None:
        """Put them into ``window``; ``closed`` are more that are not shown at first, beside the events."""
        self.events = PanelDock(
            "events",
            translate("Panels", "Events"),
            translate("Panels", "What happened, newest at the bottom"),
            events,
            tools=events.bar,
        )
        self.changes = PanelDock(
            "changes",
            translate("Panels", "Changes"),
            translate("Panels", "What each change did: 30 s before against 30 s after; Enter shows its moment"),
            changes,
        )
        self.tune = PanelDock(
            "tune", translate("Panels", "Tune"), translate("Panels", "What is asked for, and what is in force"), tune
        )
        self.lab = PanelDock(
            "lab",
            translate("Panels", "Network lab"),
            translate(
                "Panels", "Make the network worse on purpose, for any server, to hear and see what playout makes of it"
            ),
            lab,
        )
        self.statistics = PanelDock(
            "statistics",
            translate("Panels", "Statistics"),
            translate("Panels", "All figures of this session as text"),
            statistics,
        )
        for table in (events.table, changes, statistics):
            table.setMinimumHeight(_LEAST_TABLE_PX)
        self.docks = Docks(
            window,
            watch=watch.docks,
            below=(self.events, self.changes, *closed),
            side=((self.tune, self.lab), (what_if.dock,), (self.statistics,)),
            closed=(watch.level_dock, *closed),
        )
