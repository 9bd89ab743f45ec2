"""Priority of the audio threads, and PortAudio's periods."""

from __future__ import annotations

import gc
import os
import sys
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from core.audio import alsa
from core.audio.alsa import short_periods
from core.audio.priority import (
    REALTIME_PRIORITY,
    put_off_collecting,
    raise_priority_of_this_thread,
    spare_what_is_loaded,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere PortAudio's threads have it already")


def in_a_thread() -> None:
    thread = threading.Thread(target=raise_priority_of_this_thread)
    thread.start()
    thread.join(5)


def test_real_time_is_asked_for_first(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(
        os, "sched_setscheduler", lambda pid, policy, param: asked.append((policy, param.sched_priority))
    )
    monkeypatch.setattr(os, "setpriority", lambda *_: pytest.fail("not needed"))
    in_a_thread()
    assert asked == [(os.SCHED_RR | os.SCHED_RESET_ON_FORK, REALTIME_PRIORITY)]


def test_without_that_right_a_nicer_share_and_without_that_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def refuse(*_: Any) -> None:
        raise PermissionError

    def refuse_niceness(which: int, thread: int, niceness: int) -> None:
        asked.append(niceness)
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    monkeypatch.setattr(os, "setpriority", refuse_niceness)
    in_a_thread()
    assert asked == [-11]


def test_the_main_thread_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_setscheduler", lambda *_: pytest.fail("the main thread"))
    raise_priority_of_this_thread()


def test_garbage_is_collected_again_from_the_moment_that_all_is_loaded() -> None:
    try:
        put_off_collecting()
        assert not gc.isenabled()
        spare_what_is_loaded()
        assert gc.isenabled()
        assert gc.get_freeze_count() > 0
    finally:
        gc.enable()
        gc.unfreeze()


def test_short_periods_hold_while_a_stream_is_opened_only(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(alsa.ctypes, "CDLL", lambda name: SimpleNamespace(PaAlsa_SetNumPeriods=asked.append))
    with short_periods(SimpleNamespace(_libname="portaudio")):
        assert asked == [64]
    assert asked == [64, 4]


def test_a_portaudio_without_alsa_is_left_as_it_is() -> None:
    with short_periods(SimpleNamespace()):
        pass
