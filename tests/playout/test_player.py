"""What comes out of the ring at the pace that was decided, and how it is counted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.playout.figures import IntervalTally, PlayoutCounters
from core.playout.player import MOST_DUE_SAMPLES, OVERDRAFT_SAMPLES, Player
from core.playout.ring import Pcm, PcmRing

BLOCK = 480


class Desk:
    """A player with a ring that never runs dry, and all that it put out."""

    def __init__(self, hertz: float = 150.0) -> None:
        self.ring = PcmRing(48_000, 2)
        self.counters = PlayoutCounters()
        self.interval = IntervalTally()
        self.player = Player(self.ring, 2, self.counters, self.interval)
        self.hertz = hertz
        self.out: list[Pcm] = []

    def fill(self, frames: int = 4_800) -> Desk:
        missing = frames - len(self.ring)
        if missing > 0:
            at = (self.ring.write_position + np.arange(missing)) / 48_000
            tone = 0.3 * np.sin(2 * np.pi * self.hertz * at).astype(np.float32)
            self.ring.write(np.repeat(tone[:, np.newaxis], 2, axis=1))
        return self

    def play(self, blocks: int, share: float = 0.0, most: int = 4_800, ratio: float = 1.0) -> Desk:
        for _ in range(blocks):
            self.fill()
            block = np.full((BLOCK, 2), np.nan, dtype=np.float32)
            self.player.stretch(share, BLOCK, most)
            assert self.player.read_into(block, ratio) == BLOCK
            self.out.append(block)
        return self


@pytest.mark.parametrize("share", [0.05, 0.25, 0.6, -0.05, -0.1, -0.25, -0.6])
def test_over_time_playout_is_faster_or_slower_by_the_share_that_was_asked_for(share: float) -> None:
    desk = Desk().play(20).play(1_000, share)
    changed = desk.counters.removed_samples_for_acceleration - desk.counters.inserted_samples_for_deceleration
    assert changed == pytest.approx(share * 1_000 * BLOCK, abs=OVERDRAFT_SAMPLES + MOST_DUE_SAMPLES)
    assert desk.interval.stretched_samples == abs(changed)


@pytest.mark.parametrize("share", [-0.25, 0.25])
def test_a_stretched_tone_has_no_jump_that_it_did_not_have_before(share: float) -> None:
    out = np.concatenate(Desk().play(20).play(300, share).out)[:, 0]
    steepest = 0.3 * 2 * np.pi * 150.0 / 48_000
    assert np.abs(np.diff(out)).max() <= 1.05 * steepest
    assert np.isfinite(out).all()


def test_at_the_senders_pace_every_sample_is_passed_on_as_it_is() -> None:
    desk, reference = Desk(), Desk()
    reference.fill(100 * BLOCK)
    assert (np.concatenate(desk.play(100).out) == reference.ring.peek(0, 100 * BLOCK)).all()
    assert desk.counters.removed_samples_for_acceleration == desk.counters.inserted_samples_for_deceleration == 0
    assert desk.counters.total_samples_received == 100 * BLOCK


@given(
    st.lists(
        st.tuples(st.sampled_from([-0.6, -0.1, 0.0, 0.25, 0.6]), st.integers(0, 3_000), st.integers(0, 2_000)),
        min_size=1,
        max_size=40,
    )
)
def test_the_ring_loses_exactly_what_is_counted_and_no_splice_exceeds_its_bound(
    steps: list[tuple[float, int, int]],
) -> None:
    desk = Desk()
    counters = desk.counters
    for share, most, skipped in steps:
        desk.fill(9_600)
        before = desk.ring.read_position
        changed = desk.player.stretch(share, BLOCK, most)
        assert abs(changed) <= most
        assert changed * share >= 0
        assert desk.ring.read_position - before == changed
        assert desk.player.skip(skipped) == skipped
        desk.player.read_into(np.zeros((BLOCK, 2), dtype=np.float32), 1.0)
        gone = counters.removed_samples_for_acceleration - counters.inserted_samples_for_deceleration
        assert desk.ring.read_position == gone + counters.skipped_samples + counters.total_samples_received
    assert counters.skipped_samples == desk.interval.skipped_samples == sum(skipped for _, _, skipped in steps)


@pytest.mark.parametrize("share", [-0.6, 0.6])
def test_a_share_that_is_no_longer_asked_for_leaves_nothing_due(share: float) -> None:
    desk = Desk().play(20)
    for _ in range(20):
        assert desk.player.stretch(share, BLOCK, 0) == 0
    desk.player.stretch(0.0, BLOCK, 4_800)
    # 1 % of a block is due: less than any splice is good for, unless it may come before it is due.
    assert abs(desk.player.stretch(share / 60, BLOCK, 100)) == 0


def test_what_could_not_be_done_is_not_piled_up_for_ever() -> None:
    desk = Desk().play(20)
    for _ in range(1_000):
        desk.player.stretch(0.6, BLOCK, 0)
    desk.play(100, 1e-9)
    assert desk.counters.removed_samples_for_acceleration <= MOST_DUE_SAMPLES + OVERDRAFT_SAMPLES


def test_a_restart_forgets_what_was_due() -> None:
    desk = Desk().play(20)
    for _ in range(20):
        desk.player.stretch(0.6, BLOCK, 0)
    desk.player.restart()
    desk.play(10, 1e-9)
    assert desk.counters.removed_samples_for_acceleration <= OVERDRAFT_SAMPLES


@pytest.mark.parametrize("ratio", [0.995, 0.9995, 1.0005, 1.005])
def test_resampling_uses_up_its_ratio_of_frames_and_counts_as_no_time_scale_modification(ratio: float) -> None:
    desk = Desk().play(1_000, ratio=ratio)
    assert desk.ring.read_position == pytest.approx(1_000 * BLOCK * ratio, abs=2)
    assert desk.interval.stretched_samples == 0


def test_a_ring_that_ends_gives_what_it_has() -> None:
    desk = Desk()
    desk.fill(100)
    assert desk.player.read_into(np.zeros((BLOCK, 2), dtype=np.float32), 1.0) == 100
    assert desk.counters.total_samples_received == 100
