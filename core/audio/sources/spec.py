"""The text that names a source on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from core.audio.sources import signals
from core.audio.sources.command import CommandSource
from core.audio.sources.file import FileSource
from core.audio.sources.microphone import MicrophoneSource
from core.audio.sources.pcm import KINDS, PcmSource, SourceError
from core.audio.sources.playlist import PlaylistSource, is_playlist

_SIGNALS: Final = {"tone": signals.tone, "sweep": signals.sweep, "clicks": signals.clicks}
_MICROPHONE: Final = "microphone"
_COMMAND: Final = "command:"


def is_file(spec: str) -> bool:
    """Whether a text that names a source is the path of a file."""
    is_microphone = spec == _MICROPHONE or spec.startswith(_MICROPHONE + ":")
    return bool(spec) and spec not in _SIGNALS and not is_microphone and not spec.startswith(_COMMAND)


def open_source(spec: str | Sequence[str], sample_rate: int, channels: int, loop: bool = False) -> PcmSource:
    """The source that ``spec`` names, giving int16 at ``sample_rate`` with ``channels``.

    ``spec`` is ``tone``, ``sweep``, ``clicks``, ``microphone``, ``microphone:NAME``, ``command:PROGRAM ARGUMENTS``
    or the path of an audio file or a playlist (a file that is really called "tone" is ``./tone``); several paths are
    played one after the other. ``loop`` repeats files; signals never end anyway, and a device or a program cannot be
    repeated.

    Blocks for as long as a file's header takes to read: call it in a thread. Nothing stays open before the
    source's first ``read``.

    Raises:
        SourceError: the text names nothing that could be opened.
    """
    if not isinstance(spec, str):
        return _several(spec, sample_rate, channels, loop)
    if spec in _SIGNALS:
        return _SIGNALS[spec](sample_rate, channels)
    is_microphone = spec == _MICROPHONE or spec.startswith(_MICROPHONE + ":")
    if loop and (is_microphone or spec.startswith(_COMMAND)):
        raise SourceError(f"{spec.partition(':')[0]} cannot be looped; loop a file, or leave the loop out")
    if is_microphone:
        return MicrophoneSource(sample_rate, channels, spec.partition(":")[2] or None)
    if spec.startswith(_COMMAND):
        return CommandSource(spec.removeprefix(_COMMAND), sample_rate, channels)
    if not spec:
        raise SourceError(f"the source is empty; name {KINDS}")
    if is_playlist(Path(spec)):
        return PlaylistSource([Path(spec)], sample_rate, channels, loop=loop)
    return FileSource(Path(spec), sample_rate, channels, loop=loop)


def _several(specs: Sequence[str], sample_rate: int, channels: int, loop: bool) -> PcmSource:
    if len(specs) == 1:
        return open_source(specs[0], sample_rate, channels, loop)
    if other := next((spec for spec in specs if not is_file(spec)), None):
        raise SourceError(f"{other[:80]!r} cannot be one of several sources; several can only be files and playlists")
    return PlaylistSource([Path(spec) for spec in specs], sample_rate, channels, loop=loop)
