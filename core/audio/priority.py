"""Time for the threads that sound depends on: priority where the system grants it, and no long pauses."""

from __future__ import annotations

import gc
import os
import sys
import threading
from contextlib import suppress
from typing import Final

REALTIME_PRIORITY: Final = 20
"""Above everything ordinary, far below what a sound server itself runs with (PipeWire: 88)."""

NICENESS: Final = -11
"""What PipeWire gives its own threads that are not real-time."""

SWITCH_INTERVAL_S: Final = 0.0005
"""The audio thread waits at most about this long for the interpreter, and not the usual 5 ms."""


def let_audio_threads_in() -> None:
    """Have the interpreter change threads often; once for each process that plays or captures."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)


def put_off_collecting() -> None:
    """Look for no garbage before `spare_what_is_loaded`: while all is being set up there is next to none.

    Looking for it nevertheless takes a twentieth of the time until the window is seen.
    """
    gc.disable()


def spare_what_is_loaded() -> None:
    """Collect garbage now, and never again look through what outlived it: modules, classes, whatever is set up.

    To be called when all is set up and nothing plays yet. Otherwise the collector comes some seconds later and stops
    all threads: 26-34 ms were measured in the server, which a listener hears as a late network.
    """
    gc.collect()
    gc.freeze()
    gc.enable()


def raise_priority_of_this_thread() -> None:
    """Let the calling thread run before ordinary ones: real-time if that is allowed, else a nicer share, else nothing.

    Linux only; elsewhere PortAudio's own threads have it already. Many desktops grant it to everybody who may use
    sound (``rtprio`` and ``nice`` in ``limits.d``), and to root. It is meant for threads that run for some hundred
    microseconds and wait: the kernel leaves 5 % of the time to the others in any case. The main thread does not get it:
    that one decodes, paints or runs tests.
    """
    if sys.platform != "linux" or threading.get_native_id() == os.getpid():
        return
    with suppress(OSError):
        policy = os.SCHED_RR | os.SCHED_RESET_ON_FORK
        os.sched_setscheduler(0, policy, os.sched_param(REALTIME_PRIORITY))
        return
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
