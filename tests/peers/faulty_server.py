"""A WebSocket server with a known fault, for listeners that shall find it.

What it sends, and when, is said in `tests.peers.faults`; here it goes over real sockets, each listener on its own time.

    python tests/peers/faulty_server.py --fault "5-packet bursts" --port 0
    python tests/peers/faulty_server.py --list

It speaks `opus-rtp.v1` with those who offer it, and bare Opus packets with all others.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import websockets
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from core.wire.control import SUBPROTOCOL
from tests.peers.faults import CLEAN, FAULTS, Fault, packets, sends

HOST = "127.0.0.1"


@asynccontextmanager
async def faulty_server(name: str, port: int = 0, speed: float = 1.0) -> AsyncIterator[str]:
    """A server with the fault of that name; gives its address. ``speed`` is for breaks that need not be waited for."""
    fault = FAULTS.get(name) or CLEAN[name]
    packets(fault.sound, fault.settings)  # encoded before anybody listens

    async def listen(socket: ServerConnection) -> None:
        await _send_all(fault, socket, speed)

    def choose(socket: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
        return Subprotocol(SUBPROTOCOL) if SUBPROTOCOL in offered else None

    def answer(socket: ServerConnection, request: Request, response: Response) -> None:
        if "Sec-WebSocket-Protocol" in response.headers:
            _replace(response.headers, fault.subprotocol)

    async with serve(
        listen, HOST, port, select_subprotocol=choose, process_response=answer, compression=None
    ) as server:
        yield f"ws://{HOST}:{server.sockets[0].getsockname()[1]}/ws-audio"


def _replace(headers: Headers, subprotocol: str | None) -> None:
    del headers["Sec-WebSocket-Protocol"]
    if subprotocol is not None:
        headers["Sec-WebSocket-Protocol"] = subprotocol


async def _send_all(fault: Fault, socket: ServerConnection, speed: float) -> None:
    began_s = time.monotonic()
    with suppress(websockets.ConnectionClosed):
        for send in sends(fault, bare=socket.subprotocol is None):
            wait_s = began_s + send.at_s / speed - time.monotonic()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            await socket.send(send.message)
        if fault.is_mute:
            await socket.wait_closed()
        if fault.end_code is not None:
            await socket.close(fault.end_code, "the encoder failed")
        # Nothing is said, and nothing more is read: what is left in the kernel is sent, and then the end of it.
        socket.transport.close()


async def _run(name: str, port: int) -> None:
    async with faulty_server(name, port) as url:
        print(f"listening on {url}", flush=True)
        await asyncio.Event().wait()


def main() -> None:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description="Serve a stream with a known fault.")
    parser.add_argument("--fault", default="clean", metavar="NAME")
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--list", action="store_true", help="say which faults there are")
    args = parser.parse_args()
    known = {**FAULTS, **CLEAN}
    if args.list or args.fault not in known:
        print("\n".join(known))
        sys.exit(0 if args.list else 2)
    with suppress(KeyboardInterrupt):
        asyncio.run(_run(args.fault, args.port))


if __name__ == "__main__":
    main()
