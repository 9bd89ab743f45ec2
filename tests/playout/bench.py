"""A test bench in virtual time: packets arrive when told, a device pulls every 5 ms, nothing sleeps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.opus.media import MediaPacket
from core.playout.jitter_buffer import JitterBuffer
from core.playout.settings import PlayoutSettings

BLOCK = 240
FRAME = 960
MS = 1_000_000
CELT_20_MS = bytes([31 << 3])
CELT_2_5_MS = bytes([28 << 3])
CONCEALED = 0.5
"""What the counting decoder gives for concealment: no frame number is a fraction."""


class CountingDecoder:
    """Stands in for libopus where a test must see which frame is where: sample k of packet n is n * FRAME + k + 1."""

    channels = 2

    def __init__(self) -> None:
        self.resets = 0

    def decode(self, packet: bytes) -> NDArray[np.float32]:
        number = int.from_bytes(packet[1:5], "big")
        frames = FRAME if packet[0] == CELT_20_MS[0] else FRAME // 8
        ramp = (np.arange(frames) + number * frames + 1).astype(np.float32)
        return np.repeat(ramp[:, np.newaxis], 2, axis=1)

    def conceal(self, frames: int) -> NDArray[np.float32]:
        return np.full((frames, 2), CONCEALED, dtype=np.float32)

    def reset(self) -> None:
        self.resets += 1

    def close(self) -> None:
        pass


def counted_packet(number: int, arrival_ms: float, **known: int) -> MediaPacket:
    """Packet ``number`` of 20 ms for the `CountingDecoder`."""
    return MediaPacket(CELT_20_MS + number.to_bytes(4, "big"), round(arrival_ms * MS), **known)


def paced(count: int, delays_ms: Sequence[float] | None = None, frame_ms: float = 20.0) -> list[MediaPacket]:
    """Packets that leave every ``frame_ms`` and arrive ``delays_ms[i]`` later, in order as over TCP."""
    arrivals = [i * frame_ms + (delays_ms[i] if delays_ms is not None else 0.0) for i in range(count)]
    return [counted_packet(i, arrival) for i, arrival in enumerate(np.maximum.accumulate(arrivals))]


@dataclass
class Bench:
    """Runs one jitter buffer; ``out`` gathers what a listener would hear, left channel."""

    buffer: JitterBuffer
    now_ns: int = 0
    blocks: list[NDArray[np.float32]] = field(default_factory=list)
    depths_ms: list[float] = field(default_factory=list)
    _waiting: list[MediaPacket] = field(default_factory=list)

    @classmethod
    def make(cls, target_ms: float = 60.0, max_depth_ms: float = 10_000.0) -> Bench:
        decoder = CountingDecoder()
        return cls(JitterBuffer(PlayoutSettings(target_ms, max_depth_ms), decoder))  # type: ignore[arg-type]

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
            for _ in range(burst):
                out[:] = np.nan
                self.buffer.pull(out, self.now_ns)
                self.blocks.append(out[:, 0].copy())
                self.depths_ms.append(self.buffer.depth_ms)
            self.now_ns += burst * block * MS // 48
        return self

    @property
    def out(self) -> NDArray[np.float32]:
        return np.concatenate(self.blocks)

    def played_at_ms(self, number: int) -> float:
        """When the first sample of packet ``number`` was heard; NaN if never."""
        hits = np.flatnonzero(self.out == number * FRAME + 1)
        return float(hits[0] / 48) if len(hits) else float("nan")

    def depth_ms(self, target_ms: float) -> None:
        """Change the target now."""
        self.buffer.configure(PlayoutSettings(target_ms, self.buffer.settings.max_depth_ms), self.now_ns)
