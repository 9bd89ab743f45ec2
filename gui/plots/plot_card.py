"""A plot with its heading, legend and present value."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from gui.plots.time_plot import TimePlot
from gui.widgets.labels import LegendEntry, TextLabel


class PlotCard(QFrame):
    """Heading on the left, legend after it, the value that matters most on the right, the plot below."""

    def __init__(
        self, heading: str, tooltip: str, plot: TimePlot, legend: list[LegendEntry], parent: QWidget | None = None
    ) -> None:
        """``heading`` carries the unit of the scale."""
        super().__init__(parent)
        self.setObjectName("card")
        self.plot = plot
        plot.setAccessibleName(heading)
        plot.setAccessibleDescription(tooltip)
        title = TextLabel(heading, "heading")
        title.setToolTip(tooltip)
        self.value = TextLabel("", "heading")
        head = QHBoxLayout()
        head.setContentsMargins(8, 0, 8, 0)
        head.setSpacing(18)
        head.addWidget(title)
        for entry in legend:
            head.addWidget(entry)
        head.addStretch(1)
        head.addWidget(self.value)
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 8, 6, 4)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(plot, 1)
