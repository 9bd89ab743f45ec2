"""Sound devices that ask in bursts, stall, or fill a large buffer of their own at the start."""

from __future__ import annotations

import numpy as np
import pytest

from core.playout.settings import PlayoutMode
from core.playout.states import PlayoutState
from tests.playout.bench import BLOCK_MS, CLOCK_ERROR_MS, FRAME, FRAME_MS, Bench, goal_ms, paced, stalled


@pytest.mark.parametrize(
    ("target_ms", "burst", "mode"),
    [
        (0, 9, PlayoutMode.COMPLETE),
        (40, 20, PlayoutMode.COMPLETE),
        (60, 80, PlayoutMode.COMPLETE),
        (20, 4, PlayoutMode.COMPLETE),
        (0, 9, PlayoutMode.LIVE),
        (40, 20, PlayoutMode.LIVE),
        (20, 4, PlayoutMode.LIVE),
    ],
)
def test_a_device_that_asks_for_a_lot_at_once_gets_it(target_ms: float, burst: int, mode: PlayoutMode) -> None:
    bench = Bench.make(target_ms, mode=mode).send(paced(1_000)).run(8_000, burst=burst)
    before = bench.buffer.counters()
    bench.run(19_000, burst=burst)
    after = bench.buffer.counters()
    assert after.starved_samples == before.starved_samples
    assert after.skipped_samples == before.skipped_samples


@pytest.mark.parametrize("burst", [2, 4, 8])
def test_the_first_block_of_a_burst_is_what_the_target_counts_for_and_nothing_is_stretched_for_it(burst: int) -> None:
    bench = Bench.make(60).send(paced(1_000, began_ms=1_000)).run(2_000, burst=burst)
    before = bench.buffer.counters()
    after = bench.run(19_000, burst=burst).buffer.counters()
    assert after.inserted_samples_for_deceleration == before.inserted_samples_for_deceleration
    assert after.removed_samples_for_acceleration == before.removed_samples_for_acceleration
    # Nothing is known of the other blocks when playout starts with the first one of a burst.
    assert before.inserted_samples_for_deceleration + before.removed_samples_for_acceleration <= 2 * FRAME
    assert after.underrun_episodes == 0
    # The last block of a burst is asked for sooner than it is heard: by all of the others.
    late = (burst - 1) * BLOCK_MS
    assert np.abs(bench.delays_ms(18_000) - 1_000 - goal_ms(60) - late).max() <= BLOCK_MS + 3 + CLOCK_ERROR_MS


@pytest.mark.parametrize("burst", [4, 9])
@pytest.mark.parametrize("mode", PlayoutMode)
def test_a_stall_is_over_as_soon_for_a_device_that_asks_in_bursts(burst: int, mode: PlayoutMode) -> None:
    packets = paced(700, stalled(700, (4_000, 1_500)))
    bench = Bench.make(60, mode=mode).send(packets).run(12_000, burst=burst)
    assert bench.buffer.counters().underrun_episodes == 1
    settled = bench.delays_ms(11_000).mean()
    within_ms = 4_000 if mode is PlayoutMode.COMPLETE else 500
    assert np.abs(bench.delays_ms(5_500 + burst * BLOCK_MS + within_ms) - settled).max() <= 20


def test_the_buffer_that_a_device_fills_at_its_start_is_not_asked_for_again() -> None:
    bench = Bench.make(60).run(1, burst=40)  # 200 ms at once, then 20 ms each
    bench.now_ns = 30_000_000
    bench.run(500, burst=4)
    bench.send(paced(400, began_ms=500)).run(7_000, burst=4)
    assert bench.buffer.counters().skipped_samples == 0
    assert max(bench.depths_ms[-100:]) <= 60 + 2 * 20 + BLOCK_MS


def test_a_device_that_starts_together_with_the_stream_does_not_starve_at_once() -> None:
    bench = Bench.make(0).send(paced(400, frame_ms=2.5)).run(900)
    assert bench.buffer.counters().underrun_episodes == 0


def test_in_live_mode_a_device_that_stalls_again_and_again_does_not_pile_up_delay() -> None:
    bench = Bench.live(60).send(paced(1_000)).run(1_000)
    for _ in range(40):
        bench.run(bench.now_ms + 150)
        bench.now_ns += 100_000_000  # the device does not ask for 100 ms
    bench.run(bench.now_ms + 300)
    assert max(bench.depths_ms) < 60 + 20 + 100 + 100 + 2 * FRAME_MS
    assert bench.depths_ms[-1] < 60 + 20 + 100


def test_in_complete_mode_playout_catches_up_with_a_device_that_stalled() -> None:
    bench = Bench.make(60).send(paced(1_000)).run(1_000)
    for _ in range(5):
        bench.run(bench.now_ms + 900)
        bench.now_ns += 100_000_000
    assert bench.buffer.counters().skipped_samples == 0
    assert max(bench.depths_ms) < 60 + 20 + 100 + 2 * FRAME_MS
    bench.run(bench.now_ms + 1_000)
    assert bench.depths_ms[-1] <= 60 + 20 + BLOCK_MS + 7
    assert bench.states[-1] is PlayoutState.PLAYING
