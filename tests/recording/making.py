"""Packets and observations for recordings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from core.analysis.observation import Connected, Observation, Received
from core.opus.media import MediaPacket
from core.opus.packet import parse_packet
from core.recording.files import Files
from core.recording.packets import PacketSink
from core.recording.rotation import NO_ROTATION, Rotation
from tests.receiver.harness import opus_packets

WALL_S = 1_790_000_000.0


def numbered(payloads: Sequence[bytes], first: int = 100, without: Iterable[int] = ()) -> list[Observation]:
    """As RTP tells them, with numbers and time stamps; ``without`` leaves out some by their place."""
    left_out, timestamp, found = set(without), 48_000, list[Observation]()
    for at, payload in enumerate(payloads):
        if at not in left_out:
            found.append(received(payload, at * 20_000_000, first + at, timestamp))
        timestamp += parse_packet(payload).duration_samples
    return found


def received(payload: bytes, at_ns: int = 0, number: int | None = None, timestamp: int | None = None) -> Received:
    """One packet that came."""
    return Received(at_ns, MediaPacket(payload, at_ns, number, timestamp))


def bare(payloads: Iterable[bytes]) -> list[Observation]:
    """As a bare stream tells them: nothing but bytes."""
    return [received(payload, at * 20_000_000) for at, payload in enumerate(payloads)]


def record(path: Path, observations: Iterable[Observation], rotation: Rotation = NO_ROTATION) -> PacketSink:
    """Into a file or several; the sink is closed."""
    serials = iter(range(7_000, 8_000))
    files = Files(path, rotation.is_active)
    sink = PacketSink(files, rotation, "ws://127.0.0.1/ws-audio", lambda: WALL_S, lambda: next(serials))
    sink.take(Connected(0, None))
    for each in observations:
        sink.take(each)
    sink.close()
    return sink


TONE = opus_packets(300)
STEREO = opus_packets(300, 20.0, 2)
