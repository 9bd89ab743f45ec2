"""Claims about the comparison's tables and plots."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.benchmarks.playout_comparison import comparison, players, plots, speex, table
from tests.benchmarks.playout_comparison.driver import Player
from tests.benchmarks.playout_comparison.metrics import Figures
from tests.benchmarks.playout_comparison.players import Row, compare
from tests.traces.families import KINDS, families
from tests.traces.trace import RECORDED, recorded


def constant(delay_ms: float, concealed_pct: float) -> Player:
    """A player that has the same figures on every trace."""
    return lambda trace: Figures(delay_ms, delay_ms, concealed_pct, 1, 0.5, 0.0)


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """Two made-up players and NetEQ on two traces: 27.7 ms and 0 % on the first, 219.2 ms and 0.021 % on the second."""
    everyone = {"quick": constant(27.7, 0.04), "slow": constant(2 * 219.2, 0.0)}
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
    made = compare(families(2, seconds=1.0), {"quick": constant(27.7, 0.04)})
    lines = list(cells(table.spread(made)))
    assert len(lines) == len(made) / 2
    assert lines[0][:4] == ["none", "quick", "28", "28 to 28"]


def test_a_plot_is_written_as_png(rows: list[Row], tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "plot.png"
    plots.draw(rows, path)
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command compares one player that costs no time."""
    monkeypatch.setattr(players, "players", lambda: {"quick": constant(27.7, 0.04)})


@pytest.mark.usefixtures("made_up")
def test_the_command_names_every_trace_and_player_and_writes_both_plots(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert comparison.main(["--plots", str(tmp_path), "--families", "1"]) == 0
    printed = capsys.readouterr().out
    for name in (*RECORDED, *KINDS, "NetEQ", "quick"):
        assert f"| {name} " in printed
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
