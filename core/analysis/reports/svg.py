"""One plot as inline SVG: axes with round numbers, areas, steps, marks. Colours are the page's, by class."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

WIDTH: Final = 760.0
HEIGHT: Final = 210.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 58.0, 14.0, 12.0, 36.0
_TICKS: Final = 5
_LEAST_LABEL_PX: Final = 13.0
"""Labels of two horizontal lines that are closer than that would cover each other."""

Step = tuple[float, float, float | None]
"""From, to, value; ``None`` leaves a hole."""

Band = tuple[float, float, float | None, float | None]
"""From, to, lowest, highest."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis, linear or by powers of ten."""

    low: float
    high: float
    title: str
    is_log: bool = False
    ticks: tuple[float, ...] | None = None
    """``None``: round numbers that fit."""

    def share(self, value: float) -> float:
        """Where ``value`` lies between the ends, 0 to 1; what is outside lies at the end."""
        low, high, at = self.low, self.high, min(max(value, self.low), self.high)
        if self.is_log:
            low, high, at = math.log10(low), math.log10(high), math.log10(at)
        return (at - low) / (high - low) if high > low else 0.0

    def all_ticks(self) -> tuple[float, ...]:
        """The values that are written beside it."""
        return round_ticks(self.low, self.high) if self.ticks is None else self.ticks


def round_ticks(low: float, high: float, most: int = _TICKS) -> tuple[float, ...]:
    """At most ``most`` and one values of 1, 2 or 5 times a power of ten from ``low`` to ``high``."""
    raw = (high - low) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return tuple(round(number * step, 9) for number in range(first, math.floor(high / step + 1e-9) + 1))


def round_up(value: float) -> float:
    """The next value with round parts: the end of an axis."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(
        factor * power for factor in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if factor * power >= value * (1 - 1e-9)
    )


class Plot:
    """Collects what is drawn; what comes later lies above."""

    def __init__(self, x: Axis, y: Axis, title: str) -> None:
        """An empty frame; ``title`` is what a screen reader says."""
        self._x, self._y, self._title = x, y, title
        self._parts: list[str] = []
        self._levels: list[tuple[float, str, str]] = []

    def bands(self, bands: Iterable[Band], kind: str) -> None:
        """Fill between the lowest and the highest of each piece of time, at least a hair."""
        path = ""
        for begin, end, low, high in bands:
            if low is None or high is None:
                continue
            top, bottom = self._down(high), self._down(low)
            if bottom - top < 1.0:
                top, bottom = (top + bottom) / 2 - 0.5, (top + bottom) / 2 + 0.5
            left, right = self._across(begin), self._across(end)
            path += f"M{_px(left)} {_px(top)}H{_px(right)}V{_px(bottom)}H{_px(left)}Z"
        self._draw(path, f"fill {kind}")

    def steps(self, steps: Sequence[Step], kind: str, *, filled: bool = False) -> None:
        """A line that keeps its height through each piece; with ``filled`` also what is below it."""
        line, area, is_open = "", "", False
        for begin, end, value in steps:
            if value is None:
                is_open = False
                continue
            left, right, height = _px(self._across(begin)), _px(self._across(end)), _px(self._down(value))
            line += f"{'V' if is_open else f'M{left} '}{height}H{right}"
            area += f"M{left} {_px(HEIGHT - _BOTTOM)}V{height}H{right}V{_px(HEIGHT - _BOTTOM)}Z"
            is_open = True
        if filled:
            self._draw(area, f"fill {kind}")
        self._draw(line, f"line {kind}")

    def level(self, value: float, label: str, kind: str = "mark") -> None:
        """A horizontal line with its meaning at the right end."""
        if not self._y.low <= value <= self._y.high:
            return
        height = self._down(value)
        self._draw(f"M{_px(_LEFT)} {_px(height)}H{_px(WIDTH - _RIGHT)}", f"line {kind}")
        self._levels.append((height, label, kind))

    def zone(self, low: float, high: float, kind: str) -> None:
        """Between two heights, all along."""
        top, bottom = self._down(high), self._down(low)
        self._draw(f"M{_px(_LEFT)} {_px(top)}H{_px(WIDTH - _RIGHT)}V{_px(bottom)}H{_px(_LEFT)}Z", f"fill {kind}")

    def place(self, value: float, label: str, row: int = 0, kind: str = "mark") -> None:
        """A vertical line with its meaning at the top; ``row`` 1 and on write it lower."""
        if not self._x.low <= value <= self._x.high:
            return
        across = self._across(value)
        self._draw(f"M{_px(across)} {_px(_TOP)}V{_px(HEIGHT - _BOTTOM)}", f"line {kind}")
        side, shift = ("end ", -5) if across > WIDTH * 0.6 else ("", 5)
        self._text(across + shift, _TOP + 11 + 14 * row, label, f"{side}label {kind}")

    def flags(self, places: Iterable[tuple[float, str]], kind: str = "flag") -> None:
        """Small triangles at the bottom, each with words for the pointer."""
        base = HEIGHT - _BOTTOM
        for value, words in places:
            if self._x.low <= value <= self._x.high:
                across = self._across(value)
                path = f"M{_px(across - 4)} {_px(base + 1)}h8l-4 -8z"
                self._parts.append(f'<path class="{kind}" d="{path}"><title>{escape(words)}</title></path>')

    def svg(self) -> str:
        """The element."""
        return (
            f'<svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" aria-label="{escape(self._title)}">'
            f"{self._grid()}{''.join(self._parts)}{self._level_labels()}</svg>"
        )

    def _level_labels(self) -> str:
        """Above their lines from the top down; those of lines that are too close below theirs."""
        parts: list[str] = []
        free_from = _TOP + 8.0
        for height, label, kind in sorted(self._levels):
            at = height - 4 if height - 4 >= free_from else max(height + 12, free_from)
            free_from = at + _LEAST_LABEL_PX
            parts.append(_text(WIDTH - _RIGHT - 4, at, label, f"end label {kind}"))
        return "".join(parts)

    def _grid(self) -> str:
        left, right, base = _LEFT, WIDTH - _RIGHT, HEIGHT - _BOTTOM
        parts: list[str] = []
        for tick in self._y.all_ticks():
            height = self._down(tick)
            parts.append(f'<path class="grid" d="M{_px(left)} {_px(height)}H{_px(right)}"/>')
            parts.append(_text(left - 7, height + 4, f"{tick:g}", "end"))
        for tick in self._x.all_ticks():
            across = self._across(tick)
            parts.append(f'<path class="grid" d="M{_px(across)} {_px(base)}v4"/>')
            parts.append(_text(across, base + 16, f"{tick:g}", "mid"))
        parts.append(f'<path class="axis" d="M{_px(left)} {_px(base)}H{_px(right)}"/>')
        parts.append(_text((left + right) / 2, HEIGHT - 5, self._x.title, "mid title"))
        middle = (_TOP + base) / 2
        turned = f"translate(13 {_px(middle)}) rotate(-90)"
        parts.append(f'<text class="mid title" transform="{turned}">{escape(self._y.title)}</text>')
        return "".join(parts)

    def _draw(self, path: str, kind: str) -> None:
        if path:
            self._parts.append(f'<path class="{kind}" d="{path}"/>')

    def _text(self, x: float, y: float, text: str, kind: str) -> None:
        self._parts.append(_text(x, y, text, kind))

    def _across(self, value: float) -> float:
        return _LEFT + self._x.share(value) * (WIDTH - _LEFT - _RIGHT)

    def _down(self, value: float) -> float:
        return HEIGHT - _BOTTOM - self._y.share(value) * (HEIGHT - _TOP - _BOTTOM)


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text class="{kind}" x="{_px(x)}" y="{_px(y)}">{escape(text)}</text>'


def _px(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
