"""Captures by command: written live, opened by Wireshark's tshark, replayed and simulated."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.analysis.observation import Observation, Received
from core.opus.media import MediaPacket
from core.recording.capture_reader import open_capture
from core.recording.capture_writer import CaptureWriter
from core.wire.rtp import InterarrivalJitter
from tests.cli.test_commands import run
from tests.recording.foreign import frames, pcap, rtp_packets, save
from tests.recording.real_captures import NAMES, REAL, RealCapture
from tests.recording.transcripts import stream
from tests.support.processes import opuscope


@pytest.fixture(scope="module")
def tone_url() -> Iterator[str]:
    with opuscope("serve", "--source", "tone", "--port", "0") as server:
        yield server.wait_for_line(r"listening on (\S+)", 15)[1]


def written(path: Path, seen: list[Observation]) -> Path:
    with CaptureWriter(path) as writer:
        for each in seen:
            writer.take(each)
    return path


def faulty(path: Path) -> Path:
    """Eight seconds: 300 ms of nothing at 2 s, two packets missing at 6 s."""
    late = {number: max(0.0, 300.0 - 20 * (number - 100)) for number in range(100, 115)}
    return written(path, stream(400, delays_ms=late, dropped=frozenset({300, 301})))


def tshark(path: Path, *arguments: str) -> str:
    assert shutil.which("tshark"), "tshark is missing; resources/setup/system-packages.sh test installs it"
    done = subprocess.run(
        ["tshark", "-r", str(path), *arguments], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


def rtp_stream(path: Path, *arguments: str) -> dict[str, float | str]:
    """The one line of ``-z rtp,streams``."""
    out = tshark(path, "-q", *arguments, "-z", "rtp,streams")
    line = re.search(
        r"0x([0-9A-F]{8})\s+(\S+)\s+(\d+)\s+(-?\d+) \([\d.]+%\)\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+)", out
    )
    assert line is not None, out
    names = ("ssrc", "payload", "packets", "lost", "least_ms", "mean_ms", "most_ms", "_", "jitter_ms", "most_jitter_ms")
    return {
        name: value if name in ("ssrc", "payload") else float(value)
        for name, value in zip(names, line.groups(), strict=True)
    }


def jitter_of(path: Path) -> float:
    """RFC 3550's, the mean over all packets, in milliseconds; a bare stream's timestamps come from adding up."""
    jitter, values = InterarrivalJitter(), []
    for number, seen in enumerate(packets_in(path)):
        told = seen.media_timestamp
        jitter.add(seen.arrival_ns, number * 960 if told is None else told)
        values.append(jitter.jitter_ms)
    return sum(values[1:]) / len(values[1:])


def packets_in(path: Path) -> list[MediaPacket]:
    events = [seen.event for seen in open_capture(path).observations() if isinstance(seen, Received)]
    return [event for event in events if isinstance(event, MediaPacket)]


@pytest.mark.parametrize("dialect", ["auto", "bare"])
def test_a_live_capture_is_to_tshark_what_it_is_to_us(tmp_path: Path, tone_url: str, dialect: str) -> None:
    path = tmp_path / "live.pcapng"
    status, out, errors = run("capture", tone_url, str(path), "--duration", "2.5", "--dialect", dialect)
    assert (status, errors) == (0, [])
    count = open_capture(path).packets
    assert f"live.pcapng: {count} packets in 2.5 s, 0 missing" in out
    seen = rtp_stream(path)
    assert (seen["payload"], seen["packets"], seen["lost"]) == ("opus", count, 0)
    assert seen["jitter_ms"] == pytest.approx(jitter_of(path), abs=0.05)


def test_gaps_and_delays_are_the_same_to_tshark(tmp_path: Path) -> None:
    path = faulty(tmp_path / "a.pcapng")
    seen = rtp_stream(path)
    assert (seen["packets"], seen["lost"], seen["most_ms"]) == (398, 2, 320)
    assert seen["jitter_ms"] == pytest.approx(jitter_of(path), abs=0.05)
    # And so it is where somebody decodes by hand.
    assert rtp_stream(path, "-d", "udp.port==5004,rtp") == seen


def test_wireshark_finds_nothing_wrong_with_a_capture_and_reads_its_notes(tmp_path: Path) -> None:
    path = faulty(tmp_path / "a.pcapng")
    assert "Malformed" not in tshark(path, "-q", "-z", "expert")
    comments = tshark(path, "-Y", "frame.comment", "-T", "fields", "-e", "frame.comment")
    assert "connecting to ws://192.0.2.7/ws-audio" in comments
    assert "closed by the server, code 1000 the end" in comments
    assert tshark(path, "-Y", "json", "-T", "fields", "-e", "frame.protocols").count("json") >= 3


@pytest.mark.parametrize("real", REAL, ids=NAMES)
def test_tshark_sees_in_captures_of_others_what_we_see(real: RealCapture) -> None:
    seen = rtp_stream(real.path, "-d", f"udp.port=={real.port},rtp")
    capture = open_capture(real.path)
    assert capture.stream is not None
    assert (int(str(seen["ssrc"]), 16), seen["packets"]) == (capture.stream.ssrc, capture.packets)
    assert seen["lost"] == real.missing


@pytest.mark.parametrize("real", REAL, ids=NAMES)
def test_captures_of_others_are_replayed_and_simulated(real: RealCapture) -> None:
    status, out, errors = run("replay", str(real.path), "--headless", "--json", "-")
    assert (status, errors) == (0, [])
    values = json.loads(out)
    assert (values["packets_received"], values["packets_lost"]) == (real.packets, real.missing)
    status, out, errors = run("simulate", str(real.path), "--buffer", "fixed:80", "--buffer", "adaptive", "--json", "-")
    assert (status, errors) == (0, [])
    fixed, adaptive = json.loads(out)
    # Playout slows down while packets are overdue, so less has to be concealed than is missing.
    lost_pct = 100 * real.missing / (real.packets + real.missing)
    assert min(1.0, lost_pct) <= fixed["concealed_pct"] <= lost_pct
    assert fixed["underruns"] == 0
    assert (fixed["buffer"], adaptive["buffer"]) == ("fixed:80", "adaptive")


def test_a_capture_that_is_killed_is_readable_to_its_last_packets(tmp_path: Path, tone_url: str) -> None:
    path = tmp_path / "killed.pcapng"
    with opuscope("capture", tone_url, str(path)) as process:
        deadline = 200
        while not (path.exists() and path.stat().st_size > 30_000) and deadline:
            deadline -= 1
            time.sleep(0.05)
        process.signal(signal.SIGKILL)
        process.wait(5)
    size = path.stat().st_size
    assert size > 30_000
    capture = open_capture(path)
    bytes_in_packets = sum(len(packet.payload) + 100 for packet in packets_in(path))
    assert bytes_in_packets > 0.8 * size
    assert rtp_stream(path)["packets"] == capture.packets


def test_ctrl_c_ends_a_capture_with_its_summary(tmp_path: Path, tone_url: str) -> None:
    path = tmp_path / "a.pcapng"
    with opuscope("capture", tone_url, str(path), "--json", "-") as process:
        for _ in range(200):
            if path.exists() and path.stat().st_size > 20_000:
                break
            time.sleep(0.05)
        process.interrupt()
        assert process.wait(10) == 0
        values = json.loads(process.text("stdout"))
    assert values["packets"] == open_capture(path).packets
    assert values["bytes_written"] == path.stat().st_size


def test_a_capture_never_replaces_a_file_by_itself(tmp_path: Path, tone_url: str) -> None:
    path = tmp_path / "a.pcapng"
    path.write_text("precious")
    status, _, errors = run("capture", tone_url, str(path), "--duration", "1")
    assert (status, path.read_text()) == (2, "precious")
    assert errors == [f"opuscope: {path} exists; name another file, or replace it with --force"]
    assert run("capture", tone_url, str(path), "--duration", "1", "--force")[0] == 0
    assert run("capture", tone_url, str(tmp_path / "a.pcap"), "--duration", "1")[0] == 2
    status, _, errors = run("capture", tone_url, str(tmp_path / "none" / "a.pcapng"))
    assert status == 2
    assert "cannot be written (No such file or directory)" in errors[0]


def test_where_nothing_answers_no_file_stays(tmp_path: Path) -> None:
    status, _, errors = run("capture", "ws://127.0.0.1:9/", str(tmp_path / "a.pcapng"))
    assert status == 1
    assert "nothing listens at" in errors[0]
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_ends_the_capture_and_says_so(tone_url: str, tmp_path: Path) -> None:
    full = tmp_path / "full.pcapng"
    full.symlink_to("/dev/full")
    status, _, errors = run("capture", tone_url, str(full), "--force")
    assert (status, errors) == (2, [f"opuscope: {full} cannot be written (No space left on device); name another file"])


def test_replay_reports_as_probe_does(tmp_path: Path) -> None:
    path = faulty(tmp_path / "a.pcapng")
    status, out, errors = run("replay", str(path), "--headless", "--buffer", "fixed:60", "--json", "-")
    assert (status, errors) == (0, [])
    values = json.loads(out)
    assert (values["packets_received"], values["packets_lost"]) == (398, 2)
    assert values["underruns"]["episodes"] == 1
    assert values["target_delay_ms"] == 60
    assert values["state"] == "ended"


def test_simulate_shows_what_other_buffers_would_have_met(tmp_path: Path) -> None:
    path = faulty(tmp_path / "a.pcapng")
    buffers = ("--buffer", "fixed:60", "--buffer", "fixed:340", "--buffer", "adaptive")
    status, out, errors = run("simulate", str(path), *buffers)
    assert (status, errors) == (0, [])
    head, *rows = out.splitlines()
    assert head.split()[0] == "buffer"
    assert [row.split()[0] for row in rows] == ["fixed:60", "fixed:340", "adaptive"]
    values = json.loads(run("simulate", str(path), *buffers, "--json", "-")[1])
    assert [each["underruns"] for each in values[:2]] == [1, 0]
    assert values[1]["playout_delay_ms"] == pytest.approx(345, abs=6)


def test_simulation_and_replay_of_a_capture_agree(tmp_path: Path) -> None:
    path = faulty(tmp_path / "a.pcapng")
    simulated = json.loads(run("simulate", str(path), "--buffer", "fixed:60", "--json", "-")[1])
    replayed = json.loads(run("replay", str(path), "--headless", "--buffer", "fixed:60", "--json", "-")[1])
    assert simulated["underruns"] == replayed["underruns"]["episodes"]
    # A twentieth of the time is within the stall, where the delay rises by 20 ms from packet to packet.
    assert simulated["playout_delay_p95_ms"] == pytest.approx(replayed["playout_delay_ms"]["p95"], abs=40)
    concealed_pct = 100 * replayed["concealed_samples"] / replayed["total_samples_received"]
    assert simulated["concealed_pct"] == pytest.approx(concealed_pct, abs=0.6)


def test_mistakes_are_told_in_one_line(tmp_path: Path) -> None:
    two = pcap([*frames(rtp_packets(20, ssrc=7)), *frames(rtp_packets(20, ssrc=8))])
    path = save(tmp_path / "two.pcap", two)
    for command in (("replay", str(path), "--headless"), ("simulate", str(path))):
        status, _, errors = run(*command)
        assert status == 2
        assert len(errors) == 1
        assert "holds several streams with Opus; choose one with --ssrc" in errors[0]
    assert run("simulate", str(path), "--ssrc", "8")[0] == 0
    assert run("simulate", str(path), "--ssrc", "x")[0] == 2
    assert run("simulate", str(path), "--ssrc", "8", "--frame-ms", "10")[0] == 2
    status, _, errors = run("simulate", str(tmp_path / "none.pcapng"))
    assert (status, len(errors)) == (2, 1)
    assert "no such file" in errors[0]
