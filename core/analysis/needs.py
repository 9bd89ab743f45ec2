"""What a listener needs for a stream, what limits it, and whose doing that is, in plain words."""

from __future__ import annotations

from typing import Final

from core.analysis.late_tally import LateTally
from core.analysis.results import Blame, Completeness, Needs, Pacing, Side

USUAL_DEPTH_MS: Final = 60.0
"""The buffer against which blame is told: three usual packets."""

CLOCK_PPM: Final = 200.0
"""Two crystals, each 100 ppm off."""

EXPLAINS: Final = 0.6
"""What makes up so much of the buffer needed is what limits it."""


def needs_of(late: LateTally, pacing: Pacing, completeness: Completeness) -> Needs | None:
    """``None`` before any packet has come."""
    if not late.packets:
        return None
    one_pct, tenth_pct = late.smallest_ms(1.0, blameless=False), late.smallest_ms(0.1, blameless=False)
    without = late.smallest_ms(0.1, blameless=True)
    return Needs(
        buffer_ms_for_1_pct=one_pct,
        buffer_ms_for_0_1_pct=tenth_pct,
        without_observer_ms=without,
        late_pct=late.late_pct(),
        packets=late.packets,
        limited_by=_limit(tenth_pct, without, pacing),
        blames=tuple(_blames(late, pacing, completeness)),
    )


def burst_hold_ms(pacing: Pacing) -> float:
    """How long the first packet of a usual burst had to wait for the last one."""
    return ((pacing.packets_per_burst or 1.0) - 1) * (pacing.packet_ms or 0.0)


def _limit(needed_ms: float | None, without_ms: float | None, pacing: Pacing) -> str:
    size = -1.0 if needed_ms is None else needed_ms
    if needed_ms is not None and needed_ms <= 5:
        return "nothing: packets come as evenly as can be told"
    if without_ms is not None and (needed_ms is None or without_ms <= needed_ms * (1 - EXPLAINS)):
        return f"this machine, which at times read nothing: without that {without_ms:.0f} ms are enough"
    hold_ms = burst_hold_ms(pacing)
    if needed_ms is not None and hold_ms >= EXPLAINS * size:
        return (
            f"the server's bursts of {pacing.packets_per_burst:.0f} packets, which last {hold_ms:.0f} ms more than one"
        )
    if pacing.stalls and (needed_ms is None or (pacing.longest_stall_ms or 0.0) >= EXPLAINS * size):
        return f"{counted(pacing.stalls, 'stall')} of up to {pacing.longest_stall_ms:.0f} ms"
    return "jitter of the server's pacing or of the network, which arrival times do not tell apart"


def _blames(late: LateTally, pacing: Pacing, completeness: Completeness) -> list[Blame]:
    blames: list[Blame] = []
    if (pacing.packets_per_burst or 1.0) >= 2:
        blames.append(Blame(Side.SERVER, f"sends in bursts: a buffer has to hold {burst_hold_ms(pacing):.0f} ms"))
    if pacing.skew_ppm is not None and abs(pacing.skew_ppm) > CLOCK_PPM:
        word = "slowly" if pacing.skew_ppm > 0 else "fast"
        ends_s = USUAL_DEPTH_MS * 1e3 / abs(pacing.skew_ppm)
        what = "is empty" if pacing.skew_ppm > 0 else "has doubled"
        blames.append(
            Blame(
                Side.SERVER,
                f"sends {abs(pacing.skew_ppm):.0f} ppm too {word}: a buffer of {USUAL_DEPTH_MS:.0f} ms {what} after"
                f" {ends_s:.0f} s unless playout follows",
            )
        )
    if completeness.missing:
        blames.append(Blame(Side.SERVER, f"left out {completeness.missing} packets, which no buffer brings back"))
    for side, what in (
        (Side.SERVER, "stalled the stream {}"),
        (Side.PATH, "held up the stream {}"),
        (Side.IDLE, "paused {}, and said so"),
    ):
        if count := pacing.stalls_by_side.get(side):
            blames.append(Blame(side, what.format(times(count))))
    if pacing.observer_stalls:
        share = late.own_share_pct(USUAL_DEPTH_MS)
        text = f"read nothing {times(pacing.observer_stalls)}, {pacing.observer_stalled_ms:.0f} ms in all"
        blames.append(Blame(Side.OBSERVER, text, share))
    return blames


def times(count: int) -> str:
    """``once``, ``2 times``."""
    return "once" if count == 1 else f"{count} times"


def counted(count: int, noun: str) -> str:
    """``1 stall``, ``2 stalls``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
