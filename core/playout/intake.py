"""Packets to PCM, in order: inspected, gaps filled (from in-band FEC where it is sent, else concealed), decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from core.opus.decoder import DecodeError, OpusDecoder, Pcm
from core.opus.media import MediaPacket
from core.opus.packet import SAMPLES_PER_MS, MalformedPacketError, PacketInfo, parse_packet
from core.playout.windows import FADE_SAMPLES, rising_fade

MAX_GAP_CONCEALED_SAMPLES: Final = 60 * SAMPLES_PER_MS
"""A longer gap is shortened to this: invented audio beyond three usual frames tells nothing and costs delay."""

_CONCEAL_STEP_SAMPLES: Final = 10 * SAMPLES_PER_MS


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one packet."""

    info: PacketInfo | None
    """``None`` when it could not be read."""
    problem: str | None
    """One line about a malformed, duplicate or refused packet; ``None`` when all is well."""
    pcm: Pcm
    """Shape (frames, channels): what to append; empty for a duplicate. Valid until the next packet."""
    gap_samples: int
    """How many frames at the start of ``pcm`` stand for packets that are missing; this packet's own come after."""
    concealed_samples: int
    """How many frames of ``pcm`` were concealed rather than received."""
    packets_lost: int
    media_jump_samples: int = 0
    """Media time before ``pcm`` that nothing stands for: a pause of the source, or a gap too long to be filled."""
    recovered_samples: int = 0
    """How many frames of ``pcm`` came from in-band FEC."""
    is_discarded: bool = False


class Intake:
    """Keeps sequence and decoder in step. Not thread-safe."""

    def __init__(self, decoder: OpusDecoder) -> None:
        """Start of a stream."""
        self._decoder = decoder
        self._nothing: Pcm = np.zeros((0, decoder.channels), dtype=np.float32)
        self._last_sequence_number: int | None = None
        self._next_timestamp: int | None = None
        self._last_duration = 20 * SAMPLES_PER_MS

    def restart(self) -> Pcm:
        """Another stream begins: no gap is counted towards it, and the decoder forgets the old one.

        Returns the end of the old one, faded out: 5 ms to be played after what was decoded of it.
        """
        self._last_sequence_number = None
        self._next_timestamp = None
        ending = self._decoder.conceal(_CONCEAL_STEP_SAMPLES)[:FADE_SAMPLES] * (1 - rising_fade(FADE_SAMPLES))
        self._decoder.reset()
        return ending

    def take(self, packet: MediaPacket) -> Taken:
        """Decode one packet with what has to be concealed before it."""
        missing = self._missing_packets(packet)
        if missing is None:
            return Taken(None, "a packet came twice or too late in sequence", self._nothing, 0, 0, 0, is_discarded=True)
        silent_samples = self._silent_samples(packet, missing)
        gap_samples = min(silent_samples, MAX_GAP_CONCEALED_SAMPLES) if missing else 0
        jump_samples = silent_samples - gap_samples
        try:
            info = parse_packet(packet.payload)
            # libopus takes the copy of a whole frame, or conceals.
            recovered_samples = info.frame_samples if info.has_fec and gap_samples >= info.frame_samples else 0
            gap = self._conceal(gap_samples - recovered_samples)
            if recovered_samples:
                gap = np.concatenate((gap, self._decoder.recover(packet.payload, recovered_samples)))
            decoded = self._decoder.decode(packet.payload)
        except (MalformedPacketError, DecodeError) as error:
            # It was meant to be audio of about the usual length: keep the time, conceal the content.
            pcm = self._conceal(gap_samples + self._last_duration)
            self._follow(packet, self._last_duration)
            return Taken(None, str(error), pcm, gap_samples, len(pcm), missing, jump_samples)
        self._last_duration = info.duration_samples
        self._follow(packet, info.duration_samples)
        pcm = np.concatenate((gap, decoded)) if len(gap) else decoded
        concealed_samples = gap_samples - recovered_samples
        return Taken(info, None, pcm, gap_samples, concealed_samples, missing, jump_samples, recovered_samples)

    def _missing_packets(self, packet: MediaPacket) -> int | None:
        """How many sequence numbers were left out before this packet; ``None`` if it is an old one."""
        if packet.sequence_number is None or self._last_sequence_number is None:
            return 0
        missing = packet.sequence_number - self._last_sequence_number - 1
        return missing if missing >= 0 else None

    def _silent_samples(self, packet: MediaPacket, missing: int) -> int:
        """The media time between the packet before and this one."""
        if packet.media_timestamp is not None and self._next_timestamp is not None:
            return max(0, packet.media_timestamp - self._next_timestamp)
        return missing * self._last_duration

    def _conceal(self, samples: int) -> Pcm:
        if samples <= 0:
            return self._nothing
        steps = -(-samples // _CONCEAL_STEP_SAMPLES)
        return np.concatenate([self._decoder.conceal(_CONCEAL_STEP_SAMPLES).copy() for _ in range(steps)])[:samples]

    def _follow(self, packet: MediaPacket, duration: int) -> None:
        self._last_sequence_number = packet.sequence_number
        if packet.media_timestamp is not None:
            self._next_timestamp = packet.media_timestamp + duration
