"""Sound that is sent to a stream: over HTTP and WebSocket, raw and in containers, at our pace."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import websockets

from core.server import inlet as inlet_module
from core.wire.control import State, StreamState
from tests.audio.sources.test_file import write_encoded
from tests.server.helpers import (
    bare_client,
    hear,
    rtp_client,
    tone,
)
from tests.server.pushing import RAW, is_tone, loud, pushable, wav


@pytest.mark.parametrize("how", ["body", "chunks", "socket", "put"])
async def test_raw_samples_are_heard(how: str) -> None:
    pcm = tone(1.0, 660).astype("<i2").tobytes()
    pieces = [pcm[at : at + 7_001] for at in range(0, len(pcm), 7_001)]

    async def chunks() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    async with pushable() as it, rtp_client(it.url) as client:
        if how == "socket":
            async with websockets.connect(it.ingest + RAW) as pusher:
                for piece in pieces:
                    await pusher.send(piece)
        elif how == "put":
            async with it.http.put(it.over_http + RAW, data=pcm) as response:
                assert response.status == 200
        else:
            assert await it.post(pcm if how == "body" else chunks(), RAW) == (200, "took 1.00 s of sound\n")
        heard = await hear(client, lambda heard: len(heard.packets) == 50)
    assert is_tone(loud(heard), 660)


@pytest.mark.parametrize("how", ["body", "socket"])
@pytest.mark.parametrize(("name", "codec"), [("a.wav", "pcm_s16le"), ("a.ogg", "libopus"), ("a.flac", "flac")])
async def test_files_are_heard_whatever_their_format(tmp_path: Path, how: str, name: str, codec: str) -> None:
    path = write_encoded(tmp_path / name, codec, tone(1.0, 880, 48_000), 48_000)
    async with pushable() as it, rtp_client(it.url) as client:
        if how == "socket":
            async with websockets.connect(it.ingest) as pusher:
                data = path.read_bytes()
                for at in range(0, len(data), 1_000):
                    await pusher.send(data[at : at + 1_000])
        else:
            status, text = await it.post(path.read_bytes())
            assert (status, text[:6]) == (200, "took 1" if "1." in text else "took 0")
        heard = await hear(client, lambda heard: len(heard.packets) == 45)
    assert is_tone(loud(heard), 880)


async def test_other_rates_and_channels_become_the_streams() -> None:
    stereo = np.repeat(tone(1.0, 550, 44_100), 2, axis=1)
    async with pushable() as it, rtp_client(it.url) as client:
        status, _ = await it.post(stereo.astype("<i2").tobytes(), "?rate=44100&channels=2")
        heard = await hear(client, lambda heard: len(heard.packets) == 45)
    assert status == 200
    assert is_tone(loud(heard), 550)


async def test_what_is_sent_faster_than_it_sounds_waits_and_nothing_comes_early(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inlet_module, "BUFFERED_S", 0.3)
    async with pushable() as it, bare_client(it.url) as client:
        began_s = asyncio.get_running_loop().time()
        pushing = asyncio.create_task(it.post(tone(1.5).astype("<i2").tobytes(), RAW))
        await client.recv()
        first_s = asyncio.get_running_loop().time()
        for _ in range(60):
            await client.recv()
        # 60 packets of 20 ms after the first one; lateness of this machine only makes it longer.
        assert asyncio.get_running_loop().time() - first_s > 1.15
        assert it.server.stream.rtp is not None
        assert (await pushing)[0] == 200
        assert asyncio.get_running_loop().time() - began_s > 1.0


async def test_a_pause_of_the_pusher_is_idle_and_no_burst_follows() -> None:
    async with pushable() as it, rtp_client(it.url) as client, websockets.connect(it.ingest + RAW) as pusher:
        await pusher.send(tone(0.2).astype("<i2").tobytes())
        heard = await hear(
            client, lambda heard: len(heard.packets) >= 10 and State(StreamState.IDLE) in heard.control[2:]
        )
        before = len(heard.packets)
        await asyncio.sleep(0.3)
        await pusher.send(tone(0.6).astype("<i2").tobytes())
        began_s = asyncio.get_running_loop().time()
        heard = await hear(client, lambda heard: len(heard.packets) == before + 30, heard)
        took_s = asyncio.get_running_loop().time() - began_s
    assert took_s > 0.55
    assert heard.control[-1] == State(StreamState.PLAYING) or StreamState.PLAYING in {
        message.state for message in heard.of(State)
    }
    gap = (heard.packets[before].timestamp - heard.packets[before - 1].timestamp) & 0xFFFFFFFF
    assert gap > 960 + 48 * 300
    assert heard.packets[before].marker
    # Nothing was lost, so the numbers show no gap.
    numbers = [packet.sequence_number for packet in heard.packets]
    assert all((b - a) & 0xFFFF == 1 for a, b in itertools.pairwise(numbers))


async def test_who_closes_waits_until_all_was_taken_and_the_next_one_follows_at_once() -> None:
    async with pushable() as it, rtp_client(it.url) as client:
        for hertz in (500, 900):
            async with websockets.connect(it.ingest) as pusher:
                await pusher.send(wav(tone(0.4, hertz)))
        heard = await hear(client, lambda heard: len(heard.packets) == 40)
    assert is_tone(loud(heard)[:18], 500)
    assert is_tone(loud(heard)[22:], 900)


@pytest.mark.parametrize("query", [RAW, ""])
async def test_what_was_sent_is_heard_though_the_pusher_waits_for_nothing(
    monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    monkeypatch.setattr(inlet_module, "BUFFERED_S", 0.2)
    sound = tone(1.2, 700)
    async with pushable() as it, rtp_client(it.url) as client:
        async with websockets.connect(it.ingest + query, close_timeout=0.05) as pusher:
            await pusher.send(sound.astype("<i2").tobytes() if query else wav(sound))
        assert (await it.post(b"", "?rate=5"))[0] == 400
        heard = await hear(client, lambda heard: len(heard.packets) == 60)
    assert is_tone(loud(heard)[2:], 700)


async def test_while_nobody_listens_sound_goes_by_and_the_pusher_does_not_wait_longer_than_it_lasts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inlet_module, "BUFFERED_S", 0.2)
    async with pushable() as it:
        async with asyncio.timeout(5):
            assert (await it.post(tone(0.8).astype("<i2").tobytes(), RAW))[0] == 200
        await asyncio.sleep(0.4)
        async with bare_client(it.url) as client:
            # What was said meanwhile is past.
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await client.recv()


async def test_the_server_stops_in_time_while_somebody_pushes() -> None:
    async with pushable() as it, bare_client(it.url):
        socket_pusher = await websockets.connect(it.ingest + RAW)
        await socket_pusher.send(tone(1.0).astype("<i2").tobytes())
    with pytest.raises(websockets.ConnectionClosed):
        await socket_pusher.recv()
    assert socket_pusher.close_code == 1001


async def test_the_server_stops_in_time_while_a_container_is_pushed() -> None:
    began_s = asyncio.get_running_loop().time()
    async with pushable() as it:
        pusher = await websockets.connect(it.ingest)
        await pusher.send(wav(tone(60.0))[:200_000])
        await asyncio.sleep(0.1)
    assert asyncio.get_running_loop().time() - began_s < 4
    await pusher.close()
