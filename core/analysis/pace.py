"""When packets come: bursts, skew, stalls and what playout would make of it."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import Final

from core.analysis.histogram import DurationHistogram
from core.analysis.late_tally import LateTally
from core.analysis.local_pace import LocalPace
from core.analysis.results import MAX_EVIDENCE, Evidence, Pacing, Side, Stall
from core.analysis.stall_book import INTERVALS_TO_KNOW, STALL_MS, StallBook
from core.analysis.steps import RISE_FRAMES, Rise, RiseWatch
from core.playout.arrivals import BURST_PAUSE_NS, Arrivals
from core.playout.skew import SURE_PPM
from core.wire.rtp import InterarrivalJitter

BURST_PAUSE_FRAMES: Final = 0.4
"""Packets that come sooner after each other than that came together, where their length is less than usual."""

START_NS: Final = 5_000_000_000
"""What a server sends ahead it sends at once, within so long after the first packet."""

RATE_LEAST_NS: Final = 5_000_000_000
"""A rate of less time would tell more of bursts than of the pace."""

UNDONE_NS: Final = 20_000_000_000
"""For so long it may still turn out that media time did not stand still."""

STEP_ERROR_FRAMES: Final = 0.1
"""Only where the sender's pace is known as well as that, in packet lengths a second, can a step be told from a slope:
for so long it is watched."""

_CORRECTIONS_KEPT: Final = 16
_ANCHOR_NS: Final = 2_000_000_000


@dataclass(frozen=True, slots=True)
class _Correction:
    """Media time was put forward because of a rise that stayed."""

    at_ns: int
    by_ns: int
    is_left_out: bool


class PaceTally:
    """Takes in each packet's arrival and media time. Memory is fixed, work for a packet constant but for the skew."""

    def __init__(self) -> None:
        """Nothing has come."""
        self.stalls = StallBook()
        self.late = LateTally()
        self.left_out_ns = 0
        self.left_out_places = 0
        self.newest_left_out: deque[Evidence] = deque(maxlen=MAX_EVIDENCE)
        self._origin_ns = 0
        self._arrivals = Arrivals()
        self._local = LocalPace()
        self._rises = RiseWatch()
        self._unsure: list[tuple[int, int]] = []
        """Arrivals and lateness that wait for the decision whether media time stood still before them."""
        self._jitter = InterarrivalJitter()
        self._intervals = DurationHistogram()
        self._burst_intervals = DurationHistogram()
        self._burst_sizes: Counter[int] = Counter()
        self._largest_burst = 0
        self._burst_began_ns = 0
        self._burst_packets = 0
        self._is_backlog = False
        self._began_ns: int | None = None
        self._last_ns: int | None = None
        self._last_media_ns = 0
        self._last_duration_ns = 20_000_000
        self._first_media_ns = 0
        self._was_dtx = False
        self._offset_ns = 0
        self._drift_ns = 0.0
        """By what the skew has moved lateness since the beginning: steps are looked for beside it."""
        self._corrections: deque[_Correction] = deque(maxlen=_CORRECTIONS_KEPT)
        self._anchor: tuple[int, int] | None = None
        self._newest_anchor = 0, 0
        """Arrival and media time of the first packet of the newest burst."""
        self._first_lateness_ns = 0
        self._least_lateness_ns = 0
        self._lead_ns = 0
        self._heard_ns = 0
        self._media_ns = 0
        self._paced_ns = self._paced_media_ns = 0
        self._best_skew: tuple[float, float, float] | None = None
        self._packets = 0
        self.newest_relative_ns = 0
        """How much later than the quickest of late the newest packet came."""

    def begin(self, origin_ns: int) -> None:
        """Another connection or another stream: another timeline. Counts go on."""
        self._settle()
        self._keep_skew()
        if self._last_ns is not None and self._began_ns is not None:
            self._heard_ns += self._last_ns - self._began_ns
            self._media_ns += self._last_media_ns + self._last_duration_ns - self._first_media_ns
            paced_ns, paced_media_ns = self._since_anchor()
            self._paced_ns += paced_ns
            self._paced_media_ns += paced_media_ns
            self._lead_ns = max(self._lead_ns, self._first_lateness_ns - self._least_lateness_ns)
        self._arrivals.restart()
        self._local.clear()
        self._rises.clear()
        self._jitter = InterarrivalJitter()
        self._began_ns = self._last_ns = self._anchor = None
        self._offset_ns, self._drift_ns = 0, 0.0
        self._corrections.clear()
        self._origin_ns = origin_ns

    def arrived(self, at_ns: int, media_ns: int, duration_ns: int, packet: int, *, is_bare: bool, dtx: bool) -> None:
        """A packet of this duration came; ``packet`` is its number by arrival, ``media_ns`` counts from anywhere."""
        self._packets += 1
        if is_bare:
            self._local.add(at_ns, at_ns - media_ns)
        media_ns += self._offset_ns
        before_ns = self._last_ns
        begins_burst = True
        if before_ns is None:
            self._start(at_ns, media_ns)
        else:
            at_ns = max(at_ns, before_ns)
            gap_ns = at_ns - before_ns
            self._intervals.add(gap_ns / 1e6)
            begins_burst = gap_ns > min(BURST_PAUSE_NS, BURST_PAUSE_FRAMES * duration_ns)
            if begins_burst:
                media_ns += self._resumed(before_ns, at_ns, media_ns, packet)
                self._end_burst(at_ns)
                self._is_backlog = gap_ns >= STALL_MS * 1e6 + self._last_duration_ns
            self._burst_packets += 1
            self._drift_ns += gap_ns * 1e-6 * self._slope()[0]
            lateness_ns = at_ns - media_ns - round(self._drift_ns)
            for rise in self._rises.add(
                at_ns,
                before_ns,
                lateness_ns,
                duration_ns,
                packet,
                begins_burst=begins_burst,
                dtx=dtx or self._was_dtx,
            ):
                media_ns += self._decided(rise, is_bare)
            if self._corrections:
                media_ns -= self._undone(at_ns, at_ns - media_ns - round(self._drift_ns), duration_ns)
        lateness_ns = at_ns - media_ns
        self._follow_skew(at_ns, lateness_ns)
        self.newest_relative_ns = self._arrivals.arrived(at_ns, media_ns)
        self.late.add(at_ns, self.newest_relative_ns, begins_burst=begins_burst)
        if self._arrivals.shifted_since_ns is not None:
            self.late.paused(self._arrivals.shifted_since_ns, self._arrivals.shifted_by_ns)
            self._arrivals.shifted_since_ns = None
        self._jitter.add(at_ns, media_ns * 48 // 1_000_000)
        if self._began_ns is not None and at_ns - self._began_ns <= START_NS:
            self._least_lateness_ns = min(self._least_lateness_ns, lateness_ns)
        if begins_burst:
            self._newest_anchor = at_ns, media_ns
            if self._anchor is None and self._began_ns is not None and at_ns - self._began_ns >= _ANCHOR_NS:
                self._anchor = at_ns, media_ns
        self._last_ns, self._last_media_ns, self._last_duration_ns = at_ns, media_ns, duration_ns
        self._was_dtx = dtx
        if self.stalls.has_undecided and self._burst_intervals.count >= INTERVALS_TO_KNOW:
            self.stalls.decide(self._usual_ms(), self._origin_ns)

    def observer_stalled(self, began_ns: int, ended_ns: int) -> None:
        """This machine read nothing between these."""
        self.stalls.observer_stalled(began_ns, ended_ns, self._origin_ns)
        self.late.observer_stalled(began_ns, ended_ns)

    def disconnected(self, at_ns: int, packet: int) -> None:
        """The connection has ended: what was overdue will not come."""
        stall = self._open_stall(at_ns, packet)
        if stall is not None and self._last_ns is not None:
            self.stalls.keep(stall, self._last_ns, at_ns)

    def result(self, now_ns: int, packet: int, is_connected: bool) -> Pacing | None:
        """All figures up to now; ``None`` if nothing has come."""
        if not self._packets:
            return None
        stalls = self.stalls
        stalls.decide(self._usual_ms(), self._origin_ns)
        open_stall = self._open_stall(now_ns, packet) if is_connected else None
        by_side = {side: count for side in Side if (count := stalls.by_side[side] + _is_of(open_stall, side))}
        counted = [side for side in (Side.SERVER, Side.PATH) for _ in range(by_side.get(side, 0))]
        is_open_counted = open_stall is not None and open_stall.side in (Side.SERVER, Side.PATH)
        longest_ms = max(stalls.longest_ms, open_stall.length_ms if open_stall and is_open_counted else 0.0)
        heard_ns, media_ns = self._heard_ns, self._media_ns
        lead_ns = self._lead_ns
        if self._last_ns is not None and self._began_ns is not None:
            heard_ns += self._last_ns - self._began_ns
            media_ns += self._last_media_ns + self._last_duration_ns - self._first_media_ns
            lead_ns = max(lead_ns, self._first_lateness_ns - self._least_lateness_ns)
        missing: dict[str, str] = {}
        skew_ppm, error_ppm, span_s = self._skew(missing)
        size, interval_ms = self._usual_burst(), self._burst_intervals.percentile(50)
        return Pacing(
            listened_s=heard_ns / 1e9,
            media_s=media_ns / 1e9,
            rate=self._rate(missing),
            lead_ms=max(0.0, lead_ns / 1e6 - ((size or 1.0) - 1) * self._last_duration_ns / 1e6),
            packets_per_burst=size,
            largest_burst=self._largest_burst,
            burst_interval_ms=interval_ms,
            interval_ms=self._intervals.percentiles(),
            departure_interval_ms=None if size is None or interval_ms is None else interval_ms / size,
            packet_ms=self._last_duration_ns / 1e6,
            jitter_ms=self._jitter.jitter_ms,
            relative_delay_ms=self.late.percentiles(),
            skew_ppm=skew_ppm,
            skew_error_ppm=error_ppm,
            skew_span_s=span_s,
            stalls=len(counted),
            stalls_by_side=by_side,
            longest_stall_ms=longest_ms or None,
            stalled_ms=stalls.stalled_ms + (open_stall.overdue_ms if open_stall and is_open_counted else 0.0),
            newest_stalls=(*stalls.newest(), *([open_stall] if open_stall else [])),
            idle_s=stalls.idle_ns / 1e9,
            observer_stalls=stalls.observer_stalls,
            observer_stalled_ms=stalls.observer_ns / 1e6,
            not_measurable=missing,
        )

    def _start(self, at_ns: int, media_ns: int) -> None:
        self._began_ns, self._first_media_ns = at_ns, media_ns
        self._first_lateness_ns = self._least_lateness_ns = at_ns - media_ns
        self._burst_began_ns, self._burst_packets, self._is_backlog = at_ns, 1, True

    def _end_burst(self, at_ns: int) -> None:
        self._burst_intervals.add((at_ns - self._burst_began_ns) / 1e6)
        # What is sent at once at the start, and what a stall held up, says nothing about how the server sends.
        if not self._is_backlog and self._began_ns is not None and at_ns - self._began_ns > _ANCHOR_NS:
            self._largest_burst = max(self._largest_burst, self._burst_packets)
        self._burst_sizes[min(self._burst_packets, 1_000)] += 1
        self._burst_began_ns, self._burst_packets = at_ns, 0

    def _resumed(self, before_ns: int, at_ns: int, media_ns: int, packet: int) -> int:
        """After a pause that was declared, media time goes on where it stopped: what to add to it."""
        if at_ns - before_ns < STALL_MS * 1e6 or not self.stalls.was_idle(before_ns, at_ns):
            return 0
        rise_ns = (at_ns - media_ns) - (before_ns - self._last_media_ns)
        if abs(rise_ns) < STALL_MS * 1e6:
            return 0
        self._offset_ns += rise_ns
        # The rise watch sees nothing of it.
        self.stalls.note(Rise(at_ns, before_ns, packet, 0, abs(rise_ns), 1, is_after_dtx=False, least_ns=0), True)
        return rise_ns

    def _decided(self, rise: Rise, is_bare: bool) -> int:
        """What to add to media time because of it."""
        stayed_ns = rise.stayed_ns
        has_stayed = stayed_ns >= RISE_FRAMES * rise.frame_ns
        is_pause = has_stayed and stayed_ns >= STALL_MS * 1e6
        self.stalls.note(rise, is_caught_up=not has_stayed)
        error_ppm = self._slope()[1]
        is_known = error_ppm is not None and error_ppm * 1e-6 <= STEP_ERROR_FRAMES * rise.frame_ns / 1e9
        is_step = is_bare and has_stayed and is_known
        if not is_pause and not is_step:
            return 0
        is_left_out = is_bare and not is_pause and not rise.is_after_dtx
        if is_left_out:
            # Packets are left out whole.
            stayed_ns = max(1, round(stayed_ns / rise.frame_ns)) * rise.frame_ns
            if not self._corrections and not self._is_skew_sure():
                # Until now the line has gone through steps.
                self._arrivals.skew.clear()
        self._corrections.append(_Correction(rise.at_ns, stayed_ns, is_left_out))
        if is_left_out:
            self.left_out_ns += stayed_ns
            self.left_out_places += 1
            self.newest_left_out.append(
                Evidence((rise.at_ns - self._origin_ns) / 1e9, rise.packet, length_ms=stayed_ns / 1e6)
            )
        self._offset_ns += stayed_ns
        self._rises.correct(stayed_ns)
        self._unsure = [
            (at_ns, lateness_ns - stayed_ns if at_ns >= rise.at_ns else lateness_ns)
            for at_ns, lateness_ns in self._unsure
        ]
        return stayed_ns

    def _undone(self, at_ns: int, lateness_ns: int, duration_ns: int) -> int:
        """Nothing comes before it is made: where packets come earlier by what was thought to be missing, it was late.

        Returns what media time goes back by.
        """
        floor_ns, back_ns = self._rises.floor_ns, 0
        while self._corrections and floor_ns is not None:
            correction = self._corrections[-1]
            if lateness_ns + back_ns >= floor_ns - RISE_FRAMES * duration_ns:
                break
            if at_ns - correction.at_ns > UNDONE_NS:
                break
            self._corrections.pop()
            back_ns += correction.by_ns
            if correction.is_left_out:
                self.left_out_ns -= correction.by_ns
                self.left_out_places -= 1
                self.newest_left_out.pop()
        if back_ns:
            self._offset_ns -= back_ns
            self._rises.correct(-back_ns)
            # The skew sees a path that has changed, begins another line, and holds what it knew.
            self._unsure.clear()
        return back_ns

    def _follow_skew(self, at_ns: int, lateness_ns: int) -> None:
        """The skew is taken from lateness without the steps that are none of the clock's."""
        if self._rises.is_open:
            self._unsure.append((at_ns, lateness_ns))
            return
        if self._unsure:
            for earlier_ns, its_lateness_ns in self._unsure:
                self._arrivals.skew.add(earlier_ns, its_lateness_ns)
            self._unsure.clear()
        self._arrivals.skew.add(at_ns, lateness_ns)

    def _is_skew_sure(self) -> bool:
        error_ppm = self._arrivals.skew.error_ppm
        return error_ppm is not None and error_ppm <= SURE_PPM

    def _slope(self) -> tuple[float, float | None]:
        """By how much lateness grows, in millionths, and the error of that: the better of what is known of it."""
        skew, local = self._arrivals.skew, self._local
        if local.ppm is None or self._is_skew_sure():
            return skew.ppm or 0.0, skew.error_ppm
        return local.ppm, local.error_ppm

    def _settle(self) -> None:
        for rise in self._rises.give_up():
            self.stalls.note(rise, is_caught_up=rise.stayed_ns < RISE_FRAMES * rise.frame_ns)
        self._unsure.clear()
        self.stalls.decide(self._usual_ms(), self._origin_ns)

    def _keep_skew(self) -> None:
        skew = self._arrivals.skew
        if skew.ppm is None or skew.error_ppm is None:
            return
        if self._best_skew is None or skew.error_ppm <= self._best_skew[1]:
            self._best_skew = skew.ppm, skew.error_ppm, skew.span_s

    def _skew(self, missing: dict[str, str]) -> tuple[float | None, float | None, float]:
        skew = self._arrivals.skew
        if skew.ppm is not None and skew.error_ppm is not None:
            return skew.ppm, skew.error_ppm, skew.span_s
        if self._best_skew is not None:
            return self._best_skew
        told = "" if skew.error_ppm is None else f"; so far it is known to {skew.error_ppm:.0f} ppm"
        missing["skew_ppm"] = f"too short or too uneven to tell clocks apart ({skew.span_s:.0f} s looked at{told})"
        return None, skew.error_ppm, skew.span_s

    def _since_anchor(self) -> tuple[int, int]:
        if self._anchor is None:
            return 0, 0
        # From the first packet of a burst to that of another: how large they are does not matter.
        return self._newest_anchor[0] - self._anchor[0], self._newest_anchor[1] - self._anchor[1]

    def _rate(self, missing: dict[str, str]) -> float | None:
        paced_ns, paced_media_ns = self._since_anchor()
        paced_ns, paced_media_ns = paced_ns + self._paced_ns, paced_media_ns + self._paced_media_ns
        if paced_ns < RATE_LEAST_NS:
            missing["rate"] = f"needs {(RATE_LEAST_NS + _ANCHOR_NS) / 1e9:.0f} s of listening"
            return None
        return paced_media_ns / paced_ns

    def _usual_burst(self) -> float | None:
        total = sum(self._burst_sizes.values())
        passed = 0
        for size in sorted(self._burst_sizes):
            passed += self._burst_sizes[size]
            if 2 * passed >= total:
                return float(size)
        return None

    def _usual_ms(self) -> float:
        usual_ms = self._burst_intervals.percentile(50)
        return self._last_duration_ns / 1e6 if usual_ms is None else usual_ms

    def _open_stall(self, now_ns: int, packet: int) -> Stall | None:
        if self._last_ns is None:
            return None
        lead_ms = max(0.0, (self._first_lateness_ns - self._least_lateness_ns) / 1e6)
        return self.stalls.open_stall(self._last_ns, now_ns, self._usual_ms(), lead_ms, packet, self._origin_ns)


def _is_of(stall: Stall | None, side: Side) -> int:
    return int(stall is not None and stall.side is side)
