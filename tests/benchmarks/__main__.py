"""All measurements, side by side: ``python -m tests.benchmarks [--seconds 60] [--device-latency 20]`` (`make bench`).

Brings its own server, virtual display and sound card. The sound path's floor is measured right before and right after
the window, so that what the machine does by itself is not taken for what painting costs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping

from tests.benchmarks import glass_to_glass, playout_cost, sound_quality
from tests.benchmarks.playout_comparison import comparison
from tests.support.display import VirtualDisplay
from tests.support.processes import REPOSITORY, opuscope
from tests.support.sound_card import SoundCard

_PERIOD = 256
"""5.3 ms, as PipeWire runs for programs that ask for a low latency."""


def main() -> int:
    """Print everything; exit status 0 whatever the figures are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--device-latency", type=float, default=20.0, metavar="MS")
    chosen = parser.parse_args()
    how = ["--seconds", str(chosen.seconds), "--device-latency", str(chosen.device_latency)]
    playout_cost.main()
    sound_quality.main()
    print()
    comparison.main(["--plots", str(REPOSITORY / "build" / "benchmarks")])
    print()
    source = REPOSITORY / "resources" / "demo" / "demo.opus"
    with (
        VirtualDisplay() as display,
        SoundCard(period=_PERIOD) as card,
        opuscope(
            *("serve", "--source", str(source), "--loop", "--port", "0"), *("--sample-rate", "48000", "--channels", "2")
        ) as server,
    ):
        url = server.wait_for_line(r"listening on (\S+)", 15)[1]
        environment = {**os.environ, **display.environment, **card.environment, "QT_QPA_PLATFORM": "xcb"}
        before = _floor(how, environment)
        print(
            f"\nthe window at 1600x1000, {chosen.seconds:g} s, device latency {chosen.device_latency:g} ms:", flush=True
        )
        _module("painting", [*how, "--url", url], environment, capture=False)
        after = _floor(how, environment)
    print("\nthe sound path without us (a callback that writes silence):")
    print(f"{'':24}{'before':>10}{'after':>12}")
    for name in before:
        print(f"{name:24}{before[name]:10.2f}{after[name]:12.2f}")
    print()
    glass_to_glass.main(["--window"])
    return 0


def _floor(how: list[str], environment: Mapping[str, str]) -> dict[str, float]:
    figures: dict[str, float] = json.loads(_module("device_floor", how, environment, capture=True))
    return figures


def _module(name: str, arguments: list[str], environment: Mapping[str, str], *, capture: bool) -> str:
    done = subprocess.run(
        [sys.executable, "-m", f"tests.benchmarks.{name}", *arguments],
        env=dict(environment),
        cwd=REPOSITORY,
        stdout=subprocess.PIPE if capture else None,
        text=True,
        check=False,
    )
    return done.stdout or ""


if __name__ == "__main__":
    sys.exit(main())
