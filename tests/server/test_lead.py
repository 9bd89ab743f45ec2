"""What a bare listener begins with where the stream keeps a lead."""

from __future__ import annotations

import asyncio

import pytest

from core.opus.encoder import EncoderSettings
from core.server.app import serving
from core.server.config import ServerConfig, StreamConfig
from core.server.encoding import EncoderPool
from tests.server.helpers import RATE, Recorder, bare_client, hear, rtp_client, tone

DEFAULT = EncoderSettings()


def fed(pool: EncoderPool[Recorder], milliseconds: int) -> None:
    pool.feed(tone(milliseconds / 1000), 0)


@pytest.mark.parametrize(("lead_ms", "packets"), [(0, 0), (19, 0), (100, 5), (119, 5), (2_000, 50)])
def test_who_joins_gets_the_newest_packets_and_goes_on_without_a_gap(lead_ms: int, packets: int) -> None:
    pool: EncoderPool[Recorder] = EncoderPool(RATE, lead_ms)
    first, late = Recorder(), Recorder()
    pool.join(first, DEFAULT)
    fed(pool, 1_000)
    pool.join(late, DEFAULT, wants_lead=True)
    pool.settle()
    assert late.packets == first.packets[len(first.packets) - packets :][:50]
    assert len(late.packets) == packets
    fed(pool, 100)
    assert late.packets == first.packets[-len(late.packets) :]
    pool.close()


def test_nobody_gets_a_lead_who_does_not_want_one_or_is_alone_with_its_settings() -> None:
    pool: EncoderPool[Recorder] = EncoderPool(RATE, 500)
    first, rtp, other = Recorder(), Recorder(), Recorder()
    pool.join(first, DEFAULT)
    fed(pool, 600)
    pool.join(rtp, DEFAULT)
    pool.join(other, EncoderSettings(bitrate=32_000), wants_lead=True)
    pool.settle()
    assert rtp.packets == other.packets == []
    pool.close()


def test_what_was_before_a_pause_is_no_lead() -> None:
    pool: EncoderPool[Recorder] = EncoderPool(RATE, 500)
    first, late = Recorder(), Recorder()
    pool.join(first, DEFAULT)
    fed(pool, 600)
    pool.flush()
    pool.resume_at(RATE * 10)
    fed(pool, 40)
    pool.join(late, DEFAULT, wants_lead=True)
    pool.settle()
    assert late.packets == first.packets[-2:]
    pool.close()


async def test_a_bare_listener_of_a_server_gets_it_at_once_even_beyond_its_queue() -> None:
    """Two seconds at 510 kbit/s are more than the socket takes at once, and four times the queue."""
    loud = StreamConfig(source="tone", settings=EncoderSettings(48_000, 2, 20.0, bitrate=510_000), lead_ms=2_000)
    async with serving(ServerConfig((loud,), port=0)) as server:
        async with bare_client(server.url) as first:
            heard = [await first.recv() for _ in range(130)]
            async with bare_client(server.url) as late, rtp_client(server.url) as rtp:
                began_s = asyncio.get_running_loop().time()
                lead = [await late.recv() for _ in range(100)]
                took_s = asyncio.get_running_loop().time() - began_s
                rest = [await late.recv() for _ in range(10)]
                numbered = await hear(rtp, lambda heard: len(heard.packets) == 5)
                heard += [await first.recv() for _ in range(20)]
        assert server.counters.packets_dropped == 0
    assert took_s < 1.0
    assert len(numbered.packets) == 5
    everything = [*lead, *rest]
    at = heard.index(everything[0])
    together = min(len(everything), len(heard) - at)
    assert together > 100
    assert heard[at : at + together] == everything[:together]
