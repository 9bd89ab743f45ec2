"""Renders opuscope.svg into the PNG sizes that the window loads, so that it needs no SVG plugin."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtSvg import QSvgRenderer


def main() -> None:
    """Write the PNG files beside this file."""
    folder = Path(__file__).parent
    renderer = QSvgRenderer(str(folder / "opuscope.svg"))
    for size in (32, 64, 256):
        image = QImage(size, size, QImage.Format.Format_ARGB32)
        image.fill(Qt.GlobalColor.transparent)
        painter = QPainter(image)
        renderer.render(painter)
        painter.end()
        image.save(str(folder / f"opuscope-{size}.png"))


if __name__ == "__main__":
    main()
