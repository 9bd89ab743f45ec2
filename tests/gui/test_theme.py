"""Both themes are legible, and switching reaches everything that holds colours."""

from __future__ import annotations

import itertools

import pytest
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

from gui import settings
from gui.settings import ThemeChoice
from gui.theme import DARK, LIGHT, Colors
from tests.gui.conftest import Bench

_ON_CARDS = [(text, "card") for text in ("text", "muted", "accent", "good", "warning", "bad", "marker")]
_TEXT_ON = [
    *_ON_CARDS,
    ("text", "window"),
    ("text", "field"),
    ("text", "button"),
    ("muted", "plot"),
    ("text", "warning_surface"),
    ("text", "bad_surface"),
    ("text", "info_surface"),
    ("on_accent", "accent"),
    ("on_accent", "accent_hover"),
]
_DATA = ("depth", "target", "underrun", "marker")


def luminance(color: str) -> float:
    """Relative luminance (WCAG 2.1)."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    """Contrast ratio (WCAG 2.1)."""
    dark, bright = sorted((luminance(first), luminance(second)))
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("colors", [DARK, LIGHT], ids=["dark", "light"])
@pytest.mark.parametrize(("text", "surface"), _TEXT_ON)
def test_text_reaches_aa(colors: Colors, text: str, surface: str) -> None:
    assert contrast(getattr(colors, text), getattr(colors, surface)) >= 4.5


@pytest.mark.parametrize("colors", [DARK, LIGHT], ids=["dark", "light"])
@pytest.mark.parametrize("data", _DATA)
def test_data_stand_out_from_the_plot(colors: Colors, data: str) -> None:
    assert contrast(getattr(colors, data), colors.plot) >= 3.0


@pytest.mark.parametrize("colors", [DARK, LIGHT], ids=["dark", "light"])
def test_causes_and_parts_stand_out_from_the_plot_and_differ(colors: Colors) -> None:
    for fills in (colors.stack, colors.causes):
        assert len(set(fills)) == len(fills)
        for fill in fills:
            assert contrast(fill, colors.plot) >= 3.0


@pytest.mark.parametrize("colors", [DARK, LIGHT], ids=["dark", "light"])
def test_neighbours_in_the_stack_differ_in_brightness_too(colors: Colors) -> None:
    stack = colors.stack
    for below, above in itertools.pairwise(stack):
        assert contrast(below, above) >= 1.2


def test_switching_reaches_widgets_and_plots_and_is_remembered(qapp: QApplication, bench: Bench) -> None:
    for choice, colors in ((ThemeChoice.DARK, DARK), (ThemeChoice.LIGHT, LIGHT)):
        bench.window._choose_theme(choice)
        assert qapp.palette().color(QPalette.ColorRole.Window) == QColor(colors.window)
        plot = bench.window.watch.plots.depth
        assert plot.backgroundBrush().color() == QColor(colors.plot)
        assert plot.mean_curve.opts["pen"].color() == QColor(colors.depth)
        assert bench.store.get(settings.THEME) is choice


def test_pens_are_thin_and_opaque_because_anything_else_costs_audio(bench: Bench) -> None:
    watch = bench.window.watch
    for curve in (watch.plots.depth.mean_curve, watch.plots.depth.target_curve, watch.plots.latency.total_curve):
        assert curve.opts["pen"].widthF() == 1.0
        assert curve.opts["pen"].color().alpha() == 255
        assert not curve.opts["antialias"]
