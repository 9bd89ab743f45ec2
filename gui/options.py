"""How a window starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.playout.settings import PlayoutSettings
from core.receiver.impairment.settings import NO_IMPAIRMENT, Impairment
from core.receiver.options import ListenOptions

if TYPE_CHECKING:
    from core.receiver.replay import Replay


@dataclass(frozen=True, slots=True)
class WindowOptions:
    """How the window starts. What is ``None`` was not asked for: the window then does as it remembers."""

    url: str | None = None
    """Put into the address edit instead of the last one used."""
    listen: ListenOptions | None = None
    """Connect so as soon as the window stands."""
    replay: Replay | None = None
    """Play this capture as soon as the window stands."""
    playout: PlayoutSettings | None = None
    device_latency_ms: float | None = None
    """Asked of the device; beside a ``playout`` that was asked for, ``None`` means its own low latency."""
    frame_ms: float | None = None
    output: str | None = None
    impairment: Impairment = NO_IMPAIRMENT
    remember_url: bool = True
    """Whether ``url`` goes into the history; not where it leads to a server that ends with the window."""
    title_suffix: str = ""
    has_scenario: bool = False
    """Go through the guided demo once audio comes."""
    close_after_s: float | None = None
    """Close by itself after so many seconds."""
