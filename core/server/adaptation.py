"""How many bit/s one listener's connection carries: down fast, up slowly, and never twice into the same wall soon.

All that the server sees of a slow link is what waits: bytes that the system has not sent, and the queue above it. While
something waits the link is full, and what goes out meanwhile is what it carries. After a step down that rate is known;
a step up is a question, which is asked again after twice the time if the answer was no.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Final

CROWDED_MS: Final = 200.0
"""So much sound waiting at two looks in a row means that the link is full; a stall of Wi-Fi is over by then."""

FULL_MS: Final = 400.0
"""So much at one look, too: the queue is about to drop."""

STARVED_MS: Final = 100.0
"""A listener that misses so much of a second may sit behind a queue that we cannot see."""

DELIVERED_LOOKS: Final = 3
"""What goes out of a full link in one second depends on when its buffers were looked at; of three it is near enough."""

SETTLE_S: Final = 2.5
"""After a step the next look that counts is this much later: what waited before has to go out first."""

KEPT_SHARE: Final = 0.85
"""Of what the link carries, what is used: the rest empties the queue."""

DRAINING_SHARE: Final = 1.03
"""Where more than that of what is being made goes out, the queue gets shorter by itself."""

UP_SHARE: Final = 1.15
PATIENCE_S: Final = 8.0
"""So long all has to be well before a step up."""

BELOW_FULL_SHARE: Final = 0.95
"""Steps lead up to that share of what a full link was seen to carry. Beyond that is a question ..."""

FIRST_DOUBT_S: Final = 30.0
MOST_DOUBT_S: Final = 120.0
"""... asked after the one, then after twice the time again, at last after the other."""

LEAST_STEP_SHARE: Final = 0.03
"""Less is not worth an encoder of its own."""

DECENT_BPS: Final = 14_000
"""With less for the sound itself, longer frames give it more: each saves headers."""

RUNGS_AN_OCTAVE: Final = 16
"""Bit rates are on a ladder, so that listeners can share an encoder: 4 % from one to the next."""

LOWEST_RUNG_BPS: Final = 6_000


@dataclass(frozen=True, slots=True)
class AdaptationSettings:
    """Between which limits the server may change a listener's bit rate; ``is_on`` False: never."""

    is_on: bool = True
    min_bitrate: int = 8_000
    has_longer_frames: bool = True

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            ValueError: the message says what would be accepted.
        """
        if not 6_000 <= self.min_bitrate <= 510_000:
            raise ValueError(f"a least bit rate of {self.min_bitrate} is not possible; accepted: 6000 to 510000")


@dataclass(frozen=True, slots=True)
class Observation:
    """One second of a connection."""

    waiting_ms: float
    """Sound that waits, in the queue and in the system."""
    delivered_bps: float
    """Bits that left this machine in this second, headers included."""
    dropped: int
    """Packets that the queue gave up in this second."""
    starved_ms: float = 0.0
    """For so long the listener says that it had nothing to play in this second."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the encoder is to do from now on."""

    bitrate: int
    frame_ms: float


class BitrateAdaptation:
    """Follows one connection. Pure: told once a second what is, tells what to change."""

    def __init__(self, settings: AdaptationSettings, bitrate: int, frame_ms: float, header_bytes: int) -> None:
        """``bitrate`` and ``frame_ms`` are what the listener is to have where the link allows it.

        ``header_bytes`` is what each packet takes beside its sound.
        """
        self._settings = settings
        self._best = Decision(bitrate, frame_ms)
        self._header_bytes = header_bytes
        self.now = self._last = self._best
        """In force, and before that."""
        self._changed_s: float | None = None
        self._crowded_looks = 0
        self._delivered_bps: deque[float] = deque(maxlen=DELIVERED_LOOKS)
        """At the newest looks since the link is full."""
        self._calm_since_s: float | None = None
        self._full_bps: float | None = None
        """What the link carried when it was full; ``None`` while it never was."""
        self._doubt_s = FIRST_DOUBT_S
        self._before_question: Decision | None = None
        """What worked, while something is being tried that did not before."""

    def wish(self, bitrate: int, frame_ms: float) -> None:
        """The listener has asked for something else; that is in force, and the best there can be."""
        self.now = self._best = Decision(bitrate, frame_ms)
        self._before_question = self._full_bps = None
        self._doubt_s = FIRST_DOUBT_S

    def take_back(self) -> None:
        """What was decided last cannot be."""
        self.now = self._last

    def look(self, now_s: float, seen: Observation) -> Decision | None:
        """What to change, if anything."""
        is_crowded = seen.waiting_ms > CROWDED_MS or seen.dropped > 0 or seen.starved_ms > STARVED_MS
        self._crowded_looks = self._crowded_looks + 1 if is_crowded else 0
        if is_crowded:
            self._delivered_bps.append(seen.delivered_bps)
        else:
            self._delivered_bps.clear()
        if is_crowded:
            self._calm_since_s = None
        elif self._calm_since_s is None:
            self._calm_since_s = now_s
        if self._changed_s is not None and now_s - self._changed_s < SETTLE_S:
            return None
        is_full = seen.dropped > 0 or seen.waiting_ms > FULL_MS or self._crowded_looks > 1
        if is_full:
            return self._lower(now_s)
        has_held = self._changed_s is not None and now_s - self._changed_s >= PATIENCE_S
        if self._before_question is not None and has_held and not is_crowded:
            # The answer is yes: the link has become better.
            self._before_question = self._full_bps = None
            self._doubt_s = FIRST_DOUBT_S
        return self._raise(now_s)

    def _lower(self, now_s: float) -> Decision | None:
        delivered_bps = sum(self._delivered_bps) / len(self._delivered_bps)
        before = self._before_question
        if before is None and delivered_bps > self._total_bps(self.now) * DRAINING_SHARE:
            return None  # The last step was enough: what waits, and is dropped, is from before it.
        self._full_bps = min(delivered_bps, self._total_bps(self.now))
        decision = self._fitting(self._full_bps * KEPT_SHARE)
        if before is not None:
            self._before_question = None
            self._doubt_s = min(2 * self._doubt_s, MOST_DOUBT_S)
            if self._total_bps(before) <= self._full_bps:
                decision = before
        return self._change(now_s, decision) if self._total_bps(decision) < self._total_bps(self.now) else None

    def _raise(self, now_s: float) -> Decision | None:
        since_s = self._calm_since_s
        if since_s is None or self.now == self._best:
            return None
        if self._changed_s is not None:
            since_s = max(since_s, self._changed_s)
        before, calm_s = self.now, now_s - since_s
        before_bps = self._total_bps(before)
        wanted_bps = before_bps * UP_SHARE
        known_bps = None if self._full_bps is None else self._full_bps * BELOW_FULL_SHARE
        is_question = known_bps is not None and before_bps * (1 + LEAST_STEP_SHARE) > known_bps
        if calm_s < (self._doubt_s if is_question else PATIENCE_S):
            return None
        if known_bps is not None and not is_question:
            wanted_bps = min(wanted_bps, known_bps)
        # Shorter frames again where the sound itself loses nothing by them.
        decision = self._fitting(wanted_bps, max(DECENT_BPS, before.bitrate))
        is_small = decision.bitrate < before.bitrate * (1 + LEAST_STEP_SHARE) and decision.frame_ms == before.frame_ms
        if is_small and decision != self._best:
            return None
        self._before_question = before if is_question else None
        return self._change(now_s, decision)

    def _change(self, now_s: float, decision: Decision) -> Decision | None:
        self._changed_s = now_s
        self._crowded_looks = 0
        if decision == self.now:
            return None
        self._last, self.now = self.now, decision
        return decision

    def _fitting(self, total_bps: float, decent_bps: float = DECENT_BPS) -> Decision:
        """The best that needs no more than this, headers included; the least there may be if nothing does."""
        frames = [self._best.frame_ms]
        if self._settings.has_longer_frames:
            frames += [frame_ms for frame_ms in (40.0, 60.0) if frame_ms > self._best.frame_ms]
        for frame_ms in frames:
            bitrate = total_bps - self._headers_bps(frame_ms)
            if bitrate >= decent_bps or frame_ms == frames[-1]:
                break
        rounded = _rung(bitrate)
        return Decision(min(max(rounded, self._settings.min_bitrate), self._best.bitrate), frame_ms)

    def _headers_bps(self, frame_ms: float) -> float:
        return self._header_bytes * 8_000 / frame_ms

    def _total_bps(self, decision: Decision) -> float:
        return decision.bitrate + self._headers_bps(decision.frame_ms)


def _rung(bitrate: float) -> int:
    """The highest rung that takes no more; in whole hundreds."""
    octaves = math.log2(max(bitrate, LOWEST_RUNG_BPS) / LOWEST_RUNG_BPS)
    return int(LOWEST_RUNG_BPS * 2 ** (math.floor(octaves * RUNGS_AN_OCTAVE) / RUNGS_AN_OCTAVE) // 100 * 100)
