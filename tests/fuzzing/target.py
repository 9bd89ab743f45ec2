"""The real server in a process of its own, a listener who wants nothing but the sound, and what must not grow."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.benchmarks.soak import Look, look
from tests.benchmarks.soak_clients import Listener, connect
from tests.fuzzing.requests import PUSHES
from tests.server.access.making import SECRET, token
from tests.support.processes import ChildProcess, python

HEADER_TIMEOUT_S: Final = 0.3
CUT_WITHIN_S: Final = 5.0
"""Whoever is given up is, by then, also on a machine that is busy."""

_EXPECTED: Final = re.compile(
    r"^message ignored stream=\S+ peer=\S+ (subject=.* )?dialect=\S+ why="
    r'|^damaged packets skipped source="what was pushed" packets=\d+$'
    r"|^proxy not trusted why="
)
"""At most one line for each connection, and one about proxies for all."""


class FaultError(AssertionError):
    """The server did what it must never do."""


@dataclass(frozen=True, slots=True)
class Answer:
    """All that came back on one connection."""

    data: bytes
    is_over: bool
    """The server has ended the connection."""


class Target:
    """A server to be attacked."""

    def __init__(self, folder: Path, *, has_tokens: bool = False) -> None:
        """Start it, and listen."""
        (folder / "secret").touch(0o600)
        (folder / "secret").write_text(SECRET)
        (folder / "server.toml").write_text(_configuration(has_tokens=has_tokens))
        with ExitStack() as stack:
            # With descriptors that nobody closed told of.
            options = ("-W", "default::ResourceWarning", "-m", "core.cli.main", "serve", "--config")
            self._child: ChildProcess = stack.enter_context(python(*options, str(folder / "server.toml")))
            self.url = self._child.wait_for_line(r"listening on (\S+)", 30)[1]
            self.port = int(self.url.split(":")[2].split("/")[0])
            self._query = f"?token={token(exp=2**40)}" if has_tokens else ""
            look(self.url)  # The first one loads what makes the figures.
            self._good = self._listener()
            stack.callback(lambda: self._good.leave(politely=True))
            self._stack = stack.pop_all()
        self._seen_lines = 0

    def close(self) -> None:
        """Stop it."""
        self._stack.close()

    async def say(
        self,
        pieces: Sequence[bytes],
        is_enough: Callable[[bytes], bool],
        *,
        patience_s: float = CUT_WITHIN_S,
        is_broken_off: bool = False,
    ) -> Answer:
        """Open a connection, write, and read until that is enough, the connection is over, or patience is."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        data = b""
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            async with asyncio.timeout(patience_s):
                while not is_broken_off and not is_enough(data):
                    more = await reader.read(1 << 16)
                    if not more:
                        return Answer(data, is_over=True)
                    data += more
        except TimeoutError:
            pass
        except ConnectionError:
            return Answer(data, is_over=True)
        finally:
            # With a reset, as somebody who is gone.
            writer.transport.abort()
        return Answer(data, is_over=False)

    def check(self) -> None:
        """The good listener hears on.

        Raises:
            FaultError: it does not, or the server complains of something.
        """
        if self._child.return_code is not None:
            raise FaultError(f"the server has ended: {self._child.text('stderr')[-2_000:]}")
        lines = [line.text for line in self._child.lines if line.stream == "stderr"]
        new, self._seen_lines = lines[self._seen_lines :], len(lines)
        complaints = [line for line in new if not _EXPECTED.search(line)]
        if complaints:
            raise FaultError("the server complains: " + "\n".join(complaints))
        self._good.read()
        if self._good.is_closed:
            self._good = self._listener()
            raise FaultError("a good listener was sent away")
        if self._good.missing:
            missing, self._good.missing = self._good.missing, 0
            raise FaultError(f"a good listener misses {missing} packets")

    def hears_on(self) -> bool:
        """Whether the good listener gets ten more packets."""
        before, ends_s = self._good.packets, time.monotonic() + CUT_WITHIN_S
        while self._good.packets < before + 10 and time.monotonic() < ends_s:
            time.sleep(0.02)
            self._good.read()
        return self._good.packets >= before + 10

    def settled(self) -> Look:
        """The figures once all but the good listener have gone.

        Raises:
            FaultError: somebody, a task or a descriptor stays behind.
        """
        self._good.read()
        ends_s = time.monotonic() + 2 * CUT_WITHIN_S
        while True:
            now = look(self.url)
            if (now.listeners, now.descriptors, now.tasks) == (1, self._settled.descriptors, self._settled.tasks):
                return now
            if time.monotonic() > ends_s:
                raise FaultError(f"left behind: {now}, at first: {self._settled}")
            time.sleep(0.1)
            self._good.read()

    def warmed_up(self) -> Look:
        """From here on nothing may stay behind."""
        self.hears_on()
        self._settled = look(self.url)
        return self._settled

    def _listener(self) -> Listener:
        return connect(self.url + self._query, is_rtp=True)


@contextmanager
def target(folder: Path, *, has_tokens: bool = False) -> Iterator[Target]:
    """A server that is attacked while the context is open."""
    it = Target(folder, has_tokens=has_tokens)
    try:
        yield it
    finally:
        it.close()


def _configuration(*, has_tokens: bool) -> str:
    access = '[access]\nsecret_file = "secret"\n' if has_tokens else ""
    pushes = "".join(f'[[stream]]\nname = "push{at}"\nsource = "push"\n' for at in range(PUSHES))
    return (
        f"[server]\nport = 0\n{access}[limits]\nheader_timeout_s = {HEADER_TIMEOUT_S}\n"
        f'[[stream]]\nname = "main"\nsource = "tone"\n{pushes}'
    )
