"""One timeline of PCM, encoded once for each setting that listeners asked for when they came.

A listener that changes its settings later takes a copy of its encoder along. It could join the listeners who have
these settings already, but their encoder's past is not what its own decoder has heard. Measured on a voice at
64 kbit/s, going from 20 to 2.5 ms, the loudest 5 ms of error relative to the signal: 8.2 so, 5.5 with a new encoder
that was shown the last 80 ms, 0.2 with the copy; and two codings of the same sound differ by 0.3.

Pasts are forgotten: two encoders that have had the same settings for two seconds code nearly alike. Going from one to
the other then costs 0.02 (the median over a voice; 0.43 at worst), so they become one again: however many listeners
change their settings, there are soon no more encoders than settings.

Only the application cannot be changed in a copy: libopus refuses that after the first frame. There a new encoder takes
over (`OpusEncoder.take_over`), in media time without a seam; but where its look-ahead is another one, what is heard
moves by the difference: 4 ms are left out on the way to low delay, and put in on the way back.

All frames lie on one grid: 20 ms frames start at multiples of 20 ms from the grid's origin, those of 60 ms at
multiples of 60. So any two frame sizes have a common boundary at least every 120 ms, and there a listener changes
with neither a gap nor an overlap in its media time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Generic

import numpy as np

from core.opus.encoder import EncoderSettings, OpusEncoder
from core.opus.packet import SAMPLE_RATE_HZ
from core.server.encoder_budget import EncoderBudget, NoRoomError, cost
from core.server.encoder_group import EncoderGroup, MemberT, Pcm16
from core.server.operation.histogram import Histogram

_STEP_OF_NOBODY_MS: Final = 20
"""How far a timeline without listeners goes at once."""

_PAST_MS: Final = 60
"""What a new encoder is shown of the sound before it: a whole frame of any size. More made no difference."""

_ALIKE_AFTER_S: Final = 2.0
"""Two encoders with the same settings for so long can become one."""


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a member waits for: a group with these settings, whether it wants to be told, and what was before."""

    settings: EncoderSettings
    announce: bool
    wants_lead: bool = False
    joins: bool = False
    """Whether it goes to others who have these settings already, though its decoder has heard another past."""


class EncoderPool(Generic[MemberT]):
    """The groups of one running stream. All positions are samples at the stream's rate since it started."""

    def __init__(
        self,
        sample_rate: int,
        lead_ms: float = 0.0,
        encode_s: Histogram | None = None,
        budget: EncoderBudget | None = None,
    ) -> None:
        """``lead_ms`` is how much of the past is kept for those who want to begin with some; ``encode_s`` observes how
        long each packet takes to encode, in seconds; ``budget`` is asked before more encoders are made for members who
        change their settings.
        """
        self._budget = budget or EncoderBudget()
        self._look_at = 0
        """The position from which on encoders that have become alike are looked for."""
        self._lead_ms = lead_ms
        self._encode_s = encode_s
        self.position = 0
        """The next sample that `feed` takes."""
        self.sample_rate = sample_rate
        self._origin = 0
        self._groups: list[EncoderGroup[MemberT]] = []
        self._group_of: dict[MemberT, EncoderGroup[MemberT]] = {}
        self._wishes: dict[MemberT, _Wish] = {}
        self._past: Pcm16 | None = None
        """The last `_PAST_MS` up to `position`, silence where there was nothing; ``None`` before the first sample."""

    def join(self, member: MemberT, settings: EncoderSettings, *, wants_lead: bool = False) -> None:
        """Deliver packets to ``member`` from the next packet boundary of its settings on, 60 ms away at most.

        With ``wants_lead`` the newest ones before that come first, if others hear the same encoder already.
        """
        self._wishes[member] = _Wish(settings, announce=False, wants_lead=wants_lead)

    def move(self, member: MemberT, settings: EncoderSettings) -> None:
        """Go over to other settings where packets of both begin, 120 ms away at most; `Member.in_force` says where.

        The last of several wishes counts. Sample rate and channels stay what they are.

        Raises:
            NoRoomError: that would take one more encoder than there may be.
        """
        group = self._group_of.get(member)
        is_alone = group is not None and len(group.members) == 1
        joins = False
        if not self._budget.has_room(settings, group.encoder.settings if group is not None and is_alone else None):
            joins = settings in self._settings
            if not joins:
                raise NoRoomError
        self._wishes[member] = _Wish(settings, announce=True, joins=joins)

    def leave(self, member: MemberT) -> None:
        """Deliver nothing more; harmless for one who isn't there."""
        self._wishes.pop(member, None)
        group = self._group_of.pop(member, None)
        if group is not None:
            group.members.remove(member)
            if not group.members:
                self._groups.remove(group)
                group.encoder.close()

    def settings_of(self, member: MemberT) -> EncoderSettings | None:
        """The settings of the packets that ``member`` gets now; ``None`` before its first."""
        group = self._group_of.get(member)
        return None if group is None else group.encoder.settings

    @property
    def encoder_count(self) -> int:
        """How many encoders are at work."""
        return len(self._groups)

    @property
    def cost(self) -> float:
        """Of those at work and those that are wished for, as of `EncoderBudget`."""
        # Newcomers with the same settings share one, everybody else brings its own along.
        newcomers = {wish.settings for member, wish in self._wishes.items() if member not in self._group_of}
        wished = [wish.settings for member, wish in self._wishes.items() if member in self._group_of and not wish.joins]
        costly = [*(group.encoder.settings for group in self._groups), *(newcomers - self._settings), *wished]
        return sum(cost(settings) for settings in costly)

    @property
    def _settings(self) -> set[EncoderSettings]:
        return {group.encoder.settings for group in self._groups}

    def next_step(self) -> int:
        """Samples up to the next packet boundary of anybody: what to `feed` next so that no packet waits."""
        self._fulfil_wishes()
        if self.position >= self._look_at and not any(group.filled for group in self._groups):
            self._look_at = self.position + self.sample_rate
            self._unite()
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
                self._change(member, group, wish)
            if wish.announce:
                member.in_force(wish.settings, self.position * (SAMPLE_RATE_HZ // self.sample_rate))

    def _admit(self, member: MemberT, wish: _Wish) -> None:
        for group in self._groups:
            if group.encoder.settings == wish.settings and (group.is_new or self._is_settled(group)):
                group.members.add(member)
                self._group_of[member] = group
                for packet in group.history if wish.wants_lead else ():
                    member.deliver(packet)
                return
        self._add(EncoderGroup(OpusEncoder(wish.settings), member, self._lead_ms, self.position), member)

    def _change(self, member: MemberT, group: EncoderGroup[MemberT], wish: _Wish) -> None:
        settings = wish.settings
        if settings == group.encoder.settings:
            return
        others = [each for each in self._groups if wish.joins and each.encoder.settings == settings]
        if others:
            self._go_over(member, others[0])
            return
        if settings.application is not group.encoder.settings.application:
            encoder = self._successor(settings)
        elif len(group.members) > 1:
            encoder = group.encoder.clone()
            encoder.configure(settings)
        else:
            group.configure(settings, self.position)
            return
        self.leave(member)
        self._add(EncoderGroup(encoder, member, self._lead_ms, self.position, before=group), member)
        member.moved()

    def _unite(self) -> None:
        """Make one of encoders that have long had the same settings, at a packet boundary of all."""
        alike: dict[EncoderSettings, EncoderGroup[MemberT]] = {}
        into: dict[EncoderGroup[MemberT], EncoderGroup[MemberT]] = {}
        for group in self._groups:
            if self._is_settled(group):
                first = alike.setdefault(group.encoder.settings, group)
                if first is not group:
                    into[group] = first
        for member, group in list(self._group_of.items()) if into else ():
            if group in into and member not in self._wishes:
                self._go_over(member, into[group])

    def _is_settled(self, group: EncoderGroup[MemberT]) -> bool:
        return self.position - group.since >= self.sample_rate * _ALIKE_AFTER_S

    def _go_over(self, member: MemberT, group: EncoderGroup[MemberT]) -> None:
        self.leave(member)
        group.members.add(member)
        self._group_of[member] = group
        member.moved()

    def _add(self, group: EncoderGroup[MemberT], member: MemberT) -> None:
        group.encode_s = self._encode_s
        self._groups.append(group)
        self._group_of[member] = group

    def _successor(self, settings: EncoderSettings) -> OpusEncoder:
        """A new encoder for somebody whose decoder has heard another one up to here."""
        encoder = OpusEncoder(settings)
        silence = np.zeros((self.sample_rate * _PAST_MS // 1000, settings.channels), dtype=np.int16)
        encoder.take_over(silence if self._past is None else self._past)
        return encoder
