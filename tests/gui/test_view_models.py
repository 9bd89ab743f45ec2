"""What the widgets show, as tables of fact and text."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.monitor.monitor import LOOP_LAG_MS, PLAYOUT_DELAY_MS, Monitor
from core.playout.cause import UnderrunCause
from core.playout.figures import UnderrunEpisode
from core.playout.presets import PresetName
from core.playout.settings import PlayoutMode, PlayoutSettings
from core.receiver.options import ListenOptions
from core.receiver.status import ConnectionState, ConnectionStatus, OutputStatus, UnderrunCounts
from gui.tuning import DEFAULT_TUNING, Tuning, tuning_of
from gui.view_models import text
from gui.view_models.axis_range import SteppedRange, next_step
from gui.view_models.bias_scale import LAST_POSITION, bias_at, position_of
from gui.view_models.connection import connection_view, problem_of
from gui.view_models.held_values import HOLD_BINS, HeldValues
from gui.view_models.latency import latency_view
from gui.view_models.outputs import output_choices, output_text
from gui.view_models.rows import Row, RowKind
from gui.view_models.statistics import statistics_rows
from gui.view_models.tune import latency_text, tuning_change_text
from tests.gui.fake_session import LATENCY, STREAM, FakeSession

EPISODES = (
    UnderrunEpisode(1, 960, UnderrunCause.DEVICE),
    UnderrunEpisode(2, 960, UnderrunCause.NETWORK),
    UnderrunEpisode(3, 960, UnderrunCause.NETWORK),
)
URL = "ws://127.0.0.1:8765/ws-audio"


def rows_of(monitor: Monitor | None = None, **facts: object) -> dict[str, Row]:
    """The table of a streaming session with ``facts`` changed, by name."""
    monitor = monitor or Monitor()
    session = FakeSession(ListenOptions(URL), monitor)
    session.stream()
    session.know(**facts)
    return {row.name: row for row in statistics_rows(session.snapshot(), session.playout, monitor)}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Coding", "CELT · fullband, 20 kHz"),
        ("Channels", "2 (as declared)"),
        ("Frame size", "20 ms (as declared)"),
        ("Coded in frames of", "20 ms"),
        ("FEC / DTX in force", "off / off"),
        ("FEC / DTX in packets", "off / off"),
        ("Bit rate", "64.3 kbit/s"),
        ("Packets received", "3,010 · 484.6 kB"),
        ("Packets lost", "0"),
        ("Dropped by server", "—"),
        ("Jitter", "1.9 ms"),
        ("Round trip", "8.4 ms"),
        ("Played", "1:00"),
        ("Target delay", f"{DEFAULT_TUNING.playout.target_delay_ms:g} ms, adaptive"),
        ("Clock skew", "−12 ppm"),
        ("Stretched", "0"),
        ("Left out", "0"),
        ("Concealed", "0.00 %"),
        ("Recovered by FEC", "0"),
        ("Underruns", "0"),
        ("Caused by", "—"),
        ("Device latency", "10.0 ms"),
        ("Device xruns", "0"),
    ],
)
def test_a_streaming_session_in_the_table(name: str, value: str) -> None:
    row = rows_of()[name]
    assert row.value == value
    assert row.kind is RowKind.VALUE
    assert row.meaning


@pytest.mark.parametrize(
    ("name", "facts", "value"),
    [
        ("Frame size", {"stream": replace(STREAM, packet_ms=10.0)}, "10 ms ≠ 20 ms declared"),
        ("Channels", {"stream": replace(STREAM, channels=1)}, "1 ≠ 2 declared"),
        ("Packets lost", {"packets_lost": 3}, "3"),
        ("Malformed", {"packets_malformed": 1}, "1"),
        ("Dropped by server", {"server_packets_dropped": 7}, "7"),
        ("Concealed", {"concealed_samples": 48}, "< 0.01 %"),
        ("Underruns", {"underruns": UnderrunCounts(2, 86.0)}, "2 · 86.0 ms"),
        (
            "Caused by",
            {"underruns": UnderrunCounts(3, 86.0), "episodes": EPISODES},
            "2 late network, 1 device xrun",
        ),
        (
            "Caused by",
            {"underruns": UnderrunCounts(4, 86.0), "episodes": EPISODES},
            "2 late network, 1 device xrun, 1 not known",
        ),
        ("Device xruns", {"output": OutputStatus("ear", True, 10.0, 4)}, "4"),
    ],
)
def test_what_needs_attention_is_marked_not_only_coloured(name: str, facts: dict[str, object], value: str) -> None:
    row = rows_of(**facts)[name]
    assert row.value == value
    assert row.kind is RowKind.ATTENTION


@pytest.mark.parametrize(
    ("name", "facts", "value"),
    [
        ("Clock skew", {"clock_skew_ppm": None}, "—"),
        ("Clock skew", {"clock_skew_ppm": 1_234.5}, "+1,234 ppm"),
        ("Clock skew", {"clock_skew_ppm": -0.2}, "0 ppm"),
        (
            "Stretched",
            {"inserted_samples_for_deceleration": 4_800, "removed_samples_for_acceleration": 9_600},
            "+100 ms / −200 ms · 0.50 %",
        ),
        ("Left out", {"skipped_samples": 2_880}, "60.0 ms · 0.10 %"),
        ("Recovered by FEC", {"recovered_samples": 960}, "20.0 ms · 0.03 %"),
    ],
)
def test_what_playout_did_is_in_the_table(name: str, facts: dict[str, object], value: str) -> None:
    row = rows_of(**facts)[name]
    assert row.value == value
    assert row.kind is RowKind.VALUE


@pytest.mark.parametrize("position", range(LAST_POSITION + 1))
def test_the_quick_safe_slider_is_logarithmic_over_all_that_the_engine_takes(position: int) -> None:
    bias = bias_at(position)
    assert bias == pytest.approx(5_000 ** (position / 100), rel=0.05)
    assert abs(position_of(bias) - position) <= 1
    PlayoutSettings(bias_ms_per_pct=bias)


def test_the_default_bias_lies_on_the_slider() -> None:
    assert bias_at(position_of(PlayoutSettings().bias_ms_per_pct)) == PlayoutSettings().bias_ms_per_pct


def changed(tuning: Tuning, device_latency_ms: float | None = None, **playout: object) -> Tuning:
    return Tuning(replace(tuning.playout, **playout), device_latency_ms)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (
            tuning_of(PresetName.SAFE),
            "preset is now Safe: adaptive from 100 ms, complete, device l"
            "atency 60 ms (was Balanced: adaptive from 5 ms, complete)",
        ),
        (
            changed(DEFAULT_TUNING, is_adaptive=False, target_delay_ms=42.0),
            "buffer is now fixed at 42 ms (was adaptive)",
        ),
        (changed(DEFAULT_TUNING, bias_ms_per_pct=1.5), "quick ↔ safe is now 1.5 ms per % (was 140 ms per %)"),
        (
            changed(DEFAULT_TUNING, 15.0, mode=PlayoutMode.LIVE),
            "mode is now live (was complete), device latency asked is now 15 ms (was low)",
        ),
    ],
)
def test_a_change_of_the_tuning_is_told_in_one_line(now: Tuning, told: str) -> None:
    assert tuning_change_text(DEFAULT_TUNING, now) == told


def test_back_to_a_preset_is_told_as_such() -> None:
    own = changed(DEFAULT_TUNING, mode=PlayoutMode.LIVE)
    assert tuning_change_text(own, DEFAULT_TUNING).startswith(
        "preset is now Balanced: adaptive from 5 ms, complete (was Own: "
    )


def test_the_latency_in_force_is_what_the_device_says() -> None:
    assert latency_text(None) == ""
    assert latency_text(OutputStatus("ear (ALSA)", True, 21.3, 0)) == "In force 21.3 ms"
    assert latency_text(OutputStatus("null output", False, None, 0)) == "No device in use"


def test_percentiles_come_from_the_monitor() -> None:
    monitor = Monitor()
    for _ in range(100):
        monitor.record(PLAYOUT_DELAY_MS, 63.0)
        monitor.record(LOOP_LAG_MS, 2.0)
    rows = rows_of(monitor)
    assert rows["Delay p50/p95/p99"].value == "63 / 63 / 63 ms"
    assert rows["Loop lag p99"].value == "2.0 ms"


def test_the_table_has_the_same_rows_with_and_without_a_session() -> None:
    empty = statistics_rows(None, None, Monitor())
    assert [row.name for row in empty] == list(rows_of())
    assert all(row.value in ("—", "") for row in empty)


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "—"), (0.0, "0.0 ms"), (99.94, "99.9 ms"), (100.0, "100 ms"), (1234.5, "1,234 ms")]
)
def test_milliseconds(value: float | None, shown: str) -> None:
    assert text.milliseconds(value) == shown


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("no sound device was found", "No sound device was found"),
        ("ws://host/: not found (404)", "ws://host/: not found (404)"),
        ("PortAudio is missing", "PortAudio is missing"),
        ("", ""),
    ],
)
def test_sentences_begin_with_a_capital_but_addresses_do_not(message: str, shown: str) -> None:
    assert text.sentence(message) == shown


def test_a_latency_without_a_known_network_says_so() -> None:
    view = latency_view(replace(LATENCY, network=None, total=97.5, kind="estimated"))
    assert (view.frame, view.network, view.total) == ("26.5 ms", "—", "97.5 ms estimated, without network")
    assert latency_view(LATENCY).total == "102 ms measured"


def test_outputs_always_offer_default_and_silence() -> None:
    assert [choice.name for choice in output_choices([], "default")] == ["default", "null"]
    assert [choice.name for choice in output_choices(["A"], "B")] == ["default", "null", "A", "B"]
    assert "not there now" in output_choices(["A"], "B")[-1].label


def test_the_output_line_tells_latency_xruns_and_problems() -> None:
    assert output_text(OutputStatus("ear (ALSA)", True, 10.0, 2)) == "ear (ALSA) · latency 10.0 ms · xruns 2"
    silent = OutputStatus("null output", False, None, 0, "the device has gone")
    assert output_text(silent) == "No sound: played to a clock only · the device has gone"


def test_a_reconnect_that_is_due_says_now() -> None:
    status = ConnectionStatus(ConnectionState.WAITING, URL, reason="refused", next_attempt_at_ns=5)
    assert connection_view(status, 10).detail == "Next attempt now"
    problem = problem_of(status)
    assert problem is not None
    assert (problem.text, problem.is_final) == ("refused", False)


@given(st.floats(1e-3, 1e6))
def test_a_step_holds_its_value_and_is_not_much_larger(value: float) -> None:
    step = next_step(value)
    assert value <= step * (1 + 1e-6)
    assert step <= value * 2 * (1 + 1e-6)


def test_the_scale_steps_up_at_once_and_down_only_after_calm() -> None:
    scale = SteppedRange(100.0)
    assert not scale.update(60.0, 0.0)
    assert scale.update(130.0, 1.0)
    assert scale.top == 200.0
    assert not scale.update(60.0, 2.0)
    assert not scale.update(60.0, 4.9)
    assert scale.update(60.0, 5.1)
    assert scale.top == 100.0


def test_the_scale_stays_while_the_peak_wavers_around_a_step() -> None:
    scale = SteppedRange(100.0)
    changes = sum(scale.update(98.0 + 6 * math.sin(second), float(second)) for second in range(100))
    assert changes == 1


@pytest.mark.parametrize("top", [20.0, 30.0, 50.0, 100.0, 200.0, 300.0, 500.0, 1000.0, 3000.0, 5000.0])
def test_ticks_run_from_nothing_to_the_top_in_round_steps(top: float) -> None:
    scale = SteppedRange(top)
    ticks = scale.ticks()
    assert ticks[0] == 0
    assert ticks[-1] == top
    assert 4 <= len(ticks) <= 6
    between = ticks[1] / 10 ** math.floor(math.log10(ticks[1]))
    assert between in (1.0, 2.0, 5.0)


def test_a_peak_of_210_does_not_press_the_rest_flat() -> None:
    scale = SteppedRange(100.0)
    scale.update(210.0, 0.0)
    assert scale.ticks() == [0.0, 100.0, 200.0, 300.0]
    scale.update(125.0, 1.0)
    scale.update(125.0, 5.0)
    assert scale.top == 200.0


@given(st.lists(st.one_of(st.just(math.nan), st.floats(0, 1e4)), min_size=1, max_size=60))
def test_held_values_show_every_value_bridge_short_holes_and_keep_long_ones(values: list[float]) -> None:
    given_values = np.array(values)
    held = HeldValues(len(values))
    held.take(given_values)
    known = np.isfinite(given_values)
    np.testing.assert_array_equal(held.y[known], given_values[known])
    assert held.shown[known].all()
    assert np.isfinite(held.y).all(), "Qt draws no NaN"
    since_known = None
    for at, is_known in enumerate(known):
        since_known = 0 if is_known else None if since_known is None else since_known + 1
        assert held.shown[at] == (since_known is not None and since_known <= HOLD_BINS)
        if held.joined[at]:
            assert held.shown[at]
            assert held.shown[at + 1]
