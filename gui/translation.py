"""Texts of view models go through Qt's translator, without needing a widget (or even an application)."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication


def translate(context: str, text: str) -> str:
    """``text`` in the user's language where a translation is installed, else ``text`` itself."""
    return QCoreApplication.translate(context, text)
