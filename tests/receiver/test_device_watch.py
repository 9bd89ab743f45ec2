"""A device that goes, and comes back: playback waits for it, tries it, and moves only to it or on the user's word."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from core.audio.output import OutputError, OutputFigures, Pcm, Pull
from core.audio.portaudio import PortAudioMissingError
from core.monitor.events import EventLog, Level
from core.receiver.device_watch import Aside, UnclosedStreamsError, fresh_devices, start_thread
from core.receiver.playback import Playback
from core.receiver.status import OutputStatus

STEP_NS = 10_000_000
FRAMES_PER_STEP = 480
AUDIO = 0.25


class FakeDevice:
    """A device that asks for its samples when its room says so."""

    is_device = True

    def __init__(self, room: Room, name: str) -> None:
        self._room, self.name = room, name
        self.failure: str | None = None
        self.is_stopped = False
        self._pull: Pull | None = None

    @property
    def is_active(self) -> bool:
        return self.name in self._room.plugged

    def start(self, pull: Pull) -> None:
        if self.name in self._room.busy:
            raise OutputError(f"the sound device {self.name!r} cannot be opened: busy")
        self._pull = pull
        self._room.opened.append(self)

    def stop(self) -> None:
        self.is_stopped = True

    def take_figures(self) -> OutputFigures:
        return OutputFigures(5.0, 0, 0.0)

    def ask(self) -> bool:
        """Whether it was given audio: the buffer was drained."""
        assert self._pull is not None
        out: Pcm = np.zeros((FRAMES_PER_STEP, 2), dtype=np.float32)
        self._pull(out, 0)
        return bool(out.any())


class Room:
    """Virtual time, devices to plug in, and the playback of a session. Only the null output has a thread of its own."""

    def __init__(self, start_aside: Callable[[Callable[[], None]], Aside] | None = None) -> None:
        self.now_ns = 0
        self.plugged = {"one (Fake)"}
        self.busy: set[str] = set()
        self.deaf: set[str] = set()
        """Devices that open and never ask for a sample."""
        self.opened: list[FakeDevice] = []
        self.looks = 0
        self.unclosed = 0
        """How many streams cannot be closed."""
        self.events = EventLog(lambda: self.now_ns, lambda: 0.0)
        self.playback = Playback(
            self._drain, self.events, self._make, lambda: self.now_ns, self._devices, start_aside or run_at_once
        )

    def go(self, seconds: float) -> None:
        for _ in range(round(seconds * 100)):
            self.now_ns += STEP_NS
            playing = [each for each in self.opened if each.is_active and not each.is_stopped]
            drained = [each.ask() for each in playing if each.name not in self.deaf]
            assert sum(drained) <= 1
            assert not (any(drained) and self.status.is_waiting)
            self.playback.check()

    @property
    def status(self) -> OutputStatus:
        status = self.playback.status()
        assert status is not None
        return status

    def log(self, level: Level) -> list[str]:
        return [event.text for event in self.events.since(0) if event.level is level]

    def _drain(self, out: Pcm, now_ns: int) -> None:
        out.fill(AUDIO)

    def _make(self, wanted: str, latency_ms: float | None) -> FakeDevice:
        names = sorted(self.plugged) if wanted == "default" else [each for each in self.plugged if wanted in each]
        if not names:
            raise OutputError(f"no sound device named {wanted!r}")
        return FakeDevice(self, names[0])

    @contextmanager
    def _devices(self) -> Iterator[None]:
        assert all(each.is_stopped for each in self.opened)
        self.looks += 1
        if self.unclosed:
            raise UnclosedStreamsError(f"{self.unclosed} sound streams cannot be closed")
        yield


class _Done:
    def join(self, timeout: float | None = None) -> None:
        pass


def run_at_once(work: Callable[[], None]) -> Aside:
    work()
    return _Done()


@pytest.fixture
def room() -> Iterator[Room]:
    room = Room()
    yield room
    room.playback.close()


def test_a_device_that_returns_is_played_to_again_by_itself(room: Room) -> None:
    room.playback.open("one", 30.0, is_required=True)
    room.go(1)
    room.plugged.clear()
    room.go(1)
    assert room.status.is_waiting
    assert room.status.problem == "the sound device 'one (Fake)' has gone"
    assert not room.status.is_device
    room.plugged.add("one (Fake)")
    room.go(6)
    assert (room.status.name, room.status.problem, room.status.is_waiting) == ("one (Fake)", None, False)
    assert room.opened[-1].ask()
    assert room.log(Level.ERROR) == [
        "the sound device 'one (Fake)' has gone; going on without sound until it returns, or choose another output"
    ]
    assert room.log(Level.CHANGE)[-1] == "output: one (Fake) is back"


def test_ten_minutes_without_the_device_are_one_line_in_the_log_and_a_look_every_five_seconds(room: Room) -> None:
    room.playback.open("one", None, is_required=True)
    room.plugged.clear()
    room.go(600)
    assert len(room.log(Level.ERROR)) == 1
    assert 110 <= room.looks <= 122
    assert room.status.is_waiting


def test_another_device_is_no_return_however_alike_its_name(room: Room) -> None:
    room.playback.open("one", None, is_required=True)
    room.plugged = {"big one (Fake)"}
    room.go(30)
    assert room.status.is_waiting
    assert len(room.opened) == 1


def test_another_default_is_a_return_of_the_default(room: Room) -> None:
    room.playback.open("default", None, is_required=True)
    room.plugged = {"two (Fake)"}
    room.go(8)
    assert room.status.name == "two (Fake)"
    assert room.log(Level.CHANGE)[-1] == "output: two (Fake) is back"


def test_a_device_that_was_not_there_at_the_start_is_played_to_when_it_comes(room: Room) -> None:
    room.plugged.clear()
    room.playback.open("one", None, is_required=False)
    room.go(3)
    assert room.status.is_waiting
    room.plugged.add("one (Fake)")
    room.go(8)
    assert room.status.name == "one (Fake)"
    assert not room.status.is_waiting


def test_without_portaudio_there_is_nothing_to_wait_for() -> None:
    def make(wanted: str, latency_ms: float | None) -> FakeDevice:
        raise PortAudioMissingError("no sound")

    events = EventLog(lambda: 0, lambda: 0.0)
    playback = Playback(lambda out, now_ns: None, events, make)
    playback.open("one", None, is_required=False)
    status = playback.status()
    playback.close()
    assert status is not None
    assert not status.is_waiting
    assert events.since(0)[-1].text == "no sound; going on without sound"


def test_who_chose_the_null_output_is_left_alone() -> None:
    playback = Playback(lambda out, now_ns: None, EventLog(lambda: 0, lambda: 0.0))
    playback.open("null", None, is_required=False)
    status = playback.status()
    playback.close()
    assert status is not None
    assert not status.is_waiting


def test_a_device_that_opens_but_asks_for_nothing_is_not_back(room: Room) -> None:
    room.playback.open("one", None, is_required=True)
    room.plugged.clear()
    room.go(1)
    room.plugged.add("one (Fake)")
    room.deaf.add("one (Fake)")
    room.go(60)
    assert room.status.is_waiting
    assert room.log(Level.CHANGE) == []
    assert "output: one (Fake)" in room.log(Level.INFO)
    assert len(room.log(Level.ERROR)) == 1
    room.deaf.clear()
    room.go(10)
    assert room.log(Level.CHANGE)[-1] == "output: one (Fake) is back"


def test_a_device_that_starved_for_good_is_waited_for(room: Room) -> None:
    room.playback.open("one", 120.0, is_required=True)
    room.deaf.add("one (Fake)")
    room.go(10)
    assert room.status.is_waiting
    assert "even with 120 ms latency" in str(room.status.problem)


def test_a_device_that_is_busy_is_played_to_when_it_is_free(room: Room) -> None:
    room.busy.add("one (Fake)")
    room.playback.open("one", None, is_required=False)
    room.go(20)
    assert room.status.is_waiting
    room.busy.clear()
    room.go(8)
    assert not room.status.is_waiting


def test_the_users_choice_ends_the_waiting(room: Room) -> None:
    room.playback.open("one", None, is_required=True)
    room.plugged = {"two (Fake)"}
    room.go(2)
    room.playback.switch("two", None)
    looks = room.looks
    room.plugged.add("one (Fake)")
    room.go(20)
    assert (room.status.name, room.status.problem, room.status.is_waiting) == ("two (Fake)", None, False)
    assert room.looks == looks


def test_a_choice_during_the_trial_stops_the_device_that_was_tried(room: Room) -> None:
    room.playback.open("one", None, is_required=True)
    room.plugged.clear()
    room.go(1)
    room.plugged = {"one (Fake)", "two (Fake)"}
    while len(room.opened) < 2:
        room.go(0.01)
    room.playback.switch("two", None)
    room.go(10)
    assert [each.name for each in room.opened if not each.is_stopped] == ["two (Fake)"]


def test_a_choice_that_cannot_be_had_leaves_the_waiting_as_it_is(room: Room) -> None:
    room.playback.open("one", None, is_required=True)
    room.plugged.clear()
    room.go(2)
    with pytest.raises(OutputError):
        room.playback.switch("three", None)
    assert room.status.is_waiting
    room.plugged.add("one (Fake)")
    room.go(8)
    assert room.status.name == "one (Fake)"


def test_a_loose_plug_is_looked_for_rarely(room: Room) -> None:
    room.playback.open("one", None, is_required=True)
    for _ in range(600):
        room.go(1)
        if not room.status.is_waiting:
            room.plugged.clear()
            room.go(0.05)
        room.plugged.add("one (Fake)")
    assert len(room.log(Level.ERROR)) < 30


@pytest.mark.parametrize("is_found", [False, True])
def test_a_session_that_ends_during_a_look_leaves_nothing_open(is_found: bool) -> None:
    is_looking, may_go_on = threading.Event(), threading.Event()
    threads: list[Aside] = []

    class SlowRoom(Room):
        @contextmanager
        def _devices(self) -> Iterator[None]:
            is_looking.set()
            assert may_go_on.wait(10)
            yield

    def start(work: Callable[[], None]) -> Aside:
        threads.append(start_thread(work))
        return threads[-1]

    room = SlowRoom(start)
    room.playback.open("one", None, is_required=True)
    room.plugged.clear()
    room.go(2)
    assert is_looking.wait(10)
    if is_found:
        room.plugged.add("one (Fake)")
    room.playback.close()
    assert not room.status.is_waiting
    may_go_on.set()
    [thread] = threads
    thread.join(10)
    assert all(each.is_stopped for each in room.opened)


def test_looks_do_not_overlap_and_the_event_loop_does_not_wait_for_one() -> None:
    begun: list[Callable[[], None]] = []

    def never(work: Callable[[], None]) -> Aside:
        begun.append(work)
        return _Done()

    room = Room(never)
    room.playback.open("one", None, is_required=True)
    room.plugged.clear()
    room.go(30)
    room.playback.close()
    assert len(begun) == 1


def test_an_error_of_our_own_is_logged_and_the_waiting_goes_on(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    room.playback.open("one", None, is_required=True)
    room.plugged.clear()
    make = room.playback._device_watch._make

    def broken(wanted: str, latency_ms: float | None) -> FakeDevice:
        raise KeyError(wanted)

    room.playback._device_watch._make = broken
    room.go(30)
    assert len([record for record in caplog.records if "failed" in record.message]) == 1
    room.playback._device_watch._make = make
    room.plugged.add("one (Fake)")
    room.go(10)
    assert not room.status.is_waiting


def test_that_too_many_streams_cannot_be_closed_is_one_warning(room: Room) -> None:
    room.playback.open("one (Fake)", None, is_required=False)
    room.plugged.clear()
    room.unclosed = 4
    room.go(30)
    assert room.looks > 3
    assert room.log(Level.WARNING) == ["4 sound streams cannot be closed"]
    room.unclosed = 0
    room.go(6)
    room.unclosed = 5
    room.go(12)
    assert room.log(Level.WARNING) == ["4 sound streams cannot be closed", "5 sound streams cannot be closed"]


def test_the_warning_says_what_happened_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stuck:
        unclosed_streams = 4

    monkeypatch.setattr("core.receiver.device_watch.PortAudio", Stuck)
    with pytest.raises(UnclosedStreamsError) as told, fresh_devices():
        pass
    assert "4 sound streams cannot be closed because the sound system does not answer" in str(told.value)
    assert "start the program again" in str(told.value)
