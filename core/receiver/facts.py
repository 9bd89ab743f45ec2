"""What is known about the stream: from the packets themselves, and from what the server declared."""

from __future__ import annotations

from collections import deque
from typing import Final

from core.opus.encoder import Application
from core.opus.media import MediaPacket
from core.opus.packet import PacketInfo
from core.receiver.status import (
    ApplicationControl,
    EncoderControl,
    FrameSizeControl,
    LatencyBreakdown,
    StreamFacts,
)
from core.wire.control import Config, Hello
from core.wire.rtp import InterarrivalJitter

_BITRATE_SPAN_MS: Final = 2_000.0
"""Bit rate is averaged over the last two seconds of audio."""


class StreamObserver:
    """Gathers the facts of one connection's stream."""

    def __init__(self) -> None:
        """Nothing seen yet."""
        self.hello: Hello | None = None
        self.config: Config | None = None
        self._recent: deque[tuple[int, float]] = deque()
        self._recent_bytes = 0
        self._recent_ms = 0.0
        self._info: PacketInfo | None = None
        self._saw_fec = False
        self._saw_dtx = False
        self._media_samples = 0
        self._jitter = InterarrivalJitter()
        self._has_jitter = False

    def saw(self, packet: MediaPacket, info: PacketInfo) -> None:
        """Take in one packet that could be read."""
        self._info = info
        self._saw_fec = self._saw_fec or info.has_fec
        self._saw_dtx = self._saw_dtx or info.is_dtx
        self._recent.append((len(packet.payload), info.duration_ms))
        self._recent_bytes += len(packet.payload)
        self._recent_ms += info.duration_ms
        while self._recent_ms - self._recent[0][1] >= _BITRATE_SPAN_MS:
            size, duration_ms = self._recent.popleft()
            self._recent_bytes -= size
            self._recent_ms -= duration_ms
        # A bare stream has no timestamps: its media time is the sum of its packets.
        timestamp = packet.media_timestamp if packet.media_timestamp is not None else self._media_samples
        self._media_samples = timestamp + info.duration_samples
        self._jitter.add(packet.arrival_ns, timestamp)
        self._has_jitter = True

    @property
    def jitter_ms(self) -> float | None:
        """Interarrival jitter (RFC 3550 §6.4.1), ``None`` before the first packet."""
        return self._jitter.jitter_ms if self._has_jitter else None

    @property
    def bitrate_kbps(self) -> float | None:
        """Over the last two seconds of audio; ``None`` before the first packet."""
        return self._recent_bytes * 8 / self._recent_ms if self._recent else None

    @property
    def packet_ms(self) -> float | None:
        """Duration of the newest packet."""
        return self._info.duration_ms if self._info else None

    @property
    def application(self) -> Application | None:
        """What the encoder is tuned for, if the server said so."""
        declared = self.config or self.hello
        names = {application.label: application for application in Application}
        return names.get(declared.application.casefold()) if declared else None

    def facts(self) -> StreamFacts | None:
        """The facts, or ``None`` before the first packet."""
        info = self._info
        if info is None:
            return None
        declared = self.config or self.hello
        return StreamFacts(
            mode=info.mode.value,
            bandwidth=info.bandwidth.value,
            channels=info.channels,
            frame_ms=info.frame_ms,
            packet_ms=info.duration_ms,
            bitrate_kbps=self._recent_bytes * 8 / self._recent_ms,
            packet_bytes=self._recent_bytes / len(self._recent),
            fec=self._saw_fec,
            dtx=self._saw_dtx,
            declared_frame_ms=declared.frame_ms if declared else None,
            declared_channels=self.hello.channels if self.hello else None,
            declared_sample_rate=self.hello.sample_rate if self.hello else None,
            application=self.application.label if self.application else None,
        )

    def frame_size(self, requested_ms: float | None, has_control: bool, is_connected: bool) -> FrameSizeControl:
        """Frame size as asked for, in force (by the packets, not by what is declared), and possible."""
        accepted = self._accepted_frame_sizes()
        because = _no_control(has_control, is_connected)
        if because is None and not accepted:
            because = "the server does not offer other frame sizes"
        return FrameSizeControl(requested_ms, self.packet_ms, accepted, because)

    def encoder(self, has_control: bool, is_connected: bool) -> EncoderControl:
        """The encoder as declared, and what can be asked of it."""
        declared = self.config or self.hello
        limits = self.hello.limits if self.hello else {}
        because = _no_control(has_control, is_connected)
        if because is None and not {"bitrate", "fec", "dtx"} & limits.keys():
            because = "the server does not offer to change its encoder"
        return EncoderControl(
            bitrate=declared.bitrate if declared else None,
            fec=declared.fec if declared else None,
            dtx=declared.dtx if declared else None,
            application=declared.application if declared else None,
            bitrate_limits=_range(limits.get("bitrate")),
            takes_fec=_takes_both(limits.get("fec")),
            takes_dtx=_takes_both(limits.get("dtx")),
            unavailable_because=because,
        )

    def application_control(
        self, requested: Application | None, has_control: bool, is_connected: bool
    ) -> ApplicationControl:
        """The application as asked for, as declared, and what else can be asked for."""
        declared = self.config or self.hello
        accepted = offered_applications(self.hello)
        because = _no_control(has_control, is_connected)
        if because is None and self.hello is None:
            because = "the server has not said what it accepts"
        elif because is None and not accepted:
            because = "the server does not offer another application"
        return ApplicationControl(requested, declared.application if declared else None, accepted, because)

    def _accepted_frame_sizes(self) -> tuple[float, ...]:
        offered = self.hello.limits.get("frame_ms") if self.hello else None
        if not isinstance(offered, list):
            return ()
        return tuple(float(size) for size in offered if isinstance(size, int | float) and not isinstance(size, bool))


def offered_applications(hello: Hello | None) -> tuple[Application, ...]:
    """Those that the server says `set` accepts; none where it says nothing."""
    offered = hello.limits.get("application", ()) if hello else ()
    return tuple(application for application in Application if application.label in offered)


def offers(hello: Hello, key: str, value: object) -> bool:
    """Whether the server says that `set` accepts ``value`` for ``key``."""
    limit = hello.limits.get(key)
    if isinstance(limit, dict):
        ends = _range(limit)
        return ends is not None and isinstance(value, int) and ends[0] <= value <= ends[1]
    return isinstance(limit, list | tuple) and value in limit


def latency_breakdown(
    packet_ms: float | None,
    application: Application | None,
    measured_network_ms: float | None,
    round_trip_ms: float | None,
    buffer_ms: float | None,
    device_ms: float | None,
) -> LatencyBreakdown:
    """Where the time goes between the microphone (or source) and the ear, in milliseconds.

    The network's part is measured where packets carry their capture time: from the last sample's capture to arrival,
    so the server's encoder and queue are in it. Otherwise it is estimated as half the round trip.
    """
    codec_ms = None
    if packet_ms is not None:
        codec_ms = (application or Application.AUDIO).look_ahead_ms
    is_measured = measured_network_ms is not None
    network_ms = measured_network_ms
    if network_ms is None and round_trip_ms is not None:
        network_ms = round_trip_ms / 2
    parts = (packet_ms, codec_ms, network_ms, buffer_ms, device_ms)
    known = [part for part in parts if part is not None]
    return LatencyBreakdown(
        frame=packet_ms,
        codec=codec_ms,
        network=network_ms,
        buffer=buffer_ms,
        device=device_ms,
        # A sum without one of its parts would be a smaller number, not a latency.
        total=sum(known) if len(known) == len(parts) else None,
        kind="measured" if is_measured else "estimated",
    )


def _no_control(has_control: bool, is_connected: bool) -> str | None:
    """Why the server cannot be asked for anything; ``None`` if it can."""
    if not is_connected:
        return "not connected"
    return None if has_control else "this server takes no control messages, it sends what it sends"


def _range(limit: object) -> tuple[int, int] | None:
    """What ``{"min": .., "max": ..}`` allows; ``None`` where it says something else."""
    ends = (limit.get("min"), limit.get("max")) if isinstance(limit, dict) else ()
    match ends:
        case (int(least), int(most)) if least <= most:
            return least, most
    return None


def _takes_both(limit: object) -> bool:
    return isinstance(limit, list) and True in limit and False in limit
