"""A recording that runs: a thread of its own writes, so that neither the sound nor the window waits for a disk."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final, Protocol

from core.analysis.observation import Observation
from core.audio.capture_ring import CaptureRing
from core.audio.output import Pcm
from core.recording.files import Files, RawOpener, open_unbuffered
from core.recording.packets import PacketSink
from core.recording.played import WRITERS, PlayedSink
from core.recording.rotation import NO_ROTATION, Rotation
from core.recording.status import RecordingError, RecordingKind, RecordingStatus

PACKETS_ENDING: Final = ".opus"

_QUEUE_LENGTH: Final = 12_000
"""Observations that wait for a slow disk: 30 s of packets of 2.5 ms. What comes after is left out, and counted."""

_LOOK_S: Final = 0.25
"""How long sound waits in the ring, and packets in a page that does not fill, at least."""

_ENDING_S: Final = 3.0
"""Whoever ends a recording waits so long for the disk; then the thread is left to itself."""


class _Sink(Protocol):
    def close(self) -> None: ...
    def status(self) -> RecordingStatus: ...


class Recording:
    """One recording, from when it is made until `stop`. Its methods are for one thread, and wait for no disk but in
    `stop`.
    """

    def __init__(self, sink: _Sink, work: Callable[[threading.Event], None], name: str) -> None:
        """``work`` hands over to ``sink`` what has come, at least every quarter of a second, until its event is set."""
        self._sink, self._work = sink, work
        self._ending = threading.Event()
        self._status = sink.status()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def status(self) -> RecordingStatus:
        """How it stands."""
        return self._status

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> RecordingStatus:
        """Write the end, and say how it went; harmless when repeated."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(_ENDING_S)
        if self._thread.is_alive() and self._status.problem is None:
            problem = f"{self._status.path} is still being written after {_ENDING_S:g} s; look at its disk"
            self._status = replace(self._status, is_running=False, problem=problem)
        return self._status

    def note(self) -> None:
        """On the writing thread: let the figures be seen."""
        self._status = self._sink.status()

    def _run(self) -> None:
        problem = None
        try:
            self._work(self._ending)
        except RecordingError as error:
            problem = str(error)
        try:
            self._sink.close()
        except RecordingError as error:
            # After the first error others follow from it.
            problem = problem or str(error)
        self._status = replace(self._sink.status(), is_running=False, problem=problem)


class PacketRecording(Recording):
    """Of the packets received."""

    def __init__(self, sink: PacketSink) -> None:
        """Not started; what is taken before that is not lost."""
        super().__init__(sink, self._write_packets, "recording-packets")
        self._packets = sink
        self._waiting: queue.Queue[Observation] = queue.Queue(_QUEUE_LENGTH)
        self._unkept = 0

    @property
    def status(self) -> RecordingStatus:
        """How it stands."""
        return replace(super().status, unkept=self._unkept)

    def take(self, observation: Observation) -> None:
        """What happened next; never waits."""
        if not self._status.is_running:
            return
        try:
            self._waiting.put_nowait(observation)
        except queue.Full:
            self._unkept += 1

    def _write_packets(self, ending: threading.Event) -> None:
        while not ending.is_set():
            self._write_waiting()
            self._packets.flush()
            self.note()
            ending.wait(_LOOK_S)
        self._write_waiting()

    def _write_waiting(self) -> None:
        while True:
            try:
                self._packets.take(self._waiting.get_nowait())
            except queue.Empty:
                return


class PlayedRecording(Recording):
    """Of the sound that went to the output."""

    def __init__(self, sink: PlayedSink) -> None:
        """Not started."""
        super().__init__(sink, self._write_sound, "recording-sound")
        self._sound = sink
        self._ring = CaptureRing()

    def write(self, block: Pcm) -> None:
        """On the audio thread: a bounded copy."""
        self._ring.write(block)

    def _write_sound(self, ending: threading.Event) -> None:
        while not ending.is_set():
            self._sound.take(*self._ring.take())
            self.note()
            ending.wait(_LOOK_S)
        self._sound.take(*self._ring.take())


def kind_of(path: Path) -> RecordingKind:
    """What a file of this name will hold.

    Raises:
        RecordingError: its ending says nothing that is known.
    """
    ending = path.suffix.lower()
    if ending == PACKETS_ENDING:
        return RecordingKind.RECEIVED
    if ending in WRITERS:
        return RecordingKind.PLAYED
    raise RecordingError(
        f"{path} cannot be recorded to: what to record follows from the ending; accepted: .opus (the packets as"
        " received), .wav and .flac (the sound as played)"
    )


def make_recording(
    path: Path,
    rotation: Rotation = NO_ROTATION,
    url: str = "",
    is_forced: bool = False,
    opener: RawOpener = open_unbuffered,
) -> PacketRecording | PlayedRecording:
    """A recording to ``path``, or to files named after it, not started yet; ``url`` is without secrets.

    Raises:
        RecordingError: the ending is not known, the file exists and is not to be replaced, or it cannot be made.
    """
    kind = kind_of(path)
    files = Files(path, rotation.is_active, is_forced, opener)
    if kind is RecordingKind.RECEIVED:
        return PacketRecording(PacketSink(files, rotation, url))
    return PlayedRecording(PlayedSink(files, WRITERS[path.suffix.lower()], rotation))
