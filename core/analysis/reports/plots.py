"""The plots of a report: lateness, what a buffer would miss, bit rate, loudness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from core.analysis.findings import Severity
from core.analysis.reports.report import Report, place
from core.analysis.reports.series import Point
from core.analysis.reports.svg import Axis, Plot, Step, round_up
from core.playout.late_history import GRID_MS

_LEAST_LATENESS_MS: Final = 20.0
"""A server that is paced to the millisecond shall not look like a mountain range."""

_LEAST_SHARE_PCT: Final = 0.01
_QUIETEST_LUFS: Final = -60.0
_BITRATE_PIECE_S: Final = 1.0
"""In less there are so few packets that one more or less is a step."""

_FLAGS_MOST: Final = 200


@dataclass(frozen=True, slots=True)
class Figure:
    """A plot, its heading, and a sentence on how to read it."""

    heading: str
    svg: str
    caption: str


def figures(report: Report) -> list[Figure]:
    """Those that there is anything to show in."""
    if not report.series.points:
        return []
    made = (_need(report), _lateness(report), _bitrate(report), _loudness(report))
    return [figure for figure in made if figure is not None]


def _time(report: Report) -> Axis:
    series = report.series
    return Axis(0.0, max(len(series.points) * series.point_s, series.point_s), "seconds since the beginning")


def _flags(plot: Plot, report: Report) -> None:
    """Where errors and warnings were seen."""
    seen = [
        (each.at_s, f"{finding.kind.value}: {place(each)}")
        for finding in report.findings
        if finding.severity is not Severity.NOTE
        for each in finding.evidence
    ]
    plot.flags(seen[:_FLAGS_MOST])


def _spans(report: Report) -> list[tuple[float, float, Point]]:
    width = report.series.point_s
    return [(number * width, (number + 1) * width, point) for number, point in enumerate(report.series.points)]


def _lateness(report: Report) -> Figure | None:
    spans = _spans(report)
    most = max((point.relative_delay_max_ms or 0.0 for _, _, point in spans), default=0.0)
    depth_ms = report.limits.at_depth_ms
    top = round_up(max(most, _LEAST_LATENESS_MS) * 1.05)
    plot = Plot(_time(report), Axis(0.0, top, "ms late"), "Arrival lateness over time")
    plot.bands(
        [(begin, end, point.relative_delay_min_ms, point.relative_delay_max_ms) for begin, end, point in spans],
        "late",
    )
    plot.level(depth_ms, f"a buffer of {depth_ms:g} ms")
    _flags(plot, report)
    return Figure(
        "Lateness of packets",
        plot.svg(),
        "How much later than the quickest of late packets came, from the least to the most in each"
        f" {report.series.point_s:g} s. What is above a listener's buffer is a dropout."
        " Triangles: where a fault was seen.",
    )


def _need(report: Report) -> Figure | None:
    needs = report.analysis.needs
    if needs is None:
        return None
    needed = [size for size in (needs.buffer_ms_for_0_1_pct, needs.buffer_ms_for_1_pct) if size is not None]
    depth_ms = report.limits.at_depth_ms
    last = max((float(size) for size, share in zip(GRID_MS, needs.late_pct, strict=False) if share > 0), default=0.0)
    end = min(round_up(max(1.25 * last, 1.25 * max(needed, default=0.0), 1.5 * depth_ms, 100.0)), float(GRID_MS[-1]))
    shares = Axis(_LEAST_SHARE_PCT, 100.0, "% too late", is_log=True, ticks=(0.01, 0.1, 1.0, 10.0, 100.0))
    plot = Plot(Axis(0.0, end, "ms of buffer"), shares, "Buffer needed against share of late packets")
    # A share is told for each delay of the grid and holds up to the next one.
    pairs = zip(GRID_MS, GRID_MS[1:], needs.late_pct, strict=False)
    steps: list[Step] = [(float(a), float(b), share) for a, b, share in pairs if a < end]
    plot.steps(steps, "need", filled=True)
    limit = report.limits.max_late_pct
    if limit is not None:
        plot.level(max(limit, _LEAST_SHARE_PCT), f"limit {limit:g} %", "limit")
        plot.place(depth_ms, f"limit at {depth_ms:g} ms", 2, "limit")
    for row, (share, size) in enumerate((("1 %", needs.buffer_ms_for_1_pct), ("0.1 %", needs.buffer_ms_for_0_1_pct))):
        if size is not None:
            plot.place(size, f"{share} late: {size:g} ms", row)
    return Figure(
        "Buffer needed",
        plot.svg(),
        "The share of packets that a listener with this much buffer would have got too late. The further left it falls,"
        " the less delay this stream needs.",
    )


def _bitrate(report: Report) -> Figure | None:
    content, width = report.analysis.content, report.series.point_s
    together = max(1, round(_BITRATE_PIECE_S / width))
    points = report.series.points
    steps: list[Step] = []
    for first in range(0, len(points), together):
        piece = points[first : first + together]
        mean = sum(point.bitrate_kbps for point in piece) / len(piece)
        steps.append((first * width, (first + len(piece)) * width, mean))
    top = round_up(max(max(value or 0.0 for _, _, value in steps), 1.0) * 1.15)
    plot = Plot(_time(report), Axis(0.0, top, "kbit/s"), "Bit rate over time")
    plot.steps(steps, "rate", filled=True)
    if content is not None and content.bitrate_kbps is not None:
        plot.level(content.bitrate_kbps, f"mean {content.bitrate_kbps:.1f}")
    for limit, words in ((report.limits.min_bitrate_kbps, "at least"), (report.limits.max_bitrate_kbps, "at most")):
        if limit is not None:
            plot.level(limit, f"limit: {words} {limit:g}", "limit")
    _flags(plot, report)
    return Figure(
        "Bit rate",
        plot.svg(),
        f"Of the Opus packets that came, without headers, in each {max(_BITRATE_PIECE_S, width):g} s by the clock: none"
        " came in a stall, many after it.",
    )


def _loudness(report: Report) -> Figure | None:
    sound, wanted = report.analysis.sound, report.limits.loudness
    if sound is None or all(point.loudness_lufs is None for point in report.series.points):
        return None
    plot = Plot(_time(report), Axis(_QUIETEST_LUFS, 0.0, "LUFS"), "Loudness over time")
    if wanted is not None:
        low, high = wanted.target_lufs - wanted.tolerance_lu, wanted.target_lufs + wanted.tolerance_lu
        plot.zone(max(low, _QUIETEST_LUFS), min(high, 0.0), "wanted")
    plot.steps([(begin, end, point.loudness_lufs) for begin, end, point in _spans(report)], "loud")
    if sound.loudness_lufs is not None:
        plot.level(sound.loudness_lufs, f"integrated {sound.loudness_lufs:.1f}")
    if wanted is not None:
        plot.level(wanted.target_lufs, f"wanted {wanted}", "limit")
    _flags(plot, report)
    return Figure(
        "Loudness",
        plot.svg(),
        "Momentary loudness (EBU R128), the loudest of each piece of time; a hole is silence, or nothing that came.",
    )
