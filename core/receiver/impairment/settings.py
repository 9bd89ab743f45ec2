"""How bad the network lab makes the network."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from core.playout.trace import ArrivalTrace

MAX_DELAY_MS: Final = 10_000.0
MAX_JITTER_MS: Final = 5_000.0
MAX_STALL_MS: Final = 10_000.0
MIN_STALL_EVERY_S: Final = 0.1
MAX_STALL_EVERY_S: Final = 3_600.0
MIN_BANDWIDTH_KBPS: Final = 8.0
"""Of what Opus sends, 6 kbit/s and the framing of small packets: less would let nothing through in time."""
MAX_BANDWIDTH_KBPS: Final = 1_000_000.0
MIN_DISCONNECT_EVERY_S: Final = 1.0
MAX_DISCONNECT_EVERY_S: Final = 86_400.0
MAX_SEED: Final = 2**32 - 1


class ImpairmentError(ValueError):
    """An impairment that cannot be; the message says in one line what would be accepted."""


class JitterDistribution(Enum):
    """How the delay of single messages scatters. It only ever adds, as queues on the way do."""

    NORMAL = "normal"
    """Half of a bell curve whose standard deviation is the jitter."""
    UNIFORM = "uniform"
    """Anything from nothing to the jitter, equally often."""
    EXPONENTIAL = "exponential"
    """The jitter on average; mostly less, now and then several times as much."""
    PARETO = "pareto"
    """The jitter on average; mostly little, rarely very much."""


@dataclass(frozen=True, slots=True)
class Impairment:
    """What the network lab does to what the server sends. ``None``, and 0 for delay and jitter, is none of it."""

    delay_ms: float = 0.0
    """Of every message, each way."""
    jitter_ms: float = 0.0
    jitter_distribution: JitterDistribution = JitterDistribution.NORMAL
    stall_every_s: float | None = None
    """From the beginning of one periodic stall to that of the next."""
    stall_ms: float | None = None
    """For so long nothing comes through; then all of it does at once."""
    random_stall_every_s: float | None = None
    """On average from the end of one random stall to the beginning of the next."""
    random_stall_ms: float | None = None
    """On average."""
    bandwidth_kbps: float | None = None
    disconnect_every_s: float | None = None
    """Seconds after which each connection is broken off."""
    is_disconnect_random: bool = False
    """``disconnect_every_s`` is kept on average only."""
    trace: ArrivalTrace | None = field(default=None, repr=False)
    """Adds the delays that were recorded, over and over."""
    trace_name: str | None = None
    """The file that the trace was read from."""
    seed: int = 0
    """The same seed and the same arrivals give the same network."""

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises:
            ImpairmentError: with what would be accepted.
        """
        _check("a delay", self.delay_ms, 0, MAX_DELAY_MS, "ms")
        _check("a jitter", self.jitter_ms, 0, MAX_JITTER_MS, "ms")
        _check_stalls("stalls", self.stall_every_s, self.stall_ms)
        _check_stalls("random stalls", self.random_stall_every_s, self.random_stall_ms)
        if self.bandwidth_kbps is not None:
            _check("a bandwidth", self.bandwidth_kbps, MIN_BANDWIDTH_KBPS, MAX_BANDWIDTH_KBPS, "kbit/s")
        if self.disconnect_every_s is not None:
            least, most = MIN_DISCONNECT_EVERY_S, MAX_DISCONNECT_EVERY_S
            _check("a time between disconnects", self.disconnect_every_s, least, most, "s")
        elif self.is_disconnect_random:
            raise ImpairmentError("random disconnects need a time between them in seconds, for instance 30")
        _check("a seed", self.seed, 0, MAX_SEED, "")
        if (self.trace is None) != (self.trace_name is None):
            raise ImpairmentError("an arrival trace needs the name of its file, and a name its trace")

    @property
    def is_active(self) -> bool:
        """Whether it does anything at all."""
        return bool(self.delay_ms or self.jitter_ms) or not all(
            each is None
            for each in (
                self.stall_every_s,
                self.random_stall_every_s,
                self.bandwidth_kbps,
                self.disconnect_every_s,
                self.trace,
            )
        )

    @property
    def least_delay_ms(self) -> float:
        """No message is quicker than that on the impaired path."""
        return self.delay_ms + (min(self.trace.delays_ms) if self.trace is not None else 0.0)

    def describe(self) -> str:
        """One line for people, ``off`` where nothing is impaired."""
        parts = []
        if self.delay_ms:
            parts.append(f"{self.delay_ms:g} ms delay")
        if self.jitter_ms:
            parts.append(f"{self.jitter_ms:g} ms jitter ({self.jitter_distribution.value})")
        if self.stall_every_s is not None:
            parts.append(f"a stall of {self.stall_ms:g} ms every {self.stall_every_s:g} s")
        if self.random_stall_every_s is not None:
            parts.append(f"random stalls of about {self.random_stall_ms:g} ms every {self.random_stall_every_s:g} s")
        if self.bandwidth_kbps is not None:
            parts.append(f"at most {self.bandwidth_kbps:g} kbit/s")
        if self.disconnect_every_s is not None:
            about = "about " if self.is_disconnect_random else ""
            parts.append(f"a disconnect after {about}{self.disconnect_every_s:g} s")
        if self.trace is not None:
            parts.append(f"delays of the trace {self.trace_name}")
        return ", ".join(parts) or "off"


def _check_stalls(what: str, every_s: float | None, length_ms: float | None) -> None:
    if every_s is None and length_ms is None:
        return
    if every_s is None or length_ms is None:
        raise ImpairmentError(f"{what} need the time between them and their length, for instance 8 s and 200 ms")
    _check(f"a time between {what}", every_s, MIN_STALL_EVERY_S, MAX_STALL_EVERY_S, "s")
    _check(f"a length of {what}", length_ms, 1, MAX_STALL_MS, "ms")
    if length_ms >= every_s * 1000:
        raise ImpairmentError(
            f"{what} of {length_ms:g} ms every {every_s:g} s would let nothing through;"
            f" accepted: shorter than {every_s * 1000:g} ms"
        )


def _check(what: str, value: float, low: float, high: float, unit: str) -> None:
    if not low <= value <= high:
        shown, accepted = f"{value:g} {unit}".strip(), f"{low:g} to {high:.10g} {unit}".strip()
        raise ImpairmentError(f"{what} of {shown} is not possible; accepted: {accepted}")


NO_IMPAIRMENT: Final = Impairment()
