"""With the real codec and real speech: what is heard where the buffer stretches, skips and conceals."""

from __future__ import annotations

from functools import lru_cache

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from core.opus.decoder import OpusDecoder
from core.opus.encoder import EncoderSettings, OpusEncoder
from core.opus.media import MediaPacket
from core.playout.jitter_buffer import JitterBuffer
from core.playout.settings import PlayoutMode, PlayoutSettings
from tests.playout.bench import BLOCK, MS, Bench
from tests.support.clips import align, largest_jump, longest_zero_run_ms, window_correlations
from tests.support.processes import REPOSITORY

SPEECH = REPOSITORY / "resources" / "demo" / "speech.flac"


@lru_cache(maxsize=1)
def speech_pcm(count: int = 400) -> NDArray[np.int16]:
    """So many times 20 ms of speech, 24 kHz mono, shape (frames, 1)."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=24_000)
    pieces: list[NDArray[np.int16]] = []
    with av.open(str(SPEECH)) as container:
        for frame in container.decode(audio=0):
            pieces += [resampled.to_ndarray()[0] for resampled in resampler.resample(frame)]
    return np.concatenate(pieces)[: count * 480, np.newaxis]


@lru_cache(maxsize=1)
def speech_packets() -> tuple[bytes, ...]:
    """Packets of 20 ms of it, as the strategy document's server codes it."""
    pcm = speech_pcm()
    encoder = OpusEncoder(EncoderSettings())
    packets = tuple(encoder.encode(pcm[at : at + 480]) for at in range(0, len(pcm), 480))
    encoder.close()
    return packets


@lru_cache(maxsize=1)
def speech_heard() -> NDArray[np.float32]:
    """The same, decoded without a network between, left channel."""
    with OpusDecoder() as decoder:
        return np.concatenate([decoder.decode(packet)[:, 0].copy() for packet in speech_packets()])


def arriving(delays_ms: NDArray[np.float64]) -> list[MediaPacket]:
    arrivals = np.maximum.accumulate(np.arange(len(delays_ms)) * 20 + delays_ms)
    return [MediaPacket(p, round(at * MS)) for p, at in zip(speech_packets(), arrivals, strict=False)]


def bench(target_ms: float = 60, mode: PlayoutMode = PlayoutMode.COMPLETE) -> Bench:
    return Bench(JitterBuffer(PlayoutSettings(target_ms, mode=mode)))


def test_an_undisturbed_stream_is_what_the_decoder_gives_sample_for_sample() -> None:
    run = bench().send(arriving(np.zeros(400))).run(7_900)
    reference = speech_heard()[48_000 : 48_000 * 7]
    offset = align(reference, run.left)
    # The 5 ms faded in at the very start lie before.
    assert np.array_equal(run.left[offset : offset + len(reference)], reference)


@pytest.mark.parametrize("mode", PlayoutMode)
@pytest.mark.parametrize("stall_ms", [30, 80, 300, 1_000])
def test_a_stall_is_bridged_concealed_and_caught_up_with_without_a_click(stall_ms: float, mode: PlayoutMode) -> None:
    delays_ms = np.zeros(400)
    delays_ms[150:] = np.maximum(stall_ms - np.arange(250) * 20, 0)
    run = bench(20, mode).send(arriving(delays_ms)).run(7_500)
    counters = run.buffer.counters()
    assert counters.underrun_episodes >= (stall_ms > 60)
    assert (counters.skipped_samples > 0) == (mode is PlayoutMode.LIVE and stall_ms > 200)
    assert largest_jump(run.left) <= largest_jump(speech_heard()) * 1.05


@pytest.mark.parametrize("mode", PlayoutMode)
def test_changes_of_the_target_do_not_click(mode: PlayoutMode) -> None:
    run = bench(60, mode).send(arriving(np.zeros(400)))
    for at_ms, target_ms in [(1_500, 200), (2_500, 40), (3_500, 500), (4_500, 100), (5_500, 0)]:
        run.run(at_ms)
        run.set_target(target_ms)
    run.run(7_500)
    counters = run.buffer.counters()
    assert counters.inserted_samples_for_deceleration > 200 * 48
    assert counters.removed_samples_for_acceleration > 100 * 48
    assert counters.concealed_samples == 0
    assert largest_jump(run.left) <= largest_jump(speech_heard()) * 1.05


def test_a_sender_with_another_clock_is_followed_without_a_click_or_a_splice() -> None:
    run = bench(60).send(arriving(np.arange(400) * 20 * 0.003)).run(7_500)
    counters = run.buffer.counters()
    assert counters.inserted_samples_for_deceleration + counters.removed_samples_for_acceleration <= 20 * 48
    assert counters.concealed_samples == 0
    assert largest_jump(run.left) <= largest_jump(speech_heard()) * 1.05


@pytest.mark.parametrize("target_ms", [20, 250])
def test_what_is_played_faster_or_slower_still_is_the_same_speech(target_ms: float) -> None:
    run = bench(120).send(arriving(np.zeros(400))).run(2_000)
    run.set_target(target_ms)
    run.run(7_900)
    # Once it has come to the new target it is again what the decoder gives, only at another time.
    reference = speech_heard()[48_000 * 5 : 48_000 * 7]
    offset = align(reference, run.left)
    assert offset / 48 == pytest.approx(5_000 + target_ms, abs=15)
    meanwhile = window_correlations(speech_heard()[96_000:], run.left, offset - 48_000 * 3, 50, slack_ms=150)
    assert np.median(meanwhile) >= 0.95
    assert np.mean(meanwhile >= 0.7) >= 0.9


def test_a_short_gap_is_filled_with_sound_and_not_with_silence() -> None:
    delays_ms = np.zeros(400)
    loudest = int(np.argmax([np.abs(speech_heard()[i * 960 : (i + 1) * 960]).mean() for i in range(100, 300)])) + 100
    delays_ms[loudest:] = np.maximum(70 - np.arange(400 - loudest) * 20, 0)
    run = bench(20).send(arriving(delays_ms)).run(7_500)
    assert run.buffer.counters().underrun_episodes == 1
    around = run.left[(loudest * 20 - 20) * 48 : (loudest * 20 + 120) * 48]
    assert longest_zero_run_ms(around) < 1


def test_garbage_in_the_middle_of_speech_does_not_click_or_stop_it() -> None:
    packets = arriving(np.zeros(400))
    for at in (120, 180, 181, 182, 260):
        packets[at] = MediaPacket(b"\xff\xff\xff", packets[at].arrival_ns)
    run = bench().send(packets).run(7_900)
    assert run.buffer.counters().packets_malformed == 5
    assert run.buffer.counters().underrun_episodes == 0
    assert largest_jump(run.left) <= largest_jump(speech_heard()) * 1.05


def test_a_connection_that_breaks_in_the_middle_of_a_word_does_not_click() -> None:
    loudest = int(np.argmax([np.abs(speech_heard()[i * 960 : (i + 1) * 960]).mean() for i in range(100, 300)])) + 100
    packets = arriving(np.zeros(400))
    run = bench().send(packets[:loudest]).run(loudest * 20)
    run.buffer.begin_stream()
    later = [MediaPacket(p.payload, p.arrival_ns + 500 * MS) for p in packets[loudest:]]
    run.send(later).run(7_500)
    assert run.buffer.counters().underrun_episodes == 1
    assert largest_jump(run.left) <= largest_jump(speech_heard()) * 1.05


def test_mono_sounds_on_both_channels() -> None:
    buffer = JitterBuffer()
    for packet in arriving(np.zeros(100)):
        buffer.push(packet)
    heard = np.zeros((90_000, 2), dtype=np.float32)
    for at in range(0, len(heard), BLOCK):
        buffer.pull(heard[at : at + BLOCK], 60 * MS + at * MS // 48)
    assert np.array_equal(heard[:, 0], heard[:, 1])
    assert heard.any()
