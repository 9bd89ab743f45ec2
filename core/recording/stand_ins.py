"""Packets that ask a decoder to conceal, for those that are missing (RFC 7845 §4.1)."""

from __future__ import annotations

from typing import Final

from core.opus.packet import MAX_PACKET_SAMPLES, Bandwidth, Mode, PacketInfo, parse_packet

STEP_SAMPLES: Final = 120
"""RFC 7845 §4.1: only gaps of a multiple of 2.5 ms can be repaired."""

_FRAMES: Final = {
    Mode.SILK: ((0, 480), (1, 960), (2, 1920), (3, 2880)),
    Mode.HYBRID: ((0, 480), (1, 960)),
    Mode.CELT: ((0, 120), (1, 240), (2, 480), (3, 960)),
}
"""How much is added to the first configuration of a mode and bandwidth for a frame size, in samples at 48 kHz
(RFC 6716 table 2)."""

_SAME_FRAMES: Final = 0x03
_FIRST_CELT: Final = {
    Bandwidth.NARROWBAND: 16,
    Bandwidth.MEDIUMBAND: 20,
    Bandwidth.WIDEBAND: 20,
    Bandwidth.SUPER_WIDEBAND: 24,
    Bandwidth.FULLBAND: 28,
}
"""CELT's configurations by bandwidth; it has no medium band, the next one is wide."""


def stand_ins(samples: int, packet: bytes) -> list[tuple[bytes, int]]:
    """Packets of empty frames that last ``samples``, each with its duration, to follow on ``packet``.

    As RFC 7845 §4.1 has it: mode, bandwidth and channels of the packet before; its frame size, too, for as long as
    that fits; shorter ones come last. ``samples`` count at 48 kHz; what is beyond a multiple of 2.5 ms is left out.

    Raises:
        MalformedPacketError: ``packet`` is none.
    """
    info = parse_packet(packet)
    stereo = packet[0] & 0x04
    sizes = [(info.config, info.frame_samples), *_shorter(info)]
    found: list[tuple[bytes, int]] = []
    for config, frame in sizes:
        head = config << 3 | stereo
        while samples >= frame:
            count = min(samples, MAX_PACKET_SAMPLES) // frame
            found.append((bytes((head,)) if count == 1 else bytes((head | _SAME_FRAMES, count)), count * frame))
            samples -= count * frame
    return found


def _shorter(info: PacketInfo) -> list[tuple[int, int]]:
    """Configurations of shorter frames, longest first: of the same mode while it has any, then of CELT."""
    own, celt = _FRAMES[info.mode], _FIRST_CELT[info.bandwidth]
    first = info.config - info.config % len(own)
    same = [(first + add, size) for add, size in reversed(own) if size < info.frame_samples]
    least = min((size for _, size in same), default=info.frame_samples)
    return same + [(celt + add, size) for add, size in reversed(_FRAMES[Mode.CELT]) if size < least]
