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

_TEXTS_BEFORE_WARNING: Final = 5


class Reception:
    """Counts over the whole session; facts about the stream are those of the present connection."""

    def __init__(self, buffer: JitterBuffer, monitor: Monitor) -> None:
        """Nothing has come yet."""
        self._buffer = buffer
        self._monitor = monitor
        self.observer = StreamObserver()
        self.bye: Bye | None = None
        self.packets_received = 0
        self.bytes_received = 0
        self.unreadable = 0
        self.texts_ignored = 0
        self.server_packets_dropped: int | None = None
        self.packets_on_connection = 0
        self._lines_left = _LINES_LOGGED
        self._texts_on_connection = 0

    def begin_connection(self) -> None:
        """Another connection: its facts start anew, the counts go on."""
        self.observer = StreamObserver()
        self.bye = None
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
            before_ms = self.observer.packet_ms
            self.observer.saw(packet, result.info)
            if before_ms is not None and before_ms != result.info.duration_ms:
                self._log(Level.CHANGE, f"frame size is now {result.info.duration_ms:g} ms (was {before_ms:g} ms)")
        if result.problem is not None:
            self._problem(result.problem)
        if result.packets_lost:
            self._problem(f"{result.packets_lost} packets missing in sequence: the server dropped them")

    def _config(self, config: Config) -> None:
        self.observer.config = config
        if config.refused is not None:
            self._log(Level.WARNING, f"the server refused a setting: {config.refused}")
        else:
            self._log(Level.INFO, f"server settings in force: frame {config.frame_ms:g} ms")

    def _ignored(self, text: IgnoredText) -> None:
        self.texts_ignored += 1
        self._texts_on_connection += 1
        if self._texts_on_connection == _TEXTS_BEFORE_WARNING and self.packets_on_connection == 0:
            self._log(Level.WARNING, "the server sends text and no audio; is this the address of an audio stream?")
        else:
            self._problem(f"text message ignored: {text.text[:60]!r}", Level.INFO)

    def _problem(self, text: str, level: Level = Level.WARNING) -> None:
        if self._lines_left > 0:
            self._lines_left -= 1
            more = "" if self._lines_left else " (further ones on this connection are only counted)"
            self._log(level, text + more)

    def _log(self, level: Level, text: str) -> None:
        self._monitor.events.add(level, text)
