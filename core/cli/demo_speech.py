"""The speech that comes with Opuscope, as Opus packets."""

from __future__ import annotations

from importlib.resources import as_file, files

import av
import numpy as np

from core.audio.sources.decoding import decode_pcm
from core.opus.encoder import EncoderSettings, OpusEncoder


def speech_packets(frame_ms: float) -> list[bytes]:
    """The whole of it (23 s), coded as the strategy document's server does, in packets of ``frame_ms``.

    Raises:
        EncoderSettingsError: not a frame size of Opus.
        OpusLibraryError: libopus cannot be loaded.
        SourceError: the file that comes with Opuscope is damaged.
    """
    settings = EncoderSettings(frame_ms=frame_ms)
    with as_file(files("resources") / "demo" / "speech.flac") as path:
        blocks = list(decode_pcm(lambda: av.open(str(path)), path.name, settings.sample_rate, settings.channels))
    pcm = np.concatenate(blocks)
    frame = settings.frame_samples
    encoder = OpusEncoder(settings)
    try:
        return [encoder.encode(pcm[start : start + frame]) for start in range(0, len(pcm) - frame + 1, frame)]
    finally:
        encoder.close()
