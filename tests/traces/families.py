"""Random arrival traces by seed, of the kinds that the seven recorded ones are of, and of livelier ones.

Each function takes a seed; a parameter that is not given is drawn by that seed, so that a family spreads over what one
meets. The same arguments always give the same trace. Everything is in order as over TCP: what was sent during a stall
arrives at its end. The smallest delay of a trace is 0.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from tests.traces.trace import Trace

_SEVERAL_S = (2.0, 10.0)


class _Draft:
    """A trace in the making: times of sending, delays (both in ms) and the family's random numbers."""

    def __init__(self, kind: str, seed: int, seconds: float, frame_ms: float) -> None:
        self.kind, self.seed, self.frame_ms = kind, seed, frame_ms
        self.rng = np.random.default_rng([seed, zlib.crc32(kind.encode())])
        self.length_ms = seconds * 1000.0
        self.sent_ms: NDArray[np.float64] = np.arange(round(self.length_ms / frame_ms), dtype=np.float64) * frame_ms
        self.delays_ms: NDArray[np.float64] = np.zeros(len(self.sent_ms))

    def draw(self, given: float | None, low: float, high: float) -> float:
        """``given``, or a number from the range; one random number either way, so that the rest stays the same."""
        drawn = float(self.rng.uniform(low, high))
        return drawn if given is None else given

    def stall(self, start_ms: float, length_ms: float) -> None:
        """Hold back what is sent from ``start_ms`` on until the stall ends."""
        end_ms = start_ms + length_ms
        held = (self.sent_ms >= start_ms) & (self.sent_ms < end_ms)
        self.delays_ms[held] = np.maximum(self.delays_ms[held], end_ms - self.sent_ms[held])

    def poisson_stalls(self, gap_ms: float, mean_ms: float, start_ms: float = 0.0, end_ms: float | None = None) -> None:
        """Stalls of exponential length, an exponential time apart from start to start, so that some run together."""
        now_ms = start_ms + self.rng.exponential(gap_ms)
        while now_ms < (self.length_ms if end_ms is None else end_ms):
            self.stall(now_ms, self.rng.exponential(mean_ms))
            now_ms += self.rng.exponential(gap_ms)

    def done(self, description: str, spacing_ms: float = 0.0) -> Trace:
        """Put the arrivals in order, at least ``spacing_ms`` apart, and shift them until the smallest delay is 0."""
        at_least_ms = np.arange(len(self.sent_ms)) * spacing_ms
        arrivals_ms = np.round(np.maximum.accumulate(self.sent_ms + self.delays_ms - at_least_ms) + at_least_ms, 3)
        delays_ms = arrivals_ms - self.sent_ms
        delays_ms = np.round(delays_ms - delays_ms.min(), 3)
        name = f"{self.kind}-{self.seed}"
        return Trace(self.frame_ms, tuple(delays_ms.tolist()), name, description)


def none(seed: int = 0, *, seconds: float = 60.0, frame_ms: float = 20.0) -> Trace:
    """Every packet on time, whatever the seed."""
    return _Draft("none", seed, seconds, frame_ms).done("no jitter")


def gaussian(seed: int = 0, *, sigma_ms: float | None = None, seconds: float = 60.0, frame_ms: float = 20.0) -> Trace:
    """Normally distributed delay (sigma 5 to 40 ms), arrivals put in order: constant, heavy jitter."""
    draft = _Draft("gaussian", seed, seconds, frame_ms)
    sigma_ms = draft.draw(sigma_ms, 5.0, 40.0)
    draft.delays_ms += draft.rng.normal(0.0, sigma_ms, len(draft.sent_ms))
    return draft.done(f"gaussian sigma {sigma_ms:.0f} ms, arrivals made monotone")


def periodic_stalls(
    seed: int = 0,
    *,
    length_ms: float | None = None,
    period_s: float | None = None,
    seconds: float = 60.0,
    frame_ms: float = 20.0,
) -> Trace:
    """A stall (50 to 400 ms) every so often (2 to 10 s), nothing else: a channel scan, a power-saving sleep."""
    draft = _Draft("periodic_stalls", seed, seconds, frame_ms)
    length_ms, period_s = draft.draw(length_ms, 50.0, 400.0), draft.draw(period_s, *_SEVERAL_S)
    for start_ms in np.arange(period_s * 500.0, draft.length_ms, period_s * 1000.0):
        draft.stall(float(start_ms), length_ms)
    return draft.done(f"{length_ms:.0f} ms stall every {period_s:.1f} s, then burst")


def poisson_stalls(
    seed: int = 0,
    *,
    gap_s: float | None = None,
    mean_ms: float | None = None,
    seconds: float = 60.0,
    frame_ms: float = 20.0,
) -> Trace:
    """Stalls at random (mean gap 0.5 to 3 s) of exponential length (mean 30 to 120 ms), and U(0, 3) ms of jitter."""
    draft = _Draft("poisson_stalls", seed, seconds, frame_ms)
    gap_s, mean_ms = draft.draw(gap_s, 0.5, 3.0), draft.draw(mean_ms, 30.0, 120.0)
    draft.delays_ms += draft.rng.uniform(0.0, 3.0, len(draft.sent_ms))
    draft.poisson_stalls(gap_s * 1000.0, mean_ms)
    return draft.done(f"poisson stalls (mean gap {gap_s:.1f} s), exponential length mean {mean_ms:.0f} ms, + U(0,3) ms")


def regime(
    seed: int = 0,
    *,
    gap_s: float | None = None,
    mean_ms: float | None = None,
    seconds: float = 60.0,
    frame_ms: float = 20.0,
) -> Trace:
    """A third of calm, a third of heavy stalls (mean 80 to 200 ms each 0.3 to 0.8 s), a third of calm."""
    draft = _Draft("regime", seed, seconds, frame_ms)
    gap_s, mean_ms = draft.draw(gap_s, 0.3, 0.8), draft.draw(mean_ms, 80.0, 200.0)
    draft.delays_ms += draft.rng.uniform(0.0, 2.0, len(draft.sent_ms))
    draft.poisson_stalls(gap_s * 1000.0, mean_ms, draft.length_ms / 3, draft.length_ms * 2 / 3)
    return draft.done(f"calm, heavy stalls (mean {mean_ms:.0f} ms each ~{gap_s:.1f} s), calm")


def drift(
    seed: int = 0,
    *,
    ppm: float | None = None,
    jitter_ms: float | None = None,
    seconds: float = 60.0,
    frame_ms: float = 20.0,
) -> Trace:
    """A sender's clock that is slow (positive ppm: delay grows) or fast by up to 500 ppm, and exponential jitter."""
    draft = _Draft("drift", seed, seconds, frame_ms)
    ppm, jitter_ms = draft.draw(ppm, -500.0, 500.0), draft.draw(jitter_ms, 1.0, 6.0)
    draft.delays_ms += draft.sent_ms * ppm * 1e-6
    if jitter_ms > 0.0:
        draft.delays_ms += draft.rng.exponential(jitter_ms, len(draft.sent_ms))
    return draft.done(
        f"sender clock {abs(ppm):.0f} ppm {'slow' if ppm > 0 else 'fast'} + exp({jitter_ms:.1f} ms) jitter"
    )


def long_stalls(seed: int = 0, *, count: int = 4, seconds: float = 60.0, frame_ms: float = 20.0) -> Trace:
    """A few rare stalls of 0.4 to 1.5 s (TCP retransmission timeouts, roaming) and U(0, 3) ms of jitter."""
    draft = _Draft("long_stalls", seed, seconds, frame_ms)
    draft.delays_ms += draft.rng.uniform(0.0, 3.0, len(draft.sent_ms))
    share_ms = draft.length_ms / max(count, 1)
    for number in range(count):
        start_ms = (number + draft.rng.uniform(0.1, 0.9)) * share_ms
        draft.stall(start_ms, draft.rng.uniform(400.0, 1500.0))
    return draft.done(f"{count} rare long stalls 0.4-1.5 s")


def wifi(seed: int = 0, *, seconds: float = 60.0, frame_ms: float = 20.0) -> Trace:
    """Like a shared Wi-Fi link: jitter, aggregation, scans and clusters of retries; a burst drains packet by packet.

    Exponential jitter (mean 1 to 5 ms); frames aggregated over 5 to 30 ms; a scan of 80 to 300 ms each 5 to 60 s; now
    and then some seconds with 3 to 8 stalls.
    """
    draft = _Draft("wifi", seed, seconds, frame_ms)
    rng, length_ms = draft.rng, draft.length_ms
    jitter_ms, scan_s = draft.draw(None, 1.0, 5.0), draft.draw(None, 5.0, 60.0)
    scan_ms, cluster_s = draft.draw(None, 80.0, 300.0), draft.draw(None, 8.0, 40.0)
    draft.delays_ms += rng.exponential(jitter_ms, len(draft.sent_ms))
    for start_ms in np.cumsum(rng.exponential(rng.uniform(100.0, 800.0), round(length_ms / 50.0))):
        draft.stall(float(start_ms), rng.uniform(5.0, 30.0))
    now_ms = rng.uniform(0.0, scan_s) * 1000.0
    while now_ms < length_ms:
        draft.stall(now_ms, scan_ms * rng.uniform(0.8, 1.2))
        now_ms += scan_s * 1000.0 * rng.uniform(0.95, 1.05)
    now_ms = rng.exponential(cluster_s) * 1000.0
    while now_ms < length_ms:
        for _ in range(rng.integers(3, 9)):
            draft.stall(now_ms, rng.exponential(60.0))
            now_ms += rng.uniform(100.0, 400.0)
        now_ms += rng.exponential(cluster_s) * 1000.0
    return draft.done(
        f"Wi-Fi: exp({jitter_ms:.1f} ms), aggregation, scans of {scan_ms:.0f} ms each {scan_s:.0f} s, "
        f"clusters each ~{cluster_s:.0f} s",
        spacing_ms=0.3,
    )


def internet(seed: int = 0, *, seconds: float = 60.0, frame_ms: float = 20.0) -> Trace:
    """Like a long wired path: lognormal jitter, a wandering base delay, TCP retransmissions, at times a new route.

    Jitter of median 1 to 6 ms and a long tail; a base that wanders by some ms in tens of seconds; a retransmission of
    200 to 600 ms each 10 to 60 s; in every other trace one step of the base by 5 to 40 ms up or down.
    """
    draft = _Draft("internet", seed, seconds, frame_ms)
    rng, count = draft.rng, len(draft.sent_ms)
    median_ms, tail, loss_s = draft.draw(None, 1.0, 6.0), draft.draw(None, 0.4, 0.9), draft.draw(None, 10.0, 60.0)
    wander_ms = draft.draw(None, 0.2, 1.5)  # per root of a second
    draft.delays_ms += rng.lognormal(np.log(median_ms), tail, count)
    draft.delays_ms += np.abs(np.cumsum(rng.normal(0.0, wander_ms * np.sqrt(frame_ms / 1000.0), count)))
    step_ms = float(rng.uniform(5.0, 40.0) * rng.choice((-1.0, 1.0)) * rng.choice((0.0, 1.0)))
    draft.delays_ms[int(rng.uniform(0.3, 0.8) * count) :] += step_ms
    draft.delays_ms -= draft.delays_ms.min()
    now_ms = rng.exponential(loss_s) * 1000.0
    while now_ms < draft.length_ms:
        draft.stall(now_ms, rng.uniform(200.0, 600.0))
        now_ms += rng.exponential(loss_s) * 1000.0
    return draft.done(
        f"internet: lognormal ({median_ms:.1f} ms, {tail:.1f}), retransmission each ~{loss_s:.0f} s, "
        f"route step {step_ms:+.0f} ms",
        spacing_ms=0.1,
    )


KINDS: dict[str, Callable[..., Trace]] = {
    kind.__name__: kind
    for kind in (none, gaussian, periodic_stalls, poisson_stalls, regime, drift, long_stalls, wifi, internet)
}
"""Every kind by its name; each takes a seed, and the keywords ``seconds`` and ``frame_ms``."""


def families(seeds: int, *, first_seed: int = 0, seconds: float = 60.0, frame_ms: float = 20.0) -> Iterator[Trace]:
    """``seeds`` traces of each kind, one after the other."""
    for make in KINDS.values():
        for seed in range(first_seed, first_seed + seeds):
            yield make(seed, seconds=seconds, frame_ms=frame_ms)
