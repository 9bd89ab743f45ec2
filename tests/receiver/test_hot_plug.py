"""A real device goes while it plays, and comes back: sound resumes by itself, and the event loop never waits."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from tests.support.processes import ChildProcess, python
from tests.support.sound_card import SoundCard

_PLAY = """
import time
from core.monitor.events import EventLog
from core.receiver.playback import Playback
events = EventLog(time.monotonic_ns, time.time)
playback = Playback(lambda out, now_ns: out.fill(0.1), events)
playback.open("ear", 120.0, is_required=True)
told, worst_s, until_s = 0, 0.0, time.monotonic() + 40
while time.monotonic() < until_s and not (told and "is back" in events.since(0)[-1].text):
    began_s = time.monotonic()
    playback.check()
    if playback.status().is_waiting:
        worst_s = max(worst_s, time.monotonic() - began_s)
    for event in events.since(0)[told:]:
        told += 1
        print(event.level.name, event.text, flush=True)
    time.sleep(0.05)
playback.close()
print("worst", round(worst_s * 1000), "ms", flush=True)
"""

_SINK = (
    "{ factory.name=support.null-audio-sink node.name=ear node.description=ear media.class=Audio/Sink"
    " object.linger=true audio.position=[FL FR] audio.rate=48000 }"
)


@contextmanager
def without_the_sink(card: SoundCard) -> Iterator[None]:
    """PipeWire goes on, and what plays to the sink leads nowhere."""
    before, _, _ = card._ask("pw-cli", "ls", "Node").partition('node.name = "ear"')
    card._ask("pw-cli", "destroy", re.findall(r"id (\d+), type", before)[-1])
    yield
    with card._child("pw-cli", "create-node", "adapter", _SINK) as command:
        assert command.wait(10) == 0, command.text()


@contextmanager
def without_the_server(card: SoundCard) -> Iterator[None]:
    """PipeWire is killed and started again: PortAudio can neither close its stream nor look for devices any more."""
    for daemon in card._daemons:
        if daemon.name in ("pipewire", "wireplumber"):
            os.kill(daemon.pid, signal.SIGKILL)
    yield
    for name in ("pipewire", "wireplumber"):
        daemon = card._stack.enter_context(ChildProcess((name,), card.environment))
        deadline_s = time.monotonic() + 10
        while name == "pipewire" and not card._sinks_exist():
            assert time.monotonic() < deadline_s, daemon.text()
            time.sleep(0.05)


@pytest.mark.sound
@pytest.mark.parametrize("without", [without_the_sink, without_the_server])
def test_a_device_that_goes_is_waited_for_and_played_to_when_it_returns(
    without: Callable[[SoundCard], AbstractContextManager[None]],
) -> None:
    with SoundCard(("ear",)) as card, python("-c", _PLAY, environment=card.environment) as child:
        child.wait_for_line("INFO output: ear")
        time.sleep(1)
        with without(card):
            child.wait_for_line("ERROR .*going on without sound until it returns")
            time.sleep(3)
        child.wait_for_line(r"CHANGE output: ear \(ALSA\) is back", 30)
        assert child.wait(10) == 0
        said = [line.text for line in child.lines if line.stream == "stdout"]
        assert len(said) == 4, said
        assert int(said[-1].split()[1]) < 100, said
        assert len(child.lines) < 20
