"""Two servers behind HAProxy with the repository's configuration, all of them processes."""

from __future__ import annotations

import asyncio
import re
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.processes import REPOSITORY, ChildProcess

CONFIGURATION = REPOSITORY / "resources" / "server" / "haproxy.cfg"
LISTENING = r"^listening on (\S+)$"


def free_port() -> int:
    """One that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """An `opuscope serve` on a port of its own, which can be ended and started again."""

    def __init__(self, *options: str) -> None:
        self.port = free_port()
        self._options = options
        self.process = self._start()

    def _start(self) -> ChildProcess:
        command = [sys.executable, "-m", "core.cli.main", "serve", "--port", str(self.port), *self._options]
        return ChildProcess(command)

    async def is_up(self) -> None:
        """Wait until it listens."""
        await asyncio.to_thread(self.process.wait_for_line, LISTENING, 20.0)

    async def restart(self) -> None:
        """After its end: a new process on the same port."""
        self.process.stop()
        self.process = self._start()
        await self.is_up()


@dataclass(frozen=True, slots=True)
class Balanced:
    """A balancer that knows of two servers."""

    url: str
    servers: tuple[Server, Server]
    proxy: ChildProcess


def configuration(port: int, first: int, second: int) -> str:
    """The repository's, with these ports in place of its own.

    Raises:
        AssertionError: it names others than those that are known here.
    """
    text = CONFIGURATION.read_text(encoding="utf-8")
    for pattern, replacement in (
        (r"bind :8080\n", f"bind 127.0.0.1:{port}\n"),
        (r"server first 127\.0\.0\.1:8765\n", f"server first 127.0.0.1:{first}\n"),
        (r"server second 127\.0\.0\.1:8766\n", f"server second 127.0.0.1:{second}\n"),
    ):
        text, count = re.subn(pattern, replacement, text)
        assert count == 1, f"{CONFIGURATION} has {count} of {pattern!r}"
    return text


@asynccontextmanager
async def balanced(folder: Path, *options: str) -> AsyncIterator[Balanced]:
    """Two servers with ``options``, and the balancer in front, all up; ended on the way out."""
    async with AsyncExitStack() as stack:
        servers = (Server(*options), Server(*options))
        for server in servers:
            # By then it may be another process than now.
            stack.callback(lambda server=server: server.process.stop())
        for server in servers:
            await server.is_up()
        port = free_port()
        path = folder / "haproxy.cfg"
        path.write_text(configuration(port, servers[0].port, servers[1].port), encoding="utf-8")
        proxy = stack.enter_context(ChildProcess(["/usr/sbin/haproxy", "-db", "-f", str(path)]))
        await _until_listening(port, proxy)
        yield Balanced(f"ws://127.0.0.1:{port}/ws-audio", servers, proxy)


async def _until_listening(port: int, proxy: ChildProcess) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                assert proxy.return_code is None, proxy.text()
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return
