"""Claims about who sees that a recording was disturbed."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from tests.support.sound_card import SAMPLE_RATE_HZ, SoundCard
from tests.support.witnesses import contention, lost_samples, missed_cycles, witnesses

PERIOD = 2048


def cycle(statuses: dict[str, int]) -> str:
    """A line as pw-profiler writes it: four columns of the driver, eight of each node, blank where there is none."""
    nodes = "".join(f"{node}\t1\t2\t3\t1\t1\t{status}\t0\t" for node, status in statuses.items())
    return "42666\t300\t0\t42666\t" + nodes + " \t" * 16 + "\n"


def test_a_node_that_delivered_in_each_cycle_is_not_mentioned() -> None:
    log = cycle({}) + cycle({"40": 3}) * 5 + cycle({"40": 3, "41": 3}) * 5 + cycle({"41": 4}) * 2 + cycle({})
    assert missed_cycles(log, {"40": "ear", "41": "client"}) == []


@pytest.mark.parametrize("missed", [{"41": 3, "40": 1}, {"40": 2, "41": 3}, {"41": 3}])
def test_a_node_that_did_not_finish_or_was_left_out_of_a_cycle_is_named(missed: dict[str, int]) -> None:
    log = cycle({"40": 3, "41": 3}) * 5 + cycle(missed) + cycle({"40": 3, "41": 3}) * 4
    assert missed_cycles(log, {"40": "client"}) == ["'client' missed 1 of 10 cycles of the sound server"]


def recorded(lost: int, lateness_s: float = 0.0) -> list[tuple[float, int]]:
    """Readings every 5 ms for 4 s of a recording that loses a few samples in the middle and is late in between."""
    readings = []
    for step in range(800):
        at_s = step * 0.005
        played = (at_s - (lateness_s if 1 < at_s < 3 else 0.0)) * SAMPLE_RATE_HZ // PERIOD * PERIOD
        readings.append((1000 + at_s, int(played) - (lost if at_s > 2 else 0)))
    return readings


def test_a_period_that_a_recorder_lost_is_told_from_one_that_came_late() -> None:
    assert lost_samples(recorded(PERIOD)) == pytest.approx(PERIOD, abs=PERIOD / 4)
    assert lost_samples(recorded(0, lateness_s=0.2)) == pytest.approx(0, abs=PERIOD / 4)
    assert lost_samples([]) == 0


def test_a_machine_on_which_programs_wait_for_a_processor_is_told_from_an_idle_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pressure = tmp_path / "cpu"
    monkeypatch.setattr("tests.support.witnesses._PRESSURE", pressure)
    for waited_us, expected in ((0, 0), (1_000_000, 1)):
        pressure.write_text("some avg10=0.00 avg60=0.00 avg300=0.00 total=5000000\nfull avg10=0.00 total=0\n")
        with contention() as seen:
            pressure.write_text(f"some avg10=9.00 total={5_000_000 + waited_us}\nfull avg10=0.00 total=0\n")
        assert len(seen) == expected
    pressure.unlink()
    with contention() as seen:
        pass
    assert seen == []


@pytest.mark.sound
def test_a_recorder_that_stands_still_for_several_periods_is_seen(tmp_path: Path) -> None:
    wav = tmp_path / "silence.wav"
    with SoundCard(period=PERIOD) as card, card.record("ear", wav), witnesses(card, wav) as seen:
        recorder = next(child for child in psutil.Process().children() if child.name() == "pw-record")
        time.sleep(1)
        os.kill(recorder.pid, signal.SIGSTOP)
        time.sleep(0.3)
        os.kill(recorder.pid, signal.SIGCONT)
        time.sleep(1)
    assert any("'recorder-silence-" in line and "missed" in line for line in seen), seen
    assert any("the recorder lost" in line for line in seen), seen
