"""Claims about the comparison's tables and plots."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks.playout_comparison import comparison, ours, players, plots, speex, spread, table
from tests.benchmarks.playout_comparison.metrics import Figures
from tests.benchmarks.playout_comparison.players import Row, compare
from tests.traces.families import KINDS
from tests.traces.trace import RECORDED, Trace, recorded


@dataclass(frozen=True)
class Constant:
    """A player that has the same figures on every trace."""

    delay_ms: float
    concealed_pct: float

    def __call__(self, trace: Trace) -> Figures:
        return Figures(self.delay_ms, self.delay_ms, self.concealed_pct, 1, 0.5, 0.0)


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """Two made-up players and NetEQ on two traces: 27.7 ms and 0 % on the first, 219.2 ms and 0.021 % on the second."""
    everyone = {"quick": Constant(27.7, 0.04), "slow": Constant(2 * 219.2, 0.0)}
    return compare([recorded("a_none"), recorded("c_stall200")], everyone)


def cells(text: str) -> Iterator[list[str]]:
    """Cells of each line of a Markdown table below its head."""
    for line in text.splitlines()[2:]:
        yield [cell.strip() for cell in line.strip("|").split("|")]


def test_the_details_have_a_line_for_each_trace_and_player(rows: list[Row]) -> None:
    lines = list(cells(table.details(rows)))
    assert [line[:2] for line in lines] == [
        [name, player] for name in ("a_none", "c_stall200") for player in ("NetEQ", "quick", "slow")
    ]
    assert lines[1] == ["a_none", "quick", "27.7", "27.7", "1.00", "0.040", "1", "0.50", "0.00"]
    assert lines[3][3] == "-"


def test_the_summary_has_the_geometric_mean_of_the_ratios_to_neteq(rows: list[Row]) -> None:
    ratios = {line[0]: line[-3] for line in cells(table.summary(rows))}
    expected = {"NetEQ": 1.0, "quick": (27.7 / 219.2) ** 0.5, "slow": (2 * 219.2 / 27.7 * 2) ** 0.5}
    assert ratios == {name: f"{ratio:.2f}" for name, ratio in expected.items()}


def test_no_worse_needs_both_the_delay_and_the_concealment(rows: list[Row]) -> None:
    counts = {line[0]: line[-2] for line in cells(table.summary(rows))}
    # 0.04 % is more than 0.025 points above nothing, but not above 0.021 %.
    assert counts == {"NetEQ": "-", "quick": "1 of 2", "slow": "0 of 2"}


def test_the_spread_joins_the_seeds_of_a_kind() -> None:
    delays_ms = {f"none-{seed}": delay_ms for seed, delay_ms in enumerate((30.0, 10.0, 20.0))}
    made = [Row(trace, "quick", Constant(delays_ms[trace.name], 0.04)(trace)) for trace in some_traces(3)]
    lines = list(cells(spread.everyone(made)))
    assert lines == [
        ["none", "quick", "10 / 20 / 30", "0.04 / 0.04 / 0.04", "1 / 1 / 1", "0.5 / 0.5 / 0.5", "0.0 / 0.0 / 0.0"]
    ]


def test_ours_is_held_against_the_best_other_on_each_single_trace() -> None:
    # 20 ms and 1 % against 100 ms and 0.5 % are 160 against 170 at 140 ms for each per cent.
    everyone = {ours.COMPLETE: Constant(80.0, 0.0), "quick": Constant(20.0, 1.0), "safe": Constant(100.0, 0.5)}
    lines = list(cells(spread.against_best(compare(some_traces(2), everyone))))
    assert lines == [
        ["none", ours.COMPLETE, "0.50 / 0.50 / 0.50", "quick (2 of 2)"],
        ["all", ours.COMPLETE, "0.50 / 0.50 / 0.50", ""],
    ]


def some_traces(seeds: int) -> Iterator[Trace]:
    """Traces of one kind."""
    return (KINDS["none"](seed, seconds=1.0) for seed in range(seeds))


def test_a_plot_is_written_as_png_whoever_is_compared(rows: list[Row], tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "plot.png"
    plots.draw(rows, path)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_plot_has_a_curve_of_ours_by_bias_and_one_entry_for_it(tmp_path: Path) -> None:
    everyone = {name: Constant(10.0 * number, 1.0 / number) for number, name in enumerate(ours.curve(), start=1)}
    figure = plots.draw(compare([KINDS["wifi"](1, seconds=12.0)], everyone), tmp_path / "plot.png")
    panel, legend = figure.axes[0], figure.axes[1].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == [
        "Opuscope, bias 20 to 1000 ms per %",
        ours.COMPLETE,
        "fixed buffer of any depth",
    ]
    assert np.asarray(panel.get_lines()[1].get_xdata()).tolist() == [10.0, 20.0, 30.0, 40.0, 50.0]


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command compares players that cost no time."""
    monkeypatch.setattr(players, "players", lambda: {"quick": Constant(27.7, 0.04)})
    monkeypatch.setattr(ours, "curve", lambda: {"only in plots": Constant(20.0, 0.1)})


@pytest.mark.usefixtures("made_up")
def test_the_command_names_every_trace_and_player_and_writes_both_plots(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert comparison.main(["--plots", str(tmp_path), "--families", "1"]) == 0
    printed = capsys.readouterr().out
    for name in (*RECORDED, *KINDS, "NetEQ", "quick"):
        assert f"| {name} " in printed
    assert "only in plots" not in printed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["families.png", "recorded.png"]


@pytest.mark.usefixtures("made_up")
def test_the_command_says_in_one_line_that_speex_is_missing_and_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(speex, "library", lambda: None)
    assert comparison.main([]) == 0
    shown = capsys.readouterr()
    assert len(shown.err.splitlines()) == 1
    assert "libspeexdsp1" in shown.err
    assert "quick" in shown.out
