"""What comes in on a connection: packets to the jitter buffer, messages to the facts, problems to the log."""

from __future__ import annotations

from typing import Final

from core.monitor import monitor as metric
from core.monitor.events import Level
from core.monitor.monitor import Monitor
from core.opus.media import MediaPacket
from core.playout.jitter_buffer import JitterBuffer
from core.receiver.facts import StreamObserver
from core.wire.control import Bye, Config, Hello, State, Stats, StreamState
from core.wire.dialect import IgnoredText, NewStream, Unreadable, WireEvent

_LINES_LOGGED: Final = 5
"""Problems of one connection that get a line each; all are counted, but ten thousand equal lines say less."""

_TEXTS_BEFORE_DOUBT: Final = 5
_SILENCE_BEFORE_DOUBT_NS: Final = 3_000_000_000
_PACKETS_BEFORE_DOUBT: Final = 20
_MALFORMED_SHARE_IN_DOUBT: Final = 0.2
"""A damaged packet now and then is a fault of the stream; every fifth means that it is another kind of stream."""

_PACKETS_TO_BELIEVE: Final = 3
"""A frame size is news when so many packets in a row have it: garbage has another one in each."""


IDLE: Final = "the server says that the stream is idle: its source has nothing to play now"


class Reception:
    """Counts over the whole session; facts about the stream are those of the present connection."""

    def __init__(self, buffer: JitterBuffer, monitor: Monitor) -> None:
        """Nothing has come yet."""
        self._buffer = buffer
        self._monitor = monitor
        self.observer = StreamObserver()
        self.bye: Bye | None = None
        self.source_state: StreamState | None = None
        """As the server said last on this connection; ``None`` if it never did."""
        self.packets_received = 0
        self.bytes_received = 0
        self.unreadable = 0
        self.texts_ignored = 0
        self.server_packets_dropped: int | None = None
        self.packets_on_connection = 0
        self._lines_left = _LINES_LOGGED
        self._texts_on_connection = 0
        self._malformed_on_connection = 0
        self._opened_ns = 0
        self._frame_ms: float | None = None
        self._new_frame_ms: float | None = None
        self._new_frame_count = 0

    def begin_connection(self, now_ns: int) -> None:
        """Another connection: its facts start anew, the counts go on."""
        self._opened_ns = now_ns
        self._malformed_on_connection = 0
        self._frame_ms = self._new_frame_ms = None
        self.observer = StreamObserver()
        self.bye = None
        self.source_state = None
        self.packets_on_connection = 0
        self._texts_on_connection = 0
        self._lines_left = _LINES_LOGGED
        self._buffer.begin_stream()

    def handle(self, event: WireEvent, now_ns: int) -> None:
        """Take in one event."""
        match event:
            case MediaPacket():
                self._packet(event)
            case Hello():
                self.observer.hello = event
                self._log(Level.INFO, f"server streams {event.codec}, {event.sample_rate} Hz, {event.frame_ms:g} ms")
            case Config():
                self._config(event)
            case State():
                self.source_state = event.state
                self._buffer.set_source_playing(event.state is StreamState.PLAYING, now_ns)
                self._log(Level.INFO, f"the source is {event.state.value}")
            case Bye():
                self.bye = event
            case Stats():
                if "packets_dropped" in event.values:
                    self.server_packets_dropped = round(event.values["packets_dropped"])
            case NewStream():
                self._buffer.begin_stream()
                self._log(Level.CHANGE, "another stream began on the same connection")
            case IgnoredText():
                self._ignored(event)
            case Unreadable():
                self.unreadable += 1
                self._problem(event.problem)

    def _packet(self, packet: MediaPacket) -> None:
        self.packets_received += 1
        self.packets_on_connection += 1
        self.bytes_received += len(packet.payload)
        # Audio is proof that the source plays, whatever was last said about it.
        self._buffer.set_source_playing(True, packet.arrival_ns)
        result = self._buffer.push(packet)
        self._monitor.record(metric.RELATIVE_DELAY_MS, result.relative_delay_ms)
        if result.info is not None:
            self.observer.saw(packet, result.info)
            self._monitor.record(metric.PACKET_KBPS, len(packet.payload) * 8 / result.info.duration_ms)
            self._note_frame_size(result.info.duration_ms)
        else:
            self._malformed_on_connection += 1
        if result.problem is not None:
            self._problem(result.problem)
        if result.packets_lost:
            self._problem(f"{result.packets_lost} packets missing in sequence: the server dropped them")

    def _config(self, config: Config) -> None:
        before = self.observer.config or self.observer.hello
        self.observer.config = config
        if config.refused is None and before is not None and (changed := _encoder_change(before, config)):
            self._log(Level.CHANGE, changed)
        if config.refused is not None:
            self._log(Level.WARNING, f"the server refused a setting: {config.refused}")
        else:
            self._log(Level.INFO, f"server settings in force: frame {config.frame_ms:g} ms")

    def doubt(self, now_ns: int) -> str | None:
        """What seems wrong with a server that is connected, or ``None``."""
        packets, malformed = self.packets_on_connection, self._malformed_on_connection
        if packets >= _PACKETS_BEFORE_DOUBT and malformed > packets * _MALFORMED_SHARE_IN_DOUBT:
            return f"{malformed} of {packets} messages are no Opus packets; is this the address of an Opus stream?"
        if packets == 0 and self._texts_on_connection >= _TEXTS_BEFORE_DOUBT:
            return "the server sends text and no audio; is this the address of an audio stream?"
        if packets == 0 and now_ns - self._opened_ns > _SILENCE_BEFORE_DOUBT_NS:
            if self.source_state is StreamState.IDLE:
                return IDLE
            return "the server is connected, but sends no audio; is its source running?"
        return None

    def _note_frame_size(self, frame_ms: float) -> None:
        if frame_ms == self._frame_ms:
            self._new_frame_count = 0
            return
        self._new_frame_count = self._new_frame_count + 1 if frame_ms == self._new_frame_ms else 1
        self._new_frame_ms = frame_ms
        if self._frame_ms is None:
            self._frame_ms = frame_ms
        elif self._new_frame_count >= _PACKETS_TO_BELIEVE:
            self._log(Level.CHANGE, f"frame size is now {frame_ms:g} ms (was {self._frame_ms:g} ms)")
            self._frame_ms = frame_ms

    def _ignored(self, text: IgnoredText) -> None:
        self.texts_ignored += 1
        self._texts_on_connection += 1
        self._problem(f"text message ignored: {text.text[:60]!r}", Level.INFO)

    def _problem(self, text: str, level: Level = Level.WARNING) -> None:
        if self._lines_left > 0:
            self._lines_left -= 1
            more = "" if self._lines_left else " (further ones on this connection are only counted)"
            self._log(level, text + more)

    def _log(self, level: Level, text: str) -> None:
        self._monitor.events.add(level, text)


def _encoder_change(before: Hello | Config, now: Config) -> str:
    """What is different about the encoder but for its frames, which the packets themselves tell; else empty."""
    parts = []
    if now.bitrate != before.bitrate:
        parts.append(f"{_bitrate(now.bitrate)} (was {_bitrate(before.bitrate)})")
    for name, was, is_now in (("FEC", before.fec, now.fec), ("DTX", before.dtx, now.dtx)):
        if is_now != was:
            parts.append(f"{name} {'on' if is_now else 'off'}")
    if now.application != before.application:
        parts.append(f"{now.application} (was {before.application})")
    return f"the server's encoder is now set to {', '.join(parts)}" if parts else ""


def _bitrate(bitrate: int | None) -> str:
    return "its own bit rate" if bitrate is None else f"{bitrate / 1000:g} kbit/s"
