"""What is found out about a stream, in figures: one frozen dataclass for each thing that can be asked.

A figure that cannot be had is ``None``, and ``not_measurable`` of its section says under its name why. Times are
seconds since the first observation (``at_s``). Packets are numbered by arrival, from 0, over the whole transcript;
where a stream numbers them itself, that number stands beside it. Lists hold the newest pieces of evidence, at most
`MAX_EVIDENCE`; the counts beside them hold all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

MAX_EVIDENCE: Final = 50
"""Nobody reads more of one kind, and a stream that fails for hours does not fill memory."""


def _nothing_missing() -> Mapping[str, str]:
    return {}


class Side(Enum):
    """Whose doing something is."""

    SERVER = "server"
    PATH = "server or network"
    """Over TCP a sender that is held up and a network that is look the same: nothing comes, then all at once."""
    IDLE = "declared idle"
    """The server said so: no fault."""
    OBSERVER = "this machine"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One place where something was seen."""

    at_s: float
    packet: int | None = None
    """The first packet concerned, by arrival."""
    sequence_number: int | None = None
    """Its number in the stream; for a gap the first that is missing."""
    packets: int = 1
    """How many are concerned."""
    length_ms: float | None = None
    note: str = ""
    """In plain words, for people."""


@dataclass(frozen=True, slots=True)
class Stall:
    """A time in which packets were due and none came."""

    at_s: float
    """When the last packet before it came."""
    length_ms: float
    """From packet to packet; where it is open, to the last observation."""
    overdue_ms: float
    """By how much that is longer than usual."""
    side: Side
    packet: int
    """The packet that ended it, by arrival; where it is open, the one that did not come."""
    is_caught_up: bool
    """Whether what was missed came at once afterwards. If not, media time has stood still."""
    is_open: bool = False
    """Nothing has come since."""


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Of a distribution, in the unit that the field's name has."""

    p50: float
    p95: float
    p99: float
    maximum: float


@dataclass(frozen=True, slots=True)
class Pacing:
    """When packets come."""

    listened_s: float
    """From the first packet to the last, times without a connection left out."""
    media_s: float
    """What these last when they are played, missing ones included where they are known."""
    rate: float | None
    """Media time for each second of the clock, without what was sent ahead at the start; 1 is right."""
    lead_ms: float | None
    """How much the server had sent ahead of time, at most, counted from the first packet."""
    packets_per_burst: float | None
    """The usual number of packets that come together."""
    largest_burst: int
    """The most that came together after the start, stalls left out."""
    burst_interval_ms: float | None
    """The usual time between the first packets of two bursts (of two packets, where each comes alone)."""
    interval_ms: Percentiles | None
    """Between two packets as they arrive."""
    departure_interval_ms: float | None
    """Estimate of the sender's time for one packet: the burst interval by the packets in a burst."""
    packet_ms: float | None
    """The usual duration of a packet: what the time for one should be."""
    jitter_ms: float | None
    """Interarrival jitter (RFC 3550 §6.4.1) at the end."""
    relative_delay_ms: Percentiles | None
    """How much later than the quickest of late packets came, clock skew taken out; at most 2000."""
    skew_ppm: float | None
    """By how much the server sends too slowly (positive) or too fast, in millionths."""
    skew_error_ppm: float | None
    """Standard error of that; told also where it is too large for a figure."""
    skew_span_s: float
    """The time that the skew was taken from."""
    stalls: int
    """Stalls that are not this machine's and were not declared."""
    stalls_by_side: Mapping[Side, int]
    longest_stall_ms: float | None
    """The longest of ``stalls``."""
    stalled_ms: float
    """All of ``stalls`` together."""
    newest_stalls: tuple[Stall, ...]
    idle_s: float
    """For how long the server said that its source was idle."""
    observer_stalls: int
    """How often this machine read nothing, and for how long in all."""
    observer_stalled_ms: float
    not_measurable: Mapping[str, str] = field(default_factory=_nothing_missing)


@dataclass(frozen=True, slots=True)
class Completeness:
    """Whether all packets came, once, in order."""

    packets: int
    bytes: int
    malformed: int
    """Messages that are no Opus packet, or break the dialect's rules."""
    newest_malformed: tuple[Evidence, ...]
    missing: int | None
    """Sequence numbers that never came; ``None`` for bare streams, which have none."""
    missing_pct: float | None
    gaps: int | None
    newest_gaps: tuple[Evidence, ...]
    left_out_ms: float | None
    """Bare streams only: media time that seems to be missing, from arrivals that go on a packet's length later and
    stay so. A source that pauses and says nothing looks the same."""
    left_out_places: int | None
    newest_left_out: tuple[Evidence, ...]
    timestamp_gaps: int | None
    """Media time that leaps ahead between two packets with consecutive numbers: a source that paused or jumped."""
    timestamp_gap_ms: float | None
    timestamp_overlaps: int | None
    """Media time that falls back, or advances by less than the packet before lasts."""
    newest_timestamp_faults: tuple[Evidence, ...]
    duplicates: int
    """Packets that came twice. In bare streams: equal payloads right after each other."""
    newest_duplicates: tuple[Evidence, ...]
    reordered: int | None
    newest_reordered: tuple[Evidence, ...]
    longest_repeat: int
    """The longest run of packets with the very same bytes, packets that stand for silence left out."""
    longest_repeat_ms: float
    newest_repeats: tuple[Evidence, ...]
    """Runs of `STUCK_PACKETS` or more."""
    new_streams: int
    """How often another stream began on the same connection."""
    not_measurable: Mapping[str, str] = field(default_factory=_nothing_missing)


@dataclass(frozen=True, slots=True)
class Declared:
    """What the server said its stream is (`hello`, `config`)."""

    protocol: str
    sample_rate: int
    channels: int
    frame_ms: float
    application: str
    bitrate: int | None
    fec: bool
    dtx: bool


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Something that is not as it was declared."""

    what: str
    """``frame_ms``, ``channels``, ``bandwidth``, ``dtx``, ``fec``, ``codec``."""
    declared: str
    found: str
    packets_pct: float
    """The share of packets that differ."""
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """The stream became something else."""

    at_s: float
    packet: int
    what: str
    """``mode``, ``bandwidth``, ``packet_ms``, ``channels``."""
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Content:
    """What the packets say they are. Shares are by packets, in per cent, the largest first."""

    modes_pct: Mapping[str, float]
    bandwidths_pct: Mapping[str, float]
    """``NB MB WB SWB FB`` (RFC 6716 table 1)."""
    packet_ms_pct: Mapping[float, float]
    frame_ms_pct: Mapping[float, float]
    """Of the codec's frames; a packet may hold several."""
    channels_pct: Mapping[int, float]
    bitrate_kbps: float | None
    """Of the packets alone, without headers, by media time."""
    bitrate_p95_kbps: float | None
    """Of whole seconds of media time."""
    is_cbr: bool | None
    """Whether nearly all packets that code sound have the same size."""
    dtx_pct: float
    """Packets of one or two bytes."""
    fec_pct: float
    """Packets with redundancy of the one before."""
    changes: int
    newest_changes: tuple[Change, ...]
    declared: Declared | None
    mismatches: tuple[Mismatch, ...]
    not_measurable: Mapping[str, str] = field(default_factory=_nothing_missing)


@dataclass(frozen=True, slots=True)
class Sound:
    """What is heard. ``(left, right)``; a mono stream has the same in both."""

    measured_s: float
    """Decoded sound that the figures rest on."""
    loudness_lufs: float | None
    """Integrated (EBU R128, ITU-R BS.1770-4), gated."""
    loudest_lufs: float | None
    """Highest momentary loudness, taken once a second."""
    loudness_range_lu: float | None
    """EBU Tech 3342."""
    true_peak_dbtp: float | None
    """ITU-R BS.1770-4 annex 2."""
    peak_dbfs: float
    """Of samples; above 0 the decoder's output exceeds full scale."""
    clipped_samples: int
    """At or beyond full scale, of both channels."""
    clipped_pct: float
    newest_clipped: tuple[Evidence, ...]
    silent_s: float
    """Below `SILENCE_DBFS`, packets that stand for silence included."""
    silent_dtx_s: float
    """As much of that came as packets of discontinuous transmission: the encoder says there is nothing."""
    longest_silence_s: float
    newest_silences: tuple[Evidence, ...]
    """Of a second or longer."""
    dc_offset: tuple[float, float]
    """Mean over all that is not silence; full scale is 1."""
    rms_dbfs: tuple[float, float]
    imbalance_db: float | None
    """Left minus right."""
    is_mono_as_stereo: bool | None
    """Coded as stereo, with the same in both channels; ``None`` where it is not coded as stereo."""
    stereo_difference_db: float | None
    """Power of left minus right, against that of their sum."""
    band_limit_hz: float | None
    """Above this there is nothing (`BAND_FLOOR_DB` below the strongest)."""
    coded_band_hz: float | None
    """What the packets' bandwidth could carry (RFC 6716 table 1)."""
    undecodable: int
    """Packets that libopus refused."""
    not_measurable: Mapping[str, str] = field(default_factory=_nothing_missing)


@dataclass(frozen=True, slots=True)
class Startup:
    """From the address to sound; of the first connection that came about."""

    attempts: int
    failed_attempts: int
    last_failure: str | None
    connect_ms: float | None
    """From the attempt to the agreement on WebSocket."""
    first_packet_ms: float | None
    """From the agreement to the first packet."""
    first_sound_ms: float | None
    """From the agreement to the arrival of the first packet that is not silence."""
    subprotocol: str | None
    offered: tuple[str, ...]
    not_measurable: Mapping[str, str] = field(default_factory=_nothing_missing)


@dataclass(frozen=True, slots=True)
class RoundTrips:
    """Pings and their answers, in milliseconds."""

    count: int
    minimum_ms: float
    median_ms: float
    p95_ms: float
    maximum_ms: float


class Ending(Enum):
    """How a connection ended."""

    OPEN = "still open"
    BY_OBSERVER = "ended here"
    ANNOUNCED = "ended as announced"
    """After `bye` or `state: ended`, or with a close frame of 1000 or 1001."""
    WITH_ERROR = "ended with an error code"
    ABRUPT = "broke off without a close frame"


@dataclass(frozen=True, slots=True)
class Closing:
    """The end of the last connection, and how many ended how."""

    ending: Ending
    code: int | None
    reason: str
    bye: str | None
    """The reason in the server's `bye`."""
    endings: Mapping[Ending, int]
    newest: tuple[Evidence, ...]
    """Those that the server did not announce."""


@dataclass(frozen=True, slots=True)
class Blame:
    """What one side causes."""

    side: Side
    text: str
    """In plain words."""
    late_pct: float | None = None
    """Of the packets that are later than a buffer of 60 ms takes, the share that this side explains."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a listener needs for it."""

    buffer_ms_for_1_pct: float | None
    """The smallest fixed delay at which at most 1 % of packets is late, in steps of 5 ms; ``None``: 2 s are not
    enough."""
    buffer_ms_for_0_1_pct: float | None
    without_observer_ms: float | None
    """As for 0.1 %, without what this machine made late itself."""
    late_pct: tuple[float, ...]
    """Share of packets later than each delay of ``core.playout.late_history.GRID_MS`` (0 to 2000 by 5 ms), without
    what this machine made late itself."""
    packets: int
    limited_by: str
    """In plain words."""
    blames: tuple[Blame, ...]

    def late_pct_at(self, depth_ms: float) -> float:
        """The share of packets, in per cent, that a fixed delay would meet too late; rounded down to 5 ms."""
        if not self.late_pct:
            return 0.0
        return self.late_pct[max(0, min(int(depth_ms // 5), len(self.late_pct) - 1))]


@dataclass(frozen=True, slots=True)
class Analysis:
    """Everything. A section that cannot be had is ``None``, and ``not_measurable`` says why."""

    url: str | None
    observed_s: float
    """From the first observation to the last."""
    connected_s: float
    startup: Startup
    pacing: Pacing | None
    completeness: Completeness
    content: Content | None
    sound: Sound | None
    round_trips: RoundTrips | None
    closing: Closing
    needs: Needs | None
    not_measurable: Mapping[str, str] = field(default_factory=_nothing_missing)
