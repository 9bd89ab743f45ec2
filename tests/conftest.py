"""What holds for every test: no window on the screen, repeatable properties, one sound card and one display."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

# Before anything imports Qt: pytest-qt and qasync choose their binding then.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ["QT_API"] = "pyside6"

import pytest
from hypothesis import settings

from tests.support.display import VirtualDisplay
from tests.support.sound_card import SoundCard

# No deadline: a shared two-core machine stalls for longer than any useful one.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")


@pytest.fixture(scope="session")
def sound_card() -> Iterator[SoundCard]:
    """A sound card with the sinks ``ear`` (what PortAudio plays to) and ``mouth`` (what it records from)."""
    with SoundCard() as card:
        yield card


@pytest.fixture(scope="session")
def virtual_display() -> Iterator[VirtualDisplay]:
    """An X display of 1600x1000 on which child processes may open windows."""
    with VirtualDisplay() as display:
        yield display


@pytest.fixture(scope="session", autouse=True)
def log_folder_of_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Windows under test, and those in child processes, write their error log here, and not into the user's."""
    folder = tmp_path_factory.mktemp("log")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPUSCOPE_LOG_DIR", str(folder))
        yield folder
