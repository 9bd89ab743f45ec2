"""What the balancer lets nobody outside have, however the address is written."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.end_to_end.balancer import Balanced, balanced

PUSH = b"POST %s?rate=24000 HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nConnection: close\r\n\r\nabcd"


async def status(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    return answer[9:12]


def outside(it: Balanced) -> int:
    return int(it.url.split(":")[2].split("/")[0])


async def test_nobody_outside_may_push_or_look_inside(tmp_path: Path) -> None:
    async with balanced(tmp_path, "--source", "push") as it:
        for path in (b"/ingest/main", b"/%69ngest/main", b"/ingest%2Fmain", b"/INGEST/main"):
            assert await status(outside(it), PUSH % path) == b"404", path
        for path in (b"/metrics", b"/%6Detrics", b"/healthz", b"/readyz"):
            request = b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            assert await status(outside(it), request) == b"404", path
        # On the machine itself it is another matter.
        assert await status(it.servers[0].port, PUSH % b"/ingest/main") == b"200"


@pytest.mark.parametrize("options", [(), ("--trusted-proxy", "127.0.0.1")])
async def test_where_the_balancer_lets_pushers_through_they_still_are_no_programs_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    from tests.end_to_end import balancer

    lines = balancer.CONFIGURATION.read_text(encoding="utf-8").splitlines(keepends=True)
    open_one = tmp_path / "open.cfg"
    open_one.write_text("".join(line for line in lines if "/ingest }" not in line), encoding="utf-8")
    monkeypatch.setattr(balancer, "CONFIGURATION", open_one)
    async with balanced(tmp_path, "--source", "push", *options) as it:
        assert await status(outside(it), PUSH % b"/ingest/main") == b"403"
