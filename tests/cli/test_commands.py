"""The command as a user types it: exit statuses, one line for each error, JSON where a machine reads."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import opuscope

REPORT_KEYS = {
    *("url", "connected", "dialect", "duration_s", "stream", "packets_received", "bytes_received"),
    *("total_samples_received", "concealed_samples", "concealment_events", "underruns", "buffer_depth_ms"),
    *("playout_delay_ms", "jitter_ms", "round_trip_time_ms", "device_latency_ms", "device_xruns", "reconnects"),
    *("latency_ms", "target_delay_ms", "clock_skew_ppm", "stretched_pct", "skipped_pct", "impairment"),
}


@pytest.fixture(scope="module")
def tone_url() -> Iterator[str]:
    with opuscope("serve", "--source", "tone", "--port", "0") as server:
        yield server.wait_for_line(r"listening on (\S+)", 15)[1]


def run(
    *arguments: str, environment: dict[str, str] | None = None, timeout_s: float = 30
) -> tuple[int, str, list[str]]:
    """Exit status, standard output, and the lines of standard error."""
    with opuscope(*arguments, environment=environment) as process:
        status = process.wait(timeout_s)
        return status, process.text("stdout"), process.text("stderr").splitlines()


def probe(url: str, *arguments: str) -> dict[str, Any]:
    status, out, errors = run("probe", url, "--duration", "2.5", "--json", "-", *arguments)
    assert (status, errors) == (0, [])
    values: dict[str, Any] = json.loads(out)
    return values


def test_the_probe_reports_every_promised_figure(tone_url: str) -> None:
    values = probe(tone_url, "--buffer", "fixed:60")
    assert set(values) >= REPORT_KEYS
    assert values["connected"] is True
    assert values["dialect"] == "rtp"
    assert values["stream"]["frame_ms"] == 20
    assert values["stream"]["channels"] == 1
    assert values["packets_received"] == pytest.approx(125, abs=15)
    assert values["underruns"] == {"episodes": 0, "starved_ms": 0, "causes": []}
    assert values["target_delay_ms"] == 60
    assert values["skipped_pct"] == 0
    assert values["buffer_depth_ms"]["mean"] == pytest.approx(70, abs=40)
    assert values["playout_delay_ms"]["p50"] == pytest.approx(60, abs=40)
    assert values["round_trip_time_ms"] < 50
    assert values["impairment"] is None


def test_a_network_made_bad_on_purpose_shows_in_the_figures_and_is_named(tone_url: str) -> None:
    values = probe(tone_url, "--impair", "delay=150,jitter=uniform:20")
    assert values["impairment"] == "delay=150ms,jitter=uniform:20ms"
    assert values["latency_ms"]["kind"] == "measured"
    assert values["latency_ms"]["network"] == pytest.approx(165, abs=25)
    assert values["round_trip_time_ms"] > 300
    assert values["jitter_ms"] > 2


def test_the_parts_of_a_measured_latency_add_up_to_its_total(tone_url: str) -> None:
    latency = probe(tone_url)["latency_ms"]
    assert latency["kind"] == "measured"
    parts = [latency[part] for part in ("frame", "codec", "network", "buffer", "device")]
    assert latency["total"] == pytest.approx(sum(parts), abs=0.1)
    assert latency["frame"] == 20
    assert latency["codec"] == 6.5


def test_a_bare_stream_s_latency_is_estimated_and_what_cannot_be_known_is_null(tone_url: str) -> None:
    values = probe(tone_url, "--dialect", "bare")
    assert values["dialect"] == "bare"
    assert values["latency_ms"]["kind"] == "estimated"
    assert values["stream"]["declared_frame_ms"] is None


@pytest.mark.parametrize("dialect", ["auto", "bare"])
@pytest.mark.parametrize("frame_ms", [2.5, 60])
def test_another_frame_size_is_asked_for_and_arrives(tone_url: str, dialect: str, frame_ms: float) -> None:
    values = probe(tone_url, "--frame-ms", f"{frame_ms:g}", "--dialect", dialect)
    assert values["stream"]["frame_ms"] == frame_ms


def test_a_buffer_depth_is_kept(tone_url: str) -> None:
    assert probe(tone_url, "--buffer", "fixed:200")["playout_delay_ms"]["p50"] == pytest.approx(200, abs=40)


def test_without_json_the_report_is_for_people_and_ctrl_c_gives_it_early(tone_url: str) -> None:
    with opuscope("probe", tone_url, "--duration", "60", "--json", "-") as process:
        # Nothing is on standard output before the end, so there is nothing to wait for but time.
        time.sleep(3)
        process.interrupt()
        assert process.wait(10) == 0
        assert 0 < json.loads(process.text("stdout"))["duration_s"] < 30
    status, out, _ = run("probe", tone_url, "--duration", "1", "--buffer", "fixed:60")
    assert status == 0
    assert "underruns      0 episodes" in out


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        return int(reserved.getsockname()[1])


def test_an_unreachable_host_is_one_line_and_status_1() -> None:
    status, out, errors = run("probe", f"ws://127.0.0.1:{free_port()}/ws-audio", "--duration", "5", "--json", "-")
    assert status == 1
    assert json.loads(out)["connected"] is False
    [line] = errors
    assert "nothing listens at ws://127.0.0.1" in line


def test_a_wrong_path_is_one_line_and_status_1(tone_url: str) -> None:
    status, _, errors = run("probe", tone_url.replace("ws-audio", "nowhere"), "--duration", "5")
    assert status == 1
    [line] = errors
    assert "no stream at this path (HTTP 404); check the path" in line


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["probe", "http://x/"], "is not a WebSocket address"),
        (["probe", "ws://127.0.0.1/", "--duration", "-1"], "a duration of -1 s is not possible"),
        (["probe", "ws://127.0.0.1/", "--buffer", "fixed:-5"], "accepted: 0 to 5000 ms"),
        (["probe", "ws://127.0.0.1/", "--bias", "0"], "accepted: 1 to 5000 ms per %"),
        (["probe", "ws://127.0.0.1/", "--preset", "best"], "accepted: lowest-delay, balanced, safe"),
        (["probe", "ws://127.0.0.1/", "--device-latency", "-1"], "accepted: above 0 to 2000"),
        (["probe", "ws://127.0.0.1/", "--buffer", "much"], "expected adaptive or fixed:MS"),
        (["probe", "ws://127.0.0.1/", "--impair", "dely=5"], "'dely' is no impairment; accepted: delay, jitter, stall"),
        (["demo", "--headless", "--impair", "trace=Makefile"], "Makefile is no JSON"),
        (["probe", "ws://127.0.0.1/", "--frame-ms", "7"], "accepted: 2.5, 5, 10, 20, 40, 60 ms"),
        (["probe", "ws://127.0.0.1/", "--ca-file", "/nowhere.pem"], "the CA file /nowhere.pem cannot be read"),
        (["probe", "wss://127.0.0.1/", "--ca-file", "Makefile"], "the CA file Makefile holds no certificates"),
        (["probe", "ws://127.0.0.1/", "--json", "/nowhere/report.json"], "cannot be written to /nowhere/report.json"),
        (["probe", "ws://a..b/x"], "'a..b' is not a host name"),
        (["probe", "ws://127.0.0.1/?token=secret#x"], "'ws://127.0.0.1/' has a fragment"),
        (["demo", "--headless", "--duration", "nan"], "a duration of nan s is not possible"),
        (["probe", "ws://127.0.0.1/", "--device-latency", "0"], "accepted: above 0 to 2000"),
        (["probe"], "the following arguments are required: URL"),
        (["probe", "ws://127.0.0.1/", "--impair", "foo=1"], "'foo' is no impairment; accepted: delay, jitter, stall"),
        (["demo", "--headless", "--impair", "foo=1"], "argument --impair: 'foo' is no impairment; accepted: delay"),
        (["ws://127.0.0.1/", "--impair", "foo=1"], "argument --impair: 'foo' is no impairment; accepted: delay"),
        (["probe", "ws://127.0.0.1/", "--duration", "0"], "a duration of 0 s is not possible; accepted: above 0 to"),
        (["demo", "--headless", "--duration", "0"], "a duration of 0 s is not possible; accepted: above 0 to 86400 s"),
        (["probe", "ws://127.0.0.1/", "--frame-ms", "x"], "argument --frame-ms: 'x' is not possible; accepted: a"),
        (
            ["probe", "ws://127.0.0.1/", "--nonsense"],
            "unrecognized arguments: --nonsense; for all options: opuscope probe",
        ),
        (["serve", "--port", "x"], "argument --port: 'x' is not possible; accepted: a whole number"),
        (["serve", "--source", "/nowhere.wav"], "/nowhere.wav"),
        (["serve", "--source", "Makefile"], "Makefile"),
        (["demo", "--headless", "--source", "/nowhere.wav"], "/nowhere.wav"),
    ],
)
def test_wrong_usage_is_refused_with_what_would_be_accepted_and_status_2(arguments: list[str], line: str) -> None:
    status, out, errors = run(*arguments)
    assert status == 2
    assert out == ""
    # The demo's server tells its own line first.
    *before, told = errors
    assert len(before) == (arguments[0] == "demo" and "--source" in arguments)
    assert line in told
    assert told.startswith("opuscope")


def test_a_port_in_use_is_one_line(tone_url: str) -> None:
    port = tone_url.split(":")[2].split("/")[0]
    status, _, errors = run("serve", "--source", "tone", "--port", port)
    assert status == 2
    [line] = errors
    assert port in line
    assert "in use" in line


def without_sound(folder: Path) -> dict[str, str]:
    """An environment in which ALSA knows of one card that is not there."""
    (folder / "alsa.conf").write_text("pcm.!default { type hw card 99 }")
    return {"ALSA_CONFIG_PATH": str(folder / "alsa.conf")}


def test_no_sound_device_is_one_line_for_the_probe_that_wants_one(tone_url: str, tmp_path: Path) -> None:
    status, _, errors = run("probe", tone_url, "--output", "default", environment=without_sound(tmp_path))
    assert status == 2
    [line] = errors
    assert "no sound device was found" in line


def test_without_a_sound_device_the_headless_demo_plays_to_the_null_output_and_says_so(tmp_path: Path) -> None:
    status, out, errors = run(
        *("demo", "--headless", "--duration", "3"), environment={**without_sound(tmp_path), "COLUMNS": "160"}
    )
    assert (status, errors) == (0, [])
    text = re.sub(r"[│\s]+", " ", out)
    assert "no sound (null output): no sound device was found; start a sound server" in text


def test_without_portaudio_one_line_says_what_to_install(tone_url: str, tmp_path: Path) -> None:
    # As python-sounddevice itself fails where the library is missing.
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')\n")
    status, _, errors = run("probe", tone_url, "--output", "default", environment={"PYTHONPATH": str(tmp_path)})
    assert status == 2
    [line] = errors
    assert "libportaudio2" in line
    status, _, errors = run("devices", environment={"PYTHONPATH": str(tmp_path)})
    assert status == 2
    assert "libportaudio2" in errors[0]


def test_without_libopus_one_line_says_where_was_looked(tone_url: str) -> None:
    status, _, errors = run("probe", tone_url, environment={"OPUSCOPE_LIBOPUS": "/nowhere/libopus.so"})
    assert status == 2
    [line] = errors
    assert "libopus could not be loaded" in line
    assert "/nowhere/libopus.so" in line


@pytest.mark.sound
def test_a_named_device_is_found_played_to_and_reported(tone_url: str, sound_card: Any) -> None:
    with opuscope(
        *("probe", tone_url, "--duration", "3", "--output", "ear", "--json", "-"), environment=sound_card.environment
    ) as process:
        assert process.wait(20) == 0
        values = json.loads(process.text("stdout"))
    assert values["output"] == "ear (ALSA)"
    assert values["device_latency_ms"] > 1
    status, _, errors = run("probe", tone_url, "--output", "trombone", environment=sound_card.environment)
    assert status == 2
    assert "no sound device named 'trombone'; there are: " in errors[0]
    status, out, _ = run("devices", "--json", environment=sound_card.environment)
    assert status == 0
    assert "ear (ALSA)" in [device["name"] for device in json.loads(out)]


NO_DISPLAY = {"DISPLAY": "", "WAYLAND_DISPLAY": "", "QT_QPA_PLATFORM": ""}


def test_without_a_display_the_window_names_the_headless_command() -> None:
    status, _, errors = run("ws://127.0.0.1/", environment=NO_DISPLAY)
    assert status == 2
    [line] = errors
    assert "there is no display" in line
    assert "opuscope probe" in line


def test_a_display_that_does_not_answer_is_no_crash() -> None:
    status, _, errors = run(environment={**NO_DISPLAY, "DISPLAY": ":987"})
    assert status == 2
    [line] = errors
    assert "the display :987 does not answer" in line


def test_without_a_display_the_demo_runs_headless_and_says_so(tmp_path: Path) -> None:
    status, out, errors = run("demo", "--duration", "2", environment={**NO_DISPLAY, **without_sound(tmp_path)})
    assert status == 0
    [line] = errors
    assert "running the headless demo instead" in line
    assert "Opuscope demo" in out


def test_a_device_that_dies_while_it_plays_is_said_and_playout_goes_on(tone_url: str, tmp_path: Path) -> None:
    # ALSA's file plugin accepts the stream and then cannot write what it is given.
    (tmp_path / "alsa.conf").write_text(
        'pcm.nothing { type null }\npcm.!default { type file slave.pcm "nothing" file "/proc/nowhere/sound" }\n'
    )
    environment = {"ALSA_CONFIG_PATH": str(tmp_path / "alsa.conf")}
    with opuscope(
        "probe", tone_url, "--duration", "3", "--output", "default", "--json", "-", environment=environment
    ) as p:
        assert p.wait(20) == 0
        values = json.loads(p.text("stdout"))
    assert values["output"] == "no sound (null output)"
    assert "has gone" in values["output_problem"]
    assert values["total_samples_received"] > 2 * 48_000


def test_every_command_has_help_with_examples() -> None:
    for command in ("serve", "probe", "record", "demo", "devices"):
        status, out, _ = run(command, "--help")
        assert status == 0
        assert "examples:" in out
    status, out, _ = run("--version")
    assert out.startswith("opuscope 0.")
