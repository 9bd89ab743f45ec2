"""Numbers as people read them, with their unit; an em dash where nothing is known."""

from __future__ import annotations

from core.opus.packet import SAMPLE_RATE_HZ

UNKNOWN = "—"


def milliseconds(value: float | None) -> str:
    """``"26.5 ms"`` below 100, ``"1,234 ms"`` from there on."""
    if value is None:
        return UNKNOWN
    return f"{value:.1f} ms" if abs(value) < 100 else f"{value:,.0f} ms"


def plain_milliseconds(value: float | None) -> str:
    """A setting's value: ``"2.5 ms"``, ``"20 ms"``."""
    return UNKNOWN if value is None else f"{value:g} ms"


def count(value: int | None) -> str:
    """``"12,345"``."""
    return UNKNOWN if value is None else f"{value:,}"


def size(octets: int) -> str:
    """Bytes as ``"812 B"``, ``"12.3 kB"`` or ``"4.56 MB"`` (powers of 1000)."""
    if octets < 1_000:
        return f"{octets} B"
    if octets < 1_000_000:
        return f"{octets / 1e3:.1f} kB"
    return f"{octets / 1e6:.2f} MB"


def duration_of(samples: int) -> str:
    """The time that samples at 48 kHz last: ``"12.3 s"``, ``"2:05"`` or ``"1:02:05"``."""
    seconds = samples / SAMPLE_RATE_HZ
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def span_of(seconds: float) -> str:
    """How long one has looked: ``"48 s"``, from two minutes on ``"3 min"``."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def decimal(value: float) -> str:
    """Two digits that count: ``"0.42"``, ``"2.1"``, ``"23"``."""
    return f"{value:.2g}" if value < 10 else f"{value:.0f}"


def share(part: int, whole: int) -> str:
    """``part`` of ``whole`` in per cent: ``"0.02 %"``; small shares keep two digits, because they are heard."""
    if whole == 0:
        return UNKNOWN
    percent = 100 * part / whole
    if percent and percent < 0.01:
        return "< 0.01 %"
    return f"{percent:.2f} %"


def sentence(text: str) -> str:
    """``text`` with a capital at the front, unless it begins with an address or a name in small letters."""
    first = text.split(" ", 1)[0].rstrip(",;:")
    return text[:1].upper() + text[1:] if first.isalpha() and first.islower() else text


def full_scale(value: float) -> str:
    """Decibels relative to full scale: ``"−7.4 dBFS"``."""
    return f"{value:.1f} dBFS".replace("-", "−")


def loudness(value: float | None) -> str:
    """``"−23.0 LUFS"``."""
    return UNKNOWN if value is None else f"{value:.1f} LUFS".replace("-", "−")


def decibels(value: float) -> str:
    """``"−6 dB"``, ``"+3 dB"``, ``"0 dB"``."""
    sign = "−" if value < 0 else "+" if value > 0 else ""
    return f"{sign}{abs(value):g} dB"
