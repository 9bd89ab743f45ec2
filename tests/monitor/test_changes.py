"""What a change did, and the series as a table."""

from __future__ import annotations

import csv
import io
from datetime import datetime

import pytest

from core.monitor import monitor as metric
from core.monitor.changes import ChangeBook, figures
from core.monitor.events import Level
from core.monitor.export import write_csv
from core.monitor.monitor import Monitor
from core.monitor.time_series import Span

STEP_S = 0.05


class Story:
    """A monitor whose time passes while something is recorded."""

    def __init__(self) -> None:
        self.now_ns = 1_000_000_000_000
        self.monitor = Monitor(lambda: self.now_ns, lambda: 1_760_000_000.0)
        self.book = ChangeBook(self.monitor)

    def play(self, seconds: float, buffer_ms: float, concealed_ms: float = 0.0, episode_every_s: float = 0.0) -> Story:
        for step in range(round(seconds / STEP_S)):
            self.now_ns += round(STEP_S * 1e9)
            self.monitor.record(metric.LATENCY_FRAME_MS, 26.5)
            self.monitor.record(metric.LATENCY_BUFFER_MS, buffer_ms)
            self.monitor.tally(metric.PLAYED_MS, STEP_S * 1000)
            self.monitor.tally(metric.CONCEALED_MS, concealed_ms * STEP_S)
            if episode_every_s and step % round(episode_every_s / STEP_S) == 0:
                self.monitor.tally(metric.UNDERRUN_EPISODES, 1)
            if step % 20 == 0:
                self.monitor.advance()
                self.book.update()
        return self

    def change(self, text: str) -> Story:
        self.monitor.events.add(Level.CHANGE, text)
        self.book.update()
        return self


def test_a_change_is_compared_over_thirty_seconds_on_each_side() -> None:
    story = Story().play(60, 100.0).play(40, 50.0, concealed_ms=10.0, episode_every_s=6.0)
    story.change("buffer deeper").play(40, 150.0)
    (change,) = story.book.changes
    assert (change.number, change.event.text, change.is_complete) == (1, "buffer deeper", True)
    assert change.before.seconds == pytest.approx(30, abs=0.2)
    assert change.before.latency_ms == pytest.approx(76.5)
    assert change.before.episodes_per_min == pytest.approx(10, abs=0.5)
    assert change.before.concealed_pct == pytest.approx(1.0, abs=0.05)
    assert change.after.seconds == pytest.approx(30, abs=0.2)
    assert change.after.latency_ms == pytest.approx(176.5)
    assert change.after.episodes_per_min == 0
    assert change.after.concealed_pct == 0


def test_another_change_ends_the_comparison() -> None:
    story = Story().play(40, 50.0).change("first").play(10, 80.0).change("second").play(40, 120.0)
    first, second = story.book.changes
    assert first.is_complete
    assert first.after.seconds == pytest.approx(10, abs=0.2)
    assert first.after.latency_ms == pytest.approx(106.5)
    assert second.before.seconds == pytest.approx(10, abs=0.2)
    assert second.before.latency_ms == pytest.approx(106.5)
    assert second.after.latency_ms == pytest.approx(146.5)


def test_what_was_changed_together_is_compared_with_what_was_before_all_of_it() -> None:
    story = Story().play(40, 50.0).change("mode").play(0.3, 90.0).change("depth").play(40, 120.0)
    mode, depth = story.book.changes
    for change in (mode, depth):
        assert change.before.seconds == pytest.approx(30, abs=0.5)
        assert change.after.seconds == pytest.approx(30, abs=0.5)
        assert change.after.latency_ms == pytest.approx(146.5, abs=1.0)


def test_the_figures_so_far_stand_before_thirty_seconds_are_over() -> None:
    story = Story().play(40, 50.0).change("depth").play(5, 120.0)
    (change,) = story.book.changes
    assert not change.is_complete
    assert change.after.latency_ms == pytest.approx(146.5)
    assert change.after.seconds == pytest.approx(5, abs=1.2)


def test_figures_outlive_the_series() -> None:
    story = Story().play(40, 50.0).change("depth").play(40, 120.0)
    before = story.book.changes
    story.now_ns += 3_600_000_000_000
    story.monitor.advance()
    story.book.update()
    assert story.book.changes == before


def test_of_a_time_without_audio_nothing_is_known() -> None:
    story = Story()
    story.change("theme").play(5, 50.0)
    assert story.book.changes[0].before.latency_ms is None
    assert figures(story.monitor.history, 10.0, 20.0).concealed_pct is None


def test_what_is_no_change_is_not_in_the_book() -> None:
    story = Story().play(1, 50.0)
    story.monitor.events.add(Level.WARNING, "underrun")
    story.book.update()
    assert story.book.changes == ()


def test_the_table_holds_every_series_in_columns_and_every_moment_in_rows() -> None:
    story = Story().play(5, 50.0)
    story.monitor.advance()
    file = io.StringIO(newline="")
    rows = write_csv(story.monitor.history, Span(30), 1_760_000_000.0 - story.now_ns / 1e9, file)
    table = list(csv.DictReader(io.StringIO(file.getvalue())))
    assert len(table) == rows == 30
    assert table[-1]["time_utc"].startswith("2025-10-09T08:53:20")
    assert {"buffer_depth_ms_low", "latency_buffer_ms", "starved_ms", "late_network"} <= table[0].keys()
    assert {row["latency_buffer_ms"] for row in table[1:-1]} == {"50"}
    assert table[5]["buffer_depth_ms"] == ""
    assert float(table[5]["played_ms"]) == pytest.approx(100)


def test_of_a_time_that_is_not_kept_any_more_nothing_is_known() -> None:
    story = Story().play(60, 50.0)
    began_s = story.now_ns / 1e9 - 60
    story.now_ns += 3_600_000_000_000
    story.monitor.advance()
    found = figures(story.monitor.history, began_s, began_s + 30)
    assert (found.seconds, found.latency_ms, found.episodes_per_min, found.concealed_pct) == (0.0, None, None, None)


@pytest.mark.parametrize("bins_per_point", [1, 2, 10])
def test_each_row_of_the_table_carries_the_time_of_its_values(bins_per_point: int) -> None:
    story = Story()
    for _ in range(60 * bins_per_point + 7):
        story.now_ns += 100_000_000
        story.monitor.record(metric.BUFFER_DEPTH_MS, story.now_ns / 1e9)
    file = io.StringIO(newline="")
    write_csv(story.monitor.history, Span(40, bins_per_point), 0.0, file)
    for row in csv.DictReader(io.StringIO(file.getvalue())):
        if row["buffer_depth_ms"]:
            end_s = datetime.fromisoformat(row["time_utc"]).timestamp()
            # A value belongs to its bin, and all bins of a point lie before its end.
            assert end_s - 0.1 * bins_per_point - 0.051 <= float(row["buffer_depth_ms_low"])
            assert float(row["buffer_depth_ms_high"]) <= end_s + 0.051
