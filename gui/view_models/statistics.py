"""The rows of the statistics table."""

from __future__ import annotations

from core.audio.levels import AudioLevels
from core.audio.loudness import loudness_problem
from core.monitor.monitor import CALLBACK_LATENESS_MS, CPU_PCT, LOOP_LAG_MS, PAINT_MS, Monitor
from core.opus.packet import SAMPLE_RATE_HZ, Bandwidth
from core.playout.settings import PlayoutSettings
from core.receiver.status import EncoderControl, OutputStatus, SessionSnapshot, StreamFacts
from gui.translation import translate
from gui.view_models.playout_rows import playout_rows
from gui.view_models.rows import Row, RowKind, attention_if, heading
from gui.view_models.text import UNKNOWN, count, fixed, loudness, milliseconds, plain_milliseconds, size


def statistics_rows(snapshot: SessionSnapshot | None, playout: PlayoutSettings | None, monitor: Monitor) -> list[Row]:
    """Always the same rows in the same order, so that a table only has to change texts."""
    stream = snapshot.stream if snapshot else None
    output = snapshot.output if snapshot else None
    return [
        heading(translate("Statistics", "Stream")),
        *_stream_rows(stream, snapshot.encoder if snapshot else None),
        heading(translate("Statistics", "Network")),
        *_network_rows(snapshot),
        heading(translate("Statistics", "Playout")),
        *playout_rows(snapshot, playout, monitor),
        heading(translate("Statistics", "Device")),
        *_device_rows(output, snapshot.levels if snapshot else None),
        heading(translate("Statistics", "This program")),
        *_program_rows(monitor),
    ]


def _stream_rows(stream: StreamFacts | None, encoder: EncoderControl | None) -> list[Row]:
    coding = f"{stream.mode} · {_bandwidth(stream.bandwidth)}" if stream else UNKNOWN
    application = (stream.application if stream else None) or UNKNOWN
    in_force = seen = UNKNOWN
    if encoder and (encoder.fec is not None or encoder.dtx is not None):
        in_force = f"{_on_off(encoder.fec)} / {_on_off(encoder.dtx)}"
    if stream:
        seen = f"{_on_off(stream.fec)} / {_on_off(stream.dtx)}"
    bitrate = f"{fixed(stream.bitrate_kbps, 1)} kbit/s" if stream else UNKNOWN
    packet_size = f"{fixed(stream.packet_bytes)} B" if stream else UNKNOWN
    return [
        Row(
            translate("Statistics", "Coding"),
            coding,
            translate("Statistics", "Mode and audio bandwidth, from each packet's first byte (RFC 6716 table 2)"),
        ),
        _declared_row(
            translate("Statistics", "Channels"),
            stream,
            f"{stream.channels}" if stream else UNKNOWN,
            f"{stream.declared_channels}" if stream and stream.declared_channels is not None else None,
            translate("Statistics", "What the packets hold, and what the server declared"),
        ),
        _declared_row(
            translate("Statistics", "Frame size"),
            stream,
            plain_milliseconds(stream.packet_ms) if stream else UNKNOWN,
            plain_milliseconds(stream.declared_frame_ms) if stream and stream.declared_frame_ms is not None else None,
            translate("Statistics", "What the packets hold, and what the server declared"),
        ),
        Row(
            translate("Statistics", "Coded in frames of"),
            plain_milliseconds(stream.frame_ms) if stream else UNKNOWN,
            translate("Statistics", "Inside a packet: CELT codes 40 and 60 ms as frames of 20 ms"),
        ),
        Row(
            translate("Statistics", "Sample rate declared"),
            f"{count(stream.declared_sample_rate)} Hz" if stream and stream.declared_sample_rate else UNKNOWN,
            translate("Statistics", "Opus always decodes to {rate} Hz; this is what the server says it put in").format(
                rate=count(SAMPLE_RATE_HZ)
            ),
        ),
        Row(
            translate("Statistics", "Application"),
            application,
            translate("Statistics", "The encoder's purpose, if the server tells it"),
        ),
        Row(
            translate("Statistics", "FEC / DTX in force"),
            in_force,
            translate("Statistics", "In-band error correction and discontinuous transmission, as the server says"),
        ),
        Row(
            translate("Statistics", "FEC / DTX in packets"),
            seen,
            translate(
                "Statistics",
                "Whether any was seen in this connection's packets; the encoder uses them only where they help",
            ),
        ),
        Row(translate("Statistics", "Bit rate"), bitrate, translate("Statistics", "Opus bytes over the last seconds")),
        Row(translate("Statistics", "Packet size"), packet_size, translate("Statistics", "Mean of the last seconds")),
    ]


def _bandwidth(abbreviation: str) -> str:
    """RFC 6716 table 1 in words."""
    words = {
        Bandwidth.NARROWBAND.value: translate("Statistics", "narrowband, 4 kHz"),
        Bandwidth.MEDIUMBAND.value: translate("Statistics", "mediumband, 6 kHz"),
        Bandwidth.WIDEBAND.value: translate("Statistics", "wideband, 8 kHz"),
        Bandwidth.SUPER_WIDEBAND.value: translate("Statistics", "super-wideband, 12 kHz"),
        Bandwidth.FULLBAND.value: translate("Statistics", "fullband, 20 kHz"),
    }
    return words.get(abbreviation, abbreviation)


def _declared_row(name: str, stream: StreamFacts | None, actual: str, declared: str | None, meaning: str) -> Row:
    if stream is None or declared is None:
        return Row(name, actual, meaning)
    if declared == actual:
        return Row(name, translate("Statistics", "{actual} (as declared)").format(actual=actual), meaning)
    text = translate("Statistics", "{actual} ≠ {declared} declared").format(actual=actual, declared=declared)
    return Row(name, text, meaning, RowKind.ATTENTION)


def _on_off(is_on: bool | None) -> str:
    if is_on is None:
        return UNKNOWN
    return translate("Statistics", "on") if is_on else translate("Statistics", "off")


def _network_rows(snapshot: SessionSnapshot | None) -> list[Row]:
    received = lost = malformed = discarded = jitter = round_trip = reconnects = UNKNOWN
    if snapshot:
        received = f"{count(snapshot.packets_received)} · {size(snapshot.bytes_received)}"
        lost = count(snapshot.packets_lost)
        malformed, discarded = count(snapshot.packets_malformed), count(snapshot.packets_discarded)
        jitter, round_trip = milliseconds(snapshot.jitter_ms), milliseconds(snapshot.round_trip_time_ms)
        reconnects = count(snapshot.connection.reconnects)
    return [
        Row(translate("Statistics", "Packets received"), received, translate("Statistics", "Packets and Opus bytes")),
        Row(
            translate("Statistics", "Packets lost"),
            lost,
            translate("Statistics", "Gaps in sequence numbers: over TCP the server dropped them"),
            attention_if(bool(snapshot and snapshot.packets_lost)),
        ),
        Row(
            translate("Statistics", "Dropped by server"),
            count(snapshot.server_packets_dropped) if snapshot else UNKNOWN,
            translate("Statistics", "Packets that the server says it threw away because this listener was too slow"),
            attention_if(bool(snapshot and snapshot.server_packets_dropped)),
        ),
        Row(
            translate("Statistics", "Malformed"),
            malformed,
            translate("Statistics", "Messages that are no Opus packet; counted and concealed"),
            attention_if(bool(snapshot and snapshot.packets_malformed)),
        ),
        Row(
            translate("Statistics", "Discarded"),
            discarded,
            translate("Statistics", "Packets that came too late or did not fit into the buffer"),
            attention_if(bool(snapshot and snapshot.packets_discarded)),
        ),
        Row(
            translate("Statistics", "Jitter"), jitter, translate("Statistics", "Interarrival jitter (RFC 3550 §6.4.1)")
        ),
        Row(
            translate("Statistics", "Round trip"),
            round_trip,
            translate("Statistics", "To the server and back; it contains no buffering"),
        ),
        Row(translate("Statistics", "Reconnects"), reconnects, translate("Statistics", "Since this session began")),
    ]


def _device_rows(output: OutputStatus | None, levels: AudioLevels | None) -> list[Row]:
    return [
        Row(
            translate("Statistics", "Device latency"),
            milliseconds(output.latency_ms) if output else UNKNOWN,
            translate("Statistics", "From the program to the loudspeaker, as the sound system reports it"),
        ),
        Row(
            translate("Statistics", "Device xruns"),
            count(output.xruns) if output else UNKNOWN,
            translate("Statistics", "The sound system asked and this program was too late"),
            attention_if(bool(output and output.xruns)),
        ),
        Row(
            translate("Statistics", "Loudness"),
            loudness(levels.loudness_lufs if levels else None),
            loudness_problem()
            or translate("Statistics", "How loud what is played seems: EBU R128, momentary, over the last 400 ms"),
        ),
    ]


def _program_rows(monitor: Monitor) -> list[Row]:
    loop_lag = monitor.distributions[LOOP_LAG_MS].percentile(99)
    paint = monitor.distributions[PAINT_MS].percentile(99)
    cpu = monitor.distributions[CPU_PCT].mean
    return [
        Row(
            translate("Statistics", "Loop lag p99"),
            milliseconds(loop_lag),
            translate("Statistics", "How late the event loop ran; the buffer covers it"),
        ),
        Row(
            translate("Statistics", "Painting p99"),
            milliseconds(paint),
            translate("Statistics", "What painting one plot once takes"),
        ),
        Row(
            translate("Statistics", "Callback lateness p99"),
            milliseconds(monitor.distributions[CALLBACK_LATENESS_MS].percentile(99)),
            translate("Statistics", "How late the sound device's thread was served; the device's latency covers it"),
        ),
        Row(
            translate("Statistics", "Processor"),
            UNKNOWN if cpu is None else f"{fixed(cpu)} %",
            translate("Statistics", "What all of this program takes of one core, on average of this session"),
        ),
    ]
