"""The microphone's time stamps, its queue and its refusals, against a PortAudio of straw.

A real capture through PortAudio is in `tests/server/test_serve_command.py`.
"""

from __future__ import annotations

import asyncio
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from core.audio.sources import SourceError
from core.audio.sources.microphone import MicrophoneSource, input_devices

CLEAN = SimpleNamespace(input_overflow=False)

DEVICES = [
    {"index": 0, "name": "speaker", "hostapi": 0, "max_input_channels": 0, "max_output_channels": 2},
    {"index": 1, "name": "desk", "hostapi": 0, "max_input_channels": 2, "max_output_channels": 0},
    {"index": 2, "name": "desk", "hostapi": 1, "max_input_channels": 1, "max_output_channels": 0},
]


HOST_APIS = [{"name": "ALSA"}, {"name": "JACK"}]


class PortAudioError(Exception):
    """As sounddevice calls it."""


class StrawStream:
    """Remembers how it was opened; the test is its audio thread."""

    def __init__(self, **options: Any) -> None:
        self.options = options
        self.is_open = False

    def start(self) -> None:
        self.is_open = True

    def abort(self, ignore_errors: bool) -> None:
        self.options["finished_callback"]()

    def close(self, ignore_errors: bool) -> None:
        self.is_open = False

    def deliver(self, value: int, adc_s: float, now_s: float, status: Any = CLEAN) -> None:
        block = np.full((self.options["blocksize"], self.options["channels"]), value, dtype=np.int16)
        times = SimpleNamespace(inputBufferAdcTime=adc_s, currentTime=now_s)
        self.options["callback"](block, len(block), times, status)
        block[:] = -1  # PortAudio uses its memory again


class StrawClock:
    """Monotonic time that passes when the test says so."""

    def __init__(self) -> None:
        self.ns = 70_000_000_000

    def __call__(self) -> int:
        return self.ns


@pytest.fixture
def streams(monkeypatch: pytest.MonkeyPatch) -> list[StrawStream]:
    """The streams that were opened."""
    opened: list[StrawStream] = []

    def open_stream(**options: Any) -> StrawStream:
        opened.append(StrawStream(**options))
        return opened[-1]

    def check(device: str | int | None, **_: Any) -> None:
        if device == "none":
            raise ValueError("No input device matching 'none'")

    straw = SimpleNamespace(
        InputStream=open_stream,
        check_input_settings=check,
        PortAudioError=PortAudioError,
        query_devices=lambda device=None, kind=None: DEVICES[1] if kind == "input" else DEVICES,
        query_hostapis=lambda index=None: HOST_APIS if index is None else HOST_APIS[index],
    )
    monkeypatch.setitem(sys.modules, "sounddevice", straw)
    return opened


async def opened(source: MicrophoneSource, streams: list[StrawStream], frames: int) -> tuple[Any, StrawStream]:
    reading = asyncio.create_task(source.read(frames))
    await asyncio.sleep(0)
    return reading, streams[0]


async def test_the_device_is_opened_by_the_first_read_with_the_least_latency(streams: list[StrawStream]) -> None:
    source = MicrophoneSource(48_000, 2, "desk")
    assert source.is_live
    assert streams == []
    reading, stream = await opened(source, streams, 240)
    assert stream.options["device"] == 1
    # A long buffer, looked at with every block: it costs no delay and survives any period of a sound server.
    assert (stream.options["latency"], stream.options["blocksize"], stream.options["dtype"]) == (0.08, 120, "int16")
    stream.deliver(1, 10.0, 10.005)
    stream.deliver(2, 10.0025, 10.0075)
    block = await reading
    assert block is not None
    assert block.pcm.shape == (240, 2)
    assert list(block.pcm[:, 0]) == [1] * 120 + [2] * 120
    await source.close()
    assert not stream.is_open


async def test_capture_times_are_on_the_monotonic_clock_whatever_clock_portaudio_has(
    streams: list[StrawStream],
) -> None:
    clock = StrawClock()
    source = MicrophoneSource(48_000, 1, now_ns=clock)
    reading, stream = await opened(source, streams, 120)
    stream.deliver(0, 1_000.000, 1_000.004)
    block = await reading
    assert block is not None
    # PortAudio's times are floats, in seconds.
    assert block.capture_time_ns == pytest.approx(clock.ns - 4_000_000, abs=10, rel=0)
    # A callback that came late doesn't move the time of capture.
    clock.ns += 20_000_000
    stream.deliver(0, 1_000.0025, 1_000.0065)
    later = await source.read(120)
    assert later is not None
    assert later.capture_time_ns is not None
    assert later.capture_time_ns - block.capture_time_ns == pytest.approx(2_500_000, abs=10, rel=0)
    await source.close()


async def test_within_a_device_block_the_time_is_that_of_the_sample(streams: list[StrawStream]) -> None:
    source = MicrophoneSource(48_000, 1)
    reading, stream = await opened(source, streams, 40)
    stream.deliver(0, 5.0, 5.003)
    times = [(await reading).capture_time_ns, (await source.read(40)).capture_time_ns]  # type: ignore[union-attr]
    assert times[1] - times[0] == 40 * 1_000_000_000 // 48_000
    await source.close()


async def test_a_driver_without_time_stamps_is_taken_at_its_callbacks(streams: list[StrawStream]) -> None:
    clock = StrawClock()
    source = MicrophoneSource(48_000, 1, now_ns=clock)
    reading, stream = await opened(source, streams, 120)
    stream.deliver(0, 0.0, 0.0)
    block = await reading
    assert block is not None
    assert block.capture_time_ns == clock.ns - 2_500_000
    await source.close()


async def test_a_loop_that_does_not_read_loses_the_oldest_and_counts_it(streams: list[StrawStream]) -> None:
    source = MicrophoneSource(48_000, 1)
    reading, stream = await opened(source, streams, 120)
    for number in range(450):
        stream.deliver(number, 5 + number / 400, 5.003 + number / 400)
    block = await reading
    assert block is not None
    assert source.overflows == 50
    assert block.pcm[0, 0] == 50
    stream.deliver(0, 7.0, 7.0, SimpleNamespace(input_overflow=True))
    assert source.overflows == 51
    await source.close()


async def test_what_portaudio_lost_is_silence_of_the_same_length(streams: list[StrawStream]) -> None:
    clock = StrawClock()
    source = MicrophoneSource(48_000, 1, now_ns=clock)
    reading, stream = await opened(source, streams, 120)
    stream.deliver(1, 5.0, 5.003)
    clock.ns += 40_000_000
    stream.deliver(2, 5.0325, 5.0355, SimpleNamespace(input_overflow=True))
    first = await reading
    assert first is not None
    lost = await source.read(1_440)
    after = await source.read(120)
    assert lost is not None
    assert after is not None
    assert not lost.pcm.any()
    assert (after.pcm == 2).all()
    assert first.capture_time_ns is not None
    assert after.capture_time_ns is not None
    assert after.capture_time_ns - first.capture_time_ns == pytest.approx(32_500_000, abs=30_000)
    await source.close()


def deliver_at(stream: StrawStream, clock: StrawClock, stream_s: float, value: int, jitter_s: float = 0.0) -> None:
    """A block whose first sample was captured ``stream_s`` on the stream's clock, handed over 8 ms later."""
    clock.ns = 70_000_000_000 + round(stream_s * 1e9)
    stream.deliver(value, 5 + stream_s + jitter_s, 5.008 + stream_s)


async def test_a_cycle_that_the_sound_server_left_out_unsaid_is_silence_of_the_same_length(
    streams: list[StrawStream],
) -> None:
    clock = StrawClock()
    source = MicrophoneSource(48_000, 1, now_ns=clock)
    reading, stream = await opened(source, streams, 120)
    for number in range(30):
        deliver_at(stream, clock, number / 400, 1)
    assert await reading is not None
    assert await source.read(120 * 29) is not None
    for number in range(30, 32):
        deliver_at(stream, clock, number / 400 + 128 / 48_000, 2)
    block = await source.read(128 + 240)
    assert block is not None
    assert not block.pcm[:128].any()
    assert (block.pcm[128:] == 2).all()
    assert source.lost_frames == 128
    await source.close()


async def test_time_stamps_that_jitter_make_up_nothing(streams: list[StrawStream]) -> None:
    clock = StrawClock()
    source = MicrophoneSource(48_000, 1, now_ns=clock)
    reading, stream = await opened(source, streams, 120)
    for number in range(100):
        deliver_at(stream, clock, number / 400, 1, jitter_s=0.002 * (number % 7 == 0))
    assert await reading is not None
    block = await source.read(99 * 120)
    assert block is not None
    assert (block.pcm == 1).all()
    assert source.lost_frames == 0
    await source.close()


@pytest.mark.parametrize("frame_ms", [2.5, 5, 10, 20])
async def test_a_frame_is_handed_out_with_the_block_that_completes_it(
    streams: list[StrawStream], frame_ms: float
) -> None:
    source = MicrophoneSource(48_000, 1)
    frames = round(frame_ms * 48)
    reading, stream = await opened(source, streams, frames)
    for number in range(frames // 120):
        await asyncio.sleep(0)
        assert not reading.done()
        stream.deliver(number, 5 + number / 400, 5.003 + number / 400)
    for _ in range(3):  # from PortAudio's thread to the loop, and from there to the reader
        await asyncio.sleep(0)
    assert reading.done()
    assert reading.result().pcm.shape == (frames, 1)
    await source.close()


async def test_a_host_api_whose_low_latency_is_low_is_asked_for_it(streams: list[StrawStream]) -> None:
    HOST_APIS[0]["name"] = "Core Audio"
    try:
        source = MicrophoneSource(48_000, 1)
        reading, stream = await opened(source, streams, 120)
        assert stream.options["latency"] == "low"
        reading.cancel()
        await source.close()
    finally:
        HOST_APIS[0]["name"] = "ALSA"


async def test_a_device_that_stops_is_an_error_after_what_it_still_gave(streams: list[StrawStream]) -> None:
    source = MicrophoneSource(48_000, 1, "desk")
    reading, stream = await opened(source, streams, 120)
    stream.deliver(1, 5.0, 5.0)
    stream.options["finished_callback"]()
    assert await reading is not None
    with pytest.raises(SourceError, match="'desk' stopped delivering sound"):
        await source.read(120)
    await source.close()


def test_only_devices_that_record_are_listed_and_the_default_is_marked(streams: list[StrawStream]) -> None:
    assert [(device.label, device.channels, device.is_default) for device in input_devices()] == [
        ("desk (ALSA)", 2, True),
        ("desk (JACK)", 1, False),
    ]


@pytest.mark.parametrize(("wanted", "opened_as"), [("desk (JACK)", 2), ("desk", 1), ("des", "des"), (None, None)])
async def test_a_device_is_found_by_what_the_list_calls_it(
    streams: list[StrawStream], wanted: str | None, opened_as: int | str | None
) -> None:
    source = MicrophoneSource(48_000, 1, wanted)
    reading, stream = await opened(source, streams, 120)
    assert stream.options["device"] == opened_as
    reading.cancel()
    await source.close()


def test_an_unknown_device_is_refused(streams: list[StrawStream]) -> None:
    with pytest.raises(SourceError, match="input device 'none' cannot record 24000 Hz with 1 channel"):
        MicrophoneSource(24_000, 1, "none")


def test_without_portaudio_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(SourceError, match="apt-get install libportaudio2"):
        MicrophoneSource(24_000, 1)
