"""Opus packets as they are in Ogg (RFC 7845), written so that what is on the disk can be played at any moment.

PyAV's muxer was tried first (18.1, libavformat 62.12) and does not do this right: `OpusHead` is the one of an encoder
that PyAV opens for the stream, whatever `extradata` says (input rate 48000 for one of 24000); a hole in the time stamps
becomes a leap of the granule position, which RFC 7845 §4.1 forbids and `opusinfo` warns of on every page from there on;
and after a write that failed, closing raises once more. With its usual pages of a second, 5.0 s of audio had left 4.0 s
on the disk.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from core.recording.ogg import MAX_SEGMENTS, page, segments_of

PAGE_SAMPLES: Final = 24_000
"""Half a second: a process that is killed has lost at most that and one packet. Costs 2 % at 48 kbit/s (opusinfo)."""

MAX_OPUS_BYTES: Final = 61_440
"""RFC 7845 §6: a demuxer should refuse audio packets above that; only padding makes them so long."""

VENDOR: Final = "Opuscope"

Append = Callable[[bytes], None]
"""Writes all of it or raises."""


@dataclass(frozen=True, slots=True)
class OpusHead:
    """The identification header (RFC 7845 §5.1)."""

    channels: int
    pre_skip: int
    """Samples at 48 kHz that a player decodes and does not play; at most 65535."""
    input_rate_hz: int = 0
    """Of what was encoded, if it is known: it says nothing about how to play. 0: not known."""

    def packed(self) -> bytes:
        """Version 1, no gain, channel mapping family 0: mono or stereo."""
        return struct.pack("<8sBBHIhB", b"OpusHead", 1, self.channels, self.pre_skip, self.input_rate_hz, 0, 0)


def opus_tags(comments: Sequence[tuple[str, str]]) -> bytes:
    """The comment header (RFC 7845 §5.2): names in capitals, values in UTF-8."""
    parts = [b"OpusTags", _counted(VENDOR), struct.pack("<I", len(comments))]
    return b"".join(parts + [_counted(f"{name}={value}") for name, value in comments])


def _counted(text: str) -> bytes:
    data = text.encode("utf-8", "replace")
    return struct.pack("<I", len(data)) + data


class OggOpusStream:
    """One logical stream, with a serial number of its own.

    The newest packet is kept back, so that there is one for the last page, which has to be marked as such.
    """

    def __init__(self, append: Append, serial: int, head: OpusHead, comments: Sequence[tuple[str, str]]) -> None:
        """Nothing is written before there is a first page of audio: a stream of nothing leaves nothing."""
        self._append, self._serial, self._head, self._comments = append, serial, head, comments
        self._waiting: list[tuple[bytes, int]] = []
        self._page_number = 0
        self._granule = 0
        self.samples = 0
        """Of all packets that were added, at 48 kHz, the pre-skip among them."""

    @property
    def channels(self) -> int:
        """As the header says."""
        return self._head.channels

    @property
    def has_begun(self) -> bool:
        """Whether anything of it is written."""
        return self._page_number > 0

    @property
    def waiting_bytes(self) -> int:
        """Of packets that are not written yet."""
        return sum(len(packet) for packet, _ in self._waiting)

    def add(self, packet: bytes, samples: int) -> None:
        """A packet that lasts ``samples``; writes a page if that is full. Raises what ``append`` raises."""
        segments = sum(segments_of(each) for each, _ in self._waiting) + segments_of(packet)
        if self._waiting_samples + samples > PAGE_SAMPLES or segments > MAX_SEGMENTS:
            self._write(len(self._waiting))
        self._waiting.append((packet, samples))
        self.samples += samples

    def flush(self) -> None:
        """Write what there is but for the newest packet, because time has gone by without filling a page.

        Not as long as it may turn out that nothing will come: then the pre-skip is what there is.
        """
        if self.samples > self._head.pre_skip:
            self._write(len(self._waiting) - 1)

    def close(self) -> None:
        """Write the last page. Of a stream that is shorter than its pre-skip nothing is played."""
        self._write(len(self._waiting), is_last=True)

    @property
    def _waiting_samples(self) -> int:
        return sum(samples for _, samples in self._waiting)

    def _write(self, count: int, *, is_last: bool = False) -> None:
        """A page of the oldest ``count`` packets, behind the headers if it is the first one, in one piece."""
        if count <= 0:
            return
        data = b"" if self.has_begun else self._headers(is_all=is_last)
        first = 2 if data else self._page_number
        granule = self._granule + sum(samples for _, samples in self._waiting[:count])
        packets = [packet for packet, _ in self._waiting[:count]]
        self._append(data + page(packets, self._serial, first, granule, is_last=is_last))
        self._granule, self._page_number = granule, first + 1
        del self._waiting[:count]

    def _headers(self, *, is_all: bool) -> bytes:
        """Each on a page of its own (RFC 7845 §3), with a granule position of zero."""
        # An end before the pre-skip is over is an error (RFC 7845 §4.5).
        head = replace(self._head, pre_skip=min(self._head.pre_skip, self.samples)) if is_all else self._head
        return page([head.packed()], self._serial, 0, 0, is_first=True) + page(
            [opus_tags(self._comments)], self._serial, 1, 0
        )
