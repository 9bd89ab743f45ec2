"""Numbers as people read them, with their unit; an em dash where nothing is known.

All numbers that people see are written here, with the decimal sign and the groups of digits of the user's language
(`QLocale`'s default). What goes into files is for programs, and never comes from here.
"""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QLocale

from core.opus.packet import SAMPLE_RATE_HZ

UNKNOWN = "—"

LOG_LOCALE: Final = QLocale.c()
"""For lines of the event log: they stand beside the lines of `core`, and in the diagnostics."""


def fixed(value: float, digits: int = 0, locale: QLocale | None = None) -> str:
    """``value`` with so many digits behind the decimal sign: ``"1,234.5"``; a minus is one, not a hyphen."""
    # Rounded here as everywhere else in the program; the sum makes one zero of both.
    rounded = round(float(value), digits) + 0.0
    return _with_minus((locale or _locale()).toString(rounded, "f", digits))


def significant(value: float, digits: int = 6, locale: QLocale | None = None) -> str:
    """``value`` with so many digits that count at most: ``"2.5"``, ``"20"``."""
    return _with_minus((locale or _locale()).toString(float(value), "g", digits))


def milliseconds(value: float | None) -> str:
    """``"26.5 ms"`` below 100, ``"1,234 ms"`` from there on."""
    if value is None:
        return UNKNOWN
    return f"{fixed(value, 0 if abs(value) >= 100 else 1)} ms"


def plain_milliseconds(value: float | None, locale: QLocale | None = None) -> str:
    """A setting's value: ``"2.5 ms"``, ``"20 ms"``."""
    return UNKNOWN if value is None else f"{significant(value, locale=locale)} ms"


def count(value: int | None) -> str:
    """``"12,345"``."""
    return UNKNOWN if value is None else fixed(value)


def size(octets: int) -> str:
    """Bytes as ``"812 B"``, ``"12.3 kB"`` or ``"4.56 MB"`` (powers of 1000)."""
    if octets < 1_000:
        return f"{octets} B"
    if octets < 1_000_000:
        return f"{fixed(octets / 1e3, 1)} kB"
    return f"{fixed(octets / 1e6, 2)} MB"


def duration_of(samples: int) -> str:
    """The time that samples at 48 kHz last: ``"12.3 s"``, ``"2:05"`` or ``"1:02:05"``."""
    seconds = samples / SAMPLE_RATE_HZ
    if seconds < 60:
        return f"{fixed(seconds, 1)} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def span_of(seconds: float) -> str:
    """How long one has looked: ``"48 s"``, from two minutes on ``"3 min"``."""
    return f"{fixed(seconds)} s" if seconds < 120 else f"{fixed(seconds / 60)} min"


def decimal(value: float) -> str:
    """Two digits that count: ``"0.42"``, ``"2.1"``, ``"23"``."""
    return significant(value, 2) if value < 10 else fixed(value)


def share(part: int, whole: int) -> str:
    """``part`` of ``whole`` in per cent: ``"0.02 %"``; small shares keep two digits, because they are heard."""
    if whole == 0:
        return UNKNOWN
    percent = 100 * part / whole
    if percent and percent < 0.01:
        return f"< {fixed(0.01, 2)} %"
    return f"{fixed(percent, 2)} %"


def sentence(text: str) -> str:
    """``text`` with a capital at the front, unless it begins with an address or a name in small letters."""
    first = text.split(" ", 1)[0].rstrip(",;:")
    return text[:1].upper() + text[1:] if first.isalpha() and first.islower() else text


def full_scale(value: float) -> str:
    """Decibels relative to full scale: ``"−7.4 dBFS"``."""
    return f"{fixed(value, 1)} dBFS"


def loudness(value: float | None) -> str:
    """``"−23.0 LUFS"``."""
    return UNKNOWN if value is None else f"{fixed(value, 1)} LUFS"


def decibels(value: float) -> str:
    """``"−6 dB"``, ``"+3 dB"``, ``"0 dB"``."""
    return f"{'+' if value > 0 else ''}{significant(value)} dB"


def _locale() -> QLocale:
    """The user's; where that is none (``LANG=C``), the one of the texts as they stand in the source."""
    locale = QLocale()
    return QLocale(QLocale.Language.English) if locale.language() == QLocale.Language.C else locale


def _with_minus(text: str) -> str:
    return text.replace("-", "−")


def level_text(level: str, loudness_lufs: float | None) -> str:
    """Both beside each other; what is not known is left out."""
    return " · ".join(part for part in (level, loudness(loudness_lufs)) if part and part != UNKNOWN)
