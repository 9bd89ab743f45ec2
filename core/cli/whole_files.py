"""Reports in files: written whole or not at all, and refused before anything is measured where they cannot be."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from core.cli.common import CommandError

STDOUT: Final = "-"


def check_reports(names: Iterable[str | None]) -> None:
    """Make sure that all of these can be written; what is there is not touched.

    Raises:
        CommandError: one of them cannot, or two would be the same.
    """
    given = [name for name in names if name is not None]
    seen: set[object] = set()
    for name in given:
        where = name if name == STDOUT else Path(name).resolve()
        if where in seen:
            what = "standard output" if name == STDOUT else name
            raise CommandError(f"two reports would go to {what}; name another file for one of them")
        seen.add(where)
        if name != STDOUT:
            _check(Path(name))


def write_report(name: str, text: str) -> None:
    """Write a file so that nobody ever sees half of it; with ``-`` print it.

    Raises:
        CommandError: it cannot be written; what was there before is still there.
    """
    if name == STDOUT:
        print(text, end="")
        return
    path = Path(name)
    try:
        if _is_stream(path):
            with path.open("a", encoding="utf-8") as file:
                file.write(text)
        else:
            _replace(path, text)
    except OSError as error:
        raise _refusal(path, error) from error


def _is_stream(path: Path) -> bool:
    """A pipe or a device, which cannot be replaced; /dev/stdout is one even where a shell has sent it to a file."""
    return path.is_relative_to("/dev") or (path.exists() and not path.is_file())


def _replace(path: Path, text: str) -> None:
    target = path.resolve()  # the file that a link points to, not the link
    beside = _beside(target)
    try:
        with beside.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def _check(path: Path) -> None:
    try:
        if path.is_dir():
            raise IsADirectoryError(None, "is a directory")
        if not _is_stream(path):
            if path.exists():
                path.open("r+b").close()
            beside = _beside(path.resolve())
            beside.open("x").close()
            beside.unlink()
    except OSError as error:
        raise _refusal(path, error) from error


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name[:200]}.{os.getpid()}.part")


def _refusal(path: Path, error: OSError) -> CommandError:
    return CommandError(f"the report cannot be written to {path} ({error.strerror}); name another file")
