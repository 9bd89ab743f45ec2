"""Claims about libspeexdsp's jitter buffer as it is driven here."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from tests.benchmarks.playout_comparison import speex
from tests.benchmarks.playout_comparison.driver import Buffer, play, player
from tests.benchmarks.playout_comparison.players import players
from tests.benchmarks.playout_comparison.speex import MumbleBuffer, SpeexBuffer
from tests.traces.families import none, periodic_stalls
from tests.traces.trace import recorded

installed = pytest.mark.skipif(speex.library() is None, reason="libspeexdsp1 is not installed")
both = pytest.mark.parametrize("make", [SpeexBuffer, MumbleBuffer])


@installed
@both
def test_output_has_no_holes_and_no_overlaps(make: Callable[[float], Buffer]) -> None:
    pieces = play(recorded("d_wifi"), make(20.0))
    for before, after in pairwise(pieces):
        assert after.played_ms == pytest.approx(before.played_ms + before.duration_ms)


@installed
@both
def test_no_media_is_played_before_it_arrived_or_twice(make: Callable[[float], Buffer]) -> None:
    trace = recorded("e_regime")
    arrivals_ms = trace.own_arrivals_ms
    reached_ms = 0.0
    for piece in play(trace, make(20.0)):
        if piece.media_ms is not None:
            number = int(piece.media_ms / trace.frame_ms)
            assert piece.played_ms >= arrivals_ms[number]
            assert piece.media_ms >= reached_ms - 1e-6
            reached_ms = piece.media_ms + piece.media_duration_ms


@installed
def test_its_delay_grows_with_periodic_stalls() -> None:
    calm, stalled = (player(SpeexBuffer)(trace) for trace in (none(), recorded("c_stall200")))
    assert stalled.playout_delay_ms > calm.playout_delay_ms + 100.0


@installed
def test_a_delay_beyond_what_16_bits_of_samples_tell_is_worked_off_but_for_mumble() -> None:
    once = periodic_stalls(length_ms=900.0, period_s=40.0)
    last_ms = {}
    for make in (SpeexBuffer, MumbleBuffer):
        heard = [piece for piece in play(once, make(20.0)) if piece.media_ms is not None]
        last_ms[make] = heard[-1].played_ms - (heard[-1].media_ms or 0.0)
    assert last_ms[SpeexBuffer] < 100.0
    assert last_ms[MumbleBuffer] > 700.0


def test_without_the_library_it_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speex, "library", lambda: None)
    assert not any("speex" in name for name in players())
    with pytest.raises(OSError, match="not installed"):
        SpeexBuffer(20.0)
