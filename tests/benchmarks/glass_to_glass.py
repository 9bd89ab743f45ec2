"""From microphone to ear, to the sample: ``python -m tests.benchmarks.glass_to_glass [--seconds 30] [--window]``.

Two PipeWire null sinks. Noise is played into ``mouth``, which the server captures as its microphone; a client listens
with the preset for the lowest delay and plays into ``ear``; one recorder hears both. So the shift between its two
channels is the whole delay: capture, frame, codec, network, buffer and device. Needs nothing but what the set-up for
tests installs.

What the client itself shows as its latency at its end stands beside the delay measured in the last second before.

Two runs without Opuscope come first: one sink linked to the other, and a program that hands each captured block on. No
gap of theirs is ours, and nobody can be sooner.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import wave
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from tests.benchmarks.channel_delay import HOP, Floats, Gap, delays, gaps, noise, until_the_end
from tests.support.clips import SAMPLE_RATE_HZ, read_wav
from tests.support.display import VirtualDisplay
from tests.support.processes import ChildProcess, python
from tests.support.sound_card import SoundCard

TARGETS_MS: Final = {20.0: 40.0, 10.0: 25.0, 5.0: 20.0, 2.5: 16.0}
"""Frame size -> median to be reached."""

PERIOD: Final = 128
"""What a device latency of 5 ms allows at most; where programs may choose, PipeWire grants it to whoever asks."""

WARM_UP_S: Final = 5.0
_LINKING_S: Final = 1.0
"""The recorder's coming disturbs the graph: so much of the recording's start is left out."""
_PATIENCE_S: Final = 30.0
_REALTIME: Final = ("chrt", "-r", "10")


_FLOORS: Final[dict[str, tuple[str, ...]]] = {
    "one sink linked to the other": (),
    "a program that hands blocks on": ("tests.benchmarks.pass_through",),
}


@dataclass(frozen=True, slots=True)
class Result:
    """One run."""

    frame_ms: float
    has_window: bool
    delays_ms: Floats
    gaps: list[Gap]
    report: dict[str, Any]
    load: str
    """Of the last minute, before and after: how many processes wanted to run."""

    @property
    def median_ms(self) -> float:
        """NaN where nothing was heard."""
        return float(np.median(self.delays_ms)) if len(self.delays_ms) else float("nan")

    @property
    def at_end_ms(self) -> float:
        """Median of the last second."""
        last = self.delays_ms[-SAMPLE_RATE_HZ // HOP :]
        return float(np.median(last)) if len(last) else float("nan")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print everything; exit status 0 whatever the figures are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--frames", default="20,10,5,2.5", metavar="MS,MS", help="frame sizes (20,10,5,2.5)")
    parser.add_argument("--window", action="store_true", help="once more with the real window on a virtual display")
    parser.add_argument(
        "--period",
        type=int,
        default=PERIOD,
        metavar="SAMPLES",
        help=f"of the sound card ({PERIOD}); 0 leaves it to the programs, as a desktop does",
    )
    parser.add_argument(
        "--realtime", action="store_true", help="run server and client with priority: what an idle machine would give"
    )
    chosen = parser.parse_args(arguments)
    print(f"from microphone to ear, {chosen.seconds:g} s each, period of the sound card: {chosen.period or 'as asked'}")
    for what, program in _FLOORS.items():
        print(floor_row(what, chosen, program), flush=True)
    print(_HEADER, flush=True)
    for frame_ms in (float(each) for each in chosen.frames.split(",")):
        results = [measure(frame_ms, chosen, has_window=False)]
        print(row(results[0]), flush=True)
        if chosen.window:
            results.append(measure(frame_ms, chosen, has_window=True))
            print(row(results[1]))
            print(f"{'':6}the window adds {results[1].median_ms - results[0].median_ms:+.1f} ms", flush=True)
    return 0


def floor_row(what: str, chosen: argparse.Namespace, program: Sequence[str]) -> str:
    """One line on what sound on this machine costs without us; ``program`` hands it on, or else a link does."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        spoken, recording = Path(folder) / "spoken.wav", Path(folder) / "recording.wav"
        _write(spoken, chosen.seconds + 15)
        card = stack.enter_context(SoundCard(period=chosen.period or None))
        stack.enter_context(card.play("mouth", spoken))
        if program:
            arguments = (*program[1:], "--seconds", f"{chosen.seconds + WARM_UP_S:g}")
            stack.enter_context(_start(program[0], arguments, card.environment, chosen.realtime))
        else:
            for channel in ("FL", "FR"):
                card.connect(f"mouth:monitor_{channel}", f"ear:playback_{channel}")
        time.sleep(_LINKING_S)
        with card.record_side_by_side("mouth", "ear", recording):
            time.sleep(chosen.seconds + _LINKING_S)
        sound = read_wav(recording)[round(_LINKING_S * SAMPLE_RATE_HZ) :]
    shifts = delays(sound[:, 0], sound[:, 1])
    known = shifts[~np.isnan(shifts)] * 1000 / SAMPLE_RATE_HZ
    if not len(known):
        return f"{what}: nothing was heard"
    lost = gaps(sound[:, 0], sound[:, 1], shifts)
    return (
        f"{what}: median {np.median(known):.1f}, p95 {np.percentile(known, 95):.1f} ms,"
        f" {len(lost)} gaps of {sum(gap.length_ms for gap in lost):.0f} ms"
    )


def measure(frame_ms: float, chosen: argparse.Namespace, *, has_window: bool) -> Result:
    """One run, with a sound card, a server and a client of its own."""
    before = _load()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        spoken, recording = Path(folder) / "spoken.wav", Path(folder) / "recording.wav"
        _write(spoken, chosen.seconds + WARM_UP_S + 15)
        card = stack.enter_context(SoundCard(period=chosen.period or None))
        environment = dict(card.environment)
        if has_window:
            environment |= stack.enter_context(VirtualDisplay()).environment
        server = stack.enter_context(_serve(frame_ms, environment, chosen.realtime))
        url = server.wait_for_line(r"listening on (\S+)", _PATIENCE_S)[1]
        stack.enter_context(card.play("mouth", spoken))
        seconds = chosen.seconds + WARM_UP_S + _LINKING_S
        client = stack.enter_context(_listen(url, seconds, environment, chosen.realtime, has_window=has_window))
        time.sleep(WARM_UP_S)
        with card.record_side_by_side("mouth", "ear", recording):
            client.wait(chosen.seconds + _PATIENCE_S)
        report = json.loads(client.text("stdout"))
        sound = read_wav(recording)[round(_LINKING_S * SAMPLE_RATE_HZ) :]
    said, heard = sound[:, 0], sound[:, 1]
    shifts = until_the_end(delays(said, heard))
    known = shifts[~np.isnan(shifts)] * 1000 / SAMPLE_RATE_HZ
    return Result(frame_ms, has_window, known, gaps(said, heard, shifts), report, f"{before} -> {_load()}")


_HEADER: Final = (
    f"{'frame':6}{'median':>8}{'(goal)':>7}{'p95':>7}{'max':>7}  {'gaps':>12}  {'underruns':>9} {'xruns':>6}  "
    f"{'shown':>6}{'-real':>6}  {'frame+codec, network, buffer, device':38}{'target':>7}  load"
)


def row(result: Result) -> str:
    """One line of the table, in milliseconds but for counts and load."""
    report, latency = result.report, result.report["latency_ms"]
    causes = Counter(each["cause"] for each in report["underruns"]["causes"])
    total = latency["total"]
    missing_ms = sum(gap.length_ms for gap in result.gaps)
    found = result.delays_ms if len(result.delays_ms) else np.array([np.nan])
    parts = ", ".join(_text(part) for part in (_sum(latency["frame"], latency["codec"]), *_path(latency)))
    line = (
        f"{result.frame_ms:<6g}{result.median_ms:8.1f}{TARGETS_MS.get(result.frame_ms, np.nan):7g}"
        f"{np.percentile(found, 95):7.1f}{np.max(found):7.1f}  {len(result.gaps):4} {missing_ms:4.0f} ms"
        f"  {report['underruns']['episodes']:9} {report['device_xruns']:6}"
        f"  {_text(total):>6}{_text(None if total is None else total - result.at_end_ms, '+'):>6}"
        f"  {parts:38}{report['target_delay_ms']:7g}  {result.load}{'  window' if result.has_window else ''}"
    )
    told = [f"{number} x {cause}" for cause, number in causes.most_common()]
    if report["output_problem"]:
        told.append(report["output_problem"])
    return f"{line}\n{'':6}{', '.join(told)}" if told else line


def _path(latency: Mapping[str, Any]) -> tuple[float | None, float | None, float | None]:
    return latency["network"], latency["buffer"], latency["device"]


def _sum(*parts: float | None) -> float | None:
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def _text(value: float | None, sign: str = "") -> str:
    return "-" if value is None else f"{value:{sign}.1f}"


def _serve(frame_ms: float, environment: Mapping[str, str], is_realtime: bool) -> ChildProcess:
    arguments = (
        *("serve", "--source", "microphone", "--application", "lowdelay", "--frame-ms", f"{frame_ms:g}"),
        # As much of the sound's shape as Opus keeps, so that it is found again to the sample.
        *("--sample-rate", "48000", "--bitrate", "128000", "--port", "0"),
    )
    return _start("core.cli.main", arguments, environment, is_realtime)


def _listen(
    url: str, seconds: float, environment: Mapping[str, str], is_realtime: bool, *, has_window: bool
) -> ChildProcess:
    if has_window:
        arguments: tuple[str, ...] = (url, "--seconds", f"{seconds:g}")
        return _start("tests.benchmarks.listening_window", arguments, environment, is_realtime)
    arguments = ("probe", url, "--preset", "lowest-delay", "--output", "default", "--duration", f"{seconds:g}")
    return _start("core.cli.main", (*arguments, "--json", "-"), environment, is_realtime)


def _start(module: str, arguments: Sequence[str], environment: Mapping[str, str], is_realtime: bool) -> ChildProcess:
    if not is_realtime:
        return python("-m", module, *arguments, environment=environment)
    return ChildProcess(
        [*_REALTIME, sys.executable, "-m", module, *arguments], {"PYTHONUNBUFFERED": "1", **environment}
    )


def _write(path: Path, seconds: float) -> None:
    samples = np.round(noise(seconds) * 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE_HZ)
        file.writeframes(np.repeat(samples[:, np.newaxis], 2, axis=1).tobytes())


def _load() -> str:
    try:
        return Path("/proc/loadavg").read_text().split()[0]
    except OSError:
        return "-"


if __name__ == "__main__":
    sys.exit(main())
