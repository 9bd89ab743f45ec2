"""The timeline of a relay by itself: numbers and media time whatever an origin sends."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from core.opus.media import MediaPacket
from core.opus.packet import parse_packet
from core.server.facts import StreamFacts
from core.server.frames import text_frame
from core.server.framing import RtpListener
from core.server.packets import EncodedPacket
from core.server.relay import RelayStream
from core.server.timeline import Timeline
from core.server.upstream import Upstream
from core.wire.control import StreamState, pack_control
from core.wire.detect import DetectingDialect
from tests.receiver.harness import opus_packets
from tests.server.helpers import Recorder
from tests.server.relays import TUNED, rtp

PACKET = opus_packets(1)[0]

INFO = parse_packet(PACKET)


def media(number: int, timestamp: int, arrival_ms: int, captured_ms: int | None = None) -> MediaPacket:
    captured_ns = None if captured_ms is None else captured_ms * 1_000_000
    return MediaPacket(PACKET, arrival_ms * 1_000_000, number, timestamp, captured_ns)


def test_after_another_connection_numbers_go_on_and_media_time_leaves_out_the_pause() -> None:
    for captured in (None, 0):
        timeline = Timeline()
        timeline.begin()
        first = timeline.place(media(7, 1_000, 100, captured), INFO)
        timeline.begin()
        # It ended at 100 ms; this one, 20 ms long, came at 1,120.
        captured_ms = None if captured is None else 1_020
        second = timeline.place(media(40_000, 5, 1_120, captured_ms), INFO)
        assert (second.number - first.number) & 0xFFFF == 1
        assert second.media_time - first.media_time == 960 + 48_000
        assert first.begins_talk
        assert second.begins_talk
        assert second.capture_time_ns == (None if captured is None else 1_020_000_000)


class Framed(Recorder):
    """An audience whose packets become RTP."""

    wants_lead = False

    def __init__(self, relay: RelayStream) -> None:
        super().__init__()
        self._rtp = RtpListener(relay.rtp, relay.clock)
        self.facts: list[StreamFacts] = []

    def deliver(self, packet: EncodedPacket) -> None:
        assert self.facts
        self._rtp.frame(packet)
        self._rtp.sender_report()

    def show_facts(self, facts: StreamFacts) -> None:
        self.facts.append(facts)
        text_frame(pack_control(facts.hello(1, {})))

    def show_state(self, state: StreamState) -> None:
        pass


UINT = [st.integers(0, 2**bits - 1) for bits in (16, 32, 64)]

RTP_MESSAGES = st.builds(
    lambda number, timestamp, captured, payload: rtp(number, timestamp, payload, capture_time_ntp=captured),
    st.integers(0, 30) | UINT[0],
    st.integers(0, 30_000) | UINT[1],
    st.none() | UINT[2],
    st.sampled_from([opus_packets(1)[0], opus_packets(1, 60.0)[0], b""]) | st.binary(max_size=20),
)

NUMBERS = st.integers() | st.floats()

TEXTS = st.builds(
    lambda kind, keys: json.dumps({"type": kind, **keys}),
    st.sampled_from(["hello", "time", "config", "state", "bye", "stats", "set", "other"]),
    st.fixed_dictionaries(
        {"protocol": st.just("opus-rtp.v1"), "state": st.sampled_from(["playing", "idle", "ended"])},
        optional={
            key: NUMBERS | st.sampled_from([1, 20, 48_000]) | st.text(max_size=5)
            for key in ("ssrc", "sample_rate", "channels", "frame_ms", "application", "client_transmitted")
        }
        | dict.fromkeys(("server_received", "server_transmitted", "retry_after_ms", "bitrate"), NUMBERS),
    ),
)


@given(st.lists(RTP_MESSAGES | TEXTS | st.binary(max_size=40) | st.text(max_size=20), max_size=30), st.booleans())
def test_whatever_upstream_sends_is_passed_on_or_left_out(messages: list[bytes | str], is_ours: bool) -> None:
    relay = RelayStream(Upstream("ws://x/"), TUNED)
    listener = Framed(relay)
    relay._listeners[listener] = TUNED
    dialect = DetectingDialect("opus-rtp.v1" if is_ours else None)
    for at, message in enumerate(messages):
        for event in dialect.receive(message, relay.clock.now_ns() + at):
            relay._take(event)


@given(
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 2**32)), min_size=1, max_size=30),
    st.lists(st.integers(0, 29), max_size=5),
)
def test_differences_within_a_connection_are_passed_on(packets: list[tuple[int, int]], begins: list[int]) -> None:
    timeline = Timeline()
    previous = None
    for at, (number, timestamp) in enumerate(packets):
        if at in begins or at == 0:
            timeline.begin()
            previous = None
        placed = timeline.place(media(number, timestamp, at * 20), INFO)
        assert 0 <= placed.number < 2**16
        if previous is not None:
            before, (old_number, old_timestamp) = previous
            assert (placed.number - before.number) & 0xFFFF == (number - old_number) & 0xFFFF
            assert placed.media_time - before.media_time == timestamp - old_timestamp
        previous = placed, (number, timestamp)
