"""The probe's report of a capture: the same analysis, as fast as it can be read."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from core.analysis.limits import Limits
from core.analysis.reports.examination import Examination
from core.analysis.reports.report import Report
from core.cli.common import CommandError
from core.cli.replay_options import capture_of
from core.opus.library import OpusLibraryError
from core.recording.capture_frames import ByteSource, CaptureError
from core.recording.capture_reader import Capture
from core.recording.pcapng import read_pcapng

_PROGRESS_INTERVAL_S: Final = 0.2
_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Before that nobody captured Opus: such times count from something else."""


def examine_capture(options: argparse.Namespace, limits: Limits) -> Report:
    """Read the capture that ``options.url`` names, or its first ``options.duration`` seconds; Ctrl-C ends it early.

    Raises:
        CommandError: it is no capture, or libopus cannot be loaded.
    """
    capture = capture_of(Path(options.url), options.ssrc)
    try:
        examination = Examination(limits)
    except OpusLibraryError as error:
        raise CommandError(str(error)) from error
    try:
        _read(capture, examination, options.duration)
        return examination.report_of_capture(str(capture.path), _began_at(capture))
    except CaptureError as error:
        raise CommandError(str(error)) from error
    finally:
        examination.close()


def _read(capture: Capture, examination: Examination, duration_s: float | None) -> None:
    show = _progress(capture)
    began_ns: int | None = None
    with _interruption() as is_interrupted:
        for seen in capture.observations():
            began_ns = seen.at_ns if began_ns is None else began_ns
            so_far_s = (seen.at_ns - began_ns) / 1e9
            if is_interrupted() or (duration_s is not None and so_far_s > duration_s):
                break
            examination.take(seen)
            show(so_far_s)
    if sys.stderr.isatty():
        print(f"\r{'':60}\r", end="", file=sys.stderr, flush=True)


def _began_at(capture: Capture) -> datetime | None:
    """When the first frame came, as far as the file knows."""
    at_ns = capture.first_ns
    if capture.is_ours:  # whose observations are in monotonic time
        with capture.path.open("rb") as file:
            at_ns = next(read_pcapng(ByteSource(file, capture.path))).at_ns
    try:
        began = datetime.fromtimestamp(at_ns / 1e9, UTC)
    except (OverflowError, OSError, ValueError):
        return None
    return began if began >= _EARLIEST else None


@contextmanager
def _interruption() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C was pressed, or SIGTERM came; between two observations is soon enough."""
    seen: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda number, _: seen.append(number)) for number in numbers]
    try:
        yield lambda: bool(seen)
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _progress(capture: Capture) -> Callable[[float], None]:
    """A line that replaces itself, where somebody watches a terminal."""
    shown_s = 0.0

    def show(so_far_s: float) -> None:
        nonlocal shown_s
        if time.monotonic() - shown_s >= _PROGRESS_INTERVAL_S:
            shown_s = time.monotonic()
            line = f"{so_far_s:.0f} of {capture.duration_s:.0f} s read  (Ctrl-C: report now)"
            print(f"\r{line:60}", end="", file=sys.stderr, flush=True)

    return show if sys.stderr.isatty() else lambda _: None
