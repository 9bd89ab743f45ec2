"""The recordings of a session: begun and ended at any time, fed from both threads, and their ends put in the log."""

from __future__ import annotations

import time
from pathlib import Path

from core.analysis.observation import Received
from core.audio.output import Pcm
from core.monitor.events import EventLog, Level
from core.receiver.observers import Observers
from core.recording.recording import PacketRecording, PlayedRecording, make_recording
from core.recording.rotation import Rotation
from core.recording.status import RecordingError, RecordingKind, RecordingStatus
from core.wire.control import Hello


class Recordings:
    """All methods but `write` are for the event loop's thread."""

    def __init__(self, events: EventLog, observers: Observers) -> None:
        """None; those of packets will be among ``observers`` for as long as they run."""
        self._events, self._observers = events, observers
        self._running: dict[Path, PacketRecording | PlayedRecording] = {}
        self._of_sound: tuple[PlayedRecording, ...] = ()
        self._ended: list[RecordingStatus] = []
        self._is_over = False

    def start(self, path: Path, rotation: Rotation, url: str, is_forced: bool, hello: Hello | None) -> None:
        """Begin one; ``hello`` is what the server said of the stream before.

        Raises:
            RecordingError: it cannot be.
        """
        self.check()
        if self._is_over:
            raise RecordingError(f"{path} cannot be recorded to: the session has ended; connect first")
        if path in self._running:
            raise RecordingError(f"{path} is being recorded to already; end that first, or name another file")
        recording = make_recording(path, rotation, url, is_forced)
        if isinstance(recording, PacketRecording):
            if hello is not None:
                recording.take(Received(time.monotonic_ns(), hello))
            self._observers.add(recording.take)
        recording.start()
        self._running[path] = recording
        self._ended.clear()
        self._share_out()
        self._events.add(Level.INFO, f"recording to {recording.status.path} ({recording.status.kind.value})")

    def stop(self, path: Path | None = None) -> None:
        """End the one to ``path``, or all."""
        for each in list(self._running) if path is None else [path]:
            recording = self._running.pop(each, None)
            self._share_out()
            if isinstance(recording, PacketRecording):
                self._observers.remove(recording.take)
            if recording is not None:
                self._note_end(recording.stop())

    def end(self) -> None:
        """End all, for good."""
        self._is_over = True
        self.stop()

    def write(self, block: Pcm) -> None:
        """What was played, on the audio thread."""
        for recording in self._of_sound:
            recording.write(block)

    def check(self) -> None:
        """Notice those that ended by themselves."""
        for path, recording in list(self._running.items()):
            if not recording.status.is_running:
                self.stop(path)

    def statuses(self) -> tuple[RecordingStatus, ...]:
        """How each stands: those that run, then those that ended since one was begun."""
        return (*(recording.status for recording in self._running.values()), *self._ended)

    def _share_out(self) -> None:
        """The audio thread sees either the old tuple or the new one, whole."""
        self._of_sound = tuple(each for each in self._running.values() if isinstance(each, PlayedRecording))

    def _note_end(self, status: RecordingStatus) -> None:
        self._ended.append(status)
        if status.problem is not None:
            text = f"the recording ended after {status.seconds:.1f} s: {status.problem}"
            self._events.add(Level.ERROR, text)
        else:
            self._events.add(Level.INFO, f"recorded {summary(status)}")


def summary(status: RecordingStatus) -> str:
    """``"12.3 s to talk.opus (81.2 kB, 615 packets, no gaps)"``."""
    parts = [f"{status.size_bytes / 1e6:.2f} MB" if status.size_bytes >= 1e6 else f"{status.size_bytes / 1e3:.1f} kB"]
    if status.files > 1:
        parts.insert(0, f"the last of {status.files} files")
    if status.kind is RecordingKind.RECEIVED:
        parts.append(f"{status.packets} packets")
        parts.append(f"{status.gaps} gaps of {status.filled_s:.2f} s" if status.gaps else "no gaps")
    elif status.filled_s:
        parts.append(f"{status.filled_s:.2f} s of it silence, the disk was too slow")
    for number, what in (
        (status.malformed, "malformed packets left out"),
        (status.out_of_order, "packets twice or late"),
        (status.unkept, "packets lost, the disk was too slow"),
    ):
        if number:
            parts.append(f"{number} {what}")
    return f"{status.seconds:.1f} s to {status.path} ({', '.join(parts)})"
