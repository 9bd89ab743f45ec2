"""Sound servers that die, and devices that barely ask: playout goes on, the program ends, and the user is told."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.attempts import attempts
from tests.support.processes import ChildProcess, opuscope, python
from tests.support.sound_card import SoundCard
from tests.support.witnesses import contention


@pytest.fixture(scope="module")
def server_url() -> Iterator[str]:
    with opuscope("serve", "--port", "0", "--source", "tone") as server:
        yield server.wait_for_line(r"ws://\S+").group()


def probe(url: str, card: SoundCard, duration_s: float, report: Path, *more: str) -> ChildProcess:
    wishes = ("--output", "default", "--duration", str(duration_s), "--json", str(report), *more)
    return opuscope("probe", url, *wishes, environment=card.environment)


@pytest.mark.sound
def test_a_sound_server_that_dies_neither_hangs_nor_floods_the_program(server_url: str, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    with SoundCard() as card, probe(server_url, card, 9, report) as child:
        deadline_s = time.monotonic() + 10
        while "ear:playback_FL\n  |<-" not in card.links():
            assert time.monotonic() < deadline_s
            time.sleep(0.05)
        os.kill(next(daemon.pid for daemon in card._daemons if daemon.name == "pipewire"), signal.SIGKILL)
        assert child.wait(25) == 0, child.text()[-3000:]
    result = json.loads(report.read_text())
    assert result["output"] == "no sound (null output)"
    assert "does not ask for samples any more" in result["output_problem"]
    assert len([line for line in child.lines if line.stream == "stderr"]) < 50


_PLAY = """
import json, time
from core.monitor.events import EventLog
from core.receiver.playback import Playback
frames = 0
def pull(out, now_ns):
    global frames
    frames += len(out)
    out.fill(0)
events = EventLog(time.monotonic_ns, time.time)
playback = Playback(pull, events)
playback.open("default", None, is_required=True)
began_s = time.monotonic()
while time.monotonic() < began_s + 8:
    if time.monotonic() < began_s + 6:
        frames = 0
    time.sleep(0.05)
    playback.check()
    playback.take_figures()
status = playback.status()
playback.close()
texts = [event.text for event in events.since(0)]
print(json.dumps({"share": frames / 96_000, "events": texts, "problem": status.problem}))
"""


@pytest.mark.sound
@pytest.mark.parametrize("period", [256, 1024, 2048])
def test_within_six_seconds_all_plays_whatever_the_period_of_the_server(period: int) -> None:
    """On an idle machine it is five: three for the first sample, which a starving device never asks for, and a second
    for each step. On a busy one, opening a device alone takes two.
    """
    for attempt in attempts():
        with attempt:
            with (
                SoundCard(period=period) as card,
                contention() as seen,
                python("-c", _PLAY, environment=card.environment) as child,
            ):
                assert child.wait(20) == 0
            attempt.disturbances += seen
            result = json.loads(child.text("stdout"))
            assert result["share"] > 0.8 or result["problem"], result
            if period > 256:
                assert any("reopened with" in text for text in result["events"]), result
