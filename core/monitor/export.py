"""The series as a table that other programs read."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import TextIO

from core.monitor.monitor import History
from core.monitor.time_series import SeriesWindow, Span, last_bin


def write_csv(history: History, span: Span, wall_offset_s: float, file: TextIO) -> int:
    """Write one row for each point of ``span`` that holds anything, and give their number.

    ``wall_offset_s`` is Unix time minus monotonic time; the first column is the point's end in UTC (ISO 8601). Each
    gauge has columns for its lowest, mean and highest value, each tally one for its sum; what is not known is empty.
    ``file`` is to be opened with ``newline=""`` (RFC 4180).
    """
    newest_s = history.newest_s
    if newest_s is None:
        return 0
    bin_s = next(iter(history.series.values())).bin_s
    # All series up to the same bin, whichever of them was recorded last.
    span = replace(span, end_bin=last_bin(span, round(newest_s / bin_s) - 1))
    end_s = (last_bin(span, 0) + 1) * bin_s
    windows = {name: series.window(span) for name, series in history.series.items()}
    sums = {name: tally.window(span) for name, tally in history.tallies.items()}
    names = ["time_utc"]
    for name in windows:
        names += [f"{name}_low", name, f"{name}_high"]
    names += [name.replace(" ", "_") for name in sums]
    writer = csv.writer(file)
    writer.writerow(names)
    rows = 0
    for point in range(span.points):
        values = [value for window in windows.values() for value in _texts(window, point)]
        amounts = [f"{sums[name][point]:.6g}" for name in sums]
        if any(values) or any(amount != "0" for amount in amounts):
            age_s = (span.points - 1 - point) * bin_s * span.bins_per_point
            at = datetime.fromtimestamp(end_s - age_s + wall_offset_s, UTC)
            writer.writerow([at.isoformat(timespec="milliseconds"), *values, *amounts])
            rows += 1
    return rows


def _texts(window: SeriesWindow, point: int) -> Iterator[str]:
    for values in (window.low, window.mean, window.high):
        value = float(values[point])
        yield "" if math.isnan(value) else f"{value:.6g}"
