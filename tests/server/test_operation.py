"""What a server says about itself: health, metrics, and who may read them."""

from __future__ import annotations

import argparse
import asyncio
import configparser
import gc
import logging
import re
import shlex
import signal
import subprocess
import sys
import time
import weakref
from pathlib import Path

import aiohttp
import pytest
import websockets

from core.audio.sources import SourceError
from core.cli.access_options import with_access_options
from core.cli.operation_options import with_operation_options
from core.cli.serve import add_parser
from core.opus.encoder import EncoderSettings
from core.server.access.refusals import Refusals
from core.server.access.settings import AccessSettings, LimitSettings
from core.server.app import serving
from core.server.config import ServerConfig, StreamConfig, one_stream
from core.server.endpoint import SHUTDOWN_TIMEOUT_S
from core.server.operation.figures import StreamFigures
from core.server.operation.front import Operation
from core.server.operation.histogram import Histogram
from core.server.operation.logs import TextFormatter
from core.server.operation.settings import OperationSettings
from tests.benchmarks.soak_clients import connect
from tests.server.helpers import ArraySource, bare_client, hear, rtp_client, tone, until
from tests.support.processes import REPOSITORY, ChildProcess

LOCAL = ServerConfig(port=0)


async def get(url: str, path: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
    """Status and text of another path of the server that ``url`` leads to."""
    base = re.sub(r"^ws(://[^/]+)/.*", r"http\1", url)
    async with aiohttp.ClientSession() as session, session.get(base + path, headers=headers) as response:
        return response.status, await response.text()


async def figures(url: str) -> dict[str, float]:
    """All samples of the metrics, by name and labels as they stand there."""
    status, text = await get(url, "/metrics")
    assert status == 200
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


async def test_a_running_server_is_healthy_and_ready() -> None:
    async with serving(LOCAL) as server:
        assert await get(server.url, "/healthz") == (200, "ok\n")
        assert await get(server.url, "/readyz") == (200, "ready\n")


async def test_a_server_whose_pumps_have_stopped_is_neither() -> None:
    async with serving(LOCAL) as server:
        server.pump.cancel()
        await asyncio.wait({server.pump})
        status, text = await get(server.url, "/healthz")
        assert (status, text.count("\n")) == (503, 1)
        assert await get(server.url, "/readyz") == (503, "stopped\n")


async def test_before_all_is_up_it_is_not_ready() -> None:
    operation = Operation(OperationSettings(), list, Refusals())
    response = await operation.readyz(None)  # type: ignore[arg-type]
    assert (response.status, response.text) == (503, "starting\n")


async def test_what_was_sent_is_counted_while_they_listen_and_when_they_have_gone() -> None:
    streams = (StreamConfig(), StreamConfig("voice", "sweep"))
    async with serving(ServerConfig(streams=streams, port=0)) as server:
        async with bare_client(server.url) as bare, rtp_client(server.url + "?bitrate=16000") as rtp:
            heard = await hear(rtp, lambda heard: len(heard.packets) == 20)
            for _ in range(20):
                await bare.recv()
            now = await figures(server.url)
        await until(lambda: server.stream.listener_count == 0)
        after = await figures(server.url)
    main, voice = '{stream="main"}', '{stream="voice"}'
    assert now["opuscope_listeners" + main] == now["opuscope_encoders" + main] == 2
    assert now["opuscope_listeners" + voice] == now["opuscope_encoders" + voice] == 0
    assert now["opuscope_connections_total" + main] == 2
    assert now["opuscope_packets_sent_total" + main] >= 40
    assert now["opuscope_sent_bytes_total" + main] >= 2 * sum(len(packet.payload) for packet in heard.packets[:20])
    assert now["opuscope_bitrate_bits_per_second_min" + main] == 16_000
    assert now["opuscope_bitrate_bits_per_second" + main] > 32_000
    assert now["opuscope_queued_seconds" + main] == now["opuscope_packets_dropped_total" + main] == 0
    assert after["opuscope_listeners" + main] == after["opuscope_bitrate_bits_per_second" + main] == 0
    for name in ("packets_sent", "sent_bytes", "connections", "sessions"):
        assert after[f"opuscope_{name}_total{main}"] >= now[f"opuscope_{name}_total{main}"] > 0
    # Each block is paced, each packet of both encoders is encoded.
    assert now["opuscope_pacing_error_seconds_count" + main] >= 20
    assert now["opuscope_encode_seconds_count" + main] >= 40
    assert now["opuscope_encode_seconds_sum" + main] > 0
    assert now["opuscope_ready"] == 1
    assert any(name.startswith('opuscope_build_info{python="3.') for name in now)


async def test_two_servers_in_one_process_count_for_themselves() -> None:
    async with serving(LOCAL) as one, serving(LOCAL) as other, bare_client(one.url) as client:
        await client.recv()
        assert (await figures(one.url))['opuscope_listeners{stream="main"}'] == 1
        assert (await figures(other.url))['opuscope_listeners{stream="main"}'] == 0


async def test_what_is_refused_while_draining_is_counted_by_reason() -> None:
    config = ServerConfig(port=0, operation=OperationSettings(drain_s=60))
    async with serving(config) as server:
        draining = asyncio.create_task(server.drain())
        await asyncio.sleep(0)
        assert (await get(server.url, "/ws-audio"))[0] == 503
        counted = await figures(server.url)
        assert counted['opuscope_rejected_total{reason="draining"}'] == 1
        assert counted["opuscope_ready"] == 0
        draining.cancel()


async def test_what_the_gate_refuses_is_counted_and_told_with_the_address_behind_a_proxy(
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = ServerConfig(port=0, access=AccessSettings(trusted_proxies=("127.0.0.1",)))
    forwarded = {"X-Forwarded-For": "192.0.2.9", "Origin": "https://elsewhere.example"}
    with caplog.at_level(logging.INFO, "core"):
        async with serving(config) as server:
            try:
                await websockets.connect(server.url, additional_headers=forwarded)
            except websockets.InvalidStatus as refusal:
                assert refusal.response.status_code == 403
            assert (await figures(server.url))['opuscope_rejected_total{reason="origin"}'] == 1
    [record] = [record for record in caplog.records if record.getMessage() == "refused"]
    assert TextFormatter().format(record).startswith("refused peer=192.0.2.9 path=/ws-audio status=403 why=")
    assert "elsewhere" not in "".join(map(TextFormatter().format, caplog.records))


async def test_a_relay_has_figures_of_its_own() -> None:
    origin_config = one_stream(port=0, settings=EncoderSettings(bitrate=48_000))
    async with serving(origin_config) as origin:
        edge = StreamConfig("edge", f"relay:{origin.url}")
        async with serving(ServerConfig(streams=(edge,), port=0)) as relay, rtp_client(relay.url) as client:
            await hear(client, lambda heard: len(heard.packets) == 10)
            counted = await figures(relay.url)
            (it,) = relay.endpoint.figures()
    assert it.bitrates == [48_000]
    assert counted['opuscope_listeners{stream="edge"}'] == counted['opuscope_sessions_total{stream="edge"}'] == 1
    assert counted['opuscope_encoders{stream="edge"}'] == 0
    assert counted['opuscope_packets_sent_total{stream="edge"}'] >= 10
    assert counted['opuscope_upstream_attempts_total{stream="edge"}'] == 1
    assert counted['opuscope_upstream_malformed_total{stream="edge"}'] == 0


async def test_metrics_are_not_for_whoever_comes_through_a_proxy() -> None:
    async with serving(LOCAL) as server:
        for header in ("X-Forwarded-For", "Forwarded"):
            status, text = await get(server.url, "/metrics", {header: "127.0.0.1"})
            assert (status, text.count("\n")) == (403, 1)


@pytest.mark.parametrize(
    ("address", "may"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("192.0.2.7", True),
        ("192.0.2.8", False),
        ("11.0.0.1", False),
        ("2001:db8::1", False),
        ("", False),
    ],
)
def test_metrics_are_for_the_loopback_and_the_networks_that_are_named(address: str, may: bool) -> None:
    settings = OperationSettings(metrics_from=("10.0.0.0/8", "192.0.2.7"))
    assert settings.may_read_metrics(address, is_forwarded=False) is may
    assert not settings.may_read_metrics(address, is_forwarded=True)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"metrics_from": ("everybody",)}, "metrics from 'everybody' are not possible"),
        ({"metrics_from": ("10.0.0.1/8",)}, "has host bits set"),
        ({"drain_s": -1.0}, "a drain of -1 s is not possible; accepted: 0 to 3600 s"),
        ({"drain_s": float("nan")}, "a drain of nan s is not possible"),
        ({"drain_code": 1000}, "a drain code of 1000 is not possible"),
        ({"log_format": "xml"}, "log format 'xml' is not known; accepted: text, json"),
        ({"log_level": "loud"}, "log level 'loud' is not known"),
    ],
)
def test_settings_that_cannot_be_are_refused_in_one_line(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)) as refusal:
        OperationSettings(**wrong)  # type: ignore[arg-type]
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("politely", [True, False])
async def test_nothing_of_a_connection_is_kept_when_it_has_ended(politely: bool) -> None:
    async with serving(LOCAL) as server:
        client = await asyncio.to_thread(connect, server.url, is_rtp=True)
        await until(lambda: server.stream.listener_count == 1)
        (present,) = server.endpoint._present.values()
        (listener,) = [weakref.proxy(each) for each in present]
        gone = weakref.ref(listener._socket)
        client.leave(politely=politely)
        await until(lambda: not present)

        def is_collected() -> bool:
            # aiohttp's own objects know each other: the collector is to find nothing that holds them, such as a timer.
            gc.collect()
            return gone() is None

        await until(is_collected)
        with pytest.raises(ReferenceError):
            listener.queued_ms  # noqa: B018


def test_no_stream_can_take_the_addresses_of_the_operation() -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        with pytest.raises(ValueError, match=f"path '{path}' is not possible; .* taken"):
            ServerConfig(path=path)


def test_a_bound_belongs_to_its_bucket() -> None:
    histogram = Histogram((0.1, 1.0))
    for value in (0.05, 0.1, 0.5, 1.0, 1.5):
        histogram.observe(value)
    assert histogram.cumulative() == [("0.1", 2), ("1", 4), ("+Inf", 5)]
    assert (histogram.count, histogram.total) == (5, pytest.approx(3.15))


def test_starting_a_server_does_not_import_what_only_metrics_need() -> None:
    code = "import sys, core.cli.serve; sys.exit('prometheus_client' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=False, timeout=30).returncode == 0


async def test_a_broken_source_is_counted_and_its_listener_told() -> None:
    def broken() -> ArraySource:
        raise SourceError("no such thing")

    async with serving(LOCAL, source=broken) as server, bare_client(server.url) as client:
        await asyncio.wait_for(client.wait_closed(), 5)
        assert client.close_code == 1011
        assert (await figures(server.url))['opuscope_source_failures_total{stream="main"}'] == 1


async def test_a_thousand_listeners_are_summed_in_a_moment() -> None:
    async with (
        serving(one_stream(port=0), source=lambda: ArraySource(tone(5))) as server,
        bare_client(server.url) as it,
    ):
        await it.recv()
        await figures(server.url)
        (present,) = server.endpoint._present.values()
        (listener,) = present
        began_s = time.perf_counter()
        for _ in range(1_000):
            (one,) = server.endpoint.figures()
        took_s = time.perf_counter() - began_s
        assert isinstance(one, StreamFigures)
        assert listener.queued_ms == 0
        # The loop stands still meanwhile: far less than a frame.
        assert took_s < 0.2, f"{took_s * 1e3:.1f} ms"


def test_the_systemd_unit_starts_a_server_that_there_is_and_gives_it_time_to_drain() -> None:
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    text = (REPOSITORY / "resources" / "server" / "opuscope.service").read_text(encoding="utf-8")
    unit.read_string(text.replace("\\\n", " "))
    service = unit["Service"]
    program, command, *options = shlex.split(service["ExecStart"])
    assert (Path(program).name, command) == ("opuscope", "serve")
    parser = add_parser(argparse.ArgumentParser().add_subparsers())
    settings = with_operation_options(ServerConfig(), parser.parse_args(options)).operation
    # It stands behind a proxy.
    assert with_access_options(ServerConfig(), parser.parse_args(options)).limits == LimitSettings.for_public()
    assert float(service["TimeoutStopSec"]) > settings.drain_s + SHUTDOWN_TIMEOUT_S
    assert service["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert (service["Type"], service["DynamicUser"], service["ProtectSystem"]) == ("exec", "yes", "strict")


@pytest.mark.skipif(not Path("/usr/bin/systemd-analyze").exists(), reason="there is no systemd")
def test_systemd_takes_the_unit_once_the_program_is_where_it_says(tmp_path: Path) -> None:
    unit = (REPOSITORY / "resources" / "server" / "opuscope.service").read_text(encoding="utf-8")
    copy = tmp_path / "opuscope.service"
    copy.write_text(unit.replace("/opt/opuscope/bin/opuscope", "/bin/true"), encoding="utf-8")
    done = subprocess.run(
        ["/usr/bin/systemd-analyze", "verify", "--man=no", str(copy)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "opuscope.service" not in done.stderr
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGHUP")
async def test_a_service_with_nothing_to_read_anew_is_not_ended_by_its_reload() -> None:
    with ChildProcess([sys.executable, "-m", "core.cli.main", "serve", "--port", "0"]) as server:
        url = server.wait_for_line(r"^listening on (\S+)$")[1]
        async with bare_client(url) as client:
            await client.recv()
            server.signal(signal.SIGHUP)
            for _ in range(30):
                await client.recv()
        assert await get(url, "/readyz") == (200, "ready\n")
        assert server.return_code is None
