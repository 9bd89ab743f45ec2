"""The same fault is called the same however it is seen: live, in a capture of it, replayed, and simulated.

Live and replayed runs take as long as they take, so several go on at once. What is looked at is what a session
tells its observers; nothing here knows how it comes about.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.analysis.analyzer import StreamAnalyzer
from core.analysis.diagnosis import findings_of
from core.analysis.findings import FindingKind
from core.analysis.observation import Observation, Received
from core.monitor.monitor import Monitor
from core.opus.media import MediaPacket
from core.playout.settings import PlayoutSettings
from core.receiver.options import ListenOptions
from core.receiver.replay import Replay, replay_options
from core.receiver.session import ListeningSession
from core.recording.capture_reader import open_capture
from core.recording.capture_writer import CaptureWriter
from tests.peers.faults import FAULTS, transcript
from tests.peers.faulty_server import faulty_server

SECONDS = 13.0
"""The stall of every ten seconds is in it, and what comes after it."""

BREAK_SPEED = 2.0
"""What breaks off after 20 s does so after ten."""

PLAYOUT = PlayoutSettings(60)


@dataclass(frozen=True)
class Case:
    """A fault, and how its server is listened to."""

    name: str
    bare: bool = False

    @property
    def expected(self) -> FindingKind | None:
        return FAULTS[self.name].named(bare=self.bare)

    @property
    def speed(self) -> float:
        return BREAK_SPEED if FAULTS[self.name].breaks_off else 1.0

    def options(self, url: str) -> ListenOptions:
        # A listener without `opus-rtp.v1` is one that asks for bare packets.
        return ListenOptions(url, output="null", playout=PLAYOUT, dialect="bare" if self.bare else "auto")


CASES = (
    Case("300 ms stall every 10 s"),
    Case("2 % slow", bare=True),
    Case("5-packet bursts", bare=True),
    Case("duplicates"),
    Case("declares 20 ms, sends 60"),
    Case("clipped", bare=True),
    Case("stuck on one packet"),
    Case("closes without warning"),
)


def first_finding(seen: Iterable[Observation]) -> FindingKind | None:
    """What an analysis of it says first."""
    analyzer = StreamAnalyzer()
    try:
        for each in seen:
            analyzer.take(each)
        found = findings_of(analyzer.result())
    finally:
        analyzer.close()
    return found[0].kind if found else None


async def observed(session: ListeningSession, seconds: float) -> list[Observation]:
    """What a session tells within so many seconds, or until it is over by itself."""
    told: list[Observation] = []
    session.observe(told.append)
    task = asyncio.create_task(session.run())
    await asyncio.wait({task}, timeout=seconds)
    session.stop()
    with suppress(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)
    return told


async def heard_live(case: Case) -> list[Observation]:
    async with faulty_server(case.name, speed=case.speed) as url:
        return await observed(ListeningSession(case.options(url), Monitor()), SECONDS)


async def heard_again(capture: Path) -> list[Observation]:
    replay = Replay(open_capture(capture))
    options = ListenOptions("ws://127.0.0.1:9/", output="null", playout=PLAYOUT)
    return await observed(ListeningSession(replay_options(options, replay), Monitor()), SECONDS + 5)


def packets(seen: Iterable[Observation]) -> int:
    return sum(isinstance(each, Received) and isinstance(each.event, MediaPacket) for each in seen)


async def test_live_captured_replayed_and_simulated_runs_find_the_same(tmp_path: Path) -> None:
    live = await asyncio.gather(*(heard_live(case) for case in CASES))
    captures = []
    for number, seen in enumerate(live):
        captures.append(tmp_path / f"{number}.pcapng")
        with CaptureWriter(captures[-1]) as writer:
            for each in seen:
                writer.take(each)
    replayed = await asyncio.gather(*(heard_again(capture) for capture in captures))
    told = {}
    for case, seen, capture, again in zip(CASES, live, captures, replayed, strict=True):
        assert packets(again) == packets(seen) > 100
        told[case] = {
            "live": first_finding(seen),
            "capture": first_finding(open_capture(capture).observations()),
            "replayed": first_finding(again),
            "simulated": first_finding(transcript(case.name, 25.0, bare=case.bare)),
        }
    assert told == {case: dict.fromkeys(("live", "capture", "replayed", "simulated"), case.expected) for case in CASES}


@pytest.mark.parametrize("name", ["wrong subprotocol"])
async def test_what_never_becomes_a_stream_is_named_live_and_simulated(name: str) -> None:
    async with faulty_server(name) as url:
        live = await observed(ListeningSession(ListenOptions(url, output="null"), Monitor()), 2.0)
    assert first_finding(live) is first_finding(transcript(name, 2.0)) is FAULTS[name].expected
