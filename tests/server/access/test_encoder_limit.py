"""How many different settings are encoded at once, with the real server and the real client."""

from __future__ import annotations

import asyncio
from pathlib import Path

from core.server.access.refusals import Reason
from core.server.access.settings import LimitSettings
from core.server.broadcast import Broadcast
from core.server.stream import Stream
from core.wire.control import Config, Set, pack_control
from tests.server.access.listeners import guarded, session, streams, waiting
from tests.server.access.making import token, with_secret
from tests.server.helpers import bare_client, hear, rtp_client, until


def encoders(stream: Broadcast) -> int:
    assert isinstance(stream, Stream)
    return stream.encoder_count


async def test_beyond_it_an_address_with_settings_of_its_own_has_to_wait_and_the_usual_ones_are_let_in() -> None:
    async with guarded(limits=LimitSettings(max_encoders=2)) as server:
        async with session(server) as usual, session(server, None, "/ws-audio?bitrate=20000") as other:
            await usual.until(streams(usual))
            await other.until(streams(other))
            async with session(server, None, "/ws-audio?bitrate=30000") as late:
                await waiting(late, "(HTTP 503: too many different settings are encoded already", 9)
            async with session(server, None, "/ws-audio?bitrate=20000") as same, session(server) as plain:
                await same.until(streams(same))
                await plain.until(streams(plain))
            assert encoders(server.stream) == 2
        assert server.refusals.counts == {Reason.ENCODERS: 1}


async def test_short_frames_count_for_as_many_packets_as_they_make() -> None:
    async with guarded(limits=LimitSettings(max_encoders=8)) as server, session(server) as usual:
        await usual.until(streams(usual))
        async with session(server, None, "/ws-audio?frame_ms=2.5") as late:
            await waiting(late, "(HTTP 503: too many different settings", 9)


async def test_beyond_it_a_wish_is_refused_and_the_sound_goes_on() -> None:
    async with (
        guarded(limits=LimitSettings(max_encoders=1)) as server,
        rtp_client(server.url) as one,
        rtp_client(server.url) as other,
    ):
        await hear(other, lambda heard: len(heard.packets) == 2)
        await one.send(pack_control(Set(bitrate=20_000)))
        heard = await hear(one, lambda heard: bool(heard.of(Config)))
        (answer,) = heard.of(Config)
        assert (
            answer.refused
            == "the server makes no more different encodings at once; take its usual settings, or ask later"
        )
        await hear(one, lambda heard: len(heard.packets) == 10)
        assert encoders(server.stream) == 1
        assert server.refusals.counts == {Reason.ENCODERS: 1}


async def test_who_may_not_set_gets_no_encoder_by_complaining(tmp_path: Path) -> None:
    complaint = '{"type": "stats", "starved_ms": %d}'
    async with guarded(with_secret(tmp_path)) as server:
        headers = {"Authorization": f"Bearer {token(set=False)}"}
        async with (
            rtp_client(server.url, additional_headers=headers) as liar,
            bare_client(server.url, additional_headers=headers),
        ):
            await until(lambda: server.stream.listener_count == 2)
            for second in range(5):
                await liar.send(complaint % (second * 900))
                await asyncio.sleep(0.7)
            assert encoders(server.stream) == 1
            assert server.stream.counters.adaptations == 0
