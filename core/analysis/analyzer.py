"""A stream's transcript in, one observation after the other; what is wrong with it out, at any time.

Work for an observation is constant and memory bounded, so that it can run for days beside two hundred others. What
packets sound like is a part of its own, which costs more than all else, and can be left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from core.analysis.doors import DoorTally
from core.analysis.hearing import Hearing
from core.analysis.make_up import MakeUpTally
from core.analysis.needs import needs_of
from core.analysis.observation import (
    Closed,
    Connected,
    Connecting,
    NotConnected,
    Observation,
    ObserverStall,
    Received,
    RoundTrip,
)
from core.analysis.pace import PaceTally
from core.analysis.results import Analysis, Needs
from core.analysis.sequence import SequenceTally
from core.opus.media import MediaPacket
from core.opus.packet import SAMPLE_RATE_HZ, MalformedPacketError, parse_packet
from core.wire.control import Bye, Config, Hello, State, Stats, StreamState
from core.wire.dialect import NewStream, Unreadable

WITHOUT_SOUND: Final = "the packets were not decoded"
_NO_PACKET: Final = "no packet came"


class StreamAnalyzer:
    """Takes in the observations of one address, reconnections included. Not thread-safe."""

    def __init__(self, *, with_sound: bool = True) -> None:
        """Nothing observed; ``with_sound`` decodes all packets and listens to them.

        Raises:
            OpusLibraryError: it shall listen, and libopus cannot be loaded.
        """
        self._doors = DoorTally()
        self._sequence = SequenceTally()
        self._make_up = MakeUpTally()
        self._pace = PaceTally()
        self._hearing = Hearing() if with_sound else None
        self._url: str | None = None
        self._origin_ns: int | None = None
        self._now_ns = 0
        self._media_samples = 0
        self._takers: Final[dict[type[Any], Callable[[Any], None]]] = {
            Received: self._received,
            Connecting: self._connecting,
            Connected: self._connected,
            RoundTrip: self._round_trip,
            ObserverStall: self._observer_stall,
            Closed: self._closed,
            NotConnected: self._not_connected,
        }
        self._event_takers: Final[dict[type[Any], Callable[[Any], None]]] = {
            MediaPacket: self._media,
            NewStream: self._new_stream,
            Hello: self._declared,
            Config: self._declared,
            State: self._state,
            Bye: self._bye,
            Stats: self._something,
            Unreadable: self._unreadable,
        }

    def take(self, observation: Observation) -> None:
        """Take in what happened next; a time before the last one's is taken for the same time."""
        if self._origin_ns is None:
            self._origin_ns = self._now_ns = observation.at_ns
            self._pace.begin(self._origin_ns)
        elif observation.at_ns > self._now_ns:
            self._now_ns = observation.at_ns
        self._takers[type(observation)](observation)

    def pass_time(self, now_ns: int) -> None:
        """Nothing happened up to now: without it, silence after the last observation is not known."""
        if self._origin_ns is not None:
            self._now_ns = max(self._now_ns, now_ns)

    def result(self) -> Analysis:
        """All that is known up to now. It changes nothing but that a second of sound may be measured in two parts."""
        missing: dict[str, str] = {}
        pace = self._pace
        pacing = pace.result(self._now_ns, self._sequence.packets, self._doors.is_open)
        completeness = self._sequence.result(pace.left_out_ns / 1e6, pace.left_out_places, tuple(pace.newest_left_out))
        content = self._make_up.result()
        hearing = self._hearing
        sound = None if hearing is None else hearing.result(self._make_up.coded_band_hz())
        needs: Needs | None = None if pacing is None else needs_of(pace.late, pacing, completeness)
        round_trips = self._doors.round_trips()
        for name, section in (("pacing", pacing), ("content", content), ("needs", needs)):
            if section is None:
                missing[name] = _NO_PACKET
        if sound is None:
            missing["sound"] = WITHOUT_SOUND if hearing is None else _NO_PACKET
        if round_trips is None:
            missing["round_trips"] = "no ping was answered"
        first_sound_ns = None if hearing is None else hearing.first_sound_packet_ns
        return Analysis(
            url=self._url,
            observed_s=self._at_s(),
            connected_s=self._doors.connected_s(self._now_ns),
            startup=self._doors.startup(first_sound_ns, WITHOUT_SOUND if hearing is None else None),
            pacing=pacing,
            completeness=completeness,
            content=content,
            sound=sound,
            round_trips=round_trips,
            closing=self._doors.closing(),
            needs=needs,
            not_measurable=missing,
        )

    @property
    def newest_relative_delay_ms(self) -> float:
        """How much later than the quickest of late the newest packet came."""
        return self._pace.newest_relative_ns / 1e6

    @property
    def momentary_lufs(self) -> float | None:
        """Loudness at the end of the last second that was decoded; ``None`` in silence, or where nobody listens."""
        return None if self._hearing is None else self._hearing.momentary_lufs

    def close(self) -> None:
        """Free the decoder. Harmless when repeated; `result` still answers, `take` must not be called."""
        if self._hearing is not None:
            self._hearing.close()

    def _at_s(self) -> float:
        return 0.0 if self._origin_ns is None else (self._now_ns - self._origin_ns) / 1e9

    def _received(self, observation: Received) -> None:
        take = self._event_takers.get(type(observation.event))
        if take is not None:
            take(observation.event)

    def _media(self, packet: MediaPacket) -> None:
        at_ns, at_s = self._now_ns, self._at_s()
        number = self._sequence.packets
        try:
            info = parse_packet(packet.payload)
        except MalformedPacketError as error:
            self._sequence.unreadable(at_s, str(error))
            return
        self._doors.packet(at_ns)
        is_new = self._sequence.take(packet, info, at_s)
        self._make_up.take(info, len(packet.payload), number, at_s)
        if not is_new:
            return
        samples = info.frame_samples * info.frame_count
        is_bare = packet.media_timestamp is None
        media_samples = self._media_samples if packet.media_timestamp is None else packet.media_timestamp
        self._media_samples = media_samples + samples
        self._pace.arrived(
            at_ns,
            media_samples * 1_000_000_000 // SAMPLE_RATE_HZ,
            samples * 1_000_000_000 // SAMPLE_RATE_HZ,
            number,
            is_bare=is_bare,
            dtx=info.is_dtx,
        )
        if self._hearing is not None:
            self._hearing.take(packet.payload, info, at_ns, number, at_s)

    def _new_timeline(self) -> None:
        self._pace.begin(self._origin_ns or 0)
        self._media_samples = 0
        if self._hearing is not None:
            self._hearing.begin()

    def _new_stream(self, event: NewStream) -> None:
        self._sequence.new_stream()
        self._new_timeline()

    def _declared(self, event: Hello | Config) -> None:
        self._something(event)
        self._make_up.declare(event)

    def _state(self, event: State) -> None:
        # An idle source says nothing about the link, but the message that tells of it does.
        self._something(event)
        self._pace.stalls.idle(self._now_ns, event.state is not StreamState.PLAYING)
        self._doors.has_ended = event.state is StreamState.ENDED

    def _bye(self, event: Bye) -> None:
        self._something(event)
        self._doors.bye = event.reason

    def _something(self, event: object) -> None:
        self._pace.stalls.link_worked(self._now_ns)

    def _unreadable(self, event: Unreadable) -> None:
        self._sequence.unreadable(self._at_s(), event.problem)

    def _connecting(self, observation: Connecting) -> None:
        self._url = observation.url
        self._doors.connecting(self._now_ns)

    def _connected(self, observation: Connected) -> None:
        self._doors.connected(self._now_ns, observation.subprotocol, observation.offered)
        self._pace.stalls.idle(self._now_ns, False)
        self._sequence.begin()
        self._new_timeline()

    def _round_trip(self, observation: RoundTrip) -> None:
        self._doors.round_trip(observation.round_trip_ms)
        self._pace.stalls.link_worked(self._now_ns)

    def _observer_stall(self, observation: ObserverStall) -> None:
        self._pace.observer_stalled(observation.began_ns, observation.ended_ns)

    def _closed(self, observation: Closed) -> None:
        if self._doors.is_open:
            self._pace.disconnected(self._now_ns, self._sequence.packets)
        self._doors.closed(
            self._now_ns,
            observation.code,
            observation.reason,
            observation.by_observer,
            self._at_s(),
            self._sequence.packets,
        )

    def _not_connected(self, observation: NotConnected) -> None:
        self._doors.failed(observation.reason)
