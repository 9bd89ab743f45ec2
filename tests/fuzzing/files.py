"""What is done to files that are read, and the one claim about it: a result or one clear error, soon, in little memory.

The same claim for the tests and for hours: ``python -m tests.benchmarks.fuzz_files``.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.analysis.checks_file import load_limits
from core.analysis.limits import LimitError
from core.audio.sources.decoding import decode_pcm
from core.audio.sources.file import FileSource
from core.audio.sources.pcm import SourceError
from core.playout.trace import TraceError, read_trace
from core.recording.capture_frames import CaptureError
from core.recording.capture_reader import open_capture
from core.recording.capture_writer import CaptureWriter
from core.server.config_file import ConfigError, load_config
from tests.recording.foreign import FORMATS
from tests.recording.making import STEREO, TONE, bare, numbered, record
from tests.recording.real_captures import REAL
from tests.recording.transcripts import NOWADAYS_NS, stream
from tests.support.processes import REPOSITORY

LONGEST_LINE: Final = 2_000

Errors = tuple[type[Exception], ...]


@dataclass(frozen=True)
class Reader:
    """One kind of file that users give us."""

    name: str
    read: Callable[[Path], object]
    errors: Errors
    """What it may raise, in one line."""
    seeds: Callable[[Path], dict[str, bytes]]
    """Valid files, made with the help of a folder."""

    def outcome(self, path: Path) -> str:
        """Read a file to its end; gives ``read`` or ``refused``.

        Raises:
            AssertionError: it is refused in more than one line, or without a name.
            Exception: whatever else is a fault of ours.
        """
        try:
            self.read(path)
        except self.errors as error:
            text = str(error)
            assert path.name in text, text
            assert text.isprintable(), text
            assert len(text) < LONGEST_LINE, text
            return "refused"
        return "read"


def _read_capture(path: Path) -> None:
    # What stands at the end of a file is not known before: a stream is chosen for it as a user would.
    for ssrc in (None, 7) if path.stat().st_size % 5 == 0 else (None,):
        for _ in open_capture(path, ssrc).observations():
            pass


def _read_sound(path: Path) -> None:
    source = FileSource(path, 48_000, 2)
    for _ in decode_pcm(source._open, repr(str(path)), 48_000, 2):
        pass


def _captures(folder: Path) -> dict[str, bytes]:
    ours = folder / "seed.pcapng"
    with CaptureWriter(ours, replaces=True, unix_minus_monotonic_ns=NOWADAYS_NS) as writer:
        for seen in stream(20):
            writer.take(seen)
    return {"ours": ours.read_bytes(), **{name: make() for name, make in FORMATS.items()}}


def _real_captures(folder: Path) -> dict[str, bytes]:
    return {each.name: each.path.read_bytes() for each in REAL}


def _sounds(folder: Path) -> dict[str, bytes]:
    files = {"mono": bare(TONE[:60]), "stereo": bare(STEREO[:60]), "gaps": numbered(TONE[:60], without=range(20, 30))}
    for name, came in files.items():
        (folder / f"{name}.opus").unlink(missing_ok=True)
        record(folder / f"{name}.opus", came)
    return {name: (folder / f"{name}.opus").read_bytes() for name in files}


def _configurations(folder: Path) -> dict[str, bytes]:
    example = (REPOSITORY / "resources" / "server" / "opuscope.toml").read_bytes()
    small = b'[server]\nport = 0\n[[stream]]\nname = "main"\nsource = "tone"\n[limits]\nheader_timeout_s = 1.5\n'
    return {"example": example, "small": small}


def _limits(folder: Path) -> dict[str, bytes]:
    text = 'max_late_pct = 0.1\nat_depth_ms = 60\nmax_silence_s = 2\nloudness = "-23±3"\n[expect]\nframe_ms = 20\n'
    return {"limits": text.encode()}


def _traces(folder: Path) -> dict[str, bytes]:
    return {"trace": json.dumps({"frame_ms": 20, "delays_ms": [0, 1.5, 300, 20, 1e3]}).encode()}


READERS: Final = (
    Reader("captures", _read_capture, (CaptureError,), _captures),
    Reader("captures of others", _read_capture, (CaptureError,), _real_captures),
    Reader("Ogg Opus", _read_sound, (SourceError,), _sounds),
    Reader("server TOML", load_config, (ConfigError,), _configurations),
    Reader("checks TOML", load_limits, (LimitError,), _limits),
    Reader("trace JSON", read_trace, (TraceError,), _traces),
)


def damaged(data: bytes, rng: random.Random) -> bytes:
    """Cut off, bits flipped, fields overwritten with extremes, parts repeated, left out or exchanged."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        if not changed:
            break
        rng.choice(_DAMAGES)(changed, rng)
    return bytes(changed)


def _cut(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(len(data)) :]


def _flip(data: bytearray, rng: random.Random) -> None:
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _flip_in_head(data: bytearray, rng: random.Random) -> None:
    data[rng.randrange(min(len(data), 200))] ^= 1 << rng.randrange(8)


def _extreme(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data)) & ~1
    value = rng.choice((0, 1, 3, 4, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFC, 1 << 24))
    data[at : at + 4] = value.to_bytes(4, rng.choice(("little", "big")))


def _leave_out(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    del data[at : at + rng.randrange(1, 64)]


def _repeat(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    data[at:at] = data[at : at + rng.randrange(1, 400)]


_DAMAGES: tuple[Callable[[bytearray, random.Random], None], ...] = (
    _cut,
    _flip,
    _flip_in_head,
    _extreme,
    _leave_out,
    _repeat,
)
