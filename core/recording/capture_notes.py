"""What stands in a capture beside the packets: everything else that happened, as JSON that other programs show.

A note is a frame of Wireshark's "upper PDU" link type (LINKTYPE_WIRESHARK_UPPER_PDU, wireshark's
epan/exported_pdu.h) for the dissector ``json``: it keeps its time and its place between the packets, is counted with no
RTP stream, and can be read in the packet list. A comment on it says the same in words.
"""

from __future__ import annotations

import base64
import json
import struct
from typing import Any, Final

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
from core.opus.media import MediaPacket
from core.recording.capture_frames import Frame
from core.wire.control import Bye, Config, ControlError, Hello, State, Stats, pack_control, parse_control
from core.wire.dialect import IgnoredText, NewStream, Unreadable, WireEvent

LINK_UPPER_PDU: Final = 252
FORMAT: Final = 1
"""Of the notes. A reader that meets a higher one says so instead of guessing."""

MARK: Final = "opuscope"
"""Every note is an object with this key; its value is what kind of note it is."""

_TAG_DISSECTOR: Final = 12
_HEAD: Final = struct.pack(">HH4sHH", _TAG_DISSECTOR, 4, b"json", 0, 0)

MAX_NUMBER: Final = 2**63
"""Times and counters beyond it are damage."""

Note = dict[str, Any]


class NoteError(ValueError):
    """A note that was not written by us, or was changed since."""


def pack_note(note: Note) -> bytes:
    """The frame of a note."""
    return _HEAD + json.dumps(note, separators=(",", ":")).encode()


def note_of(frame: Frame) -> Note | None:
    """The note in a frame; ``None`` if it is another program's.

    Raises:
        NoteError: it begins as one of ours and cannot be read.
    """
    if frame.link_type != LINK_UPPER_PDU or not frame.data.startswith(_HEAD):
        return None
    try:
        note = json.loads(frame.data[len(_HEAD) :])
    except (ValueError, RecursionError) as error:
        raise NoteError("it is not JSON") from error
    if not isinstance(note, dict) or not isinstance(note.get(MARK), str):
        return None
    return note


def note_of_observation(seen: Observation) -> Note:
    """All that an observation says but its time, which is the frame's."""
    match seen:
        case Connecting():
            return {MARK: "connecting", "url": seen.url}
        case Connected():
            return {MARK: "connected", "subprotocol": seen.subprotocol, "offered": list(seen.offered)}
        case RoundTrip():
            return {MARK: "round_trip", "ms": seen.round_trip_ms}
        case ObserverStall():
            return {MARK: "observer_stall", "began_ns": seen.began_ns - seen.ended_ns}
        case Closed():
            return {MARK: "closed", "code": seen.code, "reason": seen.reason, "by_observer": seen.by_observer}
        case NotConnected():
            return {MARK: "not_connected", "reason": seen.reason}
        case Received():
            return _note_of_event(seen.event, seen.at_ns)


def observation_of(note: Note, at_ns: int) -> Observation | None:
    """What `note_of_observation` was given; ``None`` for a kind that it does not write.

    Raises:
        NoteError: a value is missing or of another kind.
    """
    read = _Values(note)
    match note[MARK]:
        case "connecting":
            return Connecting(at_ns, read.text("url"))
        case "connected":
            offered = note.get("offered")
            if not isinstance(offered, list) or not all(isinstance(name, str) for name in offered):
                raise NoteError("'offered' is no list of names")
            return Connected(at_ns, read.text_or_none("subprotocol"), tuple(offered))
        case "round_trip":
            return RoundTrip(at_ns, read.number("ms"))
        case "observer_stall":
            return ObserverStall(at_ns + read.integer("began_ns"), at_ns)
        case "closed":
            code = note.get("code")
            return Closed(
                at_ns, None if code is None else read.integer("code"), read.text("reason"), read.truth("by_observer")
            )
        case "not_connected":
            return NotConnected(at_ns, read.text("reason"))
    event = _event_of(note, read, at_ns)
    return None if event is None else Received(at_ns, event)


def _note_of_event(event: WireEvent, at_ns: int) -> Note:
    match event:
        case MediaPacket():
            # One that fits into no datagram.
            return {
                MARK: "packet",
                "payload": base64.b64encode(event.payload).decode(),
                "sequence_number": event.sequence_number,
                "media_timestamp": event.media_timestamp,
                "capture_time_ns": None if event.capture_time_ns is None else event.capture_time_ns - at_ns,
                "marker": event.marker,
            }
        case NewStream():
            return {MARK: "new_stream"}
        case IgnoredText():
            return {MARK: "ignored_text", "text": event.text}
        case Unreadable():
            return {MARK: "unreadable", "problem": event.problem}
        case Hello() | Config() | State() | Bye() | Stats():
            return {MARK: "message", "text": pack_control(event)}


def _event_of(note: Note, read: _Values, at_ns: int) -> WireEvent | None:
    match note[MARK]:
        case "packet":
            capture_time_ns = read.integer_or_none("capture_time_ns")
            return MediaPacket(
                read.data("payload"),
                at_ns,
                read.integer_or_none("sequence_number"),
                read.integer_or_none("media_timestamp"),
                None if capture_time_ns is None else capture_time_ns + at_ns,
                read.truth("marker"),
            )
        case "new_stream":
            return NewStream()
        case "ignored_text":
            return IgnoredText(read.text("text"))
        case "unreadable":
            return Unreadable(read.text("problem"))
        case "message":
            try:
                message = parse_control(read.text("text"))
            except ControlError as error:
                raise NoteError(str(error)) from error
            if not isinstance(message, Hello | Config | State | Bye | Stats):
                raise NoteError("it is no message of a server")
            return message
    return None


def words_for(seen: Observation) -> str:
    """The comment on a note: one line for people."""
    match seen:
        case Connecting():
            return f"connecting to {seen.url}"
        case Connected():
            return f"connected; subprotocol {seen.subprotocol or 'none'}"
        case RoundTrip():
            return f"round trip {seen.round_trip_ms:.1f} ms"
        case ObserverStall():
            lasted_ms = (seen.ended_ns - seen.began_ns) / 1e6
            return f"this computer read nothing for {lasted_ms:.0f} ms until here; what seems late is its own doing"
        case Closed():
            who = "closed by the listener" if seen.by_observer else "closed by the server"
            code = "without a close frame" if seen.code is None else f"code {seen.code}"
            return " ".join(f"{who}, {code} {seen.reason}".split())
        case NotConnected():
            return f"not connected: {seen.reason}"
        case Received():
            return _words_for_event(seen.event)


def _words_for_event(event: WireEvent) -> str:
    match event:
        case MediaPacket():
            return f"a message of {len(event.payload)} bytes, more than a datagram holds"
        case NewStream():
            return "another stream begins"
        case IgnoredText():
            return f"text message: {event.text[:60]!r}"
        case Unreadable():
            return f"unreadable: {event.problem[:120]}"
        case Hello():
            return f"the server streams {event.codec}, {event.sample_rate} Hz, frames of {event.frame_ms:g} ms"
        case Config():
            return (
                f"setting refused: {event.refused}" if event.refused else f"in force: frames of {event.frame_ms:g} ms"
            )
        case State():
            return f"the source is {event.state.value}"
        case Bye():
            return f"goodbye: {event.reason}"
        case Stats():
            return "statistics of the server"


class _Values:
    """Typed access to the keys of a note."""

    def __init__(self, note: Note) -> None:
        self._note = note

    def text(self, key: str) -> str:
        value = self._note.get(key)
        if not isinstance(value, str):
            raise NoteError(f"{key!r} is no text")
        return value

    def text_or_none(self, key: str) -> str | None:
        return None if self._note.get(key) is None else self.text(key)

    def integer(self, key: str) -> int:
        value = self._note.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) > MAX_NUMBER:
            raise NoteError(f"{key!r} is no number that can be")
        return value

    def integer_or_none(self, key: str) -> int | None:
        return None if self._note.get(key) is None else self.integer(key)

    def number(self, key: str) -> float:
        value = self._note.get(key)
        if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) <= MAX_NUMBER:
            raise NoteError(f"{key!r} is no number that can be")
        return float(value)

    def truth(self, key: str) -> bool:
        value = self._note.get(key)
        if not isinstance(value, bool):
            raise NoteError(f"{key!r} is neither true nor false")
        return value

    def data(self, key: str) -> bytes:
        try:
            return base64.b64decode(self.text(key), validate=True)
        except ValueError as error:
            raise NoteError(f"{key!r} is not base64") from error
