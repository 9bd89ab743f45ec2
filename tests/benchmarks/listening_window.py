"""The real window, listening with the preset for the lowest delay, and at its end the probe's report as JSON.

``python -m tests.benchmarks.listening_window URL --seconds 30 --output default``, where there is a display.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path


def main() -> int:
    """Show the window for so long, then print one JSON object; exit status 1 if it never connected."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", metavar="URL")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--output", default="default", metavar="NAME")
    chosen = parser.parse_args()
    os.environ["QT_API"] = "pyside6"
    with tempfile.TemporaryDirectory() as folder:
        os.environ["OPUSCOPE_SETTINGS"] = str(Path(folder) / "settings.ini")
        return listen(chosen)


def listen(chosen: argparse.Namespace) -> int:
    """Run the window and print the report of its session."""
    from core.cli.report import report
    from core.monitor.monitor import Monitor
    from core.playout.presets import PRESETS, PresetName
    from core.receiver.options import ListenOptions
    from core.receiver.session import ListeningSession
    from gui.options import WindowOptions
    from gui.running import run_window

    sessions: list[tuple[ListeningSession, Monitor]] = []

    def make(options: ListenOptions, monitor: Monitor) -> ListeningSession:
        session = ListeningSession(options, monitor)
        sessions.append((session, monitor))
        return session

    preset = PRESETS[PresetName.LOWEST_DELAY]
    wishes = ListenOptions(
        chosen.url, playout=preset.playout, output=chosen.output, device_latency_ms=preset.device_latency_ms
    )
    run_window(
        WindowOptions(
            chosen.url,
            wishes,
            playout=preset.playout,
            device_latency_ms=preset.device_latency_ms,
            output=chosen.output,
            remember_url=False,
            close_after_s=chosen.seconds,
        ),
        make,
    )
    if not sessions:
        return 1
    session, monitor = sessions[-1]
    print(json.dumps(report(session.snapshot(), monitor, chosen.seconds)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
