"""`opuscope serve` as a process."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import websockets

from core.wire.control import SUBPROTOCOL, Bye
from tests.opus.sounds import voice_like
from tests.server.helpers import Heard, everything, hear, rtp_client, tone, until, write_wav
from tests.support.processes import REPOSITORY, ChildProcess
from tests.support.sound_card import SoundCard

SERVE = (sys.executable, "-m", "core.cli.main", "serve", "--port", "0")
LISTENING = r"^listening on (ws://127\.0\.0\.1:\d+/ws-audio)$"


def refused(*arguments: str) -> tuple[int, str]:
    """Exit status and the only line on stderr."""
    with ChildProcess([*SERVE, *arguments]) as server:
        status = server.wait()
        assert server.text("stdout") == ""
        return status, server.text("stderr")


async def test_one_line_says_where_it_listens_and_sigterm_ends_it_within_two_seconds() -> None:
    with ChildProcess(SERVE) as server:
        url = server.wait_for_line(LISTENING).group(1)
        async with rtp_client(url) as client:
            await hear(client, lambda heard: len(heard.packets) == 3)
            started_s = time.monotonic()
            psutil.Process(server.pid).terminate()
            heard = await hear(client, lambda heard: False)
            assert client.close_code == 1001
        assert heard.of(Bye)[0].retry_after_ms is not None
        assert await asyncio.to_thread(server.wait) == 0
        assert time.monotonic() - started_s < 2
        assert server.text() == f"listening on {url}"


async def test_ctrl_c_ends_it_without_a_traceback() -> None:
    with ChildProcess(SERVE) as server:
        url = server.wait_for_line(LISTENING).group(1)
        async with websockets.connect(url) as client:
            await client.recv()
            server.interrupt()
            await everything(client)
            assert client.close_code == 1001
        assert await asyncio.to_thread(server.wait) == 0
        assert server.text("stderr") == ""


def test_it_ends_when_its_stdin_does() -> None:
    with subprocess.Popen(
        [*SERVE, "--until-stdin-closes"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            assert server.stdout.readline().startswith("listening on ws://")
            server.stdin.write("anything\n")
            server.stdin.flush()
            time.sleep(0.2)
            assert server.poll() is None
            server.stdin.close()
            assert server.wait(5) == 0
        finally:
            server.kill()


async def test_a_files_listener_is_let_go_at_its_end_and_the_server_stays(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "short.wav", tone(0.2))
    with ChildProcess([*SERVE, "--source", str(path), "--frame-ms", "10", "--bitrate", "32000"]) as server:
        url = server.wait_for_line(LISTENING).group(1)
        for _ in range(2):
            async with websockets.connect(url) as client:
                assert len(await everything(client)) == 20
                assert client.close_code == 1000
        assert server.return_code is None


def test_a_port_in_use_is_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        status, text = refused("--port", str(port))
    assert status == 2
    assert text == (f"opuscope: cannot listen on 127.0.0.1 port {port}: the port is in use; choose another with --port")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--source", "no-such-file.wav"), "no file 'no-such-file.wav'"),
        (("--source", "pyproject.toml"), "'pyproject.toml' has no audio stream"),
        (("--source", "command:no-such-program"), "no such program"),
        (("--source", "microphone:no such device"), "no such device"),
        (("--source", "microphone", "--loop"), "cannot be looped"),
        (("--bitrate", "1"), "bitrate 1 is not possible; accepted: 6000 to 510000"),
        (("--queue-ms", "1"), "a queue of 1 ms is not possible"),
        (("--port", "99999"), "port 99999 is not possible"),
        (("--host", "203.0.113.1"), "cannot listen on 203.0.113.1"),
        (("--host", "a..b"), "cannot listen on 'a..b': it can be no host name"),
    ],
)
def test_what_cannot_work_is_refused_in_one_line(arguments: tuple[str, ...], words: str) -> None:
    status, text = refused(*arguments)
    assert status == 2
    [line] = text.splitlines()
    assert line.startswith("opuscope: ")
    assert words in line


def test_a_public_address_is_warned_of() -> None:
    with ChildProcess([*SERVE, "--host", "0.0.0.0"]) as server:  # noqa: S104
        server.wait_for_line(r'warning why="listening on 0\.0\.0\.0: every machine')
        server.wait_for_line(r"^listening on ws://0\.0\.0\.0:\d+/ws-audio$")


def test_the_help_has_examples() -> None:
    with ChildProcess([*SERVE, "--help"]) as server:
        assert server.wait() == 0
        assert "--source microphone --frame-ms 5" in server.text("stdout")
        assert "--until-stdin-closes" not in server.text("stdout")


async def test_a_program_ends_with_its_last_listener() -> None:
    script = "import sys,time\nwhile True: sys.stdout.buffer.write(bytes(960)); sys.stdout.flush(); time.sleep(.01)"
    with ChildProcess([*SERVE, "--source", f'command:{sys.executable} -c "{script}"']) as server:
        url = server.wait_for_line(LISTENING).group(1)
        process = psutil.Process(server.pid)
        assert process.children() == []
        async with websockets.connect(url) as client:
            await client.recv()
            assert len(process.children()) == 1
        await until(lambda: process.children() == [])
        async with websockets.connect(url) as client:
            await client.recv()
            (child,) = process.children()
            process.send_signal(signal.SIGTERM)
            await everything(client)
        assert await asyncio.to_thread(server.wait) == 0
        assert not child.is_running()


@pytest.mark.sound
def test_an_input_is_taken_by_the_name_that_devices_gives_it(sound_card: SoundCard) -> None:
    devices = [sys.executable, "-m", "core.cli.main", "devices"]
    with ChildProcess([*devices, "--json"], sound_card.environment) as listing:
        assert listing.wait() == 0
        inputs = [device for device in json.loads(listing.text("stdout")) if device["kind"] == "input"]
    assert inputs
    assert all(set(device) == {"kind", "name", "channels", "default"} for device in inputs)
    name = inputs[-1]["name"]
    with ChildProcess(
        [*SERVE, "--source", f"microphone:{name}", "--sample-rate", "48000"], sound_card.environment
    ) as it:
        it.wait_for_line(LISTENING)
    with ChildProcess(devices, sound_card.environment) as listing:
        assert listing.wait() == 0
        text = listing.text("stdout")
    assert name in text[text.index("inputs:") :]


def voice_stands_out(heard: Heard) -> bool:
    """Whether some packets hold much more than others."""
    sizes = [len(packet.payload) for packet in heard.packets]
    return max(sizes) > 2 * min(sizes)


@pytest.mark.sound
async def test_the_microphone_is_heard_with_the_time_of_its_capture(sound_card: SoundCard, tmp_path: Path) -> None:
    path = write_wav(tmp_path / "voice.wav", voice_like(48_000, 3.0), 48_000)
    arguments = [*SERVE, "--source", "microphone", "--sample-rate", "48000", "--frame-ms", "5"]
    with ChildProcess(arguments, sound_card.environment) as server:
        url = server.wait_for_line(LISTENING).group(1)
        async with websockets.connect(url, subprotocols=[websockets.Subprotocol(SUBPROTOCOL)]) as client:
            # Silence first, so that the voice stands out however late the machine is.
            heard = await hear(client, lambda heard: len(heard.packets) == 20)
            player = sound_card.play("mouth", path)
            try:
                await hear(client, lambda heard: len(heard.packets) >= 300 and voice_stands_out(heard), heard)
            finally:
                player.stop()
    times = [packet.capture_time_ntp for packet in heard.packets]
    assert all(stamp is not None for stamp in times)
    steps_ms = np.diff(np.array(times, dtype=np.float64)) * 1000 / 2**32
    # The median: a virtual machine may lose some of the device's blocks, which the times then show.
    assert abs(np.median(steps_ms) - 5) < 0.1
    assert voice_stands_out(heard)


async def test_a_file_says_it_all_and_options_have_the_last_word(tmp_path: Path) -> None:
    write_wav(tmp_path / "short.wav", tone(0.2))
    (tmp_path / "opuscope.toml").write_text(
        '[server]\npath = "/x"\nport = 1\n[[stream]]\nname = "a"\nsource = "short.wav"\nframe_ms = 60\ndtx = true\n'
    )
    with ChildProcess([*SERVE, "--config", str(tmp_path / "opuscope.toml"), "--frame-ms", "10", "--no-dtx"]) as server:
        url = server.wait_for_line(r"^listening on (ws://127\.0\.0\.1:\d+/x)$").group(1)
        async with websockets.connect(url.replace("/x", "/streams/a")) as client:
            assert len(await everything(client)) == 20


def test_options_about_one_stream_are_refused_where_there_are_several(tmp_path: Path) -> None:
    file = tmp_path / "two.toml"
    file.write_text('[[stream]]\nname = "a"\nsource = "tone"\n[[stream]]\nname = "b"\nsource = "none.wav"\n')
    status, text = refused("--config", str(file), "--expected-loss", "3")
    assert (status, text) == (
        2,
        f"opuscope: --expected-loss is about one stream, and {file} has 2; write it there",
    )
    status, text = refused("--config", str(file))
    assert status == 2
    assert text.startswith(f"opuscope: {file}: stream 'b': no file '{tmp_path / 'none.wav'}'")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[server]\nprot = 1", "[server] there is no key 'prot'; did you mean 'port'?"),
        ("[[stream]]\nsource = 'relay:http://x/'", "'http://x/' cannot be relayed"),
        ("[[stream]]\nsource = 'push'\ningest_token_file = 'none'", "cannot be read"),
    ],
)
def test_a_file_with_a_mistake_starts_nothing(tmp_path: Path, content: str, words: str) -> None:
    file = tmp_path / "it.toml"
    file.write_text(content)
    status, text = refused("--config", str(file))
    assert status == 2
    [line] = text.splitlines()
    assert words in line


async def test_two_files_are_played_one_after_the_other(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "short.wav", tone(0.2))
    with ChildProcess([*SERVE, "--source", str(path), "--source", str(path)]) as server:
        url = server.wait_for_line(LISTENING).group(1)
        async with websockets.connect(url) as client:
            assert len(await everything(client)) == 20


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
async def test_what_curl_sends_is_heard(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "short.wav", tone(0.5))
    with ChildProcess([*SERVE, "--source", "push"]) as server:
        url = server.wait_for_line(LISTENING).group(1)
        ingest = url.replace("ws:", "http:").replace("/ws-audio", "/ingest/main")
        async with websockets.connect(url) as client:
            with ChildProcess(["curl", "-sS", "--data-binary", f"@{path}", ingest]) as curl:
                assert await asyncio.to_thread(curl.wait) == 0
                assert curl.text("stdout") == "took 0.50 s of sound"
            assert [await client.recv() for _ in range(25)]
