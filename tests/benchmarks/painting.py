"""What painting costs: ``python -m tests.benchmarks.painting --seconds 60 [--url URL] [--output NAME]``.

Runs the window at 1920x1080 with every plot open and fed, and prints loop lag, painting time, CPU and growth of memory
beside the figures of the first prototype; then CPU once more with the window hidden. Without ``--url`` a made-up stream
is drawn; with it a real session plays, so that device xruns count, too. ``--real`` brings along a server, a display and
a sound card (PipeWire's null sink).
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import resource
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

_HIDDEN_S = 10.0

_PROTOTYPE = {
    "loop lag p50": 0.4,
    "loop lag p99": 2.6,
    "CPU": 18.0,
}
"""Four PlotWidgets, fixed ranges, 600 points, switch interval 0.5 ms; two cores, 1600x1000, 30 Hz."""


def main() -> int:
    """Run the benchmark; exit status 1 if loop lag p99 reaches 10 ms or the device had xruns."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--url", help="listen to this address instead of drawing a made-up stream")
    parser.add_argument("--output", default="default", help="sound device for --url, or null")
    parser.add_argument(
        "--device-latency",
        type=float,
        default=10.0,
        metavar="MS",
        help="asked of the device (10); 0 for its own low latency",
    )
    parser.add_argument("--real", action="store_true", help="with a server, a sound card and a display of its own")
    parser.add_argument("--period", type=int, default=256, metavar="SAMPLES", help="of that sound card (256)")
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--theme", default="dark", choices=("dark", "light"))
    chosen = parser.parse_args()
    if chosen.real:
        return run_real(chosen)
    if not any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")):
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    os.environ["QT_API"] = "pyside6"
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(chosen, Path(folder) / "settings.ini")
    print(f"{'':38}{'here':>10}{'prototype':>12}")
    for name, value in figures.items():
        unit = (
            "%"
            if name.startswith("CPU")
            else "MB"
            if name.startswith("memory")
            else ""
            if "xruns" in name or "number" in name
            else "ms"
        )
        known = f"{_PROTOTYPE[name]:.1f}" if name in _PROTOTYPE else ""
        print(f"{name:38}{value:10.2f}{known:>12} {unit}")
    return 1 if figures["loop lag p99"] >= 10.0 or figures.get("device xruns", 0) else 0


def run_real(chosen: argparse.Namespace) -> int:
    """Once more as a process of its own, with all that it needs; gives its exit status."""
    from tests.support.display import VirtualDisplay
    from tests.support.processes import opuscope, python
    from tests.support.sound_card import SoundCard

    status = 0
    with ExitStack() as stack:
        card = stack.enter_context(SoundCard(period=chosen.period))
        display = stack.enter_context(VirtualDisplay())
        serve = ("serve", "--source", "sweep", "--sample-rate", "48000", "--channels", "2", "--port", "0")
        server = stack.enter_context(opuscope(*serve))
        url = server.wait_for_line(r"listening on (\S+)", 30)[1]
        arguments = ["--url", url, "--seconds", f"{chosen.seconds:g}", "--size", chosen.size, "--theme", chosen.theme]
        arguments += ["--device-latency", f"{chosen.device_latency:g}"]
        environment = {**card.environment, **display.environment}
        floor = ["--seconds", f"{min(chosen.seconds, 30.0):g}", "--device-latency", f"{chosen.device_latency:g}"]
        for name, how, seconds in (
            ("device_floor", floor, chosen.seconds),
            ("painting", arguments, chosen.seconds + _HIDDEN_S),
            ("device_floor", floor, chosen.seconds),
        ):
            bench = stack.enter_context(python("-m", f"tests.benchmarks.{name}", *how, environment=environment))
            status = max(status, bench.wait(seconds + 60))
            label = "a callback that only writes silence: " if name == "device_floor" else ""
            print(label, bench.text("stdout"), bench.text("stderr"), sep="", end="")
    return status


def measure(chosen: argparse.Namespace, settings_path: Path) -> dict[str, float]:
    """Run the window and give its figures."""
    import qasync

    from core.monitor.monitor import CALLBACK_LATENESS_MS, LOOP_LAG_MS, PAINT_MS, Monitor
    from core.receiver.options import ListenOptions
    from core.receiver.session import ListeningSession
    from gui import settings
    from gui.main_window import MainWindow
    from gui.options import WindowOptions
    from gui.running import make_application
    from gui.session_owner import SessionOwner
    from gui.settings import SettingsStore, ThemeChoice
    from gui.theme import Theme
    from tests.gui.fake_session import FakeSession
    from tests.gui.fake_stream import STEP_S, FakeStream

    sys.setswitchinterval(0.0005)
    application = make_application()
    monitor = Monitor()
    factory: Any = ListeningSession if chosen.url else FakeSession
    owner = SessionOwner(monitor, factory)
    store = SettingsStore(settings_path)
    store.set(settings.THEME, ThemeChoice(chosen.theme))
    store.set(settings.OUTPUT, chosen.output)
    store.override_tuning(replace(store.tuning, device_latency_ms=chosen.device_latency or None))
    theme = Theme(store.get(settings.THEME))
    theme.apply()
    url = chosen.url or "ws://127.0.0.1:8765/made-up"
    wishes = ListenOptions(url)
    window = MainWindow(monitor, owner, store, theme, lambda _again: [], WindowOptions(url, wishes))
    window.furnish()
    width, height = (int(part) for part in chosen.size.split("x"))
    window.resize(width, height)
    figures: dict[str, float] = {}

    async def feed() -> None:
        stream = FakeStream(monitor)
        while True:
            stream.step()
            await asyncio.sleep(STEP_S)

    async def run() -> None:
        for dock in (*window.watch.docks, window.what_if.dock):
            dock.show()
        window.show()
        window.activateWindow()
        await asyncio.sleep(1.0)
        window.connect_to(url)
        await asyncio.sleep(2.0)
        session: Any = owner.session
        feeder = None
        if not chosen.url:
            session.stream()
            feeder = asyncio.get_running_loop().create_task(feed())
        gc.collect()
        gc.freeze()
        await asyncio.sleep(0.5)
        for name in (LOOP_LAG_MS, PAINT_MS, CALLBACK_LATENESS_MS):
            monitor.distributions[name] = type(monitor.distributions[name])(0.02, 1_000.0)
        xruns_before = _xruns(owner)
        cpu_before, began = _cpu_s(), time.perf_counter()
        settled_mb = None
        for _ in range(max(1, round(chosen.seconds))):
            await asyncio.sleep(min(1.0, chosen.seconds))
            if settled_mb is None and time.perf_counter() - began > min(60.0, chosen.seconds / 2):
                settled_mb = _memory_mb()
        figures["memory growth after the first minute"] = _memory_mb() - (settled_mb or _memory_mb())
        figures.update(_percentiles("loop lag", monitor.distributions[LOOP_LAG_MS]))
        figures.update(_percentiles("paint", monitor.distributions[PAINT_MS]))
        figures["paintings a second, number"] = monitor.distributions[PAINT_MS].count / chosen.seconds
        figures["CPU"] = 100 * (_cpu_s() - cpu_before) / (time.perf_counter() - began)
        if chosen.url:
            lateness = monitor.distributions[CALLBACK_LATENESS_MS]
            figures.update(_percentiles("callback lateness", lateness))
            figures["device xruns"] = _xruns(owner) - xruns_before
            snapshot = owner.snapshot()
            figures["underruns, number"] = snapshot.underruns.episodes if snapshot else 0
        window.hide()
        await asyncio.sleep(1.0)
        cpu_before, began = _cpu_s(), time.perf_counter()
        await asyncio.sleep(_HIDDEN_S)
        figures["CPU with the window hidden"] = 100 * (_cpu_s() - cpu_before) / (time.perf_counter() - began)
        if feeder is not None:
            feeder.cancel()
        is_over = asyncio.Event()
        owner.closed.connect(is_over.set)
        window.close()
        await is_over.wait()

    with qasync.QEventLoop(application) as loop:
        loop.run_until_complete(run())
    return figures


def _percentiles(name: str, distribution: Any) -> dict[str, float]:
    found = {f"{name} p{percent}": distribution.percentile(percent) or 0.0 for percent in (50, 99)}
    return {**found, f"{name} max": distribution.maximum or 0.0}


def _xruns(owner: Any) -> int:
    snapshot = owner.snapshot()
    return snapshot.output.xruns if snapshot and snapshot.output else 0


def _memory_mb() -> float:
    """What this process holds of the machine's memory; 0 where that cannot be told."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * resource.getpagesize() / 1e6


def _cpu_s() -> float:
    """Processor time of this process so far, all threads."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    sys.exit(main())
