"""Moving from one output to another, and outputs that go, starve or cannot be had."""

from __future__ import annotations

import numpy as np
import pytest

from core.audio.output import OutputError, OutputFigures, Pcm, Pull
from core.monitor.events import EventLog
from core.receiver.playback import Playback


def constant(value: float) -> Pull:
    def pull(out: Pcm, now_ns: int) -> None:
        out.fill(value)

    return pull


class FakeOutput:
    """An output that the test drives."""

    is_device = True

    def __init__(self, name: str) -> None:
        self.name, self.is_active, self.pull, self.is_stopped = name, True, constant(-1), False
        self.failure: str | None = None

    def start(self, pull: Pull) -> None:
        self.pull = pull

    def stop(self) -> None:
        self.is_stopped = True

    def take_figures(self) -> OutputFigures:
        return OutputFigures(5.0, 1, 0.0)

    def ask(self) -> float:
        out = np.zeros((1, 2), dtype=np.float32)
        self.pull(out, 0)
        return float(out[0, 0])


def make_playback() -> tuple[Playback, dict[str, FakeOutput], EventLog]:
    made: dict[str, FakeOutput] = {}

    def make(wanted: str, latency_ms: float | None) -> FakeOutput:
        if wanted == "missing":
            raise OutputError("no sound device named 'missing'")
        made[wanted] = FakeOutput(wanted)
        return made[wanted]

    events = EventLog(lambda: 0, lambda: 0.0)
    return Playback(constant(0.25), events, make), made, events


def test_only_the_new_output_drains_the_buffer_after_a_move() -> None:
    playback, made, _ = make_playback()
    playback.open("one", None, is_required=True)
    assert made["one"].ask() == 0.25
    playback.switch("two", None)
    assert made["two"].ask() == 0.25
    assert made["one"].ask() == 0.0
    assert made["one"].is_stopped
    status = playback.status()
    assert status is not None
    assert (status.name, status.problem) == ("two", None)


def test_a_move_that_fails_leaves_the_present_output_playing() -> None:
    playback, made, _ = make_playback()
    playback.open("one", None, is_required=True)
    with pytest.raises(OutputError, match="missing"):
        playback.switch("missing", None)
    assert made["one"].ask() == 0.25
    assert not made["one"].is_stopped


def test_a_device_that_goes_is_replaced_by_the_null_output_with_a_word() -> None:
    playback, made, events = make_playback()
    playback.open("one", None, is_required=True)
    made["one"].is_active = False
    playback.check()
    status = playback.status()
    assert status is not None
    assert not status.is_device
    assert "'one' has gone" in str(status.problem)
    assert "going on without sound" in events.since(0)[-1].text
    playback.close()


def test_an_output_that_is_not_required_is_done_without_and_one_that_is_raises() -> None:
    playback, _, _ = make_playback()
    with pytest.raises(OutputError):
        playback.open("missing", None, is_required=True)
    playback.open("missing", None, is_required=False)
    status = playback.status()
    assert status is not None
    assert status.problem == "no sound device named 'missing'"
    playback.close()


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9])
def test_a_device_that_starves_gets_more_latency_step_by_step_and_is_then_given_up(share: float) -> None:
    now_ns = 0
    latencies: list[float | None] = []
    made: list[FakeOutput] = []

    def make(wanted: str, latency_ms: float | None) -> FakeOutput:
        latencies.append(latency_ms)
        made.append(FakeOutput(wanted))
        return made[-1]

    events = EventLog(lambda: 0, lambda: 0.0)
    playback = Playback(constant(0.25), events, make, lambda: now_ns)
    playback.open("one", None, is_required=True)
    for _ in range(2000):
        now_ns += 10_000_000
        block = np.zeros((round(480 * share), 2), dtype=np.float32)
        made[-1].pull(block, now_ns)
        playback.check()
    status = playback.status()
    playback.close()
    assert latencies == [None, 30, 60, 120]
    assert all(output.is_stopped for output in made)
    assert status is not None
    assert not status.is_device
    assert "even with 120 ms latency" in str(status.problem)
    assert sum("reopened with" in event.text for event in events.since(0)) == 3


@pytest.mark.parametrize(("share", "then"), [(0.0, 30), (0.87, 10)])
def test_5_ms_where_a_device_wants_more_become_as_much_as_its_share_tells(share: float, then: float) -> None:
    """By the table in `device_output`: 87 % is a period of 256 samples, nothing at all one of 512 or more."""
    now_ns = 0
    latencies: list[float | None] = []
    outputs: list[FakeOutput] = []

    def make(wanted: str, latency_ms: float | None) -> FakeOutput:
        latencies.append(latency_ms)
        outputs.append(FakeOutput(wanted))
        return outputs[-1]

    playback = Playback(constant(0.25), EventLog(lambda: 0, lambda: 0.0), make, lambda: now_ns)
    playback.open("one", 5.0, is_required=True)
    for _ in range(700):
        now_ns += 10_000_000
        frames = round(480 * share) if len(outputs) == 1 else 480
        outputs[-1].pull(np.zeros((frames, 2), dtype=np.float32), now_ns)
        playback.check()
    playback.close()
    assert latencies == [5.0, then]


def test_a_device_that_asks_for_nearly_all_is_left_alone() -> None:
    now_ns = 0
    playback, made, _ = make_playback()
    playback = Playback(constant(0.25), EventLog(lambda: 0, lambda: 0.0), playback._make, lambda: now_ns)
    playback.open("one", None, is_required=True)
    one = made["one"]
    for tick in range(2000):
        now_ns += 10_000_000
        if tick % 500 > 30:  # a stall of 300 ms every 5 s
            one.pull(np.zeros((480, 2), dtype=np.float32), now_ns)
        playback.check()
    assert not one.is_stopped


def test_nothing_is_opened_after_the_end() -> None:
    playback, made, _ = make_playback()
    playback.open("one", None, is_required=True)
    playback.close()
    with pytest.raises(OutputError, match="the session has ended"):
        playback.switch("two", None)
    assert "two" not in made
