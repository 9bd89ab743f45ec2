"""Finding libopus and handing it to opuslib.

`opuslib` asks `ctypes.util.find_library("opus")` while it is being imported and raises a bare
`Exception` where that finds nothing. PyAV's wheels carry a libopus of their own, so a machine that
has only the wheels has a codec: this module makes `find_library` answer with the file we chose for
the time of that import.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib.metadata
import os
import sys
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

ENVIRONMENT_SETTING = "OPUSCOPE_LIBOPUS"
_HOMEBREW_LIBRARIES = (Path("/opt/homebrew/lib/libopus.dylib"), Path("/usr/local/lib/libopus.dylib"))
_import_lock = threading.Lock()


class OpusLibraryError(RuntimeError):
    """No usable libopus; the message is one line that says where was looked and what to do."""


@dataclass(frozen=True, slots=True)
class OpusLibrary:
    """A loaded libopus: where it came from, its version, and opuslib's two low-level modules."""

    path: str
    version: str
    decoder_api: Any
    encoder_api: Any
    ctl: Any


def load_opus() -> OpusLibrary:
    """Load libopus through opuslib; cheap after the first call, since Python keeps the module.

    Looked at in this order: the file named by the environment variable ``OPUSCOPE_LIBOPUS``,
    PyAV's own copy, the system's, Homebrew's.

    Raises:
        OpusLibraryError: no candidate could be loaded, or the named file is not libopus.
    """
    with _import_lock:
        if "opuslib.api.encoder" in sys.modules:
            return _wrap(sys.modules["opuslib.api"])
        tried: list[str] = []
        explicit = os.environ.get(ENVIRONMENT_SETTING)
        for candidate in [explicit] if explicit else _candidates():
            problem = _problem_with(candidate)
            if problem is None:
                return _wrap(_import_opuslib(candidate))
            tried.append(f"{candidate}: {problem}")
    where = "; ".join(tried) if tried else "PyAV's wheel, the system, Homebrew"
    raise OpusLibraryError(
        f"libopus could not be loaded (looked at: {where}); reinstall PyAV with 'pip install --force-reinstall av',"
        f" install libopus, or name its file in {ENVIRONMENT_SETTING}"
    )


def _candidates() -> Iterator[str]:
    yield from _bundled_with_pyav()
    system = ctypes.util.find_library("opus")
    if system:
        yield system
    for path in _HOMEBREW_LIBRARIES:
        if path.exists():
            yield str(path)


def _bundled_with_pyav() -> Iterator[str]:
    """PyAV's wheels hold libopus as ``av.libs/libopus*`` (Linux, Windows) or ``av/.dylibs/`` (macOS)."""
    try:
        distribution = importlib.metadata.distribution("av")
    except importlib.metadata.PackageNotFoundError:
        return
    root = Path(str(distribution.locate_file("")))
    for folder in (root / "av.libs", root / "av" / ".dylibs"):
        if folder.is_dir():
            yield from sorted(str(path) for path in folder.iterdir() if path.name.startswith("libopus"))


def _problem_with(candidate: str) -> str | None:
    try:
        library = ctypes.CDLL(candidate)
    except OSError as error:
        return str(error)
    return None if hasattr(library, "opus_decode_float") else "is not libopus"


def _import_opuslib(path: str) -> ModuleType:
    real_find_library = ctypes.util.find_library

    def find_library(name: str) -> str | None:
        return path if name == "opus" else real_find_library(name)

    with patch.object(ctypes.util, "find_library", find_library), warnings.catch_warnings():
        # opuslib compares integers with `is not`, which Python warns of whenever it compiles the package anew.
        warnings.simplefilter("ignore", SyntaxWarning)
        import opuslib.api
        import opuslib.api.ctl
        import opuslib.api.decoder
        import opuslib.api.encoder
    api: ModuleType = opuslib.api
    return api


def _wrap(api: ModuleType) -> OpusLibrary:
    library = api.libopus
    library.opus_get_version_string.restype = ctypes.c_char_p
    # The two ctl functions are variadic; without the fixed arguments' types Apple silicon passes
    # the variable ones in the wrong place.
    for name in ("opus_encoder_ctl", "opus_decoder_ctl"):
        getattr(library, name).argtypes = [ctypes.c_void_p, ctypes.c_int]
    return OpusLibrary(
        path=str(library._name),
        version=library.opus_get_version_string().decode(),
        decoder_api=sys.modules["opuslib.api.decoder"],
        encoder_api=sys.modules["opuslib.api.encoder"],
        ctl=sys.modules["opuslib.api.ctl"],
    )
