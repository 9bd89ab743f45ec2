"""One encoder and all who hear it."""

from __future__ import annotations

import secrets
import time
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from core.opus.encoder import EncoderSettings, OpusEncoder
from core.opus.packet import SAMPLE_RATE_HZ, parse_packet
from core.server.fan_out import FanOut, Recipient
from core.server.history import History
from core.server.operation.histogram import Histogram
from core.server.packets import EncodedPacket

Pcm16 = NDArray[np.int16]


class Member(Recipient, Protocol):
    """Somebody who gets packets."""

    def moved(self) -> None:
        """The packets to come are another encoder's, which numbers them differently."""

    def in_force(self, settings: EncoderSettings, media_time: int) -> None:
        """The answer to `EncoderPool.move`: packets from ``media_time`` on (48 kHz samples) have ``settings``."""


MemberT = TypeVar("MemberT", bound=Member)


class EncoderGroup(Generic[MemberT]):
    """One encoder, the frame it is filling, and its listeners."""

    def __init__(
        self,
        encoder: OpusEncoder,
        member: MemberT,
        lead_ms: float,
        position: int,
        before: EncoderGroup[MemberT] | None = None,
    ) -> None:
        """``before`` is the group that ``member`` leaves: numbers and marks go on from there."""
        self.encoder = encoder
        self.since = position
        """Where on the timeline its settings became what they are."""
        self.is_new = before is None
        """Whether its encoder has had no other settings."""
        self.history = History(lead_ms)
        self.members = FanOut()
        self.members.add(member)
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

    def configure(self, settings: EncoderSettings, position: int) -> None:
        """Other settings from this packet boundary on."""
        self.encoder.configure(settings)
        self.since = position
        self.is_new = False
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
