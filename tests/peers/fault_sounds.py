"""What servers with known faults send: sounds, good ones and bad ones, encoded once."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray

from core.opus.encoder import EncoderSettings, OpusEncoder
from tests.opus.sounds import voice_like

LOOP_S = 10.0
"""So much is encoded of each sound, and repeated."""

Sound = NDArray[np.int16]


@cache
def packets(sound: str, settings: EncoderSettings) -> tuple[bytes, ...]:
    """A sound, encoded once."""
    pcm = _sound(sound, settings)
    encoder = OpusEncoder(settings)
    size = settings.frame_samples
    try:
        if sound == "dc":
            return tuple(_with_offset(encoder, pcm, 0.1))
        return tuple(encoder.encode(pcm[at : at + size]) for at in range(0, len(pcm) - size + 1, size))
    finally:
        encoder.close()


def _sound(name: str, settings: EncoderSettings) -> Sound:
    voice = voice_like(settings.sample_rate, LOOP_S, settings.channels)
    match name:
        case "mono":
            voice[:] = voice[:, :1]
        case "left":
            voice[:, 1] = 0
        case "clipped":
            voice = np.clip(voice.astype(np.int32) * 8, -32_768, 32_767).astype(np.int16)
        case "silent":
            voice[:] = 0
        case "quiet":
            voice = (voice * 0.2065).astype(np.int16)
        case "speech":
            voice = _speech(voice, settings)
        case "music":
            voice = _music(settings)
        case "telephone":
            spectrum = np.fft.rfft(voice.astype(np.float64), axis=0)
            spectrum[round(3_400 * LOOP_S) :] = 0
            voice = np.fft.irfft(spectrum, len(voice), axis=0).astype(np.int16)
    return voice


def _with_offset(encoder: OpusEncoder, pcm: Sound, offset: float) -> Iterator[bytes]:
    """As of an encoder that lets an offset through. libopus' own does not: it filters it out with a corner of 3 Hz
    (`dc_reject` of opus_encoder.c), so what goes in has to rise as fast as that filter forgets it."""
    api = encoder._library.encoder_api.libopus_encode_float
    size = encoder.settings.frame_samples
    seconds = np.arange(len(pcm)) / encoder.settings.sample_rate
    raised = pcm / 32_768 + (offset * (1 + 2 * np.pi * 3.0 * seconds))[:, np.newaxis]
    frames = np.ascontiguousarray(raised, dtype=np.float32)
    out = ctypes.create_string_buffer(4_000)
    for at in range(0, len(frames) - size + 1, size):
        pointer = frames[at : at + size].ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        length = api(encoder._open_state(), pointer, size, out, len(out))
        assert length > 0, length
        yield out.raw[:length]


def _speech(voice: Sound, settings: EncoderSettings) -> Sound:
    """Four seconds of it, six of a room in which nobody speaks."""
    room = np.random.default_rng(5).integers(-3, 4, voice.shape)
    spoken = round(4.0 * settings.sample_rate)
    return np.concatenate([voice[:spoken], room[spoken:]]).astype(np.int16)


def _music(settings: EncoderSettings) -> Sound:
    """Chords of plucked strings in the middle, and a cymbal on each beat from the left or the right."""
    rate, beat_s = settings.sample_rate, 0.5
    chance = np.random.default_rng(8)
    time = np.arange(round(beat_s * rate)) / rate
    played = []
    for beat in range(round(LOOP_S / beat_s)):
        root_hz = (220.0, 261.6, 196.0, 174.6)[beat // 4 % 4]
        strings = sum(
            np.sin(2 * np.pi * root_hz * ratio * harmonic * time) * np.exp(-time * harmonic * 2) / harmonic
            for ratio in (1.0, 1.26, 1.498)
            for harmonic in range(1, 12)
            if root_hz * ratio * harmonic < 0.4 * rate
        )
        cymbal = np.diff(chance.normal(size=len(time)), prepend=0.0) * np.exp(-time * 12) * 0.7
        sides = (1.0, 0.4) if beat % 2 else (0.4, 1.0)
        played.append(np.stack([strings + cymbal * sides[channel] for channel in range(settings.channels)], axis=1))
    sound = np.concatenate(played)
    return (sound * 14_000 / np.abs(sound).max()).astype(np.int16)
