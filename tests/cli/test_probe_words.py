"""What the probe says where a server is well, but does not what was wished for."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.test_commands import run
from tests.support.processes import opuscope

LISTENING = r"listening on (\S+)"


def test_an_idle_stream_is_told_from_a_server_that_sends_nothing() -> None:
    with opuscope("serve", "--source", "push", "--port", "0") as server:
        url = server.wait_for_line(LISTENING, 15)[1]
        for duration in ("1.5", "4"):  # before anybody begins to doubt, and after
            status, out, [line] = run("probe", url, "--duration", duration, "--json", "-")
            assert status == 1
            assert line.endswith(
                "sent no audio in this time: the server says that the stream is idle:"
                " its source has nothing to play now"
            )
            assert json.loads(out)["source"] == "idle"


def test_a_wish_that_is_refused_is_a_warning_and_a_field(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("0123456789abcdef" * 4)
    secret.chmod(0o600)
    _, token, _ = run("token", "--secret-file", str(secret), "--subject", "alice")
    with opuscope("serve", "--token-secret-file", str(secret), "--port", "0") as server:
        url = server.wait_for_line(LISTENING, 15)[1]
        wish = ("--frame-ms", "10", "--token", token.strip(), "--duration", "2", "--json", "-")
        status, out, [line] = run("probe", url, *wish)
    told = "frame_ms 10 was asked for, but refused: the token gives no right to change settings"
    assert (status, line) == (0, f"opuscope: warning: {told}")
    assert json.loads(out)["unfulfilled"] == [told]


def test_a_wish_that_a_server_cannot_be_asked_for_is_a_warning_too() -> None:
    with opuscope("serve", "--port", "0") as server:
        url = server.wait_for_line(LISTENING, 15)[1] + "?framing=bare"
        status, _, [line] = run("probe", url, "--frame-ms", "10", "--duration", "2")
    assert status == 0
    assert line.startswith("opuscope: warning: frames of 10 ms were asked for, but this server takes no control")
