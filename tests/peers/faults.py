"""Servers with known faults: what each sends, and when, in virtual time.

One description of a fault serves twice: `tests.peers.faulty_server` sends it over real sockets, and `transcript` makes
of it, without waiting, what somebody would have observed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from core.analysis.findings import FindingKind
from core.analysis.observation import Closed, Connected, Connecting, NotConnected, Observation, Received, RoundTrip
from core.opus.encoder import Application, EncoderSettings
from core.wire.bare import BareDialect
from core.wire.control import SUBPROTOCOL, ControlMessage, Hello, State, StreamState, pack_control
from core.wire.dialect import Dialect
from core.wire.opus_rtp import OpusRtpDialect
from core.wire.rtp import PAYLOAD_TYPE_OPUS, RtpPacket, pack_rtp
from tests.peers.fault_sounds import packets

RATE = 48_000
SSRC = 0x0FA17
FIRST_NUMBER = 0xFF00
"""Sequence numbers wrap after five seconds."""

BREAK_S = 20.0
"""When the server breaks off that closes without warning."""

NO_PACKET = b"\x03"
"""Neither RTP nor Opus: of a packet with any number of frames (RFC 6716 §3.2.5) that does not tell the number."""

STUCK_FROM = 100
_STEREO = EncoderSettings(RATE, 2, bitrate=96_000, complexity=4)


@dataclass(frozen=True, slots=True)
class Send:
    """A message that leaves at a time, in seconds since the listener has connected."""

    at_s: float
    message: bytes | str


@dataclass(frozen=True)
class Fault:
    """What is wrong, and which finding names it."""

    name: str
    expected: FindingKind | None
    """With `opus-rtp.v1`; ``None``: it is no fault."""
    expected_bare: FindingKind | None = None
    """Of a bare stream, where another finding or none is right."""
    is_told_bare: bool = True
    """Whether the fault makes sense, or can be told, without `opus-rtp.v1`."""
    sound: str = "voice"
    settings: EncoderSettings = _STEREO
    declared_ms: float = 20.0
    declared_hz: int = RATE
    declared_channels: int = 2
    interval: float = 1.0
    """Seconds for each second of sound."""
    together: int = 1
    stall_s: float = 0.0
    """Every ten seconds, caught up at once."""
    drops: float = 0.0
    doubles: float = 0.0
    swaps: float = 0.0
    garbage: float = 0.0
    timestamp_ms: float | None = None
    """By what media time advances with each packet, where that is not what it lasts."""
    leaves_out_dtx: bool = False
    """What stands for silence is not sent."""
    is_stuck: bool = False
    is_mute: bool = False
    breaks_off: bool = False
    end_code: int | None = None
    """With which it ends the connection, where it does not just break off."""
    subprotocol: str | None = SUBPROTOCOL

    def named(self, *, bare: bool) -> FindingKind | None:
        """The finding that has to come first."""
        return (self.expected_bare or self.expected) if bare else self.expected


_CLEAN = Fault("clean", None)
_KIND = FindingKind
FAULTS: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        _CLEAN,
        replace(_CLEAN, name="2 % slow", expected=_KIND.SLOW, interval=1.02),
        replace(_CLEAN, name="300 ppm fast", expected=_KIND.FAST, interval=1 - 300e-6),
        replace(_CLEAN, name="pairs every 40 ms", expected=_KIND.BURSTS, together=2),
        replace(_CLEAN, name="5-packet bursts", expected=_KIND.BURSTS, together=5),
        replace(
            _CLEAN,
            name="1 % dropped",
            expected=_KIND.MISSING_PACKETS,
            expected_bare=_KIND.AUDIO_LEFT_OUT,
            drops=0.01,
        ),
        replace(_CLEAN, name="duplicates", expected=_KIND.DUPLICATES, doubles=0.02),
        replace(_CLEAN, name="300 ms stall every 10 s", expected=_KIND.STALLS, stall_s=0.3),
        replace(
            _CLEAN,
            name="declares 20 ms, sends 60",
            expected=_KIND.FRAME_NOT_AS_DECLARED,
            is_told_bare=False,
            settings=EncoderSettings(RATE, 2, 60.0, bitrate=96_000, complexity=4),
        ),
        replace(
            _CLEAN,
            name="declares 48 kHz, sends narrowband",
            expected=_KIND.BANDWIDTH_NOT_AS_DECLARED,
            is_told_bare=False,
            settings=EncoderSettings(8_000, 2, bitrate=32_000, complexity=4),
        ),
        replace(_CLEAN, name="telephone sound in full band", expected=_KIND.BAND_LIMITED, sound="telephone"),
        replace(_CLEAN, name="mono as stereo", expected=_KIND.MONO_AS_STEREO, sound="mono"),
        replace(_CLEAN, name="one channel silent", expected=_KIND.ONE_SIDED, sound="left"),
        replace(_CLEAN, name="clipped", expected=_KIND.CLIPPED, sound="clipped"),
        replace(_CLEAN, name="silent", expected=_KIND.SILENT, sound="silent"),
        replace(_CLEAN, name="stuck on one packet", expected=_KIND.STUCK, is_stuck=True),
        replace(_CLEAN, name="-40 LUFS", expected=_KIND.QUIET, sound="quiet"),
        replace(_CLEAN, name="DC offset", expected=_KIND.DC_OFFSET, sound="dc"),
        replace(_CLEAN, name="closes without warning", expected=_KIND.CLOSED_ABRUPTLY, breaks_off=True),
        replace(_CLEAN, name="ends with an error", expected=_KIND.CLOSED_WITH_ERROR, breaks_off=True, end_code=1011),
        replace(_CLEAN, name="sends nothing", expected=_KIND.NO_PACKETS, is_mute=True),
        replace(_CLEAN, name="1 % garbage", expected=_KIND.UNREADABLE, garbage=0.01),
        replace(_CLEAN, name="twice as fast", expected=_KIND.FAST, interval=0.5),
        replace(_CLEAN, name="out of order", expected=_KIND.REORDERED, is_told_bare=False, swaps=0.01),
        replace(
            _CLEAN,
            name="timestamps of 10 ms for 20",
            expected=_KIND.TIMESTAMPS,
            is_told_bare=False,
            timestamp_ms=10.0,
        ),
        replace(
            _CLEAN,
            name="declares mono, sends stereo",
            expected=_KIND.CHANNELS_NOT_AS_DECLARED,
            is_told_bare=False,
            declared_channels=1,
        ),
        replace(
            _CLEAN,
            name="wrong subprotocol",
            expected=_KIND.WRONG_SUBPROTOCOL,
            is_told_bare=False,
            subprotocol="opus-rtp.v9",
        ),
    )
}
"""By name; the first is none."""

_MUSIC = replace(_CLEAN, sound="music")
_SPEECH = EncoderSettings(16_000, 1, application=Application.VOIP, bitrate=24_000, complexity=4)
CLEAN: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        replace(_CLEAN, name="voice, stereo, 20 ms"),
        replace(
            _MUSIC,
            name="music, stereo, 10 ms",
            declared_ms=10.0,
            settings=EncoderSettings(RATE, 2, 10.0, bitrate=128_000, complexity=4),
        ),
        replace(
            _MUSIC,
            name="music, mono, 60 ms",
            declared_ms=60.0,
            declared_channels=1,
            settings=EncoderSettings(RATE, 1, 60.0, bitrate=64_000, complexity=4),
        ),
        replace(
            _MUSIC,
            name="music, stereo, 2.5 ms, low delay",
            declared_ms=2.5,
            settings=EncoderSettings(RATE, 2, 2.5, Application.LOWDELAY, bitrate=160_000, complexity=4),
        ),
        replace(
            _CLEAN,
            name="speech, mono, 16 kHz",
            sound="speech",
            declared_hz=16_000,
            declared_channels=1,
            settings=_SPEECH,
        ),
        replace(
            _CLEAN,
            name="speech, mono, 16 kHz, DTX",
            sound="speech",
            declared_hz=16_000,
            declared_channels=1,
            settings=replace(_SPEECH, dtx=True),
        ),
        replace(
            _CLEAN,
            name="speech, mono, 16 kHz, DTX not sent",
            is_told_bare=False,
            sound="speech",
            declared_hz=16_000,
            declared_channels=1,
            leaves_out_dtx=True,
            settings=replace(_SPEECH, dtx=True),
        ),
        replace(
            _CLEAN,
            name="speech, mono, 24 kHz, FEC",
            sound="speech",
            declared_hz=24_000,
            declared_channels=1,
            settings=EncoderSettings(24_000, 1, bitrate=32_000, complexity=4, fec=True),
        ),
    )
}
"""Servers that nothing is wrong with, by name."""


def sends(fault: Fault, *, bare: bool) -> Iterator[Send]:
    """What a listener is sent, for ever or until the server breaks off; one that is mute says so much and no more."""
    if not bare:
        yield from (Send(0.0, pack_control(message)) for message in _greeting(fault))
    if not fault.is_mute:
        yield from _audio(fault, bare=bare)


def _audio(fault: Fault, *, bare: bool) -> Iterator[Send]:
    chance = random.Random(6)
    payloads = packets(fault.sound, fault.settings)
    packet_ms = fault.timestamp_ms or fault.settings.frame_ms
    number, unsent, held_back, was_left_out = -1, 0, None, True
    while True:
        number += 1
        at_s = departure_s(fault, number)
        if fault.breaks_off and at_s >= BREAK_S:
            return
        if chance.random() < fault.drops:
            continue
        payload = payloads[min(number, STUCK_FROM) if fault.is_stuck else number % len(payloads)]
        if fault.leaves_out_dtx and len(payload) <= 2:
            # RFC 3550 §5.1 counts what is sent, and media time goes on.
            unsent += 1
            was_left_out = True
            continue
        message = payload if bare else _rtp(payload, number - unsent, number * packet_ms, marker=was_left_out)
        was_left_out = False
        if fault.garbage and chance.random() < fault.garbage:
            message = NO_PACKET
        if held_back is None and fault.swaps and chance.random() < fault.swaps:
            held_back = message
            continue
        yield Send(at_s, message)
        if held_back is not None:
            yield Send(at_s, held_back)
            held_back = None
        if fault.doubles and chance.random() < fault.doubles:
            yield Send(at_s, message)


def departure_s(fault: Fault, number: int) -> float:
    """When a packet leaves: when the last of those that leave together is complete, and what stalls comes later."""
    group = number // fault.together * fault.together + fault.together - 1
    at_s = group * fault.settings.frame_ms / 1e3 * fault.interval
    if fault.stall_s and at_s >= 10.0 and at_s % 10.0 < fault.stall_s:
        at_s += fault.stall_s - at_s % 10.0
    return at_s


def transcript(
    name: str, seconds: float, *, bare: bool = False, seed: int = 1, jitter_ms: float = 0.5, origin_ns: int = 10**12
) -> Iterator[Observation]:
    """What is observed of a fault over a good network: a delay of 5 ms, and up to ``jitter_ms`` more."""
    fault = FAULTS.get(name) or CLEAN[name]
    chance = random.Random(seed)

    def at(second: float) -> int:
        return origin_ns + round(second * 1e9)

    offered = () if bare else (SUBPROTOCOL,)
    yield Connecting(at(0), "ws://faulty.test/ws-audio")
    if not bare and fault.subprotocol not in offered:
        yield NotConnected(at(0.02), f"the server agreed to a subprotocol that was not offered: {fault.subprotocol}")
        return
    yield Connected(at(0.02), None if bare else fault.subprotocol, offered)
    dialect: Dialect = BareDialect() if bare else OpusRtpDialect(has_control=True)
    last_s, next_ping_s = 0.0, 1.0
    for send in sends(fault, bare=bare):
        arrival_s = max(last_s, 0.025 + send.at_s + chance.random() * jitter_ms / 1e3)
        if arrival_s > seconds:
            break
        while next_ping_s < arrival_s:
            yield RoundTrip(at(next_ping_s), 10 + chance.random())
            next_ping_s += 1.0
        # Reading a message takes a little.
        last_s = arrival_s + 50e-6
        for event in dialect.receive(send.message, at(arrival_s)):
            yield Received(at(arrival_s), event)
    else:
        if not fault.is_mute:
            yield Closed(at(last_s + 0.01), fault.end_code or 1006)
            return
    yield Closed(at(seconds), 1000, by_observer=True)


def _greeting(fault: Fault) -> tuple[ControlMessage, ...]:
    settings = fault.settings
    hello = Hello(
        SUBPROTOCOL,
        SSRC,
        fault.declared_hz,
        fault.declared_channels,
        fault.declared_ms,
        settings.application.label,
        bitrate=settings.bitrate,
        fec=settings.fec,
        dtx=settings.dtx,
    )
    return hello, State(StreamState.PLAYING)


def _rtp(payload: bytes, number: int, media_ms: float, *, marker: bool) -> bytes:
    packet = RtpPacket(
        PAYLOAD_TYPE_OPUS, FIRST_NUMBER + number, round(media_ms * 48), SSRC, marker=marker, payload=payload
    )
    return pack_rtp(packet)
