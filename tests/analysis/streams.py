"""Transcripts made up for a claim: packets at the times that it is about, and what is said between them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from core.analysis.analyzer import StreamAnalyzer
from core.analysis.diagnosis import findings_of
from core.analysis.findings import Finding, FindingKind
from core.analysis.observation import Closed, Connected, Connecting, Observation, Received
from core.analysis.results import Analysis
from core.opus.encoder import Application, EncoderSettings
from core.opus.media import MediaPacket
from core.wire.control import SUBPROTOCOL, Hello
from core.wire.dialect import WireEvent
from tests.opus.sounds import packets_of, voice_like
from tests.peers.faults import packets

ORIGIN_NS = 5 * 10**12
FRAME_S = 0.02
STEREO = EncoderSettings(48_000, 2, bitrate=96_000, complexity=4)
HELLO = Hello(SUBPROTOCOL, 1, 48_000, 2, 20.0, "audio")


def at(seconds: float) -> int:
    """Monotonic nanoseconds so many seconds after the connection was asked for."""
    return ORIGIN_NS + round(seconds * 1e9)


def voice(count: int) -> list[bytes]:
    """So many packets of the voice that clean servers send."""
    kept = packets("voice", STEREO)
    return [kept[number % len(kept)] for number in range(count)]


def paced(count: int, begin_s: float = 0.1, interval_s: float = FRAME_S) -> list[float]:
    """Arrivals of packets that come evenly."""
    return [begin_s + number * interval_s for number in range(count)]


def jittered(times_s: Iterable[float], jitter_ms: float, seed: int = 3) -> list[float]:
    """The same over a network that delays each by up to so much, and keeps them in order, as TCP does."""
    chance = random.Random(seed)
    last_s, arrivals = 0.0, []
    for time_s in times_s:
        last_s = max(last_s + 20e-6, time_s + chance.random() * jitter_ms / 1e3)
        arrivals.append(last_s)
    return arrivals


def held_up(times_s: Iterable[float], from_s: float, to_s: float) -> list[float]:
    """The same with nothing between these, and all that was due then at once."""
    last_s, arrivals = 0.0, []
    for time_s in times_s:
        last_s = max(last_s + 20e-6, to_s if from_s <= time_s < to_s else time_s)
        arrivals.append(last_s)
    return arrivals


def received(
    payloads: Sequence[bytes],
    arrivals_s: Sequence[float],
    *,
    bare: bool = False,
    timestamps: Sequence[int] | None = None,
    numbers: Sequence[int] | None = None,
) -> list[Observation]:
    """Packets of 20 ms that arrive at these times; with RTP numbers and timestamps as if all was well, or as given."""
    made: list[Observation] = []
    for index, (payload, arrival_s) in enumerate(zip(payloads, arrivals_s, strict=True)):
        number = None if bare else index if numbers is None else numbers[index]
        timestamp = None if bare else index * 960 if timestamps is None else timestamps[index]
        made.append(Received(at(arrival_s), MediaPacket(payload, at(arrival_s), number, timestamp)))
    return made


def said(second: float, event: WireEvent) -> Observation:
    """A message of the server."""
    return Received(at(second), event)


def connected(
    *parts: Iterable[Observation], end_s: float | None = None, bare: bool = False, hello: Hello | None = HELLO
) -> list[Observation]:
    """A connection in which all that happened, in the order of time, and which the observer ends right afterwards."""
    begun: list[Observation] = [
        Connecting(at(0), "ws://made.up/ws-audio"),
        Connected(at(0.05), None if bare else SUBPROTOCOL, () if bare else (SUBPROTOCOL,)),
    ]
    if not bare and hello is not None:
        begun.append(said(0.05, hello))
    between = sorted((observation for part in parts for observation in part), key=lambda each: each.at_ns)
    end_ns = between[-1].at_ns + 10_000_000 if end_s is None else at(end_s)
    return [*begun, *between, Closed(end_ns, 1000, by_observer=True)]


def analysed(observations: Iterable[Observation], *, with_sound: bool = False) -> Analysis:
    """What the analysis makes of it."""
    analyzer = StreamAnalyzer(with_sound=with_sound)
    for observation in observations:
        analyzer.take(observation)
    result = analyzer.result()
    analyzer.close()
    return result


def found(analysis: Analysis) -> list[FindingKind]:
    """The kinds of its findings, the most important first."""
    return [finding.kind for finding in findings_of(analysis)]


def finding(analysis: Analysis, kind: FindingKind) -> Finding:
    """The finding of this kind, which there has to be."""
    return next(each for each in findings_of(analysis) if each.kind is kind)


@cache
def _speech() -> NDArray[np.int16]:
    spoken = voice_like(16_000, 4.0)
    pause = np.random.default_rng(5).integers(-3, 4, (32_000, 1)).astype(np.int16)
    return np.concatenate([spoken, pause] * 10)


def speech_with_pauses(*, dtx: bool = False) -> list[bytes]:
    """A minute of mono speech at 16 kHz with pauses of two seconds in which there is next to nothing."""
    return list(packets_of(_speech(), EncoderSettings(16_000, 1, application=Application.VOIP, dtx=dtx)))
