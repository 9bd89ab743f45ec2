"""What the README's chapter for QA people shows can be typed as it stands."""

from __future__ import annotations

import argparse
import re
import shlex
from dataclasses import fields
from pathlib import Path

from core.analysis.checks_file import parse_limits
from core.analysis.limits import Expected, Limits
from core.cli.check_options import checks_from
from core.cli.probe import add_parser

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
CHAPTER = README.partition("## Ten minutes for QA people")[2].partition("\n## ")[0]


def block(kind: str) -> str:
    found = re.search(rf"```{kind}\n(.*?)```", CHAPTER, re.S)
    assert found is not None
    return found[1]


def test_the_file_of_limits_has_every_key_there_is() -> None:
    limits = parse_limits(block("toml"), "README")
    assert all(getattr(limits, each.name) is not None for each in fields(Limits))
    assert all(getattr(limits.expect, each.name) is not None for each in fields(Expected))


def test_each_probe_that_is_shown_is_one_that_the_command_takes(tmp_path: Path) -> None:
    (tmp_path / "stream.toml").write_text(block("toml"), encoding="utf-8")
    text = re.sub(r"\s*\\\n\s*", " ", CHAPTER).replace("stream.toml", str(tmp_path / "stream.toml"))
    shown = re.findall(r"opuscope (probe (?:ws://\S+|\S+\.pcapng)[^`\n]*)", text)
    assert len(shown) >= 4
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    for command in shown:
        checks_from(parser.parse_args(shlex.split(command)))
