"""Claims about Opuscope's own entry in the comparison."""

from __future__ import annotations

import pickle
from dataclasses import asdict

import pytest

from core.cli.demo_speech import speech_packets
from core.playout.settings import DEFAULT_BIAS_MS_PER_PCT, PlayoutMode, PlayoutSettings
from core.playout.simulation import simulate
from tests.benchmarks.playout_comparison import neteq, ours, table
from tests.benchmarks.playout_comparison.metrics import Figures
from tests.benchmarks.playout_comparison.players import compare, players, processes
from tests.traces.families import none, periodic_stalls, poisson_stalls
from tests.traces.trace import RECORDED, recorded

BOTH = {ours.COMPLETE: PlayoutMode.COMPLETE, ours.LIVE: PlayoutMode.LIVE}


def test_ours_come_first_after_neteq() -> None:
    rows = compare([recorded("a_none")], {name: lambda _: Figures(1.0, 1.0, 0.0, 0, 0.0, 0.0) for name in players()})
    assert [row.player for row in rows][:3] == [neteq.NAME, ours.COMPLETE, ours.LIVE]


@pytest.mark.parametrize("name", BOTH)
def test_the_figures_are_those_of_the_simulation(name: str) -> None:
    trace = periodic_stalls(seconds=14.0, length_ms=300.0, period_s=3.0)
    settings = PlayoutSettings(is_adaptive=True, target_delay_ms=20.0, mode=BOTH[name])
    simulated = simulate(trace, speech_packets(20.0), 20.0, settings, (10.0, 13.5))
    figures = asdict(players()[name](trace))
    assert figures == {key: getattr(simulated, key) for key in figures}


@pytest.mark.parametrize("frame_ms", [2.5, 10.0])
def test_packets_are_as_long_as_those_of_the_trace(frame_ms: float) -> None:
    figures = ours.Opuscope()(none(seconds=15.0, frame_ms=frame_ms))
    assert (figures.concealed_pct, figures.stretched_pct) == (0.0, 0.0)
    assert figures.playout_delay_ms < 20.0


def test_the_curve_goes_from_quick_to_safe_through_what_is_compared() -> None:
    trace = poisson_stalls(1, gap_s=1.0, mean_ms=60.0, seconds=25.0)
    everyone = ours.curve()
    assert everyone[ours.COMPLETE] == players()[ours.COMPLETE] == ours.Opuscope(bias_ms_per_pct=DEFAULT_BIAS_MS_PER_PCT)
    ends = {name: everyone[name] for name in (next(iter(everyone)), list(everyone)[-1])}
    quick, safe = (row.figures for row in compare([trace], ends))
    assert quick.playout_delay_ms < safe.playout_delay_ms
    assert quick.concealed_pct > safe.concealed_pct


def test_other_processes_come_to_the_same_figures() -> None:
    traces = [none(seconds=12.0), periodic_stalls(2, seconds=12.0)]
    everyone = {name: player for name, player in players().items() if name != ours.LIVE}
    assert pickle.loads(pickle.dumps(everyone)).keys() == everyone.keys()  # noqa: S301
    with processes() as pool:
        assert compare(traces, everyone, pool) == compare(traces, everyone)


@pytest.mark.timeout(300)
def test_ours_is_better_than_neteq_by_what_was_asked_for() -> None:
    """Delay no greater and no more concealed on 6 of 7 traces, delays 0.8 of NetEQ's, at most 4 % stretched."""
    with processes() as pool:
        rows = compare(map(recorded, RECORDED), {ours.COMPLETE: ours.Opuscope()}, pool)
    line = next(line for line in table.summary(rows).splitlines() if line.startswith(f"| {ours.COMPLETE} "))
    ratio, no_worse, stretched = (cell.strip() for cell in line.strip("|").split("|")[-3:])
    assert float(ratio) <= 0.80
    assert int(no_worse.removesuffix(" of 7")) >= 6
    assert float(stretched) <= 4.0
