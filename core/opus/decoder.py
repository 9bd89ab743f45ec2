"""Opus packets to 48 kHz float PCM, over opuslib's low-level functions.

The high-level `opuslib.Decoder` allocates a Python list of every sample; this one decodes into a
buffer that it keeps, so a packet costs one C call and one NumPy view.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from core.opus.library import OpusLibrary, load_opus
from core.opus.packet import MAX_PACKET_SAMPLES, SAMPLE_RATE_HZ

Pcm = NDArray[np.float32]
"""PCM as it flows everywhere: 48 kHz float32, shape (frames, channels)."""

_CONCEALMENT_STEP = 120
"""The shortest frame of Opus, 2.5 ms at 48 kHz."""


class DecodeError(ValueError):
    """libopus refused a packet; the message holds its own words."""


class OpusDecoder:
    """One decoder state. Not thread-safe: whoever owns it holds a lock around each call."""

    def __init__(self, channels: int = 2, library: OpusLibrary | None = None) -> None:
        """Create a decoder with 1 or 2 output channels; Opus fits mono and stereo packets to either.

        Raises:
            OpusLibraryError: libopus cannot be loaded.
        """
        if channels not in (1, 2):
            raise ValueError(f"Opus decodes to 1 or 2 channels, not {channels}")
        self.channels = channels
        self._library = library or load_opus()
        api = self._library.decoder_api
        self._state = api.create_state(SAMPLE_RATE_HZ, channels)
        self._decode_float = api.libopus_decode_float
        self._pcm: Pcm = np.zeros((MAX_PACKET_SAMPLES, channels), dtype=np.float32)
        self._pcm_pointer = self._pcm.ctypes.data_as(api.libopus_decode_float.argtypes[3])

    def decode(self, packet: bytes) -> Pcm:
        """PCM of one packet, shape (frames, channels); valid until the next call.

        Raises:
            DecodeError: libopus refuses the packet, or it is empty (which to libopus means a lost one).
        """
        if not packet:
            raise DecodeError("an empty message is no Opus packet")
        return self._run(packet, MAX_PACKET_SAMPLES)

    def recover(self, packet: bytes, frames: int) -> Pcm:
        """The last ``frames`` samples before ``packet``, from the copy of low bit rate that it carries (in-band FEC).

        For a packet with LBRR frames (`PacketInfo.has_fec`) whose predecessor is missing; ``packet`` itself is decoded
        afterwards. ``frames`` is its predecessor's duration; what is not covered by the copy is concealed.

        Raises:
            DecodeError: libopus refuses the packet.
            ValueError: ``frames`` is no multiple of 120 up to 5760.
        """
        _check_duration(frames)
        return self._run(packet, frames, is_recovery=True)

    def conceal(self, frames: int) -> Pcm:
        """What libopus' packet loss concealment puts in place of the next ``frames`` samples.

        ``frames`` is a multiple of 120 (2.5 ms), as opus_decode asks for a missing packet, and at most 5760.

        Raises:
            ValueError: ``frames`` is none of these.
        """
        _check_duration(frames)
        return self._run(b"", frames)

    def _run(self, packet: bytes, frames: int, is_recovery: bool = False) -> Pcm:
        decoded = self._decode_float(
            self._open_state(), packet, len(packet), self._pcm_pointer, frames, int(is_recovery)
        )
        if decoded < 0:
            raise DecodeError(f"libopus refused a packet of {len(packet)} bytes: {self._error_text(decoded)}")
        return self._pcm[:decoded]

    def reset(self) -> None:
        """Forget the past, as at the start of a stream."""
        api = self._library.decoder_api
        api.decoder_ctl(self._open_state(), self._library.ctl.reset_state)

    def _open_state(self) -> Any:
        """The C state; libopus itself would crash the process where there is none."""
        if self._state is None:
            raise ValueError("the decoder is closed")
        return self._state

    def close(self) -> None:
        """Free the C state; called explicitly since finalisers at interpreter exit come too late."""
        if self._state is not None:
            self._library.decoder_api.destroy(self._state)
            self._state = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @staticmethod
    def _error_text(code: int) -> str:
        from opuslib.exceptions import OpusError

        return str(OpusError(code))


def _check_duration(frames: int) -> None:
    if frames % _CONCEALMENT_STEP or not 0 < frames <= MAX_PACKET_SAMPLES:
        raise ValueError(
            f"{frames} samples cannot be concealed; accepted: multiples of {_CONCEALMENT_STEP}"
            f" up to {MAX_PACKET_SAMPLES}"
        )
