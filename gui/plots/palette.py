"""From soft to loud: colours whose lightness grows evenly, so that twice the step looks like twice the step.

From blue to yellow, which people with any colour vision can tell apart, on a path of our own; what it looks like in
grey is the same picture.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor

from gui.theme import Colors

STEPS: Final = 256

_TO_YELLOW: Final = ("#16305e", "#2f5f9a", "#6f8fa8", "#b5a95f", "#ffe84a")
"""On a dark plot, which stands for silence."""
_TO_NAVY: Final = ("#f3e28a", "#c2b866", "#7096a0", "#2f6299", "#0e2350")
"""On a light one."""

_FINE: Final = 2_048

Rgb = NDArray[np.float64]


def loudness_palette(colors: Colors) -> NDArray[np.uint32]:
    """256 opaque colours as ``0xffrrggbb``, from the plot's background (silence) to the loudest."""
    anchors = _parts((colors.plot, *(_TO_YELLOW if colors.is_dark else _TO_NAVY)))
    at = np.linspace(0, len(anchors) - 1, _FINE)
    path = np.stack([np.interp(at, np.arange(len(anchors)), anchors[:, part]) for part in range(3)], axis=1)
    light = lightness(path)
    if not colors.is_dark:
        light = -light
    evenly = np.linspace(light[0], light[-1], STEPS)
    parts = np.stack([np.interp(evenly, light, path[:, part]) for part in range(3)], axis=1)
    red, green, blue = np.rint(parts * 255).astype(np.uint32).T
    palette: NDArray[np.uint32] = np.uint32(0xFF000000) | (red << np.uint32(16)) | (green << np.uint32(8)) | blue
    return palette


def lightness(rgb: Rgb) -> NDArray[np.float64]:
    """CIE 1976 L* (0 to 100) of sRGB colours (IEC 61966-2-1) between 0 and 1, shape (colours, 3)."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    luminance = linear @ np.array([0.2126, 0.7152, 0.0722])
    root = np.where(luminance > (6 / 29) ** 3, np.cbrt(luminance), luminance * (29 / 6) ** 2 / 3 + 4 / 29)
    lightness_: NDArray[np.float64] = 116 * root - 16
    return lightness_


def _parts(names: tuple[str, ...]) -> Rgb:
    colors = (QColor(name) for name in names)
    return np.array([(color.redF(), color.greenF(), color.blueF()) for color in colors])
