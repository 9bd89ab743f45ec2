"""Claims about finding libopus, each in a process of its own, since Python keeps what it has loaded."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from core.opus.library import ENVIRONMENT_SETTING, load_opus
from tests.support.processes import python

REPORT = """
import json, sys
from core.opus.library import OpusLibraryError, load_opus
try:
    library = load_opus()
    print(json.dumps({"path": library.path, "version": library.version}))
except OpusLibraryError as error:
    print(json.dumps({"error": str(error)}))
"""

NOTHING_INSTALLED = """
import ctypes.util
ctypes.util.find_library = lambda name: None
"""

NO_PYAV = """
import importlib.metadata
def distribution(name):
    raise importlib.metadata.PackageNotFoundError(name)
importlib.metadata.distribution = distribution
"""


def report(
    before: str = "", options: tuple[str, ...] = (), environment: Mapping[str, str] | None = None
) -> dict[str, str]:
    """What `load_opus` gives in a new process that ran the lines ``before`` first."""
    clean = {ENVIRONMENT_SETTING: ""}
    with python(*options, "-c", before + REPORT, environment={**clean, **(environment or {})}) as child:
        assert child.wait(30) == 0, child.text()
    assert child.text("stderr") == ""
    answer: dict[str, str] = json.loads(child.text("stdout"))
    return answer


def copy_in_pyav() -> Path:
    root = Path(str(importlib.metadata.distribution("av").locate_file("")))
    found = [*root.glob("av.libs/libopus*"), *root.glob("av/.dylibs/libopus*")]
    return found[0]


def test_pyavs_copy_is_enough() -> None:
    answer = report(NOTHING_INSTALLED)
    assert Path(answer["path"]) == copy_in_pyav()
    assert answer["version"].startswith("libopus 1.")


def test_pyavs_copy_comes_before_the_systems() -> None:
    answer = report("import ctypes.util\nctypes.util.find_library = lambda name: '/somewhere/libopus.so'\n")
    assert Path(answer["path"]) == copy_in_pyav()


def test_without_pyav_the_systems_library_is_taken(tmp_path: Path) -> None:
    system = tmp_path / "libopus.so.0"
    shutil.copy(copy_in_pyav(), system)
    finds_it = f"import ctypes.util\nctypes.util.find_library = lambda name: {str(system)!r}\n"
    assert report(NO_PYAV + finds_it)["path"] == str(system)


def test_the_file_that_was_named_comes_first(tmp_path: Path) -> None:
    named = tmp_path / "my-opus.so"
    shutil.copy(copy_in_pyav(), named)
    assert report(environment={ENVIRONMENT_SETTING: str(named)})["path"] == str(named)


def test_with_no_library_at_all_one_line_says_what_to_do() -> None:
    error = report(NOTHING_INSTALLED + NO_PYAV)["error"]
    assert "\n" not in error
    assert "PyAV's wheel, the system, Homebrew" in error
    assert "pip install --force-reinstall av" in error
    assert ENVIRONMENT_SETTING in error


@pytest.mark.parametrize("content", [None, b"text, no library"], ids=["missing", "no library"])
def test_a_named_file_that_cannot_be_loaded_is_an_error_of_one_line(tmp_path: Path, content: bytes | None) -> None:
    """And not a silent fall back to another copy: the user would believe that theirs is in use."""
    named = tmp_path / "libopus-of-mine.so"
    if content is not None:
        named.write_bytes(content)
    error = report(environment={ENVIRONMENT_SETTING: str(named)})["error"]
    assert str(named) in error
    assert "\n" not in error


def test_a_named_library_that_is_not_libopus_is_an_error_of_one_line() -> None:
    other = next(path for path in copy_in_pyav().parent.iterdir() if "opus" not in path.name and "vpx" in path.name)
    error = report(environment={ENVIRONMENT_SETTING: str(other)})["error"]
    assert f"{other}: is not libopus" in error
    assert "\n" not in error


def test_loading_is_silent_even_if_opuslib_was_never_compiled(tmp_path: Path) -> None:
    """opuslib's own sources make Python 3.8 and later warn, once, at whoever imports them first."""
    options = ("-W", "error", "-X", f"pycache_prefix={tmp_path}")
    assert "path" in report(options=options)


def test_find_library_is_as_before_afterwards() -> None:
    before = "import ctypes.util\nown = ctypes.util.find_library = lambda name: None\n"
    after = "\nassert ctypes.util.find_library is own\n"
    with python("-c", before + REPORT + after) as child:
        assert child.wait(30) == 0, child.text()


def test_loading_again_gives_the_same_library() -> None:
    assert load_opus() == load_opus()
