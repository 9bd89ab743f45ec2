"""Prints the packages that a server needs, one a line, for pip: all of pyproject.toml's but those of the window."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def server_packages(project: Path = PROJECT) -> list[str]:
    """The dependencies of the project without those that ``[tool.opuscope] window-only`` names."""
    content = tomllib.loads(project.read_text("utf-8"))
    window_only = content["tool"]["opuscope"]["window-only"]
    return [each for each in content["project"]["dependencies"] if name_of(each) not in window_only]


def name_of(requirement: str) -> str:
    """The name in a requirement (PEP 508)."""
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]


if __name__ == "__main__":
    sys.stdout.write("".join(f"{each}\n" for each in server_packages()))
