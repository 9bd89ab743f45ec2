"""Where a stream's PCM comes from: files, test signals, the microphone, the output of a program."""

from core.audio.sources.pcm import Pcm16, PcmBlock, PcmSource, SourceError
from core.audio.sources.spec import open_source

__all__ = ["Pcm16", "PcmBlock", "PcmSource", "SourceError", "open_source"]
