"""One timeline of PCM, encoded once for each setting that listeners asked for when they came.

A listener that changes its settings later takes a copy of its encoder along. It could join the listeners who have
these settings already, but their encoder's past is not what its own decoder has heard. Measured on a voice at
64 kbit/s, going from 20 to 2.5 ms, the loudest 5 ms of error relative to the signal: 8.2 so, 5.5 with a new encoder
that was shown the last 80 ms, 0.2 with the copy; and two codings of the same sound differ by 0.3. A packet of 20 ms
takes 0.07 ms to encode, so a copy for each listener is affordable.

Only the application cannot be changed in a copy: libopus refuses that after the first frame. There a new encoder takes
over (`OpusEncoder.take_over`), in media time without a seam; but where its look-ahead is another one, what is heard
moves by the difference: 4 ms are left out on the way to low delay, and put in on the way back.

All frames lie on one grid: 20 ms frames start at multiples of 20 ms from the grid's origin, those of 60 ms at
multiples of 60. So any two frame sizes have a common boundary at least every 120 ms, and there a listener changes
with neither a gap nor an overlap in its media time.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from core.opus.encoder import EncoderSettings, OpusEncoder
from core.opus.packet import SAMPLE_RATE_HZ, parse_packet
from core.server.fan_out import FanOut, Recipient
from core.server.history import History
from core.server.operation.histogram import Histogram
from core.server.packets import EncodedPacket

Pcm16 = NDArray[np.int16]

_STEP_OF_NOBODY_MS: Final = 20
"""How far a timeline without listeners goes at once."""

_PAST_MS: Final = 60
"""What a new encoder is shown of the sound before it: a whole frame of any size. More made no difference."""


class Member(Recipient, Protocol):
    """Somebody who gets packets."""

    def in_force(self, settings: EncoderSettings, media_time: int) -> None:
        """The answer to `EncoderPool.move`: packets from ``media_time`` on (48 kHz samples) have ``settings``."""


_Member = TypeVar("_Member", bound=Member)


class _Group(Generic[_Member]):
    """One encoder, the frame it is filling, and its listeners."""

    def __init__(
        self, encoder: OpusEncoder, member: _Member, lead_ms: float, before: _Group[_Member] | None = None
    ) -> None:
        """``before`` is the group that ``member`` leaves: numbers and marks go on from there."""
        self.encoder = encoder
        self.history = History(lead_ms)
        self.members = FanOut()
        self.members.add(member)
        self.is_shared = before is None
        """Whether others may join: not once its encoder was changed on the way, or isn't a new one."""
        self.filled = 0
        self._frame = self._empty_frame()
        self._start = 0
        self._capture_time_ns = 0
        self._number = secrets.randbits(16)
        self._is_silent = False
        self._expected_media_time: int | None = None
        if before is not None:
            self._number, self._is_silent = before._number, before._is_silent
            self._expected_media_time = before._expected_media_time
        self._units_per_sample = SAMPLE_RATE_HZ // encoder.settings.sample_rate
        self.encode_s: Histogram | None = None
        """How long each packet takes, where somebody wants to know."""

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
        began_s = time.perf_counter()
        payload = self.encoder.encode(self._frame)
        if self.encode_s is not None:
            self.encode_s.observe(time.perf_counter() - began_s)
        is_silence = self.encoder.settings.dtx and parse_packet(payload).is_dtx
        media_time = self._start * self._units_per_sample
        duration = len(self._frame) * self._units_per_sample
        packet = EncodedPacket(
            payload=payload,
            number=self._number,
            media_time=media_time,
            duration=duration,
            capture_time_ns=self._capture_time_ns,
            begins_talk=media_time != self._expected_media_time or (self._is_silent and not is_silence),
        )
        self._number = (self._number + 1) & 0xFFFF
        self._expected_media_time = media_time + duration
        self._is_silent = is_silence
        self.history.add(packet)
        self.members.send(packet)

    def _empty_frame(self) -> Pcm16:
        return np.zeros((self.encoder.settings.frame_samples, self.encoder.settings.channels), dtype=np.int16)


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a member waits for: a group with these settings, whether it wants to be told, and what was before."""

    settings: EncoderSettings
    announce: bool
    wants_lead: bool = False


class EncoderPool(Generic[_Member]):
    """The groups of one running stream. All positions are samples at the stream's rate since it started."""

    def __init__(self, sample_rate: int, lead_ms: float = 0.0, encode_s: Histogram | None = None) -> None:
        """``lead_ms`` is how much of the past is kept for those who want to begin with some; ``encode_s`` observes how
        long each packet takes to encode, in seconds.
        """
        self._lead_ms = lead_ms
        self._encode_s = encode_s
        self.position = 0
        """The next sample that `feed` takes."""
        self.sample_rate = sample_rate
        self._origin = 0
        self._groups: list[_Group[_Member]] = []
        self._group_of: dict[_Member, _Group[_Member]] = {}
        self._wishes: dict[_Member, _Wish] = {}
        self._past: Pcm16 | None = None
        """The last `_PAST_MS` up to `position`, silence where there was nothing; ``None`` before the first sample."""

    def join(self, member: _Member, settings: EncoderSettings, *, wants_lead: bool = False) -> None:
        """Deliver packets to ``member`` from the next packet boundary of its settings on, 60 ms away at most.

        With ``wants_lead`` the newest ones before that come first, if others hear the same encoder already.
        """
        self._wishes[member] = _Wish(settings, announce=False, wants_lead=wants_lead)

    def move(self, member: _Member, settings: EncoderSettings) -> None:
        """Go over to other settings where packets of both begin, 120 ms away at most; `Member.in_force` says where.

        The last of several wishes counts. Sample rate and channels stay what they are.
        """
        self._wishes[member] = _Wish(settings, announce=True)

    def leave(self, member: _Member) -> None:
        """Deliver nothing more; harmless for one who isn't there."""
        self._wishes.pop(member, None)
        group = self._group_of.pop(member, None)
        if group is not None:
            group.members.remove(member)
            if not group.members:
                self._groups.remove(group)
                group.encoder.close()

    def settings_of(self, member: _Member) -> EncoderSettings | None:
        """The settings of the packets that ``member`` gets now; ``None`` before its first."""
        group = self._group_of.get(member)
        return None if group is None else group.encoder.settings

    @property
    def encoder_count(self) -> int:
        """How many encoders are at work."""
        return len(self._groups)

    def next_step(self) -> int:
        """Samples up to the next packet boundary of anybody: what to `feed` next so that no packet waits."""
        self._fulfil_wishes()
        steps = [group.missing for group in self._groups]
        steps += [self._to_boundary(wish.settings) for wish in self._wishes.values()]
        return min(steps, default=self.sample_rate * _STEP_OF_NOBODY_MS // 1000)

    def feed(self, pcm: Pcm16, capture_time_ns: int) -> None:
        """Encode samples of shape (frames, channels), the first of which was captured at ``capture_time_ns``."""
        at = 0
        while at < len(pcm):
            piece = pcm[at : at + self.next_step()]
            piece_time_ns = capture_time_ns + at * 1_000_000_000 // self.sample_rate
            for group in self._groups:
                group.append(piece, self.position, piece_time_ns)
            self._remember(piece)
            self.position += len(piece)
            at += len(piece)

    def flush(self) -> None:
        """Deliver all begun frames, padded with zeros: the source paused or ended."""
        padded = [group.missing for group in self._groups if group.filled]
        for group in self._groups:
            group.pad()
            group.history.clear()
        # Behind the padding of the longest frame, or what is fed after this would overlap it.
        self.resume_at(self.position + max(padded, default=0))

    def settle(self) -> None:
        """Fulfil the wishes that can be fulfilled here: after `flush` all of them, long before the next `feed`."""
        self._fulfil_wishes()

    def resume_at(self, position: int) -> None:
        """Go on at a later position after `flush`; the grid starts anew there."""
        if position > self.position:
            self._past = None  # What comes in between is silence.
        self.position = max(self.position, position)
        self._origin = self.position

    def close(self) -> None:
        """Free all encoders."""
        for group in self._groups:
            group.members.clear()
            group.encoder.close()
        self._groups.clear()
        self._group_of.clear()
        self._wishes.clear()

    def _remember(self, piece: Pcm16) -> None:
        size = self.sample_rate * _PAST_MS // 1000
        if self._past is None:
            self._past = np.zeros((size, piece.shape[1]), dtype=np.int16)
        self._past = np.concatenate((self._past, piece))[-size:]

    def _to_boundary(self, settings: EncoderSettings) -> int:
        frame = settings.frame_samples
        return frame - (self.position - self._origin) % frame

    def _fulfil_wishes(self) -> None:
        for member, wish in list(self._wishes.items()):
            group = self._group_of.get(member)
            on_target_grid = (self.position - self._origin) % wish.settings.frame_samples == 0
            if not on_target_grid or (group is not None and group.filled):
                continue
            del self._wishes[member]
            if group is None:
                self._admit(member, wish)
            else:
                self._change(member, group, wish.settings)
            if wish.announce:
                member.in_force(wish.settings, self.position * (SAMPLE_RATE_HZ // self.sample_rate))

    def _admit(self, member: _Member, wish: _Wish) -> None:
        for group in self._groups:
            if group.is_shared and group.encoder.settings == wish.settings:
                group.members.add(member)
                self._group_of[member] = group
                for packet in group.history if wish.wants_lead else ():
                    member.deliver(packet)
                return
        self._add(_Group(OpusEncoder(wish.settings), member, self._lead_ms), member)

    def _change(self, member: _Member, group: _Group[_Member], settings: EncoderSettings) -> None:
        if settings == group.encoder.settings:
            return
        if settings.application is not group.encoder.settings.application:
            encoder = self._successor(settings)
        elif len(group.members) > 1:
            encoder = group.encoder.clone()
            encoder.configure(settings)
        else:
            group.is_shared = False
            group.configure(settings)
            return
        self.leave(member)
        self._add(_Group(encoder, member, self._lead_ms, before=group), member)

    def _add(self, group: _Group[_Member], member: _Member) -> None:
        group.encode_s = self._encode_s
        self._groups.append(group)
        self._group_of[member] = group

    def _successor(self, settings: EncoderSettings) -> OpusEncoder:
        """A new encoder for somebody whose decoder has heard another one up to here."""
        encoder = OpusEncoder(settings)
        silence = np.zeros((self.sample_rate * _PAST_MS // 1000, settings.channels), dtype=np.int16)
        encoder.take_over(silence if self._past is None else self._past)
        return encoder
