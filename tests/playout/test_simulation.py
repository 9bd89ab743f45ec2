"""The jitter buffer in virtual time: that its figures are what a listener would have measured."""

from __future__ import annotations

import numpy as np
import pytest

from core.opus.decoder import OpusDecoder, Pcm
from core.opus.encoder import EncoderSettings, OpusEncoder
from core.opus.packet import SAMPLES_PER_MS
from core.playout.settings import PlayoutMode, PlayoutSettings
from core.playout.simulation import BLOCK_MS, PHASE_MS, SimulationResult, simulate
from core.playout.trace import ArrivalTrace

FRAME_MS = 20.0


def packets_of(loud: set[int], count: int) -> list[bytes]:
    """Packets of silence; those in ``loud`` sound."""
    settings = EncoderSettings(frame_ms=FRAME_MS)
    encoder = OpusEncoder(settings)
    silence = np.zeros((settings.frame_samples, settings.channels), dtype=np.int16)
    click = silence.copy()
    click[settings.frame_samples // 4] = 20_000
    packets = [encoder.encode(click if number in loud else silence) for number in range(count)]
    encoder.close()
    return packets


@pytest.fixture(scope="module")
def clicks() -> list[bytes]:
    """Ten seconds with a click in the middle of every second."""
    return packets_of(set(range(25, 500, 50)), 500)


def steady(seconds: float, delay_ms: float = 0.0) -> ArrivalTrace:
    return ArrivalTrace(FRAME_MS, (delay_ms,) * round(seconds * 1000 / FRAME_MS))


def stalled(length_ms: float, at_s: float = 5.0, seconds: float = 10.0) -> ArrivalTrace:
    sent_ms = np.arange(round(seconds * 1000 / FRAME_MS)) * FRAME_MS
    held = (sent_ms >= at_s * 1000) & (sent_ms < at_s * 1000 + length_ms)
    return ArrivalTrace(FRAME_MS, tuple(np.where(held, at_s * 1000 + length_ms - sent_ms, 0.0).tolist()))


def listen(trace: ArrivalTrace, packets: list[bytes], target_ms: float = 60.0) -> tuple[SimulationResult, Pcm]:
    heard: list[Pcm] = []
    result = simulate(
        trace, packets, FRAME_MS, PlayoutSettings(target_ms), on_audio=lambda block: heard.append(block.copy())
    )
    return result, np.concatenate(heard)


@pytest.mark.parametrize("target_ms", [5.0, 60.0, 300.0])
def test_the_playout_delay_is_the_one_that_is_heard(clicks: list[bytes], target_ms: float) -> None:
    result, heard = listen(steady(10), clicks, target_ms)
    with OpusDecoder() as decoder:
        decoded = np.concatenate([decoder.decode(packet).copy() for packet in clicks])
    for second in range(1, 9):
        around = slice(second * 48_000, (second + 1) * 48_000)
        at_ms = (second * 48_000 + int(np.abs(decoded[around, 0]).argmax())) / SAMPLES_PER_MS
        late = heard[round((at_ms - PHASE_MS) * SAMPLES_PER_MS) :][: 24_000 + 300 * 48, 0]
        point = next(point for point in result.timeline if point.at_s * 1000 >= at_ms + target_ms)
        assert np.abs(late).argmax() / SAMPLES_PER_MS == pytest.approx(point.playout_delay_ms, abs=1.0)
    delays_ms = [point.playout_delay_ms for point in result.timeline if point.at_s > 1]
    assert result.playout_delay_ms == pytest.approx(np.mean(delays_ms), abs=1.0)


def test_a_steady_stream_has_no_fault_of_any_kind(clicks: list[bytes]) -> None:
    result, _ = listen(steady(10), clicks)
    assert result.concealed_pct == result.stretched_pct == result.skipped_pct == 0.0
    assert result.concealment_events == 0
    assert result.episodes == ()
    assert result.target_changes == ()
    assert result.target_delay_ms == 60.0
    assert result.playout_delay_ms <= result.playout_delay_p95_ms + 0.1


def test_a_path_that_is_slower_from_the_beginning_adds_its_delay_to_what_is_played(clicks: list[bytes]) -> None:
    quick, slow = (listen(steady(10, delay_ms), clicks)[0].playout_delay_ms for delay_ms in (0.0, 40.0))
    assert slow - quick == pytest.approx(40.0, abs=2.0)


@pytest.mark.parametrize("length_ms", [200.0, 700.0])
def test_a_stall_is_one_event_of_what_exceeds_the_delay(clicks: list[bytes], length_ms: float) -> None:
    result, _ = listen(stalled(length_ms), clicks)
    assert result.concealment_events == 1
    [episode] = result.episodes
    assert episode.starved_ms == pytest.approx(result.concealed_pct * 100, abs=1.0)
    # Playout slows down before it runs dry, so that somewhat less is missing.
    assert 0.4 * (length_ms - 60) <= episode.starved_ms <= length_ms - 60
    assert episode.began_ns / 1e9 == pytest.approx(5.1, abs=0.1)


def test_outside_of_the_window_nothing_counts_but_in_the_timeline(clicks: list[bytes]) -> None:
    result = simulate(stalled(700), clicks, FRAME_MS, PlayoutSettings(60.0), (1.0, 4.9))
    assert result.concealed_pct == result.stretched_pct == 0.0
    assert result.concealment_events == 0
    assert len(result.episodes) == 1
    assert max(point.playout_delay_ms for point in result.timeline) > 500


def test_the_timeline_has_a_point_every_100_ms(clicks: list[bytes]) -> None:
    result, _ = listen(steady(10), clicks)
    assert np.diff([point.at_s for point in result.timeline]) == pytest.approx(0.1, abs=BLOCK_MS / 1000)
    assert result.timeline[-1].at_s == pytest.approx(9.9, abs=0.02)


@pytest.mark.parametrize("block_ms", [2.5, 10.0, 21.3])
def test_every_block_is_heard_once_from_the_first_to_the_end_of_the_trace(clicks: list[bytes], block_ms: float) -> None:
    lengths: list[int] = []
    simulate(
        steady(4), clicks, FRAME_MS, PlayoutSettings(60.0), None, lambda block: lengths.append(len(block)), block_ms
    )
    assert set(lengths) == {round(block_ms * SAMPLES_PER_MS)}
    assert sum(lengths) / 48_000 == pytest.approx(4.0, abs=0.03)


def test_packets_are_used_over_and_over(clicks: list[bytes]) -> None:
    once, _ = listen(steady(10), clicks)
    again, heard = listen(steady(20), clicks)
    assert again.playout_delay_ms == pytest.approx(once.playout_delay_ms, abs=1.0)
    assert np.abs(heard[15 * 48_000 :]).max() > 0.1


def test_what_live_mode_leaves_out_is_told_and_complete_mode_leaves_out_nothing(clicks: list[bytes]) -> None:
    live = simulate(stalled(1_500), clicks, FRAME_MS, PlayoutSettings(60.0, mode=PlayoutMode.LIVE))
    complete = simulate(stalled(1_500), clicks, FRAME_MS, PlayoutSettings(60.0))
    # In per cent of ten seconds.
    assert live.skipped_pct * 100 == pytest.approx(live.episodes[0].starved_ms, abs=60.0)
    assert complete.skipped_pct == 0.0
    assert complete.stretched_pct > 5.0 > live.stretched_pct


def test_the_same_trace_gives_the_same_result(clicks: list[bytes]) -> None:
    one, other = (simulate(stalled(700), clicks, FRAME_MS, PlayoutSettings(60.0, is_adaptive=True)) for _ in range(2))
    assert one == other


@pytest.mark.parametrize("window_s", [(20.0, 30.0), (5.0, 5.0), (-3.0, -1.0)])
def test_a_window_in_which_nothing_is_played_is_refused(clicks: list[bytes], window_s: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="nothing is played within the window"):
        simulate(steady(10), clicks, FRAME_MS, PlayoutSettings(60.0), window_s)
