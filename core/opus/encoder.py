"""PCM to Opus packets, over opuslib's low-level functions."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core.opus.library import OpusLibrary, load_opus

FRAME_SIZES_MS: Final = (2.5, 5.0, 10.0, 20.0, 40.0, 60.0)
"""The frame sizes of RFC 6716 §2.1.4."""

SAMPLE_RATES_HZ: Final = (8_000, 12_000, 16_000, 24_000, 48_000)
"""The input rates that opus_encoder_create takes."""

MIN_BITRATE: Final = 6_000
MAX_BITRATE: Final = 510_000
"""RFC 6716 §2.1.1, in bit/s."""

DEFAULT_COMPLEXITY: Final = 9
"""What libopus takes by itself (opus_encoder_init)."""

_MAX_PACKET_BYTES = 4_000
"""The buffer size that libopus' documentation recommends for opus_encode."""

_FEC_EXPECTED_LOSS_PERCENT = 20
"""libopus adds redundancy only if it is told to expect loss. Measured with libopus 1.6.1 on speech at 20 ms and its own
choice of bit rate: 24 kHz mono gets none at 5 % and all of it at 20 %."""

_SET_PREDICTION_DISABLED = 4042
"""OPUS_SET_PREDICTION_DISABLED_REQUEST of opus_defines.h; opuslib has no function for it."""


class Application(Enum):
    """What the encoder is tuned for; the values are libopus' OPUS_APPLICATION_* numbers."""

    VOIP = 2048
    AUDIO = 2049
    LOWDELAY = 2051

    @property
    def label(self) -> str:
        """Its name in messages, addresses and options: ``voip``, ``audio``, ``lowdelay``."""
        return self.name.lower()

    @classmethod
    def named(cls, label: str) -> Application:
        """The one that has this `label`.

        Raises:
            EncoderSettingsError: none has.
        """
        for application in cls:
            if application.label == label:
                return application
        accepted = ", ".join(application.label for application in cls)
        raise EncoderSettingsError(f"application {label[:40]!r} is not possible; accepted: {accepted}")

    @property
    def look_ahead_ms(self) -> float:
        """Delay the encoder adds beside the frame: 6.5 ms, or 2.5 ms where SILK is off (RFC 6716 §2.1.4, libopus)."""
        return 2.5 if self is Application.LOWDELAY else 6.5


class EncoderSettingsError(ValueError):
    """A setting that Opus does not have; the message says what would be accepted."""


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """What distinguishes one encoding of a stream from another. Listeners with equal settings can share packets.

    ``bitrate`` is bit/s, or ``None`` for libopus' own choice; ``expected_loss_pct`` is the share of packets that the
    encoder prepares to lose, ``None`` for 20 with FEC and 0 without. Without an argument this is the encoder of the
    strategy document: 24 kHz, mono, 20 ms, AUDIO, everything else as libopus has it.
    """

    sample_rate: int = 24_000
    channels: int = 1
    frame_ms: float = 20.0
    application: Application = Application.AUDIO
    bitrate: int | None = None
    complexity: int | None = None
    fec: bool = False
    dtx: bool = False
    expected_loss_pct: int | None = None

    def __post_init__(self) -> None:
        """Refuse what Opus cannot do.

        Raises:
            EncoderSettingsError: a value outside of what RFC 6716 and libopus take.
        """
        _require(self.sample_rate in SAMPLE_RATES_HZ, "sample_rate", self.sample_rate, SAMPLE_RATES_HZ)
        _require(self.channels in (1, 2), "channels", self.channels, (1, 2))
        _require(self.frame_ms in FRAME_SIZES_MS, "frame_ms", self.frame_ms, FRAME_SIZES_MS)
        if self.bitrate is not None and not MIN_BITRATE <= self.bitrate <= MAX_BITRATE:
            raise EncoderSettingsError(
                f"bitrate {self.bitrate} is not possible; accepted: {MIN_BITRATE} to {MAX_BITRATE} bit/s"
            )
        if self.complexity is not None and not 0 <= self.complexity <= 10:
            raise EncoderSettingsError(f"complexity {self.complexity} is not possible; accepted: 0 to 10")
        if self.expected_loss_pct is not None and not 0 <= self.expected_loss_pct <= 100:
            raise EncoderSettingsError(
                f"expected_loss_pct {self.expected_loss_pct} is not possible; accepted: 0 to 100 per cent"
            )

    @property
    def prepares_for_pct(self) -> int:
        """The loss in per cent that libopus is told to expect."""
        if self.expected_loss_pct is not None:
            return self.expected_loss_pct
        return _FEC_EXPECTED_LOSS_PERCENT if self.fec else 0

    @property
    def frame_samples(self) -> int:
        """Samples of one frame at ``sample_rate``."""
        return round(self.frame_ms * self.sample_rate / 1000)

    @property
    def effective_complexity(self) -> int:
        """``complexity``, or what libopus takes by itself."""
        return DEFAULT_COMPLEXITY if self.complexity is None else self.complexity

    @property
    def nominal_bitrate(self) -> int:
        """Bit/s that are aimed at: ``bitrate``, or what libopus chooses by itself."""
        coded_samples = min(self.frame_samples, self.sample_rate // 50)
        return round(_coded_frame_bits(self) * self.sample_rate / coded_samples)


def _coded_frame_bits(settings: EncoderSettings) -> float:
    """What libopus budgets for one frame as it codes it (longer ones than 20 ms are split into such)."""
    frame_samples = min(settings.frame_samples, settings.sample_rate // 50)
    if settings.bitrate is None:
        # libopus' own choice (user_bitrate_to_bitrate): 60 bits a frame and one a sample.
        return 60 + frame_samples * settings.channels
    return settings.bitrate * frame_samples / settings.sample_rate


def _require(fine: bool, name: str, value: float, accepted: tuple[float, ...]) -> None:
    if not fine:
        raise EncoderSettingsError(
            f"{name} {value:g} is not possible; accepted: {', '.join(f'{choice:g}' for choice in accepted)}"
        )


class OpusEncoder:
    """One encoder state; the frame size may change from packet to packet, everything else at `configure`."""

    def __init__(self, settings: EncoderSettings, library: OpusLibrary | None = None) -> None:
        """Create the encoder.

        Raises:
            OpusLibraryError: libopus cannot be loaded.
        """
        self._library = library or load_opus()
        api = self._library.encoder_api
        self._encode = api.libopus_encode
        self._pcm_pointer_type = self._encode.argtypes[1]
        self._state = api.create_state(settings.sample_rate, settings.channels, settings.application.value)
        self._packet = ctypes.create_string_buffer(_MAX_PACKET_BYTES)
        self._default_complexity = api.encoder_ctl(self._state, self._library.ctl.get_complexity)
        self.settings = settings
        self._reservoir_bits = 0.0
        self._is_apart = False
        """Whether the next packet is to depend on none before it."""
        self._apply(settings)

    def clone(self) -> OpusEncoder:
        """A second encoder that has coded what this one has, and goes on independently.

        libopus promises that its state is one block, and that a shallow copy of it is a copy (opus.h).
        """
        twin = OpusEncoder(self.settings, self._library)
        size = self._library.encoder_api.get_size(self.settings.channels)
        ctypes.memmove(twin._open_state(), self._open_state(), size)
        twin._reservoir_bits = self._reservoir_bits
        twin._is_apart = self._is_apart
        return twin

    def take_over(self, past: NDArray[np.int16]) -> None:
        """Go on where another encoder stops: learn ``past``, the sound up to there, of shape (frames, channels).

        The packets of the past are thrown away, and the next one depends on none of them, since the decoder has not
        seen them. A new encoder without a past begins with silence, which the decoder adds to what it heard before.
        Measured with libopus 1.6.1 as the highest peak after a change of application, relative to the sound's own: a
        tone 6.0 with neither, 2.3 with a past of 60 ms alone, 1.4 with both.
        """
        size = self.settings.frame_samples
        for start in range(len(past) % size, len(past), size):
            self.encode(past[start : start + size])
        self._set_apart(True)

    def _set_apart(self, is_apart: bool) -> None:
        self._ctl(self._library.ctl.ctl_set(_SET_PREDICTION_DISABLED), int(is_apart))
        self._is_apart = is_apart

    def configure(self, settings: EncoderSettings) -> None:
        """Continue with other settings from the next packet on; the decoder hears no seam.

        After a change to less bits a frame, the encoder works at a constant bit rate until the frame is as large
        again. At its usual, constrained variable rate it would first pay back what larger frames had borrowed:
        measured with libopus 1.6.1, a change from 20 to 2.5 ms gave 20 ms of packets with 3 bytes, louder in error
        than the signal itself.

        Raises:
            EncoderSettingsError: sample rate, channels or application differ; those need a new encoder.
        """
        old = self.settings
        if (settings.sample_rate, settings.channels, settings.application) != (
            old.sample_rate,
            old.channels,
            old.application,
        ):
            raise EncoderSettingsError(
                "sample rate, channels and application cannot change while an encoder runs; start a new one"
            )
        self._apply(settings)
        self.settings = settings

    def _apply(self, settings: EncoderSettings) -> None:
        ctl = self._library.ctl
        # libopus' OPUS_AUTO (-1000) gives the bit rate back to the encoder.
        self._ctl(ctl.set_bitrate, settings.bitrate if settings.bitrate is not None else -1000)
        complexity = settings.complexity
        self._ctl(ctl.set_complexity, self._default_complexity if complexity is None else complexity)
        self._ctl(ctl.set_inband_fec, int(settings.fec))
        self._ctl(ctl.set_packet_loss_perc, settings.prepares_for_pct)
        self._ctl(ctl.set_dtx, int(settings.dtx))
        bits = _coded_frame_bits(settings)
        is_variable = bits >= self._reservoir_bits
        self._ctl(ctl.set_vbr, int(is_variable))
        if is_variable:
            self._reservoir_bits = bits

    def _ctl(self, request: object, value: int) -> None:
        self._library.encoder_api.encoder_ctl(self._open_state(), request, value)

    def _open_state(self) -> Any:
        """The C state; libopus itself would crash the process where there is none."""
        if self._state is None:
            raise ValueError("the encoder is closed")
        return self._state

    def encode(self, pcm: NDArray[np.int16]) -> bytes:
        """One packet of one frame. ``pcm`` is int16 of shape (frames, channels) at the encoder's sample rate.

        16-bit input on purpose: libopus codes it as 16 bits deep, which makes the packets those of the strategy
        document's server, byte for byte.

        Raises:
            ValueError: the shape is not that of one frame with the settings in force, or the encoder is closed.
        """
        state = self._open_state()
        expected = (self.settings.frame_samples, self.settings.channels)
        if pcm.shape != expected or pcm.dtype != np.int16:
            raise ValueError(f"a frame is int16 of shape {expected}, this is {pcm.dtype} of shape {pcm.shape}")
        contiguous = np.ascontiguousarray(pcm)
        length = self._encode(
            state,
            contiguous.ctypes.data_as(self._pcm_pointer_type),
            contiguous.shape[0],
            self._packet,
            _MAX_PACKET_BYTES,
        )
        if length < 0:
            raise ValueError(f"libopus could not encode a frame (error {length})")
        if self._is_apart:
            self._set_apart(False)
        return self._packet.raw[:length]

    def close(self) -> None:
        """Free the C state."""
        if self._state is not None:
            self._library.encoder_api.destroy(self._state)
            self._state = None
