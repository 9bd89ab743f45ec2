"""libopus' own opinion of a packet, straight through ctypes: the reference for core.opus.packet."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cache
from typing import Any

from core.opus.encoder import OpusEncoder
from core.opus.library import load_opus

_MAX_FRAMES = 48
_BANDWIDTHS = {1101: "NB", 1102: "MB", 1103: "WB", 1104: "SWB", 1105: "FB"}
"""OPUS_BANDWIDTH_* of opus_defines.h."""
_MODES = {"SILK": 1000, "Hybrid": 1001, "CELT": 1002}
_SET_FORCE_MODE = 11002
"""MODE_* and OPUS_SET_FORCE_MODE of libopus' opus_private.h."""
_SET_BANDWIDTH = 4008


@dataclass(frozen=True, slots=True)
class Opinion:
    """What libopus reads from a packet that it accepts; ``has_lbrr`` is ``None`` before libopus 1.4."""

    frame_bytes: tuple[int, ...]
    frame_count: int
    frame_samples: int
    bandwidth: str
    channels: int
    has_lbrr: bool | None


def opinion_of(packet: bytes) -> Opinion | None:
    """libopus' reading of a packet of at least one byte, ``None`` if it refuses it. Samples count at 48 kHz."""
    library = raw_library()
    toc = ctypes.c_ubyte()
    frames = (ctypes.c_void_p * _MAX_FRAMES)()
    sizes = (ctypes.c_int16 * _MAX_FRAMES)()
    count = library.opus_packet_parse(packet, len(packet), ctypes.byref(toc), frames, sizes, None)
    if count < 0:
        return None
    return Opinion(
        frame_bytes=tuple(sizes[:count]),
        frame_count=library.opus_packet_get_nb_frames(packet, len(packet)),
        frame_samples=library.opus_packet_get_samples_per_frame(packet, 48_000),
        bandwidth=_BANDWIDTHS[library.opus_packet_get_bandwidth(packet)],
        channels=library.opus_packet_get_nb_channels(packet),
        has_lbrr=(
            bool(library.opus_packet_has_lbrr(packet, len(packet)))
            if hasattr(library, "opus_packet_has_lbrr")
            else None
        ),
    )


def force(encoder: OpusEncoder, mode: str, bandwidth: str) -> None:
    """Make an encoder code in ``mode`` (SILK, Hybrid, CELT) and ``bandwidth`` (NB to FB), whatever the signal."""
    library = raw_library()
    numbers = {number_of: number for number, number_of in _BANDWIDTHS.items()}
    assert library.opus_encoder_ctl(encoder._state, _SET_FORCE_MODE, _MODES[mode]) == 0
    assert library.opus_encoder_ctl(encoder._state, _SET_BANDWIDTH, numbers[bandwidth]) == 0


@cache
def raw_library() -> Any:
    """A handle of our own on the library in use, so that no argument type set here reaches opuslib's."""
    library = ctypes.CDLL(load_opus().path)
    library.opus_packet_parse.argtypes = [
        ctypes.c_char_p,
        ctypes.c_int32,
        ctypes.c_void_p,
        ctypes.c_void_p,
        ctypes.c_void_p,
        ctypes.c_void_p,
    ]
    library.opus_packet_get_nb_frames.argtypes = [ctypes.c_char_p, ctypes.c_int32]
    library.opus_packet_get_samples_per_frame.argtypes = [ctypes.c_char_p, ctypes.c_int32]
    library.opus_packet_get_bandwidth.argtypes = [ctypes.c_char_p]
    library.opus_packet_get_nb_channels.argtypes = [ctypes.c_char_p]
    library.opus_encoder_ctl.argtypes = [ctypes.c_void_p, ctypes.c_int]
    if hasattr(library, "opus_packet_has_lbrr"):
        library.opus_packet_has_lbrr.argtypes = [ctypes.c_char_p, ctypes.c_int32]
    return library
