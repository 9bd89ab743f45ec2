"""What whoever starts a server should know of its files: secrets that everybody can read, and lists with gaps."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from core.audio.sources import SourceError, is_file
from core.audio.sources.playlist import is_playlist, missing_entries
from core.server.config import PUSH, RELAY, ServerConfig, StreamConfig

_NAMED: Final = 3
"""Of the files that are missing; a list may have thousands."""


def start_warnings(config: ServerConfig) -> list[str]:
    """A line each; looks at files, which takes a moment."""
    told = [
        f"the {what} {str(file)!r} can be read by every user of this machine; take that away: chmod o-r {file}"
        for what, file in _secrets(config)
        if _is_open(file)
    ]
    return [*told, *(line for stream in config.streams if (line := _gaps(stream)) is not None)]


def _secrets(config: ServerConfig) -> Iterator[tuple[str, Path]]:
    if config.access.secret_file is not None:
        yield "token secret", config.access.secret_file
    if config.tls is not None:
        yield "TLS key", config.tls.key
    for stream in config.streams:
        for file in (stream.ingest_token_file, stream.upstream_token_file):
            if file is not None:
                yield f"token of stream {stream.name!r}", file


def _is_open(file: Path) -> bool:
    """By POSIX' bits; Windows has other rights, which this does not see."""
    try:
        return os.name == "posix" and bool(file.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False  # Whoever reads it says so.


def _gaps(stream: StreamConfig) -> str | None:
    sources = [stream.source] if isinstance(stream.source, str) else list(stream.source)
    files = [Path(each) for each in sources if is_file(each) and each != PUSH and not each.startswith(RELAY)]
    if len(files) < 2 and not any(map(is_playlist, files)):
        return None
    try:
        missing = missing_entries(files)
    except SourceError:
        return None  # It was there a moment ago; whoever opens it says so.
    if not missing:
        return None
    more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
    names = ", ".join(repr(str(each)) for each in missing[:_NAMED])
    return f"stream {stream.name!r} will leave out what is not there: {names}{more}; mend the playlist"
