"""What was recorded and what was played are the same sound, to the sample, when nothing was late.

Both begin with the first packet. The player plays all that the decoder puts out, while a file tells whoever plays it to
leave out the encoder's look-ahead (pre-skip, 6.5 ms). So sample 0 of the file's sound is sample 312 of what was played
of the stream, and in the WAV before that stands the silence until the buffer was filled. Where the delay is not what it
should be, playout is resampled or stretched, and then the two are alike, but not the same.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.audio.output import BLOCK_FRAMES, Pcm
from core.audio.played import PlayedAudio
from core.audio.volume import Volume
from core.opus.media import MediaPacket
from core.opus.packet import parse_packet
from core.playout.jitter_buffer import JitterBuffer
from core.playout.settings import PlayoutSettings
from core.receiver.tap import Tap
from core.recording.files import Files
from core.recording.played import WRITERS, PlayedSink
from tests.receiver.harness import opus_packets
from tests.recording.making import numbered, record
from tests.recording.reading import decoded_by_us, read_by_ffmpeg

PRE_SKIP = 312
BLOCK_NS = 5_000_000
BEGINNING = 60 * 48 + BLOCK_FRAMES // 2
"""The target delay, and half a block of the device: from the first packet's arrival to its first sample."""


def play(path: Path, packets: list[MediaPacket], seconds: float) -> None:
    """As a session plays and records, in virtual time: volume at 0 dB, a device that asks for 5 ms each time."""
    buffer = JitterBuffer(PlayoutSettings(60))
    played = PlayedAudio()
    sink = PlayedSink(Files(path), WRITERS[path.suffix])
    played.also_to = lambda block: sink.take(block.copy())
    tap = Tap(Volume(buffer.pull).pull, played)
    tap.is_open = True
    block: Pcm = np.zeros((BLOCK_FRAMES, 2), dtype=np.float32)
    coming = iter(packets)
    following = next(coming)
    for now_ns in range(0, round(seconds * 1e9), BLOCK_NS):
        while following is not None and following.arrival_ns <= now_ns:
            buffer.push(following)
            following = next(coming, None)
        tap.pull(block, now_ns)
    buffer.close()
    sink.close()


def media(path: Path, payloads: tuple[bytes, ...]) -> list[MediaPacket]:
    """Packets that come exactly when they should, recorded on the way."""
    observations = numbered(payloads)
    samples = parse_packet(payloads[0]).duration_samples
    packets = [
        MediaPacket(payload, round(at * samples / 48_000 * 1e9), 100 + at, 48_000 + at * samples)
        for at, payload in enumerate(payloads)
    ]
    record(path, observations)
    return packets


@pytest.mark.parametrize("ending", [".wav", ".flac"])
@pytest.mark.parametrize(("frame_ms", "channels"), [(20.0, 1), (20.0, 2), (5.0, 1), (60.0, 2)])
def test_what_was_recorded_is_what_was_played_to_the_sample(
    tmp_path: Path, frame_ms: float, channels: int, ending: str
) -> None:
    payloads = opus_packets(round(5_000 / frame_ms), frame_ms, channels)
    packets = media(tmp_path / "received.opus", payloads)
    play(tmp_path / f"played{ending}", packets, 4.9)
    played = read_by_ffmpeg(tmp_path / f"played{ending}").pcm
    recorded = decoded_by_us((tmp_path / "received.opus").read_bytes())
    assert not played[:BEGINNING].any()
    of_stream = played[BEGINNING + PRE_SKIP :]
    assert len(of_stream) > 4.8 * 48_000
    tolerance = 0.0 if ending == ".wav" else 2**-24
    assert np.max(np.abs(of_stream - recorded[: len(of_stream)])) <= tolerance


def test_ffmpeg_decodes_a_recording_to_what_was_played(tmp_path: Path) -> None:
    """With the same libopus; it gives 16 bits."""
    packets = media(tmp_path / "received.opus", opus_packets(250, 20.0, 2))
    play(tmp_path / "played.wav", packets, 4.9)
    played = read_by_ffmpeg(tmp_path / "played.wav").pcm[BEGINNING + PRE_SKIP :]
    recorded = read_by_ffmpeg(tmp_path / "received.opus", "libopus").pcm[: len(played)]
    assert np.max(np.abs(played - recorded)) <= 2**-15
