"""Reads captures, ours and others', as what happened on a connection.

Ours give back the very observations that were written. Of another program's, one RTP stream is taken and read as the
live client reads RTP; such a capture tells of no connection, only of what came.

A file may be anything: what is held in memory does not grow with it, damage in it is told with its offset, and what
stands before the damage is used.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.analysis.observation import Observation, Received
from core.opus.media import MediaPacket
from core.recording.capture_frames import ByteSource, CaptureError, Frame, Frames
from core.recording.capture_notes import FORMAT, MARK, NoteError, note_of, observation_of
from core.recording.capture_writer import RTP_PORT
from core.recording.link_layers import NoDatagram, datagram_of
from core.recording.pcap import MAGICS, read_pcap
from core.recording.pcapng import MAGIC, read_pcapng
from core.recording.rtp_streams import RtpStream, StreamFinder, packets_of, rtp_of
from core.recording.rtpdump import MAGIC as RTPDUMP_MAGIC
from core.recording.rtpdump import read_rtpdump
from core.recording.timeline import PacketTimeline, capture_time_from_ntp
from core.wire.opus_rtp import OpusRtpDialect
from core.wire.rtp import PAYLOAD_TYPE_OPUS

MAX_LISTED: Final = 8
"""Streams that an error lists; a recorded conference has more than anybody reads."""

_MARK_WITHIN_FRAMES: Final = 16
"""A capture of ours says so in its first frame; others may have put something before it."""

_GZIP_MAGIC: Final = b"\x1f\x8b"
_BUFFER_BYTES: Final = 1 << 18


MAX_SPAN_S: Final = 86_400.0
"""A capture is played through in its own time, virtual or real: damaged times could claim centuries."""


@dataclass(frozen=True, slots=True)
class Capture:
    """A capture that can be read, any number of times."""

    path: Path
    stream: RtpStream | None
    """The one that is read; ``None`` for a capture of ours, which tells of one connection."""
    packets: int
    """Of audio."""
    first_ns: int
    last_ns: int
    """When the first and the last packet came, in the time of `observations`."""
    notice: str | None
    """What is wrong with the file, although it can be read: one line."""

    @property
    def is_ours(self) -> bool:
        """Whether it was written by Opuscope, and gives back what was observed."""
        return self.stream is None

    @property
    def duration_s(self) -> float:
        """From the first packet to the last."""
        return (self.last_ns - self.first_ns) / 1e9

    def observations(self) -> Iterator[Observation]:
        """What happened, in the order of the file, up to its end or to where it is damaged."""
        frames = iter(_FramesToDamage(self.path))
        return _transcript(self.path, frames) if self.stream is None else _received(frames, self.stream)


def is_capture(path: Path) -> bool:
    """Whether a file begins as a capture does; whatever cannot be read is none."""
    try:
        with path.open("rb") as file:
            start = file.read(len(RTPDUMP_MAGIC))
    except OSError:
        return False
    return start[:4] in MAGICS or start[:4] == MAGIC or start == RTPDUMP_MAGIC


def open_capture(path: Path, ssrc: int | None = None) -> Capture:
    """Look through a pcapng, pcap or rtpdump file for what can be replayed.

    Args:
        path: the file.
        ssrc: of the stream to take, where there are several with Opus, or one that is not taken for Opus.

    Raises:
        CaptureError: no such file, no capture, nothing of Opus in it, or several streams and no choice.
    """
    if ssrc is None and _is_ours(path):
        return _checked(_our_capture(path))
    finder, frames = StreamFinder(), _FramesToDamage(path)
    for frame in frames:
        finder.add(frame)
    stream = _choose(path, finder, ssrc)
    return _checked(Capture(path, stream, stream.packets, stream.first_ns, stream.last_ns, frames.damage))


def _is_ours(path: Path) -> bool:
    with closing(iter(_FramesToDamage(path))) as frames:
        return any(_is_beginning(path, frame) for frame in itertools.islice(frames, _MARK_WITHIN_FRAMES))


def _our_capture(path: Path) -> Capture:
    frames = _FramesToDamage(path)
    packets, first_ns, last_ns = 0, 0, 0
    for seen in _transcript(path, iter(frames)):
        if isinstance(seen, Received) and isinstance(seen.event, MediaPacket):
            first_ns, last_ns = (min(first_ns, seen.at_ns), max(last_ns, seen.at_ns)) if packets else (seen.at_ns,) * 2
            packets += 1
    if not packets:
        raise CaptureError(f"{path} holds no audio: no packet came while it was captured")
    return Capture(path, None, packets, first_ns, last_ns, frames.damage)


def _checked(capture: Capture) -> Capture:
    if capture.duration_s > MAX_SPAN_S:
        raise CaptureError(
            f"{capture.path} claims to span {capture.duration_s / 86_400:.1f} days; cut out a part of at most one"
            " (editcap -A FROM -B TO)"
        )
    return capture


def _choose(path: Path, finder: StreamFinder, ssrc: int | None) -> RtpStream:
    if ssrc is not None:
        chosen = [stream for stream in finder.streams() if stream.ssrc == ssrc]
        chosen = chosen or [stream for stream in finder.streams(opus_only=False) if stream.ssrc == ssrc]
        if not chosen:
            raise CaptureError(f"{path} holds no RTP stream {ssrc:#010x}; {_listed(finder.streams(opus_only=False))}")
        return chosen[0]
    streams = finder.streams()
    if not streams:
        others = finder.streams(opus_only=False)
        maybe = f"; RTP that is not taken for Opus: {_list(others)}; --ssrc takes one" if others else ""
        tcp = (
            "; WebSocket over TCP cannot be read from a capture: use 'opuscope capture URL'"
            if finder.others[NoDatagram.TCP]
            else ""
        )
        raise CaptureError(f"{path} holds no Opus in RTP: {finder.what_else()}{maybe}{tcp}")
    if len({stream.ssrc for stream in streams}) > 1:
        raise CaptureError(f"{path} holds several streams with Opus; choose one with --ssrc: {_list(streams)}")
    # The same packets on several interfaces or of a forked call: once is enough.
    return streams[0]


def _listed(streams: list[RtpStream]) -> str:
    return f"there are: {_list(streams)}" if streams else "there is none at all"


def _list(streams: list[RtpStream]) -> str:
    more = f", and {len(streams) - MAX_LISTED} more" if len(streams) > MAX_LISTED else ""
    return ", ".join(stream.text for stream in streams[:MAX_LISTED]) + more


def _frames(path: Path) -> Frames:
    """All frames of a file.

    Raises:
        CaptureError: at the first thing that is wrong.
    """
    if not path.is_file():
        what = "is no regular file" if path.exists() else "cannot be read (no such file)"
        raise CaptureError(f"{path} {what}; name a pcapng, pcap or rtpdump file")
    try:
        with path.open("rb", buffering=_BUFFER_BYTES) as file:
            start = file.read(len(RTPDUMP_MAGIC))
            file.seek(0)
            source = ByteSource(file, path)
            if start[:4] == MAGIC:
                yield from read_pcapng(source)
            elif start[:4] in MAGICS:
                yield from read_pcap(source)
            elif start == RTPDUMP_MAGIC:
                yield from read_rtpdump(source)
            elif start[:2] == _GZIP_MAGIC:
                raise CaptureError(f"{path} is compressed; unpack it first (gunzip)")
            else:
                raise CaptureError(f"{path} is no capture; expected pcapng, pcap or rtpdump")
    except OSError as error:
        raise CaptureError(f"{path} cannot be read ({error.strerror}); name a pcapng, pcap or rtpdump file") from error


class _FramesToDamage:
    """The frames of a file up to where it is damaged, and then what the damage is."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.damage: str | None = None

    def __iter__(self) -> Frames:
        """All of them.

        Raises:
            CaptureError: not even one can be read.
        """
        has_any = False
        try:
            for frame in _frames(self._path):
                has_any = True
                yield frame
        except CaptureError as error:
            if not has_any:
                raise
            self.damage = str(error)


def _is_beginning(path: Path, frame: Frame) -> bool:
    try:
        note = note_of(frame)
    except NoteError:
        return False
    if note is None or note[MARK] != "transcript":
        return False
    version = note.get("format")
    if not isinstance(version, int) or not 1 <= version <= FORMAT:
        raise CaptureError(f"{path} was written by a later Opuscope (format {version!r:.20}); use that one")
    return True


def _transcript(path: Path, frames: Frames) -> Iterator[Observation]:
    """What our own writer was given.

    Raises:
        CaptureError: a note cannot be read.
    """
    shift_ns = 0
    timeline = PacketTimeline()
    capture_offset_ns: int | None = None
    for count, frame in enumerate(frames, 1):
        try:
            note = note_of(frame)
            if note is None:
                packet = _packet_of(frame, timeline, shift_ns, capture_offset_ns)
                if packet is not None:
                    capture_offset_ns = None
                    yield Received(packet.arrival_ns, packet)
                continue
            at_ns = frame.at_ns - shift_ns
            if note[MARK] == "transcript":
                shift_ns = _integer(note.get("unix_minus_monotonic_ns"))
            elif note[MARK] == "next_packet":
                if "sequence_number" in note:
                    timeline.begin(_number(note["sequence_number"]), _number(note.get("media_timestamp")))
                capture_offset_ns = _number(note.get("capture_time_ns"))
            else:
                seen = observation_of(note, at_ns)
                if seen is not None:
                    yield seen
        except NoteError as error:
            raise CaptureError(f"{path}: the note in frame {count} cannot be read: {error}; capture it anew") from error


def _packet_of(
    frame: Frame, timeline: PacketTimeline, shift_ns: int, capture_offset_ns: int | None
) -> MediaPacket | None:
    datagram = datagram_of(frame)
    if isinstance(datagram, NoDatagram) or datagram.destination_port != RTP_PORT:
        return None
    rtp = rtp_of(datagram)
    if rtp is None:
        return None
    at_ns = frame.at_ns - shift_ns
    number, timestamp = timeline.read(rtp.sequence_number, rtp.timestamp)
    capture_time_ns = None if capture_offset_ns is None else at_ns + capture_offset_ns
    if rtp.capture_time_ntp is not None:
        capture_time_ns = capture_time_from_ntp(rtp.capture_time_ntp, shift_ns)
    return MediaPacket(rtp.payload, at_ns, number, timestamp, capture_time_ns, rtp.marker)


def _received(frames: Frames, stream: RtpStream) -> Iterator[Observation]:
    """One stream of another program, as the live client reads RTP; times never run back."""
    dialect = OpusRtpDialect(has_control=False)
    latest_ns = 0
    for message, at_ns in packets_of(frames, stream.key):
        latest_ns = max(latest_ns, at_ns)
        # Which payload type is Opus is settled already.
        known = message[:1] + bytes([message[1] & 0x80 | PAYLOAD_TYPE_OPUS]) + message[2:]
        for event in dialect.receive(known, latest_ns):
            yield Received(event.arrival_ns if isinstance(event, MediaPacket) else latest_ns, event)


def _number(value: object) -> int | None:
    return None if value is None else _integer(value)


def _integer(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > 2**63:
        raise NoteError("a number in it is none that can be")
    return value
