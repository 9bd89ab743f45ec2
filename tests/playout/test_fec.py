"""In-band FEC with the real codec: what the server dropped, from the copy in the packet after it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from numpy.typing import NDArray

from core.opus.decoder import OpusDecoder, Pcm
from core.opus.encoder import Application, EncoderSettings, OpusEncoder
from core.opus.media import MediaPacket
from core.opus.packet import parse_packet
from core.playout.jitter_buffer import JitterBuffer
from core.playout.settings import PlayoutSettings
from tests.playout.bench import FRAME, MS, Bench
from tests.playout.test_sound import speech_pcm
from tests.support.clips import largest_jump

DROPPED = range(60, 380, 16)


class DeafToFec(OpusDecoder):
    """Conceals where it could recover, for comparison."""

    def recover(self, packet: bytes, frames: int) -> Pcm:
        return self.conceal(frames)


@lru_cache(maxsize=4)
def coded(bitrate: int, fec: bool = True) -> tuple[bytes, ...]:
    """Packets of 20 ms of speech as an encoder for calls makes them."""
    encoder = OpusEncoder(EncoderSettings(application=Application.VOIP, bitrate=bitrate, fec=fec))
    pcm = speech_pcm()
    packets = tuple(encoder.encode(pcm[at : at + 480]) for at in range(0, len(pcm), 480))
    encoder.close()
    return packets


def arriving(packets: tuple[bytes, ...], dropped: set[int], **known: bool) -> list[MediaPacket]:
    return [
        MediaPacket(
            payload, i * 20 * MS, sequence_number=i, media_timestamp=i * FRAME if known.get("has_timestamps") else None
        )
        for i, payload in enumerate(packets)
        if i not in dropped
    ]


def heard(packets: list[MediaPacket], decoder: OpusDecoder) -> tuple[NDArray[np.float32], Bench]:
    bench = Bench(JitterBuffer(PlayoutSettings(60), decoder)).send(packets).run(7_900)
    return bench.left, bench


@pytest.mark.parametrize("bitrate", [24_000, 32_000])
@pytest.mark.parametrize("has_timestamps", [False, True])
def test_single_missing_packets_are_recovered_and_closer_to_the_original_than_concealment(
    bitrate: int, has_timestamps: bool
) -> None:
    packets = coded(bitrate)
    dropped = {i for i in DROPPED if parse_packet(packets[i + 1]).has_fec}
    assert len(dropped) >= 10
    lossy = arriving(packets, dropped, has_timestamps=has_timestamps)
    original, _ = heard(arriving(packets, set()), OpusDecoder())
    recovered, bench = heard(lossy, OpusDecoder())
    concealed, _ = heard(lossy, DeafToFec())
    counters = bench.buffer.counters()
    assert counters.packets_lost == len(dropped)
    assert counters.recovered_samples == len(dropped) * FRAME
    assert counters.concealed_samples == counters.concealment_events == counters.underrun_episodes == 0
    assert counters.inserted_samples_for_deceleration == counters.removed_samples_for_acceleration == 0
    start = int(np.flatnonzero(original)[0])
    recovered_error = concealed_error = 0.0
    for number in dropped:
        # The packet itself, and the one after it, for which the decoder stands elsewhere than it should.
        at = slice(start + number * FRAME, start + (number + 2) * FRAME)
        recovered_error += float(np.square(recovered[at] - original[at]).sum())
        concealed_error += float(np.square(concealed[at] - original[at]).sum())
    assert recovered_error < 0.5 * concealed_error
    assert largest_jump(recovered) <= 1.5 * largest_jump(original)


def test_of_several_missing_packets_the_last_one_is_recovered() -> None:
    packets = coded(32_000)
    at = next(i for i in range(100, 300) if parse_packet(packets[i + 2]).has_fec)
    _, bench = heard(arriving(packets, {at, at + 1}), OpusDecoder())
    counters = bench.buffer.counters()
    assert counters.packets_lost == 2
    assert counters.recovered_samples == FRAME
    assert counters.concealed_samples == FRAME
    assert counters.concealment_events == 1


def test_without_redundancy_what_is_missing_is_concealed() -> None:
    _, bench = heard(arriving(coded(32_000, fec=False), set(DROPPED)), OpusDecoder())
    counters = bench.buffer.counters()
    assert counters.recovered_samples == 0
    assert counters.concealed_samples == len(DROPPED) * FRAME


@pytest.mark.parametrize("gap_samples", [1, 119, 500, 959])
def test_a_gap_shorter_than_a_frame_is_concealed_since_libopus_recovers_whole_frames_only(gap_samples: int) -> None:
    packets = coded(32_000)
    at = next(i for i in range(100, 300) if parse_packet(packets[i]).has_fec)
    stream = [
        MediaPacket(p, i * 20 * MS, sequence_number=i + (i >= at), media_timestamp=i * FRAME + gap_samples * (i >= at))
        for i, p in enumerate(packets)
    ]
    _, bench = heard(stream, OpusDecoder())
    counters = bench.buffer.counters()
    assert counters.recovered_samples == 0
    assert counters.concealed_samples == gap_samples
