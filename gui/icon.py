"""The program's icon, read from the installed package."""

from __future__ import annotations

from importlib.resources import files

from PySide6.QtGui import QIcon, QPixmap


def application_icon() -> QIcon:
    """The icon in the sizes that desktops ask for."""
    icon = QIcon()
    for size in (32, 64, 256):
        pixmap = QPixmap()
        pixmap.loadFromData((files("resources") / "icons" / f"opuscope-{size}.png").read_bytes())
        icon.addPixmap(pixmap)
    return icon
