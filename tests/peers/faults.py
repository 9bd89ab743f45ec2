"""Servers with known faults: what each sends, and when, in virtual time.

One description of a fault serves twice: `tests.peers.faulty_server` sends it over real sockets, and `transcript` makes
of it, without waiting, what somebody would have observed.
"""

from __future__ import annotations

import ctypes
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from core.analysis.findings import FindingKind
from core.analysis.observation import Closed, Connected, Connecting, NotConnected, Observation, Received, RoundTrip
from core.opus.encoder import EncoderSettings, OpusEncoder
from core.wire.bare import BareDialect
from core.wire.control import SUBPROTOCOL, ControlMessage, Hello, State, StreamState, pack_control
from core.wire.dialect import Dialect
from core.wire.opus_rtp import OpusRtpDialect
from core.wire.rtp import PAYLOAD_TYPE_OPUS, RtpPacket, pack_rtp
from tests.opus.sounds import voice_like

RATE = 48_000
LOOP_S = 10.0
"""So much is encoded of each sound, and repeated."""

SSRC = 0x0FA17
FIRST_NUMBER = 0xFF00
"""Sequence numbers wrap after five seconds."""

BREAK_S = 20.0
"""When the server breaks off that closes without warning."""

STUCK_FROM = 100
Sound = NDArray[np.int16]

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
    interval: float = 1.0
    """Seconds for each second of sound."""
    together: int = 1
    stall_s: float = 0.0
    """Every ten seconds, caught up at once."""
    drops: float = 0.0
    doubles: float = 0.0
    is_stuck: bool = False
    breaks_off: bool = False
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


def sends(fault: Fault, *, bare: bool) -> Iterator[Send]:
    """What a listener is sent, for ever or until the server breaks off."""
    chance = random.Random(6)
    payloads = packets(fault.sound, fault.settings)
    packet_ms = fault.settings.frame_ms
    if not bare:
        yield from (Send(0.0, pack_control(message)) for message in _greeting(fault))
    number = -1
    while True:
        number += 1
        at_s = departure_s(fault, number)
        if fault.breaks_off and at_s >= BREAK_S:
            return
        if chance.random() < fault.drops:
            continue
        kept = min(number, STUCK_FROM) if fault.is_stuck else number % len(payloads)
        message = payloads[kept] if bare else _rtp(payloads[kept], number, packet_ms)
        yield Send(at_s, message)
        if chance.random() < fault.doubles:
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
    fault = FAULTS[name]
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
        yield Closed(at(last_s + 0.01), 1006)
        return
    yield Closed(at(seconds), 1000, by_observer=True)


@cache
def packets(sound: str, settings: EncoderSettings) -> tuple[bytes, ...]:
    """A sound, encoded once."""
    pcm = _sound(sound, settings)
    encoder = OpusEncoder(settings)
    size = settings.frame_samples
    try:
        if sound == "dc":
            return tuple(_with_offset(encoder, pcm, 0.1))
        return tuple(encoder.encode(pcm[at : at + size]) for at in range(0, len(pcm) - size + 1, size))
    finally:
        encoder.close()


def _sound(name: str, settings: EncoderSettings) -> Sound:
    voice = voice_like(settings.sample_rate, LOOP_S, settings.channels)
    match name:
        case "mono":
            voice[:] = voice[:, :1]
        case "left":
            voice[:, 1] = 0
        case "clipped":
            voice = np.clip(voice.astype(np.int32) * 8, -32_768, 32_767).astype(np.int16)
        case "silent":
            voice[:] = 0
        case "quiet":
            voice = (voice * 0.2065).astype(np.int16)
        case "telephone":
            spectrum = np.fft.rfft(voice.astype(np.float64), axis=0)
            spectrum[round(3_400 * LOOP_S) :] = 0
            voice = np.fft.irfft(spectrum, len(voice), axis=0).astype(np.int16)
    return voice


def _with_offset(encoder: OpusEncoder, pcm: Sound, offset: float) -> Iterator[bytes]:
    """As of an encoder that lets an offset through. libopus' own does not: it filters it out with a corner of 3 Hz
    (`dc_reject` of opus_encoder.c), so what goes in has to rise as fast as that filter forgets it."""
    api = encoder._library.encoder_api.libopus_encode_float
    size = encoder.settings.frame_samples
    seconds = np.arange(len(pcm)) / encoder.settings.sample_rate
    raised = pcm / 32_768 + (offset * (1 + 2 * np.pi * 3.0 * seconds))[:, np.newaxis]
    frames = np.ascontiguousarray(raised, dtype=np.float32)
    out = ctypes.create_string_buffer(4_000)
    for at in range(0, len(frames) - size + 1, size):
        pointer = frames[at : at + size].ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        length = api(encoder._open_state(), pointer, size, out, len(out))
        assert length > 0, length
        yield out.raw[:length]


def _greeting(fault: Fault) -> tuple[ControlMessage, ...]:
    hello = Hello(SUBPROTOCOL, SSRC, RATE, fault.settings.channels, fault.declared_ms, "audio", bitrate=96_000)
    return hello, State(StreamState.PLAYING)


def _rtp(payload: bytes, number: int, packet_ms: float) -> bytes:
    timestamp = round(number * packet_ms * 48)
    return pack_rtp(
        RtpPacket(PAYLOAD_TYPE_OPUS, FIRST_NUMBER + number, timestamp, SSRC, marker=number == 0, payload=payload)
    )
