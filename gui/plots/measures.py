"""Figures of the plots that are needed before there are any: importing this loads nothing of pyqtgraph."""

from __future__ import annotations

from typing import Final

LEFT_AXIS_PX: Final = 52
"""The same for every plot: their axes stand exactly below each other."""
RIGHT_MARGIN_PX: Final = 28
"""Half of the last label stands beyond the end of the time axis."""

TIME_PLOT_LEAST_PX: Final = 43
WHAT_IF_LEAST_PX: Final = 68
WAVEFORM_LEAST_PX: Final = 90
"""Heights. What holds the place of a plot is as high, so that nothing moves when the plot comes."""

NO_CAUSE_YET: Final = "no cause yet"
"""Of an underrun that still lasts: its cause is told when it is over."""

WAVEFORM_POINTS: Final = 600
"""As many as the other plots have: what can be painted without costing audio."""
WAVEFORM_SPANS_MS: Final = (150, 300, 900)
"""Each a multiple of `WAVEFORM_POINTS` samples, with round figures at the grid's lines; a session keeps a second."""
WAVEFORM_FIRST_SPAN_MS: Final = 300
