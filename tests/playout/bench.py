"""A test bench in virtual time: packets arrive when told, a device pulls every 5 ms, nothing sleeps.

What is heard tells its own media time: the left channel is a clock, and the right one says whether it may be read. So
claims about *when* something is heard need no look into the engine, and splices, which mix two moments, show as what
lies between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.opus.media import MediaPacket
from core.opus.packet import MAX_PACKET_SAMPLES, parse_packet
from core.playout.jitter_buffer import JitterBuffer
from core.playout.settings import PlayoutMode, PlayoutSettings
from core.playout.states import PlayoutState

BLOCK: Final = 240
BLOCK_MS: Final = BLOCK / 48
FRAME: Final = 960
FRAME_MS: Final = FRAME / 48
MS: Final = 1_000_000
CELT: Final = {2.5: 28 << 3, 5.0: 29 << 3, 10.0: 30 << 3, 20.0: 31 << 3}
"""First byte of a fullband CELT packet of so many milliseconds."""

TICK: Final = 2.0**-24
"""What one sample adds to the left channel: the last bit of float32 between 0.5 and 1, enough for 174 s."""

CONCEALED: Final = 0.25
"""What the left channel is while the decoder conceals; the right one is 0."""

CLOCK_ERROR_MS: Final = 0.5
"""Reading the clock through an interpolation costs some of its last bits."""

_TICKS: Final = np.arange(MAX_PACKET_SAMPLES) * TICK

Floats = NDArray[np.float64]
Pcm = NDArray[np.float32]


class ClockDecoder:
    """Stands in for libopus: each packet holds the number of its first sample, and its sound counts on from there."""

    channels = 2

    def __init__(self) -> None:
        self.resets = 0

    def decode(self, packet: bytes) -> Pcm:
        frames = parse_packet(packet).duration_samples
        pcm = np.ones((frames, 2), dtype=np.float32)
        # Whole ticks of 2^-24: no order of adding them rounds.
        pcm[:, 0] = 0.5 + int.from_bytes(packet[1:5], "big") * TICK + _TICKS[:frames]
        return pcm

    def conceal(self, frames: int) -> Pcm:
        pcm = np.zeros((frames, 2), dtype=np.float32)
        pcm[:, 0] = CONCEALED
        return pcm

    def reset(self) -> None:
        self.resets += 1

    def close(self) -> None:
        pass


def packet_at(media_ms: float, arrival_ms: float, frame_ms: float = FRAME_MS, **known: int) -> MediaPacket:
    """The packet whose sound begins at this media time, for the `ClockDecoder`."""
    number = round(media_ms * 48)
    return MediaPacket(bytes([CELT[frame_ms]]) + number.to_bytes(4, "big"), round(arrival_ms * MS), **known)


def paced(
    count: int, delays_ms: Sequence[float] | Floats | None = None, frame_ms: float = FRAME_MS, began_ms: float = 0.0
) -> list[MediaPacket]:
    """Packets that leave every ``frame_ms`` and arrive ``delays_ms[i]`` later, in order as over TCP."""
    leaves = began_ms + np.arange(count) * frame_ms
    arrivals = leaves if delays_ms is None else np.maximum.accumulate(leaves + delays_ms)
    return [packet_at(i * frame_ms, at, frame_ms) for i, at in enumerate(arrivals.tolist())]


def stalled(count: int, *stalls_ms: tuple[float, float], frame_ms: float = FRAME_MS) -> Floats:
    """Delays of a network that holds everything back from a time on, for so long, as TCP does when it resends."""
    leaves = np.arange(count) * frame_ms
    delays = np.zeros(count)
    for began_ms, length_ms in stalls_ms:
        held = (leaves >= began_ms) & (leaves < began_ms + length_ms)
        delays[held] = np.maximum(delays[held], began_ms + length_ms - leaves[held])
    return delays


@dataclass(repr=False)
class Bench:
    """Runs one jitter buffer and gathers what a listener would hear."""

    buffer: JitterBuffer
    now_ns: int = 0
    blocks: list[Pcm] = field(default_factory=list)
    starts_ms: list[float] = field(default_factory=list)
    """When each block is heard."""
    depths_ms: list[float] = field(default_factory=list)
    positions_ms: list[float] = field(default_factory=list)
    """What the buffer says that it will play next, after each block."""
    states: list[PlayoutState] = field(default_factory=list)
    _waiting: list[MediaPacket] = field(default_factory=list)

    @classmethod
    def make(cls, target_ms: float = 60.0, max_depth_ms: float = 10_000.0, **more: object) -> Bench:
        wanted = PlayoutSettings(target_ms, max_depth_ms, **more)  # type: ignore[arg-type]
        return cls(JitterBuffer(wanted, ClockDecoder()))  # type: ignore[arg-type]

    @classmethod
    def live(cls, target_ms: float = 60.0, **more: object) -> Bench:
        return cls.make(target_ms, mode=PlayoutMode.LIVE, **more)

    @property
    def now_ms(self) -> float:
        return self.now_ns / MS

    def send(self, packets: Iterable[MediaPacket]) -> Bench:
        """Have these arrive at their times while `run` passes."""
        self._waiting = sorted([*self._waiting, *packets], key=lambda packet: packet.arrival_ns)
        return self

    def run(self, until_ms: float, block: int = BLOCK, burst: int = 1) -> Bench:
        """Let time pass: ``burst`` blocks are pulled at once, then as much time passes, packets arriving meanwhile."""
        out = np.zeros((block, 2), dtype=np.float32)
        while self.now_ns < until_ms * MS:
            while self._waiting and self._waiting[0].arrival_ns <= self.now_ns:
                self.buffer.push(self._waiting.pop(0))
            for number in range(burst):
                out[:] = np.nan
                self.buffer.pull(out, self.now_ns)
                self.blocks.append(out.copy())
                self.starts_ms.append(self.now_ms + number * block / 48)
                self.depths_ms.append(self.buffer.depth_ms)
                self.positions_ms.append(self.buffer.media_position_ns / MS)
                self.states.append(self.buffer.state)
            self.now_ns += burst * block * MS // 48
        return self

    @property
    def out(self) -> Pcm:
        """All that came out, shape (frames, channels)."""
        return np.concatenate(self.blocks)

    @property
    def left(self) -> Pcm:
        """The same, left channel."""
        return self.out[:, 0]

    @property
    def times_ms(self) -> Floats:
        """When each of these samples is heard."""
        return np.concatenate(
            [start + np.arange(len(b)) / 48 for start, b in zip(self.starts_ms, self.blocks, strict=True)]
        )

    @property
    def media_ms(self) -> Floats:
        """The media time of each of them; NaN for silence, concealment and the fades from and to it."""
        out = self.out.astype(np.float64)
        return np.where(np.abs(out[:, 1] - 1) < 3e-6, (out[:, 0] - 0.5) / TICK / 48, np.nan)

    @property
    def is_received(self) -> NDArray[np.bool_]:
        """Whether each of them is sound that came over the network, and nothing else."""
        return ~np.isnan(self.media_ms)

    def delays_ms(self, since_ms: float, until_ms: float = float("inf")) -> Floats:
        """How long after its media time each received sample was heard that was heard between these."""
        times, media = self.times_ms, self.media_ms
        within = (times >= since_ms) & (times < until_ms) & ~np.isnan(media)
        delays: Floats = times[within] - media[within]
        return delays

    def delay_ms(self, at_ms: float) -> float:
        """The same for what was heard from this time on for 20 ms."""
        return float(np.median(self.delays_ms(at_ms, at_ms + 20)))

    def heard_at_ms(self, media_ms: float) -> float:
        """When playout first came to this media time; NaN if it did not."""
        hits = np.flatnonzero(self.media_ms >= media_ms - CLOCK_ERROR_MS)
        return float(self.times_ms[hits[0]]) if len(hits) else float("nan")

    def set_target(self, target_ms: float) -> None:
        """Change the target now."""
        known = self.buffer.settings
        self.buffer.configure(PlayoutSettings(target_ms, known.max_depth_ms, mode=known.mode), self.now_ns)


def goal_ms(target_ms: float, block: int = BLOCK) -> float:
    """Where playout is to be: half a device block later than the target."""
    return target_ms + block / 96
