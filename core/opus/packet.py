"""What an Opus packet says about itself (RFC 6716 §3), read without decoding it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

SAMPLE_RATE_HZ = 48_000
"""The clock of Opus: every stream decodes to 48 kHz, so all media time is counted in it."""

SAMPLES_PER_MS = SAMPLE_RATE_HZ // 1000
MAX_PACKET_SAMPLES = 120 * SAMPLES_PER_MS
"""RFC 6716 §3.2.5 [R5]: a packet holds at most 120 ms."""

MAX_FRAME_BYTES = 1275
"""RFC 6716 §3.4 [R2]."""

_DTX_PACKET_BYTES = 2
"""libopus sends packets of one or two bytes while nothing needs coding (opus_encode, discontinuous transmission)."""


class Mode(Enum):
    """Coding mode of a packet (RFC 6716 table 2)."""

    SILK = "SILK"
    HYBRID = "Hybrid"
    CELT = "CELT"


class Bandwidth(Enum):
    """Audio bandwidth of a packet (RFC 6716 table 1): 4, 6, 8, 12 and 20 kHz."""

    NARROWBAND = "NB"
    MEDIUMBAND = "MB"
    WIDEBAND = "WB"
    SUPER_WIDEBAND = "SWB"
    FULLBAND = "FB"


class MalformedPacketError(ValueError):
    """The bytes break one of RFC 6716's rules [R1]-[R7]; the message names what is wrong."""


@dataclass(frozen=True, slots=True)
class PacketInfo:
    """The facts in a packet's first bytes. ``frame_samples`` and ``duration_samples`` count at 48 kHz."""

    config: int
    mode: Mode
    bandwidth: Bandwidth
    channels: int
    frame_samples: int
    frame_count: int
    has_fec: bool
    """Low-bit-rate redundancy of the packet before (in-band FEC, RFC 6716 §4.2.4) is in it."""
    is_dtx: bool

    @property
    def duration_samples(self) -> int:
        return self.frame_samples * self.frame_count

    @property
    def duration_ms(self) -> float:
        return self.duration_samples / SAMPLES_PER_MS

    @property
    def frame_ms(self) -> float:
        return self.frame_samples / SAMPLES_PER_MS


def parse_packet(packet: bytes) -> PacketInfo:
    """Read the table-of-contents byte and the frame lengths.

    Raises:
        MalformedPacketError: the packet breaks RFC 6716 §3.4; libopus would refuse it, too.
    """
    if not packet:
        raise MalformedPacketError("an empty message is no Opus packet")
    toc = packet[0]
    mode, bandwidth, frame_samples = _configuration(toc >> 3)
    first_frame_at, first_frame_bytes, frame_count = _frames(packet)
    if frame_count * frame_samples > MAX_PACKET_SAMPLES:
        raise MalformedPacketError(
            f"{frame_count} frames of {frame_samples / SAMPLES_PER_MS:g} ms are more than the 120 ms a packet may hold"
        )
    channels = 2 if toc & 0x04 else 1
    has_fec = first_frame_bytes > 0 and _has_lbrr(packet[first_frame_at], mode, frame_samples, channels)
    return PacketInfo(
        config=toc >> 3,
        mode=mode,
        bandwidth=bandwidth,
        channels=channels,
        frame_samples=frame_samples,
        frame_count=frame_count,
        has_fec=has_fec,
        is_dtx=len(packet) <= _DTX_PACKET_BYTES,
    )


@lru_cache(maxsize=32)
def _configuration(config: int) -> tuple[Mode, Bandwidth, int]:
    """Mode, bandwidth and frame size in 48 kHz samples of one of the 32 configurations (RFC 6716 table 2)."""
    if config < 12:
        bandwidth = (Bandwidth.NARROWBAND, Bandwidth.MEDIUMBAND, Bandwidth.WIDEBAND)[config // 4]
        return Mode.SILK, bandwidth, (480, 960, 1920, 2880)[config % 4]
    if config < 16:
        bandwidth = Bandwidth.SUPER_WIDEBAND if config < 14 else Bandwidth.FULLBAND
        return Mode.HYBRID, bandwidth, (480, 960)[config % 2]
    bandwidth = (
        Bandwidth.NARROWBAND,
        Bandwidth.WIDEBAND,
        Bandwidth.SUPER_WIDEBAND,
        Bandwidth.FULLBAND,
    )[(config - 16) // 4]
    return Mode.CELT, bandwidth, (120, 240, 480, 960)[config % 4]


def _frames(packet: bytes) -> tuple[int, int, int]:
    """Offset and length of the first frame, and the number of frames (RFC 6716 §3.2)."""
    code = packet[0] & 0x03
    body = len(packet) - 1
    if code == 0:
        _check_frame_bytes(body)
        return 1, body, 1
    if code == 1:
        if body % 2:
            raise MalformedPacketError(f"two equal frames do not fit into {body} bytes")
        _check_frame_bytes(body // 2)
        return 1, body // 2, 2
    if code == 2:
        first, after = _length_at(packet, 1, len(packet))
        if first > len(packet) - after:
            raise MalformedPacketError("the first of two frames is longer than the packet")
        _check_frame_bytes(len(packet) - after - first)
        return after, first, 2
    return _many_frames(packet)


def _many_frames(packet: bytes) -> tuple[int, int, int]:
    """Code 3: a count byte, padding, then frames of equal or listed length (RFC 6716 §3.2.5)."""
    if len(packet) < 2:
        raise MalformedPacketError("the byte that counts the frames is missing")
    count = packet[1] & 0x3F
    if count == 0:
        raise MalformedPacketError("a packet of zero frames")
    at = 2
    end = len(packet)
    if packet[1] & 0x40:
        at, padding = _padding_at(packet, at)
        end -= padding
        if end < at:
            raise MalformedPacketError("the padding is longer than the packet")
    if not packet[1] & 0x80:
        if (end - at) % count:
            raise MalformedPacketError(f"{count} equal frames do not fit into {end - at} bytes")
        _check_frame_bytes((end - at) // count)
        return at, (end - at) // count, count
    lengths: list[int] = []
    for _ in range(count - 1):
        length, at = _length_at(packet, at, end)
        lengths.append(length)
    last = end - at - sum(lengths)
    if last < 0:
        raise MalformedPacketError("the frames are longer than the packet")
    _check_frame_bytes(last)
    lengths.append(last)
    return at, lengths[0], count


def _padding_at(packet: bytes, at: int) -> tuple[int, int]:
    """Where the padding length ends, and the padding in bytes: 255 means 254 and one more length byte."""
    padding = 0
    while True:
        if at >= len(packet):
            raise MalformedPacketError("the padding length is cut off")
        byte = packet[at]
        at += 1
        padding += min(byte, 254)
        if byte != 255:
            return at, padding


def _length_at(packet: bytes, at: int, end: int) -> tuple[int, int]:
    """A frame length of one or two bytes (RFC 6716 §3.2.1), and the offset behind it."""
    if at >= end:
        raise MalformedPacketError("a frame length is missing")
    first = packet[at]
    if first < 252:
        return first, at + 1
    if at + 1 >= end:
        raise MalformedPacketError("a frame length is cut off")
    return first + 4 * packet[at + 1], at + 2


def _check_frame_bytes(length: int) -> None:
    if length > MAX_FRAME_BYTES:
        raise MalformedPacketError(f"a frame of {length} bytes; at most {MAX_FRAME_BYTES} are allowed")


def _has_lbrr(first_byte: int, mode: Mode, frame_samples: int, channels: int) -> bool:
    """Whether a SILK layer's header flags redundancy (RFC 6716 §4.2.3).

    The header holds, for each channel, one voice-activity bit for each 20 ms (or one of 10 ms), then the LBRR bit.
    """
    if mode is Mode.CELT:
        return False
    silk_frames = max(1, frame_samples // 960)
    mono = bool(first_byte >> (7 - silk_frames) & 1)
    if channels == 1:
        return mono
    return mono or bool(first_byte >> (6 - 2 * silk_frames) & 1)
