"""What is done to files that are read, and the one claim about it: a result or one clear error, soon, in little memory.

The same claim for the tests and for hours: ``python -m tests.benchmarks.fuzz_files``.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from core.recording.capture_frames import CaptureError
from core.recording.capture_reader import open_capture
from core.recording.capture_writer import CaptureWriter
from tests.recording.foreign import FORMATS
from tests.recording.transcripts import NOWADAYS_NS, stream

LONGEST_LINE = 2_000


def seeds(folder: Path) -> dict[str, bytes]:
    """A valid file of each kind, ours among them."""
    ours = folder / "seed.pcapng"
    with CaptureWriter(ours, replaces=True, unix_minus_monotonic_ns=NOWADAYS_NS) as writer:
        for seen in stream(20):
            writer.take(seen)
    return {"ours": ours.read_bytes(), **{name: make() for name, make in FORMATS.items()}}


def read_all(path: Path, ssrc: int | None = None) -> str:
    """Read a file to its end; gives ``read`` or ``refused``.

    Raises:
        AssertionError: it is refused in more than one line, or without a name.
        Exception: whatever else is a fault of ours.
    """
    try:
        for _ in open_capture(path, ssrc).observations():
            pass
    except CaptureError as error:
        text = str(error)
        assert path.name in text
        assert text.isprintable()
        assert len(text) < LONGEST_LINE
        return "refused"
    return "read"


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
