"""One timeline of PCM, encoded once for each distinct setting.

All frames lie on one grid: a group with 20 ms frames starts them at multiples of 20 ms from the grid's origin, one
with 60 ms at multiples of 60. So two groups have a common packet boundary at the latest every 120 ms, and there a
listener can go over from one to the other with neither a gap nor an overlap in its media time.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from core.opus.encoder import EncoderSettings, OpusEncoder
from core.opus.packet import SAMPLE_RATE_HZ, parse_packet

Pcm16 = NDArray[np.int16]

PRIMING_MS: Final = 80
"""How much of the past a new encoder is shown before a listener goes over to it: its look-ahead (at most 6.5 ms) and
its predictors (long-term prediction reaches back some 20 ms) then hold what the old encoder's hold."""

_HISTORY_MS: Final = 120
"""The least number of whole frames of any size that holds `PRIMING_MS` fits into this."""


@dataclass(frozen=True, slots=True)
class EncodedPacket:
    """One Opus packet and where it belongs."""

    payload: bytes
    media_time: int
    """Position of the first sample on the stream's timeline, in samples at 48 kHz."""
    duration: int
    """In samples at 48 kHz."""
    capture_time_ns: int
    """Monotonic time at which the first sample was captured."""
    after_silence: bool = False
    """The first packet of sound after packets that discontinuous transmission left empty."""


class Member(Protocol):
    """Somebody who gets packets."""

    def deliver(self, packet: EncodedPacket) -> None:
        """Take one packet; called in the order of media time."""

    def in_force(self, settings: EncoderSettings, media_time: int) -> None:
        """The answer to `EncoderPool.move`: packets from ``media_time`` on (48 kHz samples) have ``settings``."""


_Member = TypeVar("_Member", bound=Member)


class _Group(Generic[_Member]):
    """One encoder, the frame it is filling, and its listeners."""

    def __init__(self, encoder: OpusEncoder) -> None:
        self.members: list[_Member] = []
        self.filled = 0
        self.encoder = encoder
        self._frame = self._empty_frame()
        self._start = 0
        self._capture_time_ns = 0
        self._is_silent = False
        self._units_per_sample = SAMPLE_RATE_HZ // encoder.settings.sample_rate

    @property
    def missing(self) -> int:
        """Samples up to the end of the frame."""
        return len(self._frame) - self.filled

    def configure(self, settings: EncoderSettings) -> None:
        """Other settings from this packet boundary on."""
        self.encoder.configure(settings)
        self._frame = self._empty_frame()

    def append(self, pcm: Pcm16, position: int, capture_time_ns: int) -> None:
        """Add at most `missing` samples; the frame they complete is delivered."""
        if self.filled == 0:
            self._start = position
            self._capture_time_ns = capture_time_ns
        self._frame[self.filled : self.filled + len(pcm)] = pcm
        self.filled += len(pcm)
        if self.missing == 0:
            self._emit()

    def pad(self) -> None:
        """Deliver a frame that was begun, with zeros in place of what is missing."""
        if self.filled:
            self._frame[self.filled :] = 0
            self._emit()

    def _emit(self) -> None:
        self.filled = 0
        payload = self.encoder.encode(self._frame)
        is_silence = self.encoder.settings.dtx and parse_packet(payload).is_dtx
        packet = EncodedPacket(
            payload=payload,
            media_time=self._start * self._units_per_sample,
            duration=len(self._frame) * self._units_per_sample,
            capture_time_ns=self._capture_time_ns,
            after_silence=self._is_silent and not is_silence,
        )
        self._is_silent = is_silence
        for member in self.members:
            member.deliver(packet)

    def _empty_frame(self) -> Pcm16:
        return np.zeros((self.encoder.settings.frame_samples, self.encoder.settings.channels), dtype=np.int16)


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a member waits for: a group with these settings, and whether it wants to be told."""

    settings: EncoderSettings
    announce: bool


class EncoderPool(Generic[_Member]):
    """The groups of one running stream. All positions are samples at the stream's rate since it started."""

    def __init__(self, sample_rate: int) -> None:
        self.position = 0
        """The next sample that `feed` takes."""
        self.sample_rate = sample_rate
        self._origin = 0
        self._groups: dict[EncoderSettings, _Group[_Member]] = {}
        self._wishes: dict[_Member, _Wish] = {}
        self._history: deque[Pcm16] = deque()
        self._history_frames = 0

    def join(self, member: _Member, settings: EncoderSettings) -> None:
        """Deliver packets to ``member`` from the next packet boundary of its settings on, 60 ms away at most."""
        self._wishes[member] = _Wish(settings, announce=False)

    def move(self, member: _Member, settings: EncoderSettings) -> None:
        """Go over to other settings where packets of both begin, 120 ms away at most; `Member.in_force` says where.

        The last of several wishes counts. ``settings`` differ from those before in nothing that needs another kind
        of stream: rate, channels and application stay.
        """
        self._wishes[member] = _Wish(settings, announce=True)

    def leave(self, member: _Member) -> None:
        """Deliver nothing more; harmless for one who isn't there."""
        self._wishes.pop(member, None)
        group = self._group_of(member)
        if group is not None:
            self._remove(member, group)

    def settings_of(self, member: _Member) -> EncoderSettings | None:
        """The settings of the packets that ``member`` gets now; ``None`` before its first."""
        group = self._group_of(member)
        return None if group is None else group.encoder.settings

    def next_step(self) -> int:
        """Samples up to the next packet boundary of anybody: what to `feed` next so that no packet waits."""
        self._fulfil_wishes()
        steps = [group.missing for group in self._groups.values()]
        steps += [self._to_boundary(wish.settings) for wish in self._wishes.values()]
        return min(steps, default=self.sample_rate // 50)

    def feed(self, pcm: Pcm16, capture_time_ns: int) -> None:
        """Encode samples of shape (frames, channels), the first of which was captured at ``capture_time_ns``."""
        at = 0
        while at < len(pcm):
            piece = pcm[at : at + self.next_step()]
            piece_time_ns = capture_time_ns + at * 1_000_000_000 // self.sample_rate
            for group in self._groups.values():
                group.append(piece, self.position, piece_time_ns)
            self._remember(piece)
            self.position += len(piece)
            at += len(piece)

    def flush(self) -> None:
        """Deliver all begun frames, padded with zeros: the source paused or ended."""
        missing = [group.missing for group in self._groups.values() if group.filled]
        for group in self._groups.values():
            group.pad()
        # Feeding after this without `resume_at` would make packets that overlap the padding of the longest frame.
        self.resume_at(self.position + max(missing, default=0))

    def resume_at(self, position: int) -> None:
        """Go on at a later position after `flush`; the grid starts anew there."""
        self.position = max(self.position, position)
        self._origin = self.position
        self._history.clear()
        self._history_frames = 0

    def close(self) -> None:
        """Free all encoders."""
        for group in self._groups.values():
            group.encoder.close()
        self._groups.clear()
        self._wishes.clear()

    def _group_of(self, member: _Member) -> _Group[_Member] | None:
        return next((group for group in self._groups.values() if member in group.members), None)

    def _to_boundary(self, settings: EncoderSettings) -> int:
        frame = settings.frame_samples
        return frame - (self.position - self._origin) % frame

    def _fulfil_wishes(self) -> None:
        for member, wish in list(self._wishes.items()):
            group = self._group_of(member)
            on_target_grid = (self.position - self._origin) % wish.settings.frame_samples == 0
            if not on_target_grid or (group is not None and group.filled):
                continue
            del self._wishes[member]
            self._put(member, group, wish.settings)
            if wish.announce:
                member.in_force(wish.settings, self.position * (SAMPLE_RATE_HZ // self.sample_rate))

    def _put(self, member: _Member, old: _Group[_Member] | None, settings: EncoderSettings) -> None:
        """Into the group for ``settings``; there is one, or the old one becomes it, or a new one is made."""
        target = self._groups.get(settings)
        if target is old and old is not None:
            return
        if target is None and old is not None and old.members == [member]:
            # Nobody else hears it, so the encoder itself can go on with other settings: no seam at all.
            del self._groups[old.encoder.settings]
            old.configure(settings)
            self._groups[settings] = old
            return
        if target is None:
            target = self._groups[settings] = _Group(OpusEncoder(settings))
            if old is not None:
                self._prime(target.encoder)
        if old is not None:
            self._remove(member, old)
        target.members.append(member)

    def _remove(self, member: _Member, group: _Group[_Member]) -> None:
        group.members.remove(member)
        if not group.members:
            del self._groups[group.encoder.settings]
            group.encoder.close()

    def _prime(self, encoder: OpusEncoder) -> None:
        """Encode the recent past up to now, and throw the packets away."""
        frame = encoder.settings.frame_samples
        wanted = -(-PRIMING_MS * self.sample_rate // (1000 * frame))
        available = self._history_frames // frame
        frames = min(wanted, available)
        if frames == 0:
            return
        past = np.concatenate(self._history)[-frames * frame :]
        for at in range(0, len(past), frame):
            encoder.encode(past[at : at + frame])

    def _remember(self, pcm: Pcm16) -> None:
        self._history.append(pcm)
        self._history_frames += len(pcm)
        while self._history_frames - len(self._history[0]) >= _HISTORY_MS * self.sample_rate // 1000:
            self._history_frames -= len(self._history.popleft())
