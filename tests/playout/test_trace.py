"""Arrival traces: what is read, what is refused, and when packets of another size would arrive."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.playout.trace import ArrivalTrace, TraceError, read_trace

delays = st.lists(st.floats(0, 2_000), min_size=1, max_size=100)


@given(delays, st.sampled_from([2.5, 5.0, 10.0, 20.0, 60.0]))
def test_packets_arrive_in_order_none_before_it_was_sent_none_is_missing(
    delays_ms: list[float], frame_ms: float
) -> None:
    trace = ArrivalTrace(20.0, tuple(delays_ms))
    arrivals_ms = np.array(trace.arrivals_ms(frame_ms))
    assert len(arrivals_ms) == int(np.ceil(trace.duration_ms / frame_ms))
    assert (np.diff(arrivals_ms) >= 0).all()
    assert (arrivals_ms >= np.arange(len(arrivals_ms)) * frame_ms).all()


@given(delays)
def test_at_its_own_frame_size_a_packet_arrives_by_its_delay_after_it_was_sent(delays_ms: list[float]) -> None:
    arrivals_ms = ArrivalTrace(20.0, tuple(delays_ms)).arrivals_ms(20.0)
    latest_ms = 0.0
    for number, delay_ms in enumerate(delays_ms):
        latest_ms = max(latest_ms, number * 20.0 + delay_ms)
        assert arrivals_ms[number] == pytest.approx(latest_ms)


def test_between_two_packets_the_delay_is_interpolated_and_after_the_last_it_stays() -> None:
    arrivals_ms = ArrivalTrace(20.0, (0.0, 40.0, 20.0)).arrivals_ms(10.0)
    assert arrivals_ms == pytest.approx([0, 10 + 20, 20 + 40, 30 + 30, 40 + 20, 50 + 20])


def test_the_duration_is_that_of_all_frames() -> None:
    assert ArrivalTrace(10.0, (0.0,) * 250).duration_ms == 2_500.0


def written(folder: Path, content: object) -> Path:
    path = folder / "trace.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_a_trace_is_read_whatever_else_the_file_says(tmp_path: Path) -> None:
    path = written(tmp_path, {"name": "a", "frame_ms": 20, "delays_ms": [0, 1.5, 3], "description": "b"})
    assert read_trace(path) == ArrivalTrace(20.0, (0.0, 1.5, 3.0))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ([1, 2], "expected an object"),
        ({"delays_ms": [0]}, "frame_ms is None"),
        ({"frame_ms": "20", "delays_ms": [0]}, "frame_ms is '20'"),
        ({"frame_ms": True, "delays_ms": [0]}, "frame_ms is True"),
        ({"frame_ms": 0, "delays_ms": [0]}, "frame_ms is 0"),
        ({"frame_ms": -20, "delays_ms": [0]}, "frame_ms is -20"),
        ({"frame_ms": float("nan"), "delays_ms": [0]}, "frame_ms is nan"),
        ({"frame_ms": 20}, "delays_ms is missing"),
        ({"frame_ms": 20, "delays_ms": []}, "delays_ms is missing"),
        ({"frame_ms": 20, "delays_ms": {"0": 1}}, "delays_ms is missing"),
        ({"frame_ms": 20, "delays_ms": [0, -1]}, r"delays_ms\[1\] is -1"),
        ({"frame_ms": 20, "delays_ms": [0, 1, None]}, r"delays_ms\[2\] is None"),
        ({"frame_ms": 20, "delays_ms": [float("nan")]}, r"delays_ms\[0\] is nan"),
        ({"frame_ms": 20, "delays_ms": [float("inf")]}, r"delays_ms\[0\] is inf"),
    ],
)
def test_what_is_no_trace_is_refused_with_what_is_wrong_in_it(tmp_path: Path, content: object, complaint: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(TraceError, match=complaint) as caught:
        read_trace(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b"RIFF\x00\x00"])
def test_a_file_that_is_no_json_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "trace.json"
    path.write_bytes(content)
    with pytest.raises(TraceError, match="is no JSON"):
        read_trace(path)


@pytest.mark.parametrize("name", ["nowhere.json", "."])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(TraceError, match="cannot be read"):
        read_trace(tmp_path / name)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=4)))
def test_whatever_stands_in_the_two_fields_there_is_a_trace_or_one_clear_error(
    tmp_path_factory: pytest.TempPathFactory, content: object
) -> None:
    path = written(tmp_path_factory.mktemp("traces"), {"frame_ms": 20, "delays_ms": content})
    try:
        trace = read_trace(path)
    except TraceError as error:
        assert str(path) in str(error)
    else:
        assert trace.arrivals_ms(20.0)
