"""A server that behaves as the listing in the strategy document does, in few lines of our own.

What matters of it: every listener has an `opuslib.Encoder` (24 kHz, mono, AUDIO, all else left alone) and hears the
file from its beginning; a binary message is one bare Opus packet of 20 ms; the last short frame is filled with zeros;
pacing is `sleep(0.02)` after each packet, so it runs a little slow; no text message is ever sent. One difference: the
listing pads wherever the demuxer happens to cut the file, this one only at the end.

    python tests/peers/strategy_server.py --source FILE --port 0
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import av
import numpy as np
from aiohttp import web

from core.opus.library import load_opus

SAMPLE_RATE = 24_000
FRAME_SAMPLES = 480
FRAME_BYTES = 2 * FRAME_SAMPLES


def read_pcm(path: Path) -> bytes:
    """The whole file as 24 kHz mono 16-bit samples."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
    pieces = []
    with av.open(str(path)) as container:
        for frame in [*container.decode(audio=0), None]:
            pieces += [piece.to_ndarray().astype(np.int16).tobytes() for piece in resampler.resample(frame)]
    return b"".join(pieces)


def packets_of(pcm: bytes, bitrate: int | None = None) -> Iterator[bytes]:
    """The packets that a listener gets of ``pcm``, each encoded when it is asked for."""
    load_opus()  # so that the import below finds libopus
    import opuslib

    encoder = opuslib.Encoder(SAMPLE_RATE, 1, opuslib.APPLICATION_AUDIO)
    if bitrate is not None:
        encoder.bitrate = bitrate
    for at in range(0, len(pcm), FRAME_BYTES):
        yield encoder.encode(pcm[at : at + FRAME_BYTES].ljust(FRAME_BYTES, b"\0"), FRAME_SAMPLES)


async def serve(path: Path, port: int, sleep_s: float, bitrate: int | None) -> None:
    """Serve ``path`` until cancelled, with a pause of ``sleep_s`` after each packet; port 0 takes any free one."""
    pcm = read_pcm(path)

    async def listen(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        with suppress(ConnectionError):  # the listener left
            for packet in packets_of(pcm, bitrate):
                await socket.send_bytes(packet)
                await asyncio.sleep(sleep_s)
        await socket.close()
        return socket

    app = web.Application()
    app.router.add_get("/ws-audio", listen)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print(f"listening on ws://127.0.0.1:{runner.addresses[0][1]}/ws-audio", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def main() -> None:
    """Serve what the command line names until Ctrl-C."""
    parser = argparse.ArgumentParser(description="Serve a file as the strategy document's listing does.")
    parser.add_argument("--source", type=Path, required=True, metavar="FILE")
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--extra-sleep-ms", type=float, default=0.0, metavar="MS", help="after each packet of 20 ms")
    parser.add_argument("--bitrate", type=int, metavar="BPS", help="left to the encoder, as the listing does")
    args = parser.parse_args()
    try:
        asyncio.run(serve(args.source, args.port, 0.02 + args.extra_sleep_ms / 1000, args.bitrate))
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
