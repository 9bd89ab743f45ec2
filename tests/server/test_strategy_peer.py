"""The strategy document's server, as a process, and ours say the same to a client that asks for nothing."""

from __future__ import annotations

import sys
from pathlib import Path

from core.server.app import serving
from core.server.config import one_stream
from tests.opus.sounds import voice_like
from tests.server.helpers import bare_client, everything, write_wav
from tests.support.processes import ChildProcess


async def test_a_bare_client_cannot_tell_the_two_servers_apart(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "voice.wav", voice_like(44_100, 0.55), 44_100)
    with ChildProcess([sys.executable, "tests/peers/strategy_server.py", "--source", str(path), "--port", "0"]) as peer:
        url = peer.wait_for_line(r"^listening on (ws://127\.0\.0\.1:\d+/ws-audio)$").group(1)
        async with bare_client(url) as client:
            theirs = await everything(client)
    async with serving(one_stream(source=str(path), port=0)) as server, bare_client(server.url) as client:
        ours = await everything(client)
    assert len(ours) == 28
    assert ours == theirs
