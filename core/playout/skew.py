"""How fast the sender's clock runs away from ours, from the packets that the network did not hold up.

Delays of the network are never negative, so clock skew is the slope of the lower edge of lateness over time: Moon,
Skelly, Towsley, "Estimation and Removal of Clock Skew from Network Delay Measurements" (INFOCOM 1999). Their line,
the edge of the lower convex hull over the middle of the data, minimises the sum of distances to points that all lie
above it. It rests on two points; here it is the start of a least-squares fit to all points near it, which is finer
where jitter has no sharp lower edge, and whose scatter tells how far it can be trusted.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

STEP_NS: Final = 250_000_000
"""Of each step of time the quickest packet counts: a dozen packets of 20 ms."""

WINDOW_STEPS: Final = 360
"""90 s. Clocks keep their pace for much longer; servers that pace by sleeping do not."""

FIT_PAUSE_STEPS: Final = 4
"""A second between two fits, once the first seconds are over."""

YOUNG_STEPS: Final = 16
"""Up to here every step brings a fit, since a server that is some per cent slow will not wait."""

MIN_STEPS: Final = 6
"""Two figures are fitted and a third, the scatter, is judged: fewer steps are no evidence."""

PACED_PPM: Final = 150_000.0
"""Steeper is nobody's pace: a source that sends ahead, or that pauses."""

SURE_PPM: Final = 50.0
"""An estimate with at most this standard error is given, whatever it is."""

SIGNIFICANT: Final = 5.0
"""An estimate so many standard errors away from zero is given earlier: coarse, but not there by chance."""

FEW_POINTS: Final = 20.0
"""The standard error of n points is taken to be larger by this over n: few that lie well may do so by chance. With it
one fit of a hundred is off by more than three of its errors."""

NEAR: Final = 3.0
"""Points within so many times the median distance take part in the fit; the rest was held up."""

SHIFT_NS: Final = 3_000_000
"""A change of the base delay by less is not told from scatter. 3 ms over 90 s are 33 ppm."""

SHIFT_SCATTERS: Final = 8.0
"""Nor is one by less than so many times the scatter around the line."""

RISE_STEPS: Final = 16
"""For so long lateness has to stay above the line before the path is believed to have changed: 4 s."""

DROP_STEPS: Final = 2
"""The same below it: nothing but another path or pace makes packets early."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SkewFit:
    """A line under the lateness of the quickest packets."""

    ppm: float
    """Its slope: by how much lateness grows, in millionths of the time that passes here."""
    error_ppm: float
    """The standard error of that."""
    span_s: float
    """The time it was taken from."""
    base_ns: float
    """Its height at ``origin_ns``."""
    origin_ns: int
    """The middle of the time it was taken from."""
    scatter_ns: float
    """The median distance from it."""

    def above(self, at_ns: int, lateness_ns: int) -> float:
        """How far above the line a point lies, in nanoseconds."""
        return lateness_ns - self.base_ns - self.ppm * 1e-6 * (at_ns - self.origin_ns)

    def tolerance(self, at_ns: int) -> float:
        """How far above or below a point may lie, in nanoseconds, and still belong to the line."""
        reach = SIGNIFICANT * self.error_ppm * 1e-6 * abs(at_ns - self.origin_ns)
        return max(SHIFT_NS, SHIFT_SCATTERS * self.scatter_ns) + reach


def lower_hull_edge(at: Floats, value: Floats) -> tuple[float, float]:
    """Slope and height at 0 of the lower convex hull's edge over the mean of ``at``, which increases (Moon et al.).

    Raises:
        ValueError: fewer than two points.
    """
    middle = float(at.mean())
    hull: list[tuple[float, float]] = []
    for x, y in zip(at.tolist(), value.tolist(), strict=True):
        while len(hull) > 1:
            (x1, y1), (x2, y2) = hull[-2:]
            if (y2 - y1) * (x - x1) < (y - y1) * (x2 - x1):
                break
            hull.pop()
        hull.append((x, y))
    for (x1, y1), (x2, y2) in pairwise(hull):
        if x2 >= middle:
            slope = (y2 - y1) / (x2 - x1)
            return slope, y1 - slope * x1
    raise ValueError("a line needs two points")


def fit_lower_edge(points: list[tuple[int, int]]) -> SkewFit:
    """The line under points of (time, lateness), at least `MIN_STEPS` and increasing in time, both in nanoseconds."""
    origin_ns = (points[0][0] + points[-1][0]) // 2
    at = np.array([at_ns - origin_ns for at_ns, _ in points], dtype=np.float64)
    lateness = np.array([lateness_ns - points[0][1] for _, lateness_ns in points], dtype=np.float64)
    slope, height = lower_hull_edge(at, lateness)
    for _ in range(4):
        distances = np.abs(lateness - slope * at - height)
        near = distances <= NEAR * max(_median(distances), 1_000.0)
        x, y = at[near], lateness[near]
        x_mean, y_mean = float(x.mean()), float(y.mean())
        slope = float(np.dot(x - x_mean, y - y_mean) / np.dot(x - x_mean, x - x_mean))
        height = y_mean - slope * x_mean
    off = y - slope * x - height
    return SkewFit(
        slope * 1e6,
        _slope_error(x, off) * 1e6,
        float(at[-1] - at[0]) / 1e9,
        points[0][1] + height,
        origin_ns,
        _median(np.abs(off)),
    )


def _median(values: Floats) -> float:
    """The upper one. `numpy.median` imports masked arrays when it is first called: 20 ms in the middle of playing."""
    middle = len(values) // 2
    return float(np.partition(values, middle)[middle])


def _slope_error(x: Floats, off: Floats) -> float:
    """Standard error of the least-squares slope whose points lie ``off`` the line, with allowance for their number.

    The larger one of the usual formula and of the jackknife that leaves out one stretch of time after another (Efron,
    "The Jackknife, the Bootstrap and Other Resampling Plans", 1982). That holds when neighbours resemble each other, as
    in congestion, but with so few stretches it is small by chance at times.
    """
    groups = min(8, len(x))
    starts = np.arange(groups) * len(x) // groups
    totals = np.add.reduceat(np.stack((np.ones_like(x), x, off, x * x, x * off)), starts, axis=1)
    n, sx, sy, sxx, sxy = totals.sum(axis=1, keepdims=True) - totals
    slopes = (n * sxy - sx * sy) / (n * sxx - sx * sx)
    jackknife = (groups - 1) / groups * float(np.square(slopes - slopes.mean()).sum())
    usual = float(np.dot(off, off) / max(len(x) - 2, 1) / np.square(x - x.mean()).sum())
    return math.sqrt(max(jackknife, usual)) * (1 + FEW_POINTS / len(x))


class SkewEstimator:
    """Takes in every packet's lateness and gives the skew of the two clocks. Not thread-safe.

    Work for a packet is a comparison; once a second (four times at first) it is a fit of half a millisecond.
    """

    def __init__(self) -> None:
        """No packets yet."""
        self._points: deque[tuple[int, int]] = deque(maxlen=WINDOW_STEPS)
        self._quickest: tuple[int, int] | None = None
        self._fit: SkewFit | None = None
        self._held: float | None = None
        self._steps_since_fit = 0
        self._rises = 0
        self._drops = 0

    @property
    def ppm(self) -> float | None:
        """By how much lateness grows, in millionths of the time that passes here: positive for a slow sender.

        A reader that takes 1 - ppm / 1e6 seconds of audio each second neither runs dry nor piles up. ``None`` before
        there is evidence, and for a source that sends at no steady pace. After the path has changed this is what held
        before, until what came since is evidence again.
        """
        fit, held = self._fit, self._held
        if fit is None:
            return held
        if abs(fit.ppm) > PACED_PPM:
            return None
        if fit.error_ppm <= SURE_PPM or abs(fit.ppm) > SIGNIFICANT * fit.error_ppm:
            return fit.ppm
        # Not good enough by itself, but perhaps to tell that what held before does not hold any more.
        return fit.ppm if held is not None and abs(fit.ppm - held) > SIGNIFICANT * fit.error_ppm else held

    @property
    def error_ppm(self) -> float | None:
        """Standard error of the latest fit, whether it was good enough to be given or not."""
        return None if self._fit is None else self._fit.error_ppm

    @property
    def span_s(self) -> float:
        """The time the latest fit was taken from, in seconds; 0 before the first."""
        return 0.0 if self._fit is None else self._fit.span_s

    def clear(self) -> None:
        """Another stream, another clock: forget everything."""
        self._restart(0)
        self._quickest = self._held = None

    def add(self, at_ns: int, lateness_ns: int) -> None:
        """Take in a packet: its arrival, never before the last one's, and that minus its media time, any origin."""
        quickest = self._quickest
        if quickest is None:
            self._quickest = at_ns, lateness_ns
        elif at_ns // STEP_NS == quickest[0] // STEP_NS:
            if lateness_ns < quickest[1]:
                self._quickest = at_ns, lateness_ns
        else:
            self._quickest = at_ns, lateness_ns
            self._end_step(*quickest)

    def _end_step(self, at_ns: int, lateness_ns: int) -> None:
        self._points.append((at_ns, lateness_ns))
        while self._points[0][0] < at_ns - WINDOW_STEPS * STEP_NS:
            self._points.popleft()
        self._watch_for_a_shift(at_ns, lateness_ns)
        self._steps_since_fit += 1
        steady = len(self._points) - self._rises - self._drops
        if steady >= MIN_STEPS and (steady <= YOUNG_STEPS or self._steps_since_fit >= FIT_PAUSE_STEPS):
            self._steps_since_fit = 0
            self._fit = fit_lower_edge(list(islice(self._points, steady)))

    def _watch_for_a_shift(self, at_ns: int, lateness_ns: int) -> None:
        """What lies off the line is left out at first; if it stays there, it begins another line."""
        if self._fit is None:
            return
        above_ns, tolerance_ns = self._fit.above(at_ns, lateness_ns), self._fit.tolerance(at_ns)
        self._rises = self._rises + 1 if above_ns > tolerance_ns else 0
        self._drops = self._drops + 1 if above_ns < -tolerance_ns else 0
        if self._rises >= RISE_STEPS:
            self._restart(self._rises)
        elif self._drops >= DROP_STEPS:
            self._restart(self._drops)

    def _restart(self, keep: int) -> None:
        """Forget all steps but the last ``keep``, and of the line the slope, if it was sure."""
        if self._fit is not None and self._fit.error_ppm <= SURE_PPM:
            self._held = self._fit.ppm if abs(self._fit.ppm) <= PACED_PPM else None
        while len(self._points) > keep:
            self._points.popleft()
        self._fit = None
        self._rises = self._drops = 0
