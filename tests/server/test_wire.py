"""What clients receive, over a real socket on loopback."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pytest
import websockets

from core.audio.sources import PcmBlock, SourceError
from core.opus.encoder import EncoderSettings
from core.opus.packet import Mode, parse_packet
from core.server.app import serving
from core.server.config import ServerConfig, one_stream
from core.server.endpoint import MAX_MESSAGE_BYTES
from core.wire.control import SUBPROTOCOL, Bye, Config, Hello, State, Stats, StreamState, Time, parse_control
from core.wire.rtcp import unix_ns_from_ntp
from core.wire.rtp import PAYLOAD_TYPE_OPUS, RtpPacket
from tests.opus.sounds import voice_like
from tests.peers.strategy_server import packets_of, read_pcm
from tests.server.helpers import (
    RATE,
    ArraySource,
    HandFedSource,
    Heard,
    bare_client,
    decode,
    everything,
    hear,
    rtp_client,
    tone,
    until,
    write_wav,
)
from tests.support.logs import told

LOCAL = ServerConfig(port=0)


def steps(packets: list[RtpPacket]) -> list[int]:
    """Differences of the timestamps, in ms."""
    return [((b.timestamp - a.timestamp) & 0xFFFFFFFF) // 48 for a, b in itertools.pairwise(packets)]


async def test_a_bare_client_gets_the_strategy_documents_packets_byte_for_byte(tmp_path: Path) -> None:
    # Not a whole number of frames: the last one is filled up.
    path = write_wav(tmp_path / "voice.wav", voice_like(RATE, 0.71)[:-100])
    async with serving(one_stream(source=str(path), port=0)) as server, bare_client(server.url) as client:
        messages = await everything(client)
        assert client.close_code == 1000
    assert messages == list(packets_of(read_pcm(path)))


async def test_whoever_comes_to_an_empty_server_hears_the_file_from_its_beginning(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "tone.wav", tone(0.3))
    async with serving(one_stream(source=str(path), port=0)) as server:
        async with bare_client(server.url) as client:
            first = [await client.recv() for _ in range(5)]
        await until(lambda: server.stream.listener_count == 0)
        async with bare_client(server.url) as client:
            second = await everything(client)
        async with bare_client(server.url) as client:
            third = await everything(client)
    assert second[:5] == first
    assert second == third == list(packets_of(read_pcm(path)))


async def test_all_listeners_hear_the_same_position() -> None:
    async with (
        serving(LOCAL, lambda: ArraySource(voice_like(RATE, 1.0))) as server,
        bare_client(server.url) as early,
    ):
        missed = [await early.recv() for _ in range(10)]
        async with bare_client(server.url) as late:
            heard_early, heard_late = await asyncio.gather(everything(early), everything(late))
    assert len(missed) + len(heard_early) == 50
    assert 0 < len(heard_late) <= 40
    assert heard_early[-len(heard_late) :] == heard_late


async def test_a_bare_client_is_sent_no_text_unless_it_sent_some() -> None:
    async with serving(LOCAL) as server, bare_client(server.url) as client:
        async with asyncio.timeout(5):
            first = [await client.recv() for _ in range(60)]
            assert all(isinstance(message, bytes) for message in first)
            await client.send('{"type":"time","client_transmitted":17}')
            while not isinstance(message := await client.recv(), str):
                pass
        answer = parse_control(message)
        assert isinstance(answer, Time)
        assert answer.client_transmitted == 17
        assert answer.server_received is not None
        assert answer.server_transmitted is not None
        await client.send('{"type":"set","frame_ms":5}')
        async with asyncio.timeout(5):
            while not isinstance(message := await client.recv(), str):
                pass
            packet = await client.recv()
        assert parse_control(message) == Config(5.0, 36_000, 9, False, False, "audio")
        assert isinstance(packet, bytes)
        assert parse_packet(packet).duration_ms == 5


async def test_an_rtp_client_is_greeted_and_numbered() -> None:
    async with serving(LOCAL) as server, rtp_client(server.url) as client:
        assert client.subprotocol == SUBPROTOCOL
        heard = await hear(client, lambda heard: len(heard.packets) == 60)
    assert heard.order[:4] == ["Hello", "State", "report", "packet"]
    (hello,) = heard.of(Hello)
    assert (hello.protocol, hello.sample_rate, hello.channels, hello.frame_ms) == (SUBPROTOCOL, RATE, 1, 20.0)
    assert hello.limits["frame_ms"] == [2.5, 5.0, 10.0, 20.0, 40.0, 60.0]
    assert heard.of(State) == [State(StreamState.PLAYING)]
    numbers = [packet.sequence_number for packet in heard.packets]
    assert numbers == [(numbers[0] + index) & 0xFFFF for index in range(60)]
    assert set(steps(heard.packets)) == {20}
    assert [packet.marker for packet in heard.packets] == [True] + [False] * 59
    assert {(packet.ssrc, packet.payload_type) for packet in heard.packets} == {(hello.ssrc, PAYLOAD_TYPE_OPUS)}


async def test_capture_times_and_sender_reports_tell_the_same_time() -> None:
    async with serving(LOCAL) as server, rtp_client(server.url) as client:
        heard = await hear(client, lambda heard: len(heard.reports) == 2 and len(heard.packets) > 55)
    first = heard.packets[0]
    assert first.capture_time_ntp is not None
    origin_ns = unix_ns_from_ntp(first.capture_time_ntp)
    for packet in heard.packets:
        assert packet.capture_time_ntp is not None
        media_ns = ((packet.timestamp - first.timestamp) & 0xFFFFFFFF) * 1_000_000 // 48
        assert unix_ns_from_ntp(packet.capture_time_ntp) - origin_ns == pytest.approx(media_ns, abs=10)
    for report in heard.reports:
        media_ns = ((report.rtp_timestamp - first.timestamp) & 0xFFFFFFFF) * 1_000_000 // 48
        # A timestamp counts 20,833 ns.
        assert unix_ns_from_ntp(report.ntp_time) - origin_ns == pytest.approx(media_ns, abs=21_000)
    assert heard.reports[0].packet_count == 1
    assert 30 < heard.reports[1].packet_count < 60
    (stats,) = heard.of(Stats)
    assert stats.values["packets_dropped"] == 0
    assert stats.values["bitrate"] == pytest.approx(27_000, rel=0.2)


async def test_listeners_with_the_same_settings_are_sent_the_same_bytes() -> None:
    async with serving(LOCAL) as server, rtp_client(server.url) as one, rtp_client(server.url) as two:
        first, second = await asyncio.gather(
            hear(one, lambda heard: len(heard.packets) == 20), hear(two, lambda heard: len(heard.packets) == 20)
        )
    numbers = {packet.sequence_number: packet for packet in first.packets}
    shared = [packet for packet in second.packets if packet.sequence_number in numbers]
    assert len(shared) > 10
    assert all(packet == numbers[packet.sequence_number] for packet in shared)


async def test_who_moves_to_another_encoder_and_back_is_numbered_without_a_gap() -> None:
    async with serving(LOCAL) as server, rtp_client(server.url) as company, rtp_client(server.url) as client:
        heard = await hear(client, lambda heard: len(heard.packets) == 5)
        for answers, frame_ms in enumerate((5, 60, 20), start=1):
            await client.send(f'{{"type":"set","frame_ms":{frame_ms}}}')
            await hear(client, lambda heard, answers=answers: len(heard.of(Config)) == answers, heard)
        enough = len(heard.packets) + 5
        await hear(client, lambda heard: len(heard.packets) == enough, heard)
        undisturbed = await hear(company, lambda heard: len(heard.packets) == 20)
    for each in (heard, undisturbed):
        numbers = [packet.sequence_number for packet in each.packets]
        assert numbers == [(numbers[0] + index) & 0xFFFF for index in range(len(numbers))]
        assert not any(packet.marker for packet in each.packets[1:])


async def test_set_is_answered_with_the_timestamp_from_which_it_holds() -> None:
    async with serving(LOCAL) as server, rtp_client(server.url) as client:
        heard = await hear(client, lambda heard: len(heard.packets) == 5)
        await client.send('{"type":"set","frame_ms":5,"bitrate":48000}')
        await hear(client, lambda heard: len(heard.packets) == 60, heard)
    (config,) = heard.of(Config)
    assert (config.frame_ms, config.bitrate, config.refused) == (5.0, 48_000, None)
    changed = next(i for i, packet in enumerate(heard.packets) if packet.timestamp == config.rtp_timestamp)
    durations = [parse_packet(packet.payload).duration_ms for packet in heard.packets]
    assert set(durations[:changed]) == {20}
    assert set(durations[changed:]) == {5}
    assert steps(heard.packets) == durations[:-1]
    assert not any(packet.marker for packet in heard.packets[1:])


async def test_the_tone_goes_on_through_a_change() -> None:
    async with serving(LOCAL) as server, rtp_client(server.url) as client, rtp_client(server.url):
        heard = await hear(client, lambda heard: len(heard.packets) == 30)
        await client.send('{"type":"set","frame_ms":2.5}')
        await hear(client, lambda heard: len(heard.packets) == 200, heard)
    sound = decode([packet.payload for packet in heard.packets])[9_600:]
    time = np.arange(len(sound)) / 48_000
    basis = np.stack([np.sin(2 * np.pi * 440 * time), np.cos(2 * np.pi * 440 * time)], axis=1)
    fit = basis @ np.linalg.lstsq(basis, sound, rcond=None)[0]
    # One sine fits all of it: no jump in phase, no hole. Measured: 0.1 of its peak.
    assert np.abs(sound - fit).max() < 0.2 * np.abs(fit).max()


async def test_another_application_makes_other_packets_and_says_from_which_timestamp() -> None:
    """A voice at 12 kbit/s is for SILK where it is tuned for voices; low delay cannot but with CELT."""
    pcm = np.tile(voice_like(RATE, 4.0), (5, 1))
    query = "?bitrate=12000&application=voip"
    async with serving(LOCAL, lambda: ArraySource(pcm)) as server, rtp_client(server.url + query) as client:
        heard = await hear(client, lambda heard: len(heard.packets) == 20)
        assert heard.of(Hello)[0].application == "voip"
        assert heard.of(Hello)[0].limits["application"] == ["voip", "audio", "lowdelay"]
        await client.send('{"type":"set","application":"lowdelay"}')
        await hear(client, lambda heard: len(heard.packets) == 50, heard)
    (config,) = heard.of(Config)
    assert (config.application, config.bitrate, config.refused) == ("lowdelay", 12_000, None)
    changed = next(i for i, packet in enumerate(heard.packets) if packet.timestamp == config.rtp_timestamp)
    modes = [parse_packet(packet.payload).mode for packet in heard.packets]
    assert Mode.CELT not in modes[:changed]
    assert set(modes[changed:]) == {Mode.CELT}
    assert set(steps(heard.packets)) == {20}
    assert not any(packet.marker for packet in heard.packets[1:])


async def test_an_application_there_is_not_is_refused_with_all_that_was_asked_beside_it() -> None:
    async with serving(LOCAL) as server, rtp_client(server.url) as client:
        await client.send('{"type":"set","application":"music\\n","bitrate":64000}')
        heard = await hear(client, lambda heard: heard.of(Config) and len(heard.packets) > 5)
    (config,) = heard.of(Config)
    assert config.refused == "application 'music ' is not possible; accepted: voip, audio, lowdelay"
    assert (config.application, config.bitrate) == ("audio", 27_000)


async def test_all_that_is_in_force_is_told_also_what_is_left_to_the_encoder() -> None:
    async with serving(LOCAL) as server, rtp_client(server.url) as client:
        await client.send('{"type":"set","frame_ms":60}')
        heard = await hear(client, lambda heard: heard.of(Config))
    (config,) = heard.of(Config)
    assert dataclasses.replace(config, rtp_timestamp=None) == Config(60.0, 27_000, 9, False, False, "audio")
    assert heard.of(Hello)[0].bitrate == 27_000


@pytest.mark.parametrize("keys", ["", ',"fram_ms":60', ',"sample_rate":48000,"frame_ms":null'])
async def test_a_set_that_names_nothing_known_is_refused(keys: str) -> None:
    async with serving(LOCAL) as server, rtp_client(server.url) as client:
        await client.send(f'{{"type":"set"{keys}}}')
        heard = await hear(client, lambda heard: heard.of(Config))
        assert heard.of(Config)[0].refused == (
            "there is nothing in it that can be set; accepted: frame_ms, bitrate, complexity, fec, dtx, application"
        )
        await client.send('{"type":"set","frame_ms":60,"fram_ms":20}')
        await hear(client, lambda heard: len(heard.of(Config)) == 2, heard)
        assert (heard.of(Config)[1].frame_ms, heard.of(Config)[1].refused) == (60.0, None)


async def test_what_cannot_be_is_refused_and_changes_nothing() -> None:
    async with serving(LOCAL) as server, rtp_client(f"{server.url}?frame_ms=10") as client:
        await client.send('{"type":"set","frame_ms":7,"bitrate":64000}')
        heard = await hear(client, lambda heard: heard.of(Config) and len(heard.packets) > 20)
    (config,) = heard.of(Config)
    assert (config.frame_ms, config.bitrate) == (10.0, 30_000)
    assert config.refused is not None
    assert "2.5, 5, 10, 20, 40, 60" in config.refused
    assert set(steps(heard.packets)) == {10}


@pytest.mark.parametrize("framing", ["bare", "rtp"])
async def test_settings_can_be_asked_for_in_the_url(framing: str) -> None:
    query = f"?framing={framing}&frame_ms=40&bitrate=16000&complexity=3&fec=1&dtx=false&token=whatever"
    async with serving(LOCAL) as server, bare_client(server.url + query) as client:
        if framing == "rtp":
            heard = await hear(client, lambda heard: len(heard.packets) == 3)
            assert set(steps(heard.packets)) == {40}
            assert heard.of(Hello)[0].bitrate == 16_000
            assert heard.of(Hello)[0].fec is True
        else:
            packet = await client.recv()
            assert isinstance(packet, bytes)
            assert parse_packet(packet).duration_ms == 40


async def test_the_url_has_the_last_word_about_the_framing() -> None:
    async with serving(LOCAL) as server, rtp_client(server.url + "?framing=bare") as client:
        assert client.subprotocol is None
        message = await client.recv()
        assert isinstance(message, bytes)
        assert parse_packet(message).duration_ms == 20


@pytest.mark.parametrize(
    "garbage",
    [
        "not json",
        "[1,2]",
        '{"type":"set","frame_ms":"ten"}',
        '{"type":"time"}',
        '{"type":"set","bitrate":1' + "0" * 400 + "}",
        '{"type":"stats","x":1' + "0" * 400 + "}",
        "[" * 5_000,
        '{"type":"later"}',
        b"\x01\x02",
    ],
)
async def test_garbage_never_ends_a_connection(garbage: str | bytes) -> None:
    async with serving(LOCAL) as server, rtp_client(server.url) as client:
        for _ in range(3):
            await client.send(garbage)
        await client.send('{"type":"time","client_transmitted":1}')
        heard = await hear(client, lambda heard: heard.of(Time) and len(heard.packets) > 3)
        assert heard.of(Time)[0].client_transmitted == 1


async def test_a_message_that_is_too_long_is_the_end_and_a_shorter_one_is_not() -> None:
    async with serving(one_stream(port=0)) as server:
        async with bare_client(server.url) as client:
            await client.send("x" * (MAX_MESSAGE_BYTES - 1))
            for _ in range(5):
                await client.recv()
            await client.send("x" * (MAX_MESSAGE_BYTES + 1))
            with pytest.raises(websockets.ConnectionClosedError):
                await everything(client)
            assert client.close_code == 1009
        await until(lambda: server.counters.connections == 1 and server.stream.listener_count == 0)
        assert server.counters.malformed_messages == 1
        async with bare_client(server.url) as other:
            assert await other.recv()


async def test_garbage_is_counted_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(LOCAL) as server, rtp_client(server.url) as client:
        for _ in range(5):
            await client.send("garbage")
        await client.send('{"type":"time","client_transmitted":1}')
        await hear(client, lambda heard: heard.of(Time))
        assert server.counters.malformed_messages == 5
    assert "\n".join(told(caplog)).count("garbage") == 1


async def test_an_ended_source_is_said_so_and_closed_normally() -> None:
    async with (
        serving(LOCAL, lambda: ArraySource(tone(0.25))) as server,
        rtp_client(server.url) as client,
        bare_client(server.url) as bare,
    ):
        heard, messages = await asyncio.gather(hear(client, lambda heard: False), everything(bare))
        assert heard.order[-2:] == ["State", "Bye"]
        assert heard.of(State)[-1] == State(StreamState.ENDED)
        assert heard.of(Bye) == [Bye("the source has ended")]
        assert len(heard.packets) == 13
        assert client.close_code == bare.close_code == 1000
        assert all(isinstance(message, bytes) for message in messages)


async def test_a_source_that_fails_sends_its_listeners_away_with_the_reason() -> None:
    def broken() -> ArraySource:
        raise SourceError("the input device is gone; plug it in again")

    async with serving(LOCAL, broken) as server, rtp_client(server.url) as client:
        heard = await hear(client, lambda heard: False)
        assert heard.of(Bye)[0].reason == "the input device is gone; plug it in again"
        assert heard.of(Bye)[0].retry_after_ms is not None
        assert client.close_code == 1011
        assert server.stream.counters.source_failures == 1


async def test_a_stalled_live_source_shows_idle_then_playing_with_a_marker() -> None:
    source = HandFedSource(is_live=True)
    async with serving(LOCAL, lambda: source) as server, rtp_client(server.url) as client:
        heard = Heard()
        at_ns = server.stream.clock.now_ns()
        source.blocks.put_nowait(PcmBlock(tone(0.02), at_ns))
        await hear(client, lambda heard: State(StreamState.IDLE) in heard.control, heard)
        source.blocks.put_nowait(PcmBlock(tone(0.02), at_ns + 500_000_000))
        await hear(client, lambda heard: len(heard.packets) == 2, heard)
    assert heard.order[-4:] == ["packet", "State", "State", "packet"]
    assert [packet.marker for packet in heard.packets] == [True, True]
    assert steps(heard.packets) == [500]


async def test_whoever_comes_after_an_idle_session_is_not_told_of_its_pause() -> None:
    sources: list[HandFedSource] = []

    def open_source() -> HandFedSource:
        sources.append(HandFedSource(is_live=True))
        return sources[-1]

    async with serving(LOCAL, open_source) as server:
        async with rtp_client(server.url) as client:
            await hear(client, lambda heard: State(StreamState.IDLE) in heard.control)
        await until(lambda: server.stream.listener_count == 0)
        async with rtp_client(server.url) as client:
            await until(lambda: len(sources) == 2)
            sources[1].blocks.put_nowait(PcmBlock(tone(0.02), server.stream.clock.now_ns()))
            heard = await hear(client, lambda heard: len(heard.packets) == 1)
        # A machine that stalls may add a pause, but never one that isn't ended.
        assert heard.of(State)[0] == heard.of(State)[-1] == State(StreamState.PLAYING)


async def test_all_who_hear_a_pause_hear_its_end_whenever_they_came() -> None:
    source = HandFedSource(is_live=True)
    async with serving(LOCAL, lambda: source) as server, rtp_client(server.url) as early:
        heard_early = await hear(early, lambda heard: State(StreamState.IDLE) in heard.control)
        async with rtp_client(server.url) as late:
            heard_late = await hear(late, lambda heard: heard.of(State))
            assert heard_late.of(State) == [State(StreamState.IDLE)]
            source.blocks.put_nowait(PcmBlock(tone(0.02), server.stream.clock.now_ns()))
            for client, heard in ((early, heard_early), (late, heard_late)):
                await hear(client, lambda heard: len(heard.packets) == 1, heard)
                assert State(StreamState.PLAYING) in heard.of(State)[-2:]
                assert heard.order.index("packet") > heard.order.index("State")


async def test_a_set_is_answered_while_the_source_is_idle() -> None:
    source = HandFedSource(is_live=True)
    async with serving(LOCAL, lambda: source) as server, rtp_client(server.url) as client:
        at_ns = server.stream.clock.now_ns()
        source.blocks.put_nowait(PcmBlock(tone(0.02), at_ns))
        heard = await hear(client, lambda heard: State(StreamState.IDLE) in heard.control)
        for frame_ms in (5, 10):
            await client.send(f'{{"type":"set","frame_ms":{frame_ms}}}')
        await hear(client, lambda heard: len(heard.of(Config)) == 2, heard)
        assert len(heard.packets) == 1
        source.blocks.put_nowait(PcmBlock(tone(0.02), at_ns + 500_000_000))
        await hear(client, lambda heard: len(heard.packets) == 3, heard)
    assert [config.frame_ms for config in heard.of(Config)] == [5.0, 10.0]
    assert [parse_packet(packet.payload).duration_ms for packet in heard.packets] == [20, 10, 10]
    begins = heard.of(Config)[-1].rtp_timestamp
    assert begins is not None
    # In force from the first packet after the pause on, which begins no earlier than the answer says.
    assert 0 <= (heard.packets[1].timestamp - begins) & 0xFFFFFFFF < 48_000


async def test_a_set_just_before_a_pause_is_answered_in_it() -> None:
    source = HandFedSource(is_live=True)
    async with serving(LOCAL, lambda: source) as server, rtp_client(server.url) as client:
        source.blocks.put_nowait(PcmBlock(tone(0.02), server.stream.clock.now_ns()))
        heard = await hear(client, lambda heard: len(heard.packets) == 1)
        await client.send('{"type":"set","frame_ms":60}')
        await hear(client, lambda heard: heard.of(Config), heard)
    assert heard.of(Config)[0].frame_ms == 60.0


async def test_the_source_is_closed_when_the_last_listener_leaves() -> None:
    sources: list[Closing] = []

    class Closing(HandFedSource):
        def __init__(self) -> None:
            super().__init__(is_live=True)
            self.is_closed = False
            sources.append(self)

        async def close(self) -> None:
            self.is_closed = True

    async with serving(LOCAL, lambda: Closing()) as server:
        async with bare_client(server.url), bare_client(server.url):
            await until(lambda: bool(sources and sources[0].reads))
            assert not sources[0].is_closed
        await until(lambda: sources[0].is_closed)
        async with bare_client(server.url):
            await until(lambda: len(sources) == 2)


async def test_a_server_that_stops_says_when_to_come_back() -> None:
    async with serving(LOCAL) as server:
        client = await websockets.connect(server.url, subprotocols=[websockets.Subprotocol(SUBPROTOCOL)])
        bare = await websockets.connect(server.url)
        await hear(client, lambda heard: len(heard.packets) == 3)
        started_s = asyncio.get_running_loop().time()
        listening = asyncio.gather(hear(client, lambda heard: False), everything(bare))
        await asyncio.sleep(0.01)
    assert asyncio.get_running_loop().time() - started_s < 1
    heard, messages = await listening
    (bye,) = heard.of(Bye)
    assert bye.retry_after_ms is not None
    assert client.close_code == bare.close_code == 1001
    assert all(isinstance(message, bytes) for message in messages)


@pytest.mark.parametrize("settings", [EncoderSettings(48_000, 2, 10.0), EncoderSettings(8_000, 1, 2.5)])
async def test_the_timeline_counts_48_khz_at_any_rate(settings: EncoderSettings) -> None:
    config = one_stream(port=0, settings=settings)
    async with serving(config) as server, rtp_client(server.url) as client:
        heard = await hear(client, lambda heard: len(heard.packets) == 20)
    assert {packet.timestamp - heard.packets[0].timestamp for packet in heard.packets[:2]} in (
        {0, round(settings.frame_ms * 48)},
        {0, round(settings.frame_ms * 48) - (1 << 32)},
    )
    assert parse_packet(heard.packets[0].payload).channels == settings.channels
