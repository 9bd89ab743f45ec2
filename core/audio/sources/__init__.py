"""Where a stream's PCM comes from: files and playlists, test signals, the microphone, the output of a program."""

from core.audio.sources.pcm import KINDS, Pcm16, PcmBlock, PcmSource, SourceError
from core.audio.sources.spec import is_file, open_source

__all__ = ["KINDS", "Pcm16", "PcmBlock", "PcmSource", "SourceError", "is_file", "open_source"]
