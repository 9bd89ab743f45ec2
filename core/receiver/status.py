"""What a listening session tells the world: frozen facts, read by the window and by the probe alike."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from core.audio.levels import AudioLevels
from core.opus.encoder import Application
from core.playout.figures import UnderrunEpisode
from core.receiver.impairment.settings import NO_IMPAIRMENT, Impairment
from core.recording.status import RecordingStatus
from core.wire.control import StreamState


class ConnectionState(Enum):
    """Where a session stands; `core.receiver.connection` holds the transitions."""

    DISCONNECTED = "disconnected"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    """The WebSocket is open, no audio has come yet."""
    STREAMING = "streaming"
    WAITING = "waiting to reconnect"
    ENDED = "ended"
    """The server said that the stream is over."""
    FAILED = "failed"
    """Trying again would not help; ``reason`` says what would."""


@dataclass(frozen=True, slots=True)
class ConnectionStatus:
    """State of the connection, and why."""

    state: ConnectionState
    url: str
    """Without secrets: the query is redacted."""
    dialect: str | None = None
    """Name of the dialect in use, and how it was found (``"bare (five packets parse alike)"``)."""
    reason: str | None = None
    """Why the last connection ended or failed: one line with what to do."""
    attempt: int = 0
    """How many attempts have failed in a row."""
    next_attempt_at_ns: int | None = None
    """Monotonic time of the next attempt while `WAITING`."""
    reconnects: int = 0
    doubt: str | None = None
    """What seems wrong although the connection stands: one line; ``None`` if all is well."""


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """What the packets themselves say (RFC 6716 TOC) and, where a server declared something, that."""

    mode: str
    bandwidth: str
    channels: int
    frame_ms: float
    packet_ms: float
    bitrate_kbps: float
    packet_bytes: float
    """Mean size over the last seconds, as the bit rate."""
    fec: bool
    dtx: bool
    declared_frame_ms: float | None = None
    declared_channels: int | None = None
    declared_sample_rate: int | None = None
    application: str | None = None


@dataclass(frozen=True, slots=True)
class FrameSizeControl:
    """Frame size as asked for and as in force, in milliseconds."""

    requested_ms: float | None
    in_force_ms: float | None
    accepted_ms: tuple[float, ...]
    unavailable_because: str | None
    """Why it cannot be changed here, or ``None`` if it can."""


@dataclass(frozen=True, slots=True)
class EncoderControl:
    """The server's encoder for this listener, as the server says it is set; ``None`` where it has not said."""

    bitrate: int | None
    """Bit/s; ``None`` also where it is left to the encoder."""
    fec: bool | None
    dtx: bool | None
    application: str | None
    bitrate_limits: tuple[int, int] | None
    """What can be asked for, in bit/s; ``None`` if nothing can."""
    takes_fec: bool
    takes_dtx: bool
    unavailable_because: str | None
    """Why nothing can be changed here, or ``None``."""


@dataclass(frozen=True, slots=True)
class ApplicationControl:
    """What the server's encoder is tuned for, as asked for and as in force."""

    requested: Application | None
    """``None`` where that is left to the server."""
    in_force: str | None
    """As the server says; ``None`` if it has not."""
    accepted: tuple[Application, ...]
    unavailable_because: str | None
    """Why it cannot be changed here, or ``None`` if it can."""


@dataclass(frozen=True, slots=True)
class LatencyBreakdown:
    """From the microphone (or the source) to the ear, in milliseconds; ``None`` where a part cannot be known."""

    frame: float | None
    codec: float | None
    network: float | None
    buffer: float | None
    device: float | None
    total: float | None
    kind: str
    """``measured`` where the server gives capture times, else ``estimated``."""


@dataclass(frozen=True, slots=True)
class UnderrunCounts:
    """Episodes of starvation, not callbacks."""

    episodes: int
    starved_ms: float


@dataclass(frozen=True, slots=True)
class OutputStatus:
    """The output in use. ``is_device`` is False for the clocked null output."""

    name: str
    is_device: bool
    latency_ms: float | None
    xruns: int
    problem: str | None = None
    """Why the wanted device is not in use, in one line."""
    is_waiting: bool = False
    """Whether that device is looked for, and will be played to as soon as it works."""


@dataclass(frozen=True, slots=True)
class SessionSnapshot:
    """Everything about a session at one moment; names as in W3C webrtc-stats where it has one."""

    connection: ConnectionStatus
    stream: StreamFacts | None
    frame_size: FrameSizeControl
    encoder: EncoderControl
    application: ApplicationControl
    latency: LatencyBreakdown
    underruns: UnderrunCounts
    output: OutputStatus | None
    levels: AudioLevels | None
    """Of what was last played, volume applied; ``None`` while nothing is."""
    buffer_depth_ms: float | None
    target_delay_ms: float
    """In force: the one set, or what adaptation has come to."""
    clock_skew_ppm: float | None
    """By how much the sender's clock is slower than ours, in millionths; ``None`` while unknown."""
    playout_delay_ms: float | None
    jitter_ms: float | None
    round_trip_time_ms: float | None
    packets_received: int
    bytes_received: int
    packets_lost: int
    packets_malformed: int
    packets_discarded: int
    total_samples_received: int
    concealed_samples: int
    silent_concealed_samples: int
    concealment_events: int
    inserted_samples_for_deceleration: int
    removed_samples_for_acceleration: int
    skipped_samples: int
    recovered_samples: int
    """Missing audio that came from in-band FEC."""
    episodes: tuple[UnderrunEpisode, ...]
    """The underrun episodes that ended, each with its cause; the newest thousand."""
    text_messages_ignored: int
    server_packets_dropped: int | None
    """Packets that the server says it dropped from this listener's queue."""
    impairment: Impairment = NO_IMPAIRMENT
    """What the network lab does."""
    source: StreamState | None = None
    """What the server says that its source does; ``None`` if it says nothing."""
    unfulfilled: tuple[str, ...] = ()
    """What was asked of the server's encoder and is not so, with the reason, a line each."""
    recordings: tuple[RecordingStatus, ...] = ()
    """Those that run, and those that ended since the last one was begun."""
