"""A listening session against servers that do this or that: real sockets, the null output."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from http import HTTPStatus
from pathlib import Path

import numpy as np
import pytest
import trustme
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from core.monitor.monitor import LOUDNESS_LUFS
from core.monitor.time_series import Span
from core.playout.cause import UnderrunCause
from core.playout.settings import PlayoutSettings
from core.receiver.options import ListenOptions, SettingError
from core.receiver.status import ConnectionState, SessionSnapshot
from core.receiver.verdict import Answer as Enough
from core.wire.attempts import redact
from core.wire.control import Bye, pack_control
from tests.receiver.harness import Answer, Listening, listening, opus_packets, send_paced, serving


async def stream(connection: ServerConnection) -> None:
    await send_paced(connection, opus_packets(400))


async def test_packets_become_sound_and_figures() -> None:
    async with serving(stream) as url, listening(url) as run:
        await run.until(lambda: run.snapshot.total_samples_received > 48_000)
        snapshot = run.snapshot
        assert snapshot.connection.state is ConnectionState.STREAMING
        assert snapshot.connection.dialect == "bare (messages are Opus packets)"
        assert snapshot.stream is not None
        assert (snapshot.stream.frame_ms, snapshot.stream.channels) == (20, 1)
        assert snapshot.underruns.episodes == 0
        assert snapshot.concealed_samples == 0
        assert snapshot.latency.kind == "estimated"
        assert snapshot.latency.total is not None
        assert snapshot.latency.total > 20 + 6.5


async def test_how_loud_it_is_is_known_while_it_plays() -> None:
    """440 Hz, peaks of -12.2 dBFS on both sides; the K-filter of BS.1770-4 has 0.7 dB less there than at 997 Hz."""
    async with serving(stream) as url, listening(url) as run:
        await run.until(lambda: run.snapshot.total_samples_received > 48_000)
        levels = run.snapshot.levels
        assert levels is not None
        assert levels.peak_dbfs == pytest.approx((-12.2, -12.2), abs=0.5)
        assert levels.loudness_lufs == pytest.approx(-12.9, abs=0.5)
        assert np.nanmax(run.monitor.series[LOUDNESS_LUFS].window(Span(10)).mean) == pytest.approx(-12.9, abs=0.5)
        run.session.set_muted(True)
        await run.until(lambda: run.snapshot.levels is not None and run.snapshot.levels.loudness_lufs is None)


async def test_the_depth_moves_up_and_down_while_it_plays() -> None:
    async with serving(stream) as url, listening(url) as run:
        await run.until(lambda: run.snapshot.total_samples_received > 9_600)
        for depth_ms in (200, 40):
            run.session.set_playout(PlayoutSettings(depth_ms))
            await run.until(
                lambda wanted=depth_ms: abs((run.snapshot.playout_delay_ms or 0) - wanted) < 15, timeout_s=4
            )
        assert run.snapshot.underruns.episodes == 0


async def test_a_setting_that_cannot_be_is_refused_and_what_was_in_force_stays() -> None:
    async with serving(stream) as url, listening(url) as run:
        with pytest.raises(SettingError, match="bound of 10000 ms was fixed"):
            run.session.set_playout(PlayoutSettings(70, max_depth_ms=2_000))
        assert run.session.playout == PlayoutSettings(60)
        assert run.snapshot.target_delay_ms == 60


RESAMPLED = 20 * 960 // 200
"""Resampling makes up for small errors of the delay with at most 0.5 % of the samples."""


def media_samples_played(snapshot: SessionSnapshot) -> int:
    """How much of the sender's audio was heard, however fast it was played."""
    stretched = snapshot.removed_samples_for_acceleration - snapshot.inserted_samples_for_deceleration
    return snapshot.total_samples_received - snapshot.concealed_samples + stretched


async def test_when_the_server_ends_the_stream_all_of_it_is_heard_and_nothing_counts_as_underrun() -> None:
    async def short(connection: ServerConnection) -> None:
        await send_paced(connection, opus_packets(20))

    async with serving(short) as url, listening(url) as run:
        await run.until(lambda: run.snapshot.connection.state is ConnectionState.ENDED)
        await run.until(lambda: media_samples_played(run.snapshot) >= 20 * 960 - RESAMPLED)
        assert run.snapshot.underruns.episodes == 0
        assert "the stream of" in run.log


async def test_a_broken_connection_is_made_again_by_itself() -> None:
    async def break_off(connection: ServerConnection) -> None:
        await send_paced(connection, opus_packets(15))
        connection.transport.abort()

    async with serving(break_off) as url, listening(url) as run:
        await run.until(lambda: run.snapshot.connection.reconnects >= 2)
        assert "broke off; next attempt in" in run.log
        assert run.snapshot.packets_received >= 30
        await run.until(lambda: bool(run.snapshot.episodes))
        assert {episode.cause for episode in run.snapshot.episodes} == {UnderrunCause.OUTAGE}


def episodes_of(run: Listening) -> list[UnderrunCause]:
    return [episode.cause for episode in run.snapshot.episodes]


async def test_an_outage_of_several_attempts_is_one_and_the_cause_of_its_underrun() -> None:
    """The server goes, is away while the session tries again and again, and comes back."""
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]

    async def break_off(connection: ServerConnection) -> None:
        await send_paced(connection, opus_packets(25))
        connection.transport.abort()

    async with serving(break_off, port) as url:
        run = listening(url)
        listener = await run.__aenter__()
        await listener.until(lambda: listener.snapshot.packets_received >= 25)
    try:
        await listener.until(lambda: listener.snapshot.connection.attempt >= 3, timeout_s=15)
        assert listener.session.verdict(2_000).outages == 1
        async with serving(stream, port):
            await listener.until(lambda: listener.snapshot.connection.state is ConnectionState.STREAMING, timeout_s=15)
            await listener.until(lambda: bool(listener.snapshot.episodes))
            assert episodes_of(listener) == [UnderrunCause.OUTAGE]
            assert listener.session.verdict(2_000).outages == 1
    finally:
        await run.__aexit__(None, None, None)


async def test_who_stops_during_an_outage_knows_what_it_was() -> None:
    async def break_off(connection: ServerConnection) -> None:
        await send_paced(connection, opus_packets(25))
        connection.transport.abort()

    async with serving(break_off) as url, listening(url) as run:
        await run.until(lambda: run.snapshot.connection.state is ConnectionState.WAITING)
        await run.until(lambda: run.snapshot.underruns.starved_ms > 100)
        run.session.stop()
        await run.until(lambda: run.snapshot.connection.state is ConnectionState.DISCONNECTED)
        assert episodes_of(run) == [UnderrunCause.OUTAGE]
        assert run.session.verdict(60).answer is Enough.BAD


async def test_a_connection_lost_and_then_refused_is_not_good_afterwards() -> None:
    accepted = 0

    async def break_off(connection: ServerConnection) -> None:
        await send_paced(connection, opus_packets(25))
        connection.transport.abort()

    def once(connection: ServerConnection, request: Request) -> Response | None:
        nonlocal accepted
        accepted += 1
        return None if accepted == 1 else connection.respond(HTTPStatus.FORBIDDEN, "no\n")

    async with serving(break_off, process_request=once) as url, listening(url) as run:
        await run.until(lambda: run.snapshot.connection.state is ConnectionState.FAILED)
        verdict = run.session.verdict(2_000)
        assert (verdict.outages, verdict.answer) == (1, Enough.BAD)


async def test_an_open_connection_on_which_nothing_comes_any_more_gets_no_good_verdict() -> None:
    async def fall_silent(connection: ServerConnection) -> None:
        await send_paced(connection, opus_packets(25))
        await connection.wait_closed()

    async with serving(fall_silent) as url, listening(url) as run:
        await run.until(lambda: run.session.verdict(200).answer is Enough.BAD, timeout_s=6)
        verdict = run.session.verdict(200)
        assert (verdict.outages, verdict.dropouts) == (0, 1)
        assert verdict.latest_ms is None or verdict.latest_ms > 1_000


async def test_stopping_beats_trying_again_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    async with listening(f"ws://127.0.0.1:{port}/ws-audio") as run:
        await run.until(lambda: run.snapshot.connection.state is ConnectionState.WAITING)
        async with serving(stream, port):
            run.session.try_now()
            run.session.stop()
            await run.until(lambda: run.snapshot.connection.state is ConnectionState.DISCONNECTED)
            await asyncio.sleep(0.3)
            assert run.snapshot.connection.state is ConnectionState.DISCONNECTED


async def test_a_server_that_is_not_there_yet_is_tried_until_it_is() -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    async with listening(f"ws://127.0.0.1:{port}/ws-audio") as run:
        await run.until(lambda: run.snapshot.connection.state is ConnectionState.WAITING)
        status = run.snapshot.connection
        assert "nothing listens at" in str(status.reason)
        assert status.next_attempt_at_ns is not None
        assert status.attempt == 1
        async with serving(stream, port):
            await run.until(lambda: run.snapshot.connection.state is ConnectionState.STREAMING)
            await run.until(lambda: run.snapshot.connection.attempt == 0)


async def test_the_next_attempt_can_be_had_at_once() -> None:
    attempts = 0

    def busy_at_first(connection: ServerConnection, request: Request) -> Response | None:
        nonlocal attempts
        attempts += 1
        if attempts > 1:
            return None
        response = connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "busy\n")
        response.headers["Retry-After"] = "60"
        return response

    async with serving(stream, process_request=busy_at_first) as url, listening(url) as run:
        await run.until(lambda: run.snapshot.connection.state is ConnectionState.WAITING)
        due_ns = run.snapshot.connection.next_attempt_at_ns
        assert due_ns is not None
        assert due_ns - time.monotonic_ns() > 10_000_000_000
        run.session.try_now()
        await run.until(lambda: run.snapshot.connection.state is ConnectionState.STREAMING, timeout_s=2)


async def test_a_probe_s_first_failure_is_final() -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    options = ListenOptions(f"ws://127.0.0.1:{port}/", gives_up_early=True)
    async with listening(options) as run:
        await run.until(lambda: run.snapshot.connection.state is ConnectionState.FAILED)
        assert not [line for line in run.log.splitlines() if line.startswith("change:")], "nothing has changed"


async def test_the_first_connection_is_a_change_by_its_address_and_the_output_is_none() -> None:
    async def stream(connection: ServerConnection) -> None:
        await send_paced(connection, opus_packets(40), frame_ms=20)

    async with serving(stream) as url, listening(ListenOptions(f"{url}?token=secret", output="null")) as run:
        await run.until(lambda: run.snapshot.connection.state is ConnectionState.STREAMING)
        changes = [line for line in run.log.splitlines() if line.startswith("change:")]
        assert changes == [f"change: connected to {redact(f'{url}?token=secret')}"]
        assert "secret" not in changes[0]


def refuse(status: HTTPStatus, **headers: str) -> Answer:
    def answer(connection: ServerConnection, request: Request) -> Response:
        response = connection.respond(status, "no\n")
        for name, value in headers.items():
            response.headers[name.replace("_", "-")] = value
        return response

    return answer


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (HTTPStatus.NOT_FOUND, "no stream at this path (HTTP 404); check the path"),
        (HTTPStatus.UNAUTHORIZED, "refused access (HTTP 401: no); check the token"),
        (HTTPStatus.FORBIDDEN, "refused access (HTTP 403: no)"),
        (HTTPStatus.OK, "is a web page, not a WebSocket (HTTP 200)"),
    ],
)
async def test_a_refusal_that_stays_is_final_and_says_why(status: HTTPStatus, line: str) -> None:
    async with serving(stream, process_request=refuse(status)) as url, listening(url) as run:
        await run.until(lambda: run.snapshot.connection.state is ConnectionState.FAILED)
        assert line in str(run.snapshot.connection.reason)


async def test_a_busy_server_is_left_alone_for_as_long_as_it_asks() -> None:
    busy = refuse(HTTPStatus.TOO_MANY_REQUESTS, Retry_After="7")
    async with serving(stream, process_request=busy) as url, listening(url) as run:
        await run.until(lambda: run.snapshot.connection.state is ConnectionState.WAITING)
        assert "next attempt in 7.0 s" in run.log


@pytest.mark.parametrize(
    ("code", "state", "line"),
    [
        (1008, ConnectionState.FAILED, "refused this listener"),
        (4401, ConnectionState.FAILED, "close code 4401: token"),
        (1013, ConnectionState.WAITING, "the server is overloaded"),
        (1012, ConnectionState.WAITING, "the server restarts"),
        (1000, ConnectionState.ENDED, "is over: token"),
    ],
)
async def test_a_close_code_decides_whether_to_come_back(code: int, state: ConnectionState, line: str) -> None:
    async def close(connection: ServerConnection) -> None:
        await connection.close(code, "token")

    async with serving(close) as url, listening(url) as run:
        await run.until(lambda: run.snapshot.connection.state is state)
        assert line in str(run.snapshot.connection.reason)


async def test_a_goodbye_decides_for_its_own_connection_only() -> None:
    attempts = 0

    def refuse_the_second(connection: ServerConnection, request: Request) -> Response | None:
        nonlocal attempts
        attempts += 1
        return connection.respond(HTTPStatus.NOT_FOUND, "no\n") if attempts > 1 else None

    async def leave(connection: ServerConnection) -> None:
        await connection.send(pack_control(Bye("maintenance", retry_after_ms=100)))
        await connection.close(1000)

    rtp_only = {"subprotocols": ["opus-rtp.v1"], "process_request": refuse_the_second}
    async with serving(leave, **rtp_only) as url, listening(url) as run:
        await run.until(lambda: "(maintenance); next attempt" in run.log)
        await run.until(lambda: run.snapshot.connection.state is ConnectionState.FAILED)
        assert "HTTP 404" in str(run.snapshot.connection.reason)


async def test_a_session_stopped_before_it_began_does_nothing() -> None:
    run = Listening(ListenOptions("ws://127.0.0.1:9/", output="null"))
    run.session.stop()
    await run.session.run()
    assert run.log == ""


@pytest.mark.parametrize("after_ms", [0, 1, 5, 20, 60, 120, 300])
async def test_a_session_can_be_stopped_at_any_moment(after_ms: float) -> None:
    async def break_off(connection: ServerConnection) -> None:
        await send_paced(connection, opus_packets(5))
        connection.transport.abort()

    async with serving(break_off) as url:
        run = Listening(ListenOptions(url, output="null"))
        task = asyncio.create_task(run.session.run())
        await asyncio.sleep(after_ms / 1000)
        run.session.stop()
        await asyncio.wait_for(task, 3)
        assert run.snapshot.connection.state is ConnectionState.DISCONNECTED


async def test_what_is_no_websocket_server_is_named_as_such() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"220 mail ready\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with listening(f"ws://127.0.0.1:{port}/") as run:
            await run.until(lambda: run.snapshot.connection.state is ConnectionState.FAILED)
            assert "not as a WebSocket server does" in str(run.snapshot.connection.reason)


async def test_an_untrusted_certificate_is_final_and_its_authority_can_be_named(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(ca_file)
    async with serving(stream, ssl=context) as url:
        secure = url.replace("ws://", "wss://")
        async with listening(secure) as run:
            await run.until(lambda: run.snapshot.connection.state is ConnectionState.FAILED)
            assert "is not trusted" in str(run.snapshot.connection.reason)
            assert "--ca-file" in str(run.snapshot.connection.reason)
        async with listening(ListenOptions(secure, ca_file=ca_file)) as run:
            await run.until(lambda: run.snapshot.connection.state is ConnectionState.STREAMING)


async def test_text_instead_of_audio_is_named_and_the_connection_kept() -> None:
    async def talk(connection: ServerConnection) -> None:
        for _ in range(8):
            await connection.send("hello")
        await connection.wait_closed()

    async with serving(talk) as url, listening(url) as run:
        await run.until(lambda: "sends text and no audio" in run.log)
        assert run.snapshot.connection.state is ConnectionState.CONNECTED
        await run.until(lambda: run.snapshot.text_messages_ignored == 8)


async def test_a_server_that_sends_something_else_is_doubted_in_words_though_the_connection_stands() -> None:
    async def noise(connection: ServerConnection) -> None:
        await send_paced(connection, (b"\xff\xff\xff",) * 200)

    async with serving(noise) as url, listening(url) as run:
        await run.until(lambda: run.snapshot.connection.doubt is not None)
        assert "messages are no Opus packets" in str(run.snapshot.connection.doubt)
        assert run.snapshot.connection.state is ConnectionState.STREAMING


async def test_a_server_that_sends_nothing_is_doubted_until_it_does() -> None:
    async def late(connection: ServerConnection) -> None:
        await asyncio.sleep(3.5)
        await send_paced(connection, opus_packets(100))

    async with serving(late) as url, listening(url) as run:
        await run.until(lambda: "sends no audio" in str(run.snapshot.connection.doubt))
        await run.until(lambda: run.snapshot.connection.doubt is None)
        assert run.snapshot.connection.state is ConnectionState.STREAMING


async def test_garbage_between_packets_is_counted_concealed_and_the_connection_kept() -> None:
    async def spoil(connection: ServerConnection) -> None:
        packets = list(opus_packets(200))
        packets[20:50:10] = [b"\xff\xff", b"", b"\x03"]
        await send_paced(connection, tuple(packets))

    async with serving(spoil) as url, listening(url) as run:
        await run.until(lambda: run.snapshot.packets_received >= 100)
        snapshot = run.snapshot
        assert snapshot.packets_malformed == 3
        assert snapshot.concealed_samples == 3 * 960
        assert snapshot.underruns.episodes == 0
        assert snapshot.connection.reconnects == 0


async def test_frames_of_120_ms_dtx_and_a_change_from_stereo_to_mono_play_on() -> None:
    mono, stereo = opus_packets(60), opus_packets(60, channels=2)
    # Six frames of 20 ms with equal coding in one packet of code 3, each with its own length (RFC 6716 §3.2.5).
    six = mono[10:16]
    lengths = b"".join(
        bytes([len(p) - 1]) if len(p) - 1 < 252 else bytes([252 + (len(p) - 1 & 3), (len(p) - 1 - 252) >> 2])
        for p in six[:-1]
    )
    long_packet = bytes([six[0][0] | 3, 0x80 | 6]) + lengths + b"".join(p[1:] for p in six)

    async def mix(connection: ServerConnection) -> None:
        await send_paced(connection, stereo[:25])
        await send_paced(connection, (long_packet,) * 4, 120)
        await send_paced(connection, (bytes([mono[30][0]]),) * 25)
        await send_paced(connection, mono)

    async with serving(mix) as url, listening(url) as run:
        await run.until(lambda: run.snapshot.connection.state is ConnectionState.ENDED)
        assert run.snapshot.packets_malformed == 0
        assert run.snapshot.packets_received == 25 + 4 + 25 + 60
        assert "frame size is now 120 ms (was 20 ms)" in run.log
        assert run.snapshot.stream is not None
        assert run.snapshot.stream.dtx


async def test_an_address_that_is_none_is_refused_before_anything_happens() -> None:
    for url in ("http://x/", "ws://", "ws://host:99999/", "nonsense"):
        with pytest.raises(SettingError, match="address"):
            ListenOptions(url)


async def test_secrets_in_the_address_are_never_shown() -> None:
    async with serving(stream) as url, listening(f"{url}?token=geheim") as run:
        await run.until(lambda: run.snapshot.connection.state is ConnectionState.STREAMING)
        assert "geheim" not in run.log
        assert "geheim" not in run.snapshot.connection.url
