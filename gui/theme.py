"""Colours of window and plots, dark and light, in one table; the system's choice unless the user has one.

Data colours come from the Okabe-Ito palette (Okabe and Ito 2008, "Color Universal Design"), which people with any
colour vision can tell apart, slightly adjusted per theme for contrast. Text reaches WCAG 2.1 AA (4.5 : 1) on every
surface it appears on, data colours 3 : 1; `tests/gui/test_theme.py` computes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from gui.settings import ThemeChoice


@dataclass(frozen=True, slots=True)
class Colors:
    """One theme. All are opaque ``#rrggbb``: blending costs the painter, and so the audio."""

    is_dark: bool
    window: str
    card: str
    field: str
    button: str
    outline: str
    """Twice as light as the edge of a control comes out: Fusion darkens it."""
    border: str
    text: str
    muted: str
    accent: str
    on_accent: str
    accent_hover: str
    disabled: str
    good: str
    warning: str
    bad: str
    warning_surface: str
    bad_surface: str
    info_surface: str
    plot: str
    grid: str
    marker: str
    depth: str
    depth_range: str
    target: str
    underrun: str
    stack: tuple[str, str, str, str]
    """Frame + codec, network, buffer, device."""
    causes: tuple[str, str, str, str, str, str]
    """Of underruns, in the order of `core.monitor.monitor.UNDERRUN_CAUSES`."""


DARK: Final = Colors(
    is_dark=True,
    window="#14171c",
    card="#1c2129",
    field="#12151a",
    button="#2a323e",
    outline="#98a3b4",
    border="#3a4250",
    text="#e9ecf1",
    muted="#a3adbb",
    accent="#56b4e9",
    on_accent="#0b1218",
    accent_hover="#7cc6f0",
    disabled="#76808e",
    good="#3dc79a",
    warning="#f0b429",
    bad="#ff8552",
    warning_surface="#3a2f12",
    bad_surface="#43200f",
    info_surface="#15303f",
    plot="#12151a",
    grid="#262c36",
    marker="#c58fb0",
    depth="#56b4e9",
    depth_range="#1f4a66",
    target="#f0e442",
    underrun="#ff7a45",
    stack=("#3478bd", "#ffc54d", "#56b4e9", "#cc79a7"),
    causes=("#ff7a45", "#b9a3ff", "#f0e442", "#cc79a7", "#56b4e9", "#3dc79a"),
)

LIGHT: Final = Colors(
    is_dark=False,
    window="#eef1f5",
    card="#ffffff",
    field="#ffffff",
    button="#f4f6f9",
    outline="#b4bcc8",
    border="#c3cad4",
    text="#1a1f27",
    muted="#566070",
    accent="#0067a6",
    on_accent="#ffffff",
    accent_hover="#00588e",
    disabled="#7b8493",
    good="#00704f",
    warning="#805500",
    bad="#b04300",
    warning_surface="#fdf1d4",
    bad_surface="#fde6da",
    info_surface="#dceefa",
    plot="#ffffff",
    grid="#e6e9ee",
    marker="#8a4a70",
    depth="#0072b2",
    depth_range="#b9dcf2",
    target="#1a1f27",
    underrun="#c94f00",
    stack=("#0a4f86", "#9c6500", "#3b97cf", "#b0588a"),
    causes=("#c94f00", "#6a4fb3", "#8a7400", "#b0588a", "#0072b2", "#00805a"),
)


_EDGED_WIDGETS: Final = (
    "QAbstractSpinBox",
    "QCheckBox",
    "QComboBox",
    "QLineEdit",
    "QPushButton",
    "QSlider",
    "QToolButton",
)
"""Fusion draws their edges in a shade of the window colour, which nobody can see on a card."""


class Theme(QObject):
    """Which colours are in force. Widgets that hold colours of their own listen to `changed`."""

    changed = Signal()

    def __init__(self, choice: ThemeChoice, parent: QObject | None = None) -> None:
        """Follow ``choice``; call `apply` once there is something to colour."""
        super().__init__(parent)
        self._choice = choice
        self.colors = DARK
        self._find_colors()
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._on_system_change)

    @property
    def choice(self) -> ThemeChoice:
        """What the user chose."""
        return self._choice

    def choose(self, choice: ThemeChoice) -> None:
        """Show other colours from now on."""
        self._choice = choice
        self.apply()

    def apply(self) -> None:
        """Colour the application and tell everyone."""
        self._find_colors()
        application = QApplication.instance()
        if isinstance(application, QApplication):
            application.setPalette(widget_palette(self.colors))
            edges = widget_palette(self.colors)
            edges.setColor(QPalette.ColorRole.Window, QColor(self.colors.outline))
            for kind in _EDGED_WIDGETS:
                application.setPalette(edges, kind)  # type: ignore[arg-type] # takes str, its stub says bytes
            application.setStyleSheet(style_sheet(self.colors))
        self.changed.emit()

    def _find_colors(self) -> None:
        if self._choice is ThemeChoice.SYSTEM:
            is_dark = QGuiApplication.styleHints().colorScheme() is Qt.ColorScheme.Dark
        else:
            is_dark = self._choice is ThemeChoice.DARK
        self.colors = DARK if is_dark else LIGHT

    def _on_system_change(self) -> None:
        if self._choice is ThemeChoice.SYSTEM:
            self.apply()


def widget_palette(colors: Colors) -> QPalette:
    """The colours as Qt's style uses them."""
    role = QPalette.ColorRole
    palette = QPalette()
    for each, color in (
        (role.Window, colors.window),
        (role.WindowText, colors.text),
        (role.Base, colors.field),
        (role.AlternateBase, colors.card),
        (role.ToolTipBase, colors.card),
        (role.ToolTipText, colors.text),
        (role.PlaceholderText, colors.muted),
        (role.Text, colors.text),
        (role.Button, colors.button),
        (role.ButtonText, colors.text),
        (role.BrightText, colors.bad),
        (role.Link, colors.accent),
        (role.Highlight, colors.accent),
        (role.HighlightedText, colors.on_accent),
        (role.Accent, colors.accent),
    ):
        palette.setColor(each, QColor(color))
    for each in (role.WindowText, role.Text, role.ButtonText, role.HighlightedText):
        palette.setColor(QPalette.ColorGroup.Disabled, each, QColor(colors.disabled))
    return palette


def style_sheet(colors: Colors) -> str:
    """What the palette cannot say: cards, the one primary button, the banner, table lines."""
    return f"""
    QFrame#card {{ background: {colors.card}; border: 1px solid {colors.border}; border-radius: 8px; }}
    QToolTip {{ background: {colors.card}; color: {colors.text}; border: 1px solid {colors.border}; padding: 4px; }}
    QFrame#plotPlace {{ background: {colors.plot}; }}
    QLabel[role="muted"] {{ color: {colors.muted}; }}
    QLabel[role="heading"] {{ font-weight: 600; }}
    QLabel[role="accent"] {{ color: {colors.accent}; font-weight: 600; }}
    QLabel[role="good"] {{ color: {colors.good}; font-weight: 600; }}
    QLabel[role="warning"] {{ color: {colors.warning}; font-weight: 600; }}
    QLabel[role="bad"] {{ color: {colors.bad}; font-weight: 600; }}
    QLabel#emptyState {{ color: {colors.muted}; background: {colors.plot}; padding: 4px 12px; }}
    QFrame#banner[level="info"] {{ background: {colors.info_surface}; border: 1px solid {colors.accent}; }}
    QFrame#banner[level="warning"] {{ background: {colors.warning_surface}; border: 1px solid {colors.warning}; }}
    QFrame#banner[level="bad"] {{ background: {colors.bad_surface}; border: 1px solid {colors.bad}; }}
    QFrame#banner {{ border-radius: 6px; }}
    QFrame#banner QLabel {{ background: transparent; color: {colors.text}; }}
    QFrame#banner QToolButton {{ background: transparent; border: none; color: {colors.text}; padding: 2px 6px; }}
    QFrame#banner QToolButton:hover, QFrame#banner QToolButton:focus {{ border: 1px solid {colors.text}; }}
    QPushButton[primary="true"] {{
        background: {colors.accent}; color: {colors.on_accent}; border: 2px solid {colors.accent};
        border-radius: 6px; padding: 5px 18px; font-weight: 600;
    }}
    QPushButton[primary="true"]:hover {{ background: {colors.accent_hover}; border-color: {colors.accent_hover}; }}
    QPushButton[primary="true"]:focus {{ border-color: {colors.text}; }}
    QPushButton[primary="true"]:disabled {{
        background: {colors.card}; border-color: {colors.border}; color: {colors.disabled};
    }}
    QPushButton[recording="true"] {{
        background: {colors.bad_surface}; color: {colors.text}; border: 2px solid {colors.bad};
        border-radius: 6px; padding: 2px 10px; font-weight: 600;
    }}
    QPushButton[recording="true"]:focus {{ border-color: {colors.text}; }}
    QTableView {{ background: {colors.card}; border: none; gridline-color: {colors.grid}; }}
    QTableView::item {{ padding: 0 6px; }}
    QHeaderView::section {{
        background: {colors.card}; color: {colors.muted}; border: none;
        border-bottom: 1px solid {colors.border}; padding: 3px 6px;
    }}
    QMainWindow::separator {{ background: {colors.window}; width: 8px; height: 8px; }}
    QMainWindow::separator:hover {{ background: {colors.border}; }}
    QDockWidget {{ color: {colors.text}; }}
    QToolButton#dockClose {{ color: {colors.muted}; border: none; background: transparent; }}
    QToolButton#dockClose:hover {{ color: {colors.text}; border: 1px solid {colors.border}; }}
    QTabBar::tab {{
        background: {colors.window}; color: {colors.muted}; border: 1px solid {colors.border};
        border-bottom: none; padding: 3px 12px;
    }}
    QTabBar::tab:selected {{ background: {colors.card}; color: {colors.text}; font-weight: 600; }}
    QMenuBar {{ background: {colors.window}; }}
    QMenuBar::item:selected {{ background: {colors.accent}; color: {colors.on_accent}; }}
    """
