"""How soon there is something to see and to hear: ``python -m tests.benchmarks.start [--runs 7]``.

Seen from outside: from starting the command until the virtual display is not black any more. Then, in a window that
listens at 60 ms through PipeWire's null sink: from the open connection to the first frame that was played. Python keeps
compiled code between the runs, as it does for whoever starts Opuscope twice; the first run is not counted.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from typing import Any

from tests.support.display import VirtualDisplay
from tests.support.processes import opuscope, python
from tests.support.sound_card import SoundCard

_POLL_S = 0.002
_WITHIN_S = 20.0


def main() -> int:
    """Print the table; exit status 0 whatever the figures are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--listen", metavar="URL", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.listen:
        return listen(chosen.listen)
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        card = stack.enter_context(SoundCard(period=256))
        environment = {
            **card.environment,
            "PYTHONDONTWRITEBYTECODE": "",
            "PYTHONPYCACHEPREFIX": folder,
            "OPUSCOPE_LOG_DIR": folder,
        }
        serve = ("serve", "--source", "sweep", "--sample-rate", "48000", "--channels", "2", "--port", "0")
        url = stack.enter_context(opuscope(*serve)).wait_for_line(r"listening on (\S+)", _WITHIN_S)[1]
        seen_ms = [visible_after_ms(url, environment) for _ in range(chosen.runs + 1)][1:]
        heard_ms = [sound_after_ms(url, environment) for _ in range(chosen.runs)]
    print(f"{chosen.runs} starts, ms{'':20}{'min':>8}{'median':>8}{'max':>8}")
    for name, values in (("window visible after", seen_ms), ("sound after connecting", heard_ms)):
        print(f"{name:32}{min(values):8.0f}{statistics.median(values):8.0f}{max(values):8.0f}")
    return 0


def visible_after_ms(url: str, environment: dict[str, str]) -> float:
    """From the command to the first pixel, on a display of its own."""
    with VirtualDisplay() as display, tempfile.TemporaryDirectory() as folder:
        settings = {"OPUSCOPE_SETTINGS": f"{folder}/settings.ini"}
        began_s = time.perf_counter()
        with opuscope(url, environment={**environment, **display.environment, **settings}) as command:
            while display.is_black():
                if time.perf_counter() - began_s > _WITHIN_S:
                    raise TimeoutError(f"no window within {_WITHIN_S:g} s: {command.text()}")
                time.sleep(_POLL_S)
            return (time.perf_counter() - began_s) * 1e3


def sound_after_ms(url: str, environment: dict[str, str]) -> float:
    """From the open connection to the first frame played."""
    with VirtualDisplay() as display, tempfile.TemporaryDirectory() as folder:
        settings = {"OPUSCOPE_SETTINGS": f"{folder}/settings.ini"}
        arguments = ("-m", "tests.benchmarks.start", "--listen", url)
        with python(*arguments, environment={**environment, **display.environment, **settings}) as child:
            return float(child.wait_for_line(r"sound after (\S+) ms", _WITHIN_S)[1])


def listen(url: str) -> int:
    """Show the window, listening at 60 ms, and print when there was sound."""
    os.environ["QT_API"] = "pyside6"
    from core.monitor.monitor import Monitor
    from core.playout.settings import PlayoutSettings
    from core.receiver.options import ListenOptions
    from core.receiver.session import ListeningSession
    from core.receiver.status import ConnectionState
    from gui.options import WindowOptions
    from gui.running import run_window

    def watch(session: Any) -> None:
        connected_s = None
        while not session.snapshot().total_samples_received:
            is_open = session.snapshot().connection.state in (ConnectionState.CONNECTED, ConnectionState.STREAMING)
            if connected_s is None and is_open:
                connected_s = time.perf_counter()
            time.sleep(_POLL_S)
        print(f"sound after {(time.perf_counter() - (connected_s or 0.0)) * 1e3:.0f} ms", flush=True)

    def make(options: ListenOptions, monitor: Monitor) -> ListeningSession:
        session = ListeningSession(options, monitor)
        threading.Thread(target=watch, args=(session,), daemon=True).start()
        return session

    playout = PlayoutSettings(60.0)
    wishes = ListenOptions(url, playout=playout, device_latency_ms=10.0)
    run_window(WindowOptions(url, wishes, playout=playout, remember_url=False, close_after_s=_WITHIN_S), make)
    return 0


if __name__ == "__main__":
    sys.exit(main())
