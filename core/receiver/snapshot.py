"""One look at a session, gathered from those who know."""

from __future__ import annotations

from core.playout.jitter_buffer import JitterBuffer
from core.receiver.impairment.settings import Impairment
from core.receiver.reception import Reception
from core.receiver.sampler import Sampler
from core.receiver.status import ConnectionStatus, OutputStatus, SessionSnapshot, UnderrunCounts
from core.receiver.wishes import Wishes
from core.recording.status import RecordingStatus
from core.wire.control import Stats


def snapshot_of(
    connection: ConnectionStatus,
    reception: Reception,
    wishes: Wishes,
    sampler: Sampler,
    buffer: JitterBuffer,
    output: OutputStatus | None,
    round_trip_ms: float | None,
    impairment: Impairment,
    recordings: tuple[RecordingStatus, ...],
) -> SessionSnapshot:
    """How it stands now."""
    counters = buffer.counters()
    return SessionSnapshot(
        connection=connection,
        stream=reception.observer.facts(),
        frame_size=wishes.frame_size,
        encoder=wishes.encoder,
        application=wishes.application,
        latency=sampler.latency,
        underruns=UnderrunCounts(counters.underrun_episodes, counters.starved_ms),
        output=output,
        levels=sampler.levels,
        buffer_depth_ms=sampler.depth_ms,
        target_delay_ms=buffer.target_delay_ms,
        clock_skew_ppm=buffer.clock_skew_ppm,
        playout_delay_ms=sampler.playout_delay_ms,
        jitter_ms=reception.observer.jitter_ms,
        round_trip_time_ms=round_trip_ms,
        packets_received=reception.packets_received,
        bytes_received=reception.bytes_received,
        packets_lost=counters.packets_lost,
        packets_malformed=counters.packets_malformed + reception.unreadable,
        packets_discarded=counters.packets_discarded,
        total_samples_received=counters.total_samples_received,
        concealed_samples=counters.concealed_samples,
        silent_concealed_samples=counters.silent_concealed_samples,
        concealment_events=counters.concealment_events,
        inserted_samples_for_deceleration=counters.inserted_samples_for_deceleration,
        removed_samples_for_acceleration=counters.removed_samples_for_acceleration,
        skipped_samples=counters.skipped_samples,
        recovered_samples=counters.recovered_samples,
        episodes=sampler.episodes,
        text_messages_ignored=reception.texts_ignored,
        server_packets_dropped=reception.server_packets_dropped,
        impairment=impairment,
        source=reception.source_state,
        unfulfilled=wishes.unfulfilled,
        recordings=recordings,
    )


def stats_of(buffer: JitterBuffer) -> Stats:
    """What a server that wants to know is told of how listening goes."""
    counters = buffer.counters()
    return Stats(
        {
            "buffer_depth_ms": round(buffer.depth_ms, 1),
            "target_delay_ms": buffer.target_delay_ms,
            "concealed_samples": counters.concealed_samples,
            "underrun_episodes": counters.underrun_episodes,
            "starved_ms": round(counters.starved_ms, 1),
        }
    )
