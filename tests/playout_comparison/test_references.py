"""Claims about the players that ours is compared with."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise

import pytest

from tests.benchmarks.playout_comparison import neteq
from tests.benchmarks.playout_comparison.driver import Buffer, Player, play, player
from tests.benchmarks.playout_comparison.metrics import Figures
from tests.benchmarks.playout_comparison.players import compare, players
from tests.benchmarks.playout_comparison.references import CountBuffer, DropOldestFifo, FixedDelay
from tests.traces.families import families, none, periodic_stalls
from tests.traces.trace import RECORDED, Trace, recorded


def heard(trace: Trace, buffer: Buffer) -> list[tuple[float, float | None]]:
    """Time and media of each piece of output, in ms, up to the last that is heard; requests come at 0, 10, ..."""
    pieces = [(piece.played_ms, piece.media_ms) for piece in play(trace, buffer, phase_ms=0.0)]
    while pieces[-1][1] is None:
        pieces.pop()
    return pieces


@pytest.mark.parametrize("name", players())
def test_without_jitter_nobody_conceals_or_skips(name: str) -> None:
    figures = players()[name](recorded("a_none"))
    assert (figures.concealed_pct, figures.skipped_pct) == (0.0, 0.0)


@pytest.mark.parametrize("name", players())
@pytest.mark.parametrize("frame_ms", [2.5, 10.0, 60.0])
def test_every_player_copes_with_every_frame_duration(name: str, frame_ms: float) -> None:
    figures = players()[name](none(seconds=15.0, frame_ms=frame_ms))
    assert figures.concealed_pct == 0.0


@pytest.mark.parametrize("name", players())
def test_every_player_is_heard_on_every_family(name: str) -> None:
    everyone = {name: players()[name]}
    for row in compare(families(1, first_seed=11, seconds=20.0), everyone):
        assert 0.0 <= row.figures.concealed_pct < 50.0
        assert row.figures.playout_delay_ms >= 0.0


@pytest.mark.parametrize("make", [DropOldestFifo, FixedDelay, CountBuffer])
def test_output_has_no_holes_and_no_overlaps(make: Callable[[float], Buffer]) -> None:
    pieces = play(recorded("d_wifi"), make(20.0))
    for before, after in pairwise(pieces):
        assert after.played_ms == pytest.approx(before.played_ms + before.duration_ms)


@pytest.mark.parametrize("name", ["c_stall200", "d_wifi", "e_regime", "g_long_stalls"])
def test_the_five_frame_fifo_loses_audio_on_stalls(name: str) -> None:
    figures = player(DropOldestFifo)(recorded(name))
    assert figures.concealed_pct > 1.0
    assert figures.skipped_pct is not None
    assert figures.skipped_pct > 1.0


def test_the_fifo_keeps_the_newest_five_frames_of_a_burst() -> None:
    burst = Trace(20.0, tuple(max(200.0 - number * 20.0, 0.0) for number in range(11)), "burst")
    # All of 0 to 10 are there at 200 ms: 6 to 10 remain.
    pieces = heard(burst, DropOldestFifo(20.0))
    assert [media_ms for at_ms, media_ms in pieces if at_ms >= 200.0][::2] == [120.0, 140.0, 160.0, 180.0, 200.0]


def test_the_fixed_delay_holds_its_depth_and_skips_what_is_later() -> None:
    figures = player(FixedDelay)(periodic_stalls(length_ms=150.0, period_s=5.0))
    assert figures.playout_delay_ms == pytest.approx(100.0)
    # 50 ms of each 5 s are too late.
    assert figures.concealed_pct == pytest.approx(1.0, abs=0.15)
    assert figures.skipped_pct == pytest.approx(figures.concealed_pct, abs=0.05)


def test_a_deeper_fixed_delay_conceals_less() -> None:
    shares = [
        player(partial(FixedDelay, depth_ms=depth_ms))(recorded("d_wifi")).concealed_pct
        for depth_ms in (20.0, 100.0, 200.0, 300.0)
    ]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > shares[-1] == 0.0


def test_the_count_buffer_gives_out_a_packet_when_four_follow_and_a_fifth_begins() -> None:
    pieces = heard(none(seconds=0.2), CountBuffer(20.0))
    assert next(piece for piece in pieces if piece[1] is not None) == (80.0, 0.0)


def test_the_count_buffer_never_works_off_a_stall() -> None:
    stalled = player(CountBuffer)(periodic_stalls(length_ms=200.0, period_s=5.0))
    assert stalled.playout_delay_ms >= player(CountBuffer)(none()).playout_delay_ms + 190.0
    assert stalled.skipped_pct == 0.0


def test_the_count_buffer_waits_for_a_missing_packet_until_its_capacity_is_used_up() -> None:
    buffer = CountBuffer(20.0)
    for number in (0, *range(2, 17)):
        buffer.push(number, 0.0)
    assert [span.media_ms for span in buffer.pull(0.0, 10.0)] == [None]
    for number in (17, 18):
        buffer.push(number, 0.0)
    assert [span.media_ms for span in buffer.pull(0.0, 10.0)] == [40.0]


def test_neteq_is_known_on_the_recorded_traces_only() -> None:
    assert all(neteq.figures(name) is not None for name in RECORDED)
    assert neteq.figures("gaussian-1") is None


def test_one_more_player_is_one_more_entry() -> None:
    def ours(trace: Trace) -> Figures:
        return Figures(10.0, 10.0, 0.0, 0, 0.0, 0.0)

    added: dict[str, Player] = {"ours": ours}
    rows = compare([recorded("a_none")], added)
    assert [row.player for row in rows] == ["NetEQ", "ours"]
