"""Outputs: the null output's pace, devices that cannot be had, the latency shown, and volume."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from core.audio.device_output import DeviceOutput
from core.audio.null_output import NullOutput
from core.audio.output import CallbackClock, OutputError, Pcm, Pull
from core.audio.portaudio import PortAudio
from core.audio.volume import Volume, VolumeError


def test_the_null_output_asks_at_the_pace_of_the_clock() -> None:
    frames = 0
    enough = threading.Event()

    def pull(out: Pcm, now_ns: int) -> None:
        nonlocal frames
        out.fill(0.0)
        frames += len(out)
        if frames >= 24_000:
            enough.set()

    output = NullOutput()
    began_s = time.monotonic()
    output.start(pull)
    assert enough.wait(5)
    took_s = time.monotonic() - began_s
    output.stop()
    assert not output.is_active
    # Never faster than real time; slower only where the machine stalled, which it counts.
    assert took_s >= 0.49
    assert output.take_figures().xruns > 0 or took_s < 0.6


def test_lateness_is_counted_against_the_pace_of_the_blocks() -> None:
    clock = CallbackClock()
    for now_ms in (0, 5, 10, 18, 23):
        clock.tick(now_ms * 1_000_000, 240)
    assert clock.take_worst_ms() == 3
    assert clock.take_worst_ms() == 0


def constant(value: float) -> Pull:
    def pull(out: Pcm, now_ns: int) -> None:
        out.fill(value)

    return pull


def test_at_0_db_samples_pass_unchanged_and_a_change_does_not_click() -> None:
    volume = Volume(constant(0.5))
    out = np.zeros((240, 2), dtype=np.float32)
    volume.pull(out, 0)
    assert (out == 0.5).all()
    for change in (lambda: volume.set_db(-20.0), lambda: volume.set_muted(True), lambda: volume.set_muted(False)):
        last = out[-1, 0]
        change()
        volume.pull(out, 0)
        steps = np.abs(np.diff(np.concatenate(([last], out[:, 0]))))
        assert steps.max() < 0.5 / 200
    assert out[-1, 0] == pytest.approx(0.05)


def test_a_volume_that_cannot_be_is_refused() -> None:
    with pytest.raises(VolumeError, match="accepted: -60 to 12 dB"):
        Volume(constant(0)).set_db(13)


class FakePortAudio:
    """As much of `sounddevice` as the output uses."""

    class PortAudioError(Exception):
        pass

    class CallbackAbort(Exception):  # noqa: N818 - sounddevice's name
        pass

    def __init__(self, channels: int = 2, failure: str | None = None) -> None:
        self.channels, self.failure = channels, failure
        self.streams: list[Any] = []
        self._terminate: Any = None
        self._initialize: Any = None

    def query_devices(self, kind: str | None = None) -> Any:
        device = {"index": 0, "name": "Speaker", "hostapi": 0, "max_output_channels": self.channels}
        return device if kind else [device]

    def query_hostapis(self) -> Any:
        return [{"name": "Fake"}]

    def OutputStream(self, **options: Any) -> Any:  # noqa: N802 - sounddevice's name
        if self.failure:
            raise self.PortAudioError(self.failure)
        nothing = dict.fromkeys(("stop", "close"), lambda ignore_errors: None)
        stream = SimpleNamespace(start=lambda: None, **nothing, **options)
        self.streams.append(stream)
        return stream


@pytest.fixture
def portaudio(monkeypatch: pytest.MonkeyPatch) -> FakePortAudio:
    fake = FakePortAudio()

    def load(self: PortAudio) -> None:
        self.library = fake

    monkeypatch.setattr(PortAudio, "__init__", load)
    # What these tests leave open is no obstacle to those that look for devices.
    monkeypatch.setattr(PortAudio, "_open", [])
    return fake


def test_a_device_that_cannot_be_opened_is_one_line_with_the_reason(portaudio: FakePortAudio) -> None:
    portaudio.failure = "Device unavailable"
    output = DeviceOutput()
    with pytest.raises(OutputError, match=r"'Speaker \(Fake\)' cannot be opened: Device unavailable; choose another"):
        output.start(constant(0))


def test_a_device_with_one_channel_plays_the_mean_of_both(portaudio: FakePortAudio) -> None:
    portaudio.channels = 1
    output = DeviceOutput()

    def pull(out: Pcm, now_ns: int) -> None:
        out[:, 0], out[:, 1] = 0.2, 0.4

    output.start(pull)
    [stream] = portaudio.streams
    assert stream.channels == 1
    out = np.zeros((240, 1), dtype=np.float32)
    times = SimpleNamespace(outputBufferDacTime=1.5, currentTime=1.49)
    stream.callback(out, 240, times, SimpleNamespace(output_underflow=True))
    assert out == pytest.approx(0.3)
    figures = output.take_figures()
    assert figures.xruns == 1
    assert figures.latency_ms == pytest.approx(10)


def test_the_latency_shown_is_the_mean_of_all_blocks_since_the_last_look(portaudio: FakePortAudio) -> None:
    """Blocks come in bursts; the last one of each is asked for sooner than needed."""
    output = DeviceOutput()
    output.start(constant(0))
    [stream] = portaudio.streams
    out = np.zeros((240, 2), dtype=np.float32)
    for ahead_s in (0.005, 0.010, 0.006, 0.011):
        times = SimpleNamespace(outputBufferDacTime=1 + ahead_s, currentTime=1.0)
        stream.callback(out, 240, times, SimpleNamespace(output_underflow=False))
    assert output.take_figures().latency_ms == pytest.approx(8)
    assert output.take_figures().latency_ms == pytest.approx(8)


def test_an_error_of_our_own_is_told_as_such_and_not_as_a_device_that_has_gone(portaudio: FakePortAudio) -> None:
    output = DeviceOutput()

    def pull(out: Pcm, now_ns: int) -> None:
        raise ValueError("no such frame")

    output.start(pull)
    [stream] = portaudio.streams
    times = SimpleNamespace(outputBufferDacTime=0.0, currentTime=0.0)
    with pytest.raises(portaudio.CallbackAbort):
        stream.callback(np.zeros((240, 2), dtype=np.float32), 240, times, SimpleNamespace(output_underflow=False))
    stream.finished_callback()
    assert not output.is_active
    assert output.failure == "playing on 'Speaker (Fake)' failed: ValueError: no such frame"


def test_a_late_callback_of_a_stopped_device_gets_silence(portaudio: FakePortAudio) -> None:
    output = DeviceOutput()
    output.start(constant(1.0))
    output.stop()
    [stream] = portaudio.streams
    out = np.ones((240, 2), dtype=np.float32)
    times = SimpleNamespace(outputBufferDacTime=0.0, currentTime=0.0)
    stream.callback(out, 240, times, SimpleNamespace(output_underflow=False))
    assert not out.any()


def test_a_device_that_does_not_close_is_left_behind(portaudio: FakePortAudio) -> None:
    output = DeviceOutput()
    output.start(constant(1.0))
    is_free = threading.Event()
    [stream] = portaudio.streams
    stream.stop = lambda ignore_errors: is_free.wait(10)
    began_s = time.monotonic()
    output.stop()
    took_s = time.monotonic() - began_s
    is_free.set()
    assert took_s < 2


def test_devices_are_not_looked_for_while_a_stream_is_open_or_cannot_be_closed(portaudio: FakePortAudio) -> None:
    searches: list[str] = []
    portaudio._terminate = lambda: searches.append("end")
    portaudio._initialize = lambda: searches.append("begin")
    output = DeviceOutput()
    output.start(constant(1.0))
    [stream] = portaudio.streams
    is_free = threading.Event()
    stream.stop = lambda ignore_errors: is_free.wait(10)
    PortAudio().refresh()
    output.stop()
    PortAudio().refresh()
    assert searches == []
    is_free.set()
    deadline_s = time.monotonic() + 5
    while not searches and time.monotonic() < deadline_s:
        PortAudio().refresh()
        time.sleep(0.01)
    assert searches == ["end", "begin"]


def test_a_search_that_fails_leaves_no_devices_and_the_next_one_mends_it(portaudio: FakePortAudio) -> None:
    is_broken = True

    def terminate() -> None:
        raise portaudio.PortAudioError("PortAudio not initialized")

    def initialize() -> None:
        if is_broken:
            raise portaudio.PortAudioError("Unanticipated host error")

    portaudio._terminate, portaudio._initialize = terminate, initialize
    with pytest.raises(OutputError, match="cannot be searched for devices: Unanticipated host error"):
        PortAudio().refresh()
    is_broken = False
    PortAudio().refresh()


def test_while_a_search_does_not_answer_a_choice_is_refused_and_nothing_hangs(
    portaudio: FakePortAudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.audio.portaudio._FREE_WITHIN_S", 0.05)
    is_searching, may_go_on = threading.Event(), threading.Event()

    def terminate() -> None:
        is_searching.set()
        may_go_on.wait(10)

    portaudio._terminate, portaudio._initialize = terminate, lambda: None
    search = threading.Thread(target=PortAudio().refresh)
    search.start()
    try:
        assert is_searching.wait(5)
        with pytest.raises(OutputError, match="does not answer"):
            DeviceOutput()
    finally:
        may_go_on.set()
        search.join()
    assert DeviceOutput().name == "Speaker (Fake)"
