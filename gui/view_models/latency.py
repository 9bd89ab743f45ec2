"""The latency breakdown in words."""

from __future__ import annotations

from dataclasses import dataclass

from core.receiver.status import LatencyBreakdown
from gui.translation import translate
from gui.view_models.text import UNKNOWN, milliseconds


@dataclass(frozen=True, slots=True)
class LatencyView:
    """Values of the four parts of the stack, bottom up, and the total with how it is known."""

    frame: str
    network: str
    buffer: str
    device: str
    total: str


def latency_view(latency: LatencyBreakdown | None) -> LatencyView:
    """Texts for a breakdown; a part that cannot be known is a dash, and the total then says so."""
    if latency is None:
        return LatencyView(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN)
    return LatencyView(
        frame=milliseconds(_sum(latency.frame, latency.codec)),
        network=milliseconds(latency.network),
        buffer=milliseconds(latency.buffer),
        device=milliseconds(latency.device),
        total=_total(latency),
    )


def _total(latency: LatencyBreakdown) -> str:
    if latency.total is None:
        return UNKNOWN
    kind = {"measured": translate("Latency", "measured"), "estimated": translate("Latency", "estimated")}
    text = f"{milliseconds(latency.total)} {kind.get(latency.kind, latency.kind)}"
    return text if latency.network is not None else translate("Latency", "{text}, without network").format(text=text)


def _sum(first: float | None, second: float | None) -> float | None:
    """What is known of two parts."""
    known = [part for part in (first, second) if part is not None]
    return sum(known) if known else None
