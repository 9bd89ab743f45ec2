"""What was received, packet for packet, as Ogg Opus in one file or several."""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from core.analysis.observation import Connected, Observation, Received
from core.opus.encoder import Application
from core.opus.media import MediaPacket
from core.opus.packet import SAMPLE_RATE_HZ, SAMPLES_PER_MS
from core.recording.continuity import Continuity, Timed
from core.recording.files import Files
from core.recording.ogg_opus import OggOpusStream, OpusHead
from core.recording.rotation import NO_ROTATION, Rotation
from core.recording.status import RecordingKind, RecordingStatus
from core.wire.control import Hello
from core.wire.dialect import NewStream

CHANNELS: Final = 2
"""Those a player is to put out, whatever the packets are (RFC 7845 §5.1): stereo, as our own player decodes all. A
stream may change between mono and stereo with each packet, and the header is written once."""

ROLL_SAMPLES: Final = 48_000
"""RFC 7845 §4.2: what is cut out of a stream begins sooner than it is played, so that the decoder is in the same state.
It recommends 80 ms, with which libopus 1.5 is up to -16 dB off with speech, with 320 ms -47 and with 640 -58 dB; after
a second it is the same to the bit (measured on tone and speech at 24 to 64 kbit/s)."""

_PAGE_OVERHEAD: Final = 128
"""Head and segments of the last page and of one that is cut short, in bytes, more or less."""


def _random_serial() -> int:
    return secrets.randbits(32)


class PacketSink:
    """Takes observations, writes files. Not thread-safe: one thread owns it.

    Each file is one logical stream, across connections, too (see `Continuity`). With rotation a new file begins with
    the packets of the last second of the file before, and these are left out when it is played: the files one after the
    other are the whole sound.
    """

    def __init__(
        self,
        files: Files,
        rotation: Rotation = NO_ROTATION,
        url: str = "",
        wall_clock_s: Callable[[], float] = time.time,
        make_serial: Callable[[], int] = _random_serial,
    ) -> None:
        """Open the first file; ``url`` is without secrets.

        Raises:
            RecordingError: that cannot be done.
        """
        self._files, self._rotation, self._url = files, rotation, url
        self._wall_clock_s, self._make_serial = wall_clock_s, make_serial
        self._file = files.next()
        self._stream: OggOpusStream | None = None
        self._continuity = Continuity()
        self._hello: Hello | None = None
        self._roll: deque[Timed] = deque()
        self._roll_samples = 0
        self._samples = self._file_samples = self._bytes_before = 0
        self._size_at_flush = 0

    def take(self, observation: Observation) -> None:
        """What happened next. Raises `RecordingError` when it cannot be written; then only `close` may follow."""
        match observation:
            case Connected():
                self._hello = None
                self._continuity.restart()
            case Received(event=NewStream()):
                self._continuity.restart()
            case Received(event=Hello() as hello):
                self._hello = hello
            case Received(event=MediaPacket() as packet):
                self._receive(packet)
            case _:
                pass

    def flush(self) -> None:
        """Called twice a second or so: what comes so slowly that it fills no page is written nevertheless."""
        if self._stream is not None and self._file.size == self._size_at_flush:
            self._stream.flush()
        self._size_at_flush = self._file.size

    def close(self) -> None:
        """Write the end; a file that would have nothing in it is taken away."""
        stream, self._stream = self._stream, None
        try:
            if stream is not None:
                stream.close()
        finally:
            self._file.close()

    def status(self) -> RecordingStatus:
        """How it stands."""
        tally = self._continuity.tally
        return RecordingStatus(
            kind=RecordingKind.RECEIVED,
            path=self._file.path,
            files=self._files.count,
            seconds=self._samples / SAMPLE_RATE_HZ,
            size_bytes=self._bytes_before + self._file.size,
            packets=tally.packets,
            gaps=tally.gaps,
            filled_s=tally.filled_samples / SAMPLE_RATE_HZ,
            malformed=tally.malformed,
            out_of_order=tally.out_of_order,
        )

    def _receive(self, packet: MediaPacket) -> None:
        placed = self._continuity.take(packet)
        if placed is None:
            return
        for timed in (*placed.stand_ins, placed.packet):
            self._put(timed)

    def _put(self, timed: Timed) -> None:
        packet, samples = timed
        stream = self._stream or self._begin_stream(self._look_ahead_samples)
        size = self._file.size + stream.waiting_bytes + len(packet) + _PAGE_OVERHEAD
        if self._file_samples and self._rotation.is_due(self._file_samples + samples, size):
            stream = self._rotate(stream)
        stream.add(packet, samples)
        self._samples += samples
        self._file_samples += samples
        self._roll.append(timed)
        self._roll_samples += samples
        while self._roll_samples - self._roll[0][1] >= ROLL_SAMPLES:
            self._roll_samples -= self._roll.popleft()[1]

    def _rotate(self, stream: OggOpusStream) -> OggOpusStream:
        following = self._files.next()
        stream.close()
        self._file.close()
        self._bytes_before += self._file.size
        self._file, self._file_samples, self._size_at_flush = following, 0, 0
        stream = self._begin_stream(self._roll_samples)
        for timed in self._roll:
            stream.add(*timed)
        return stream

    def _begin_stream(self, pre_skip: int) -> OggOpusStream:
        began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._wall_clock_s()))
        comments = [("DATE", began)] + ([("DESCRIPTION", f"received from {self._url}")] if self._url else [])
        head = OpusHead(CHANNELS, pre_skip, self._hello.sample_rate if self._hello else 0)
        self._stream = OggOpusStream(self._append, self._make_serial(), head, comments)
        return self._stream

    def _append(self, data: bytes) -> None:
        self._file.append(data)

    @property
    def _look_ahead_samples(self) -> int:
        """The encoder's, which is the pre-skip where a stream begins (RFC 7845 §4.2); 6.5 ms unless told otherwise.

        Who joins a stream that runs would be better off with 80 ms. But nobody tells, and sound that was heard is not
        left out on suspicion.
        """
        names = {each.label: each for each in Application}
        application = names.get(self._hello.application.casefold()) if self._hello else None
        return round((application or Application.AUDIO).look_ahead_ms * SAMPLES_PER_MS)
