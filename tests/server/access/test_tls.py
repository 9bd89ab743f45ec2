"""Encryption, and certificates that are exchanged while somebody listens."""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from core.receiver.options import ListenOptions
from core.receiver.status import ConnectionState
from core.server.access.settings import AccessError, AccessSettings, LimitSettings, TlsSettings
from core.server.app import RunningServer, serving
from core.server.config import ServerConfig, StreamConfig
from tests.receiver.harness import listening
from tests.server.access.making import SECRET, Pair, certificate, token, with_secret
from tests.support.logs import told

STREAMING = ConnectionState.STREAMING


def encrypted(pair: Pair, **more: object) -> ServerConfig:
    return ServerConfig(port=0, tls=pair.settings, **more)  # type: ignore[arg-type]


async def hears(server: RunningServer, pair: Pair) -> None:
    """A new client trusts the pair's authority, and hears something."""
    async with listening(ListenOptions(server.url, ca_file=pair.ca_file)) as run:
        await run.until(lambda: run.snapshot.connection.state is STREAMING)


async def distrusts(server: RunningServer, pair: Pair) -> None:
    """The certificate shown is not of the pair's authority."""
    async with listening(ListenOptions(server.url, ca_file=pair.ca_file)) as run:
        await run.until(lambda: run.snapshot.connection.state is ConnectionState.FAILED)
        assert "is not trusted" in str(run.snapshot.connection.reason)


async def test_a_new_certificate_is_shown_to_new_clients_and_the_old_ones_stay(tmp_path: Path) -> None:
    first = certificate(tmp_path)
    async with serving(encrypted(first)) as server:
        assert server.url.startswith("wss://127.0.0.1:")
        async with listening(ListenOptions(server.url, ca_file=first.ca_file)) as stays:
            await stays.until(lambda: stays.snapshot.connection.state is STREAMING)
            second = certificate(tmp_path)
            await hears(server, first)
            server.reload()
            await hears(server, second)
            await distrusts(server, first)
            assert stays.snapshot.connection.state is STREAMING
            assert stays.log.count("connecting to") == 1


async def test_a_pair_that_does_not_fit_is_warned_of_and_the_old_one_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pair = certificate(tmp_path)
    async with serving(encrypted(pair)) as server:
        key = pair.settings.key.read_bytes()
        certificate(tmp_path)
        pair.settings.key.write_bytes(key)
        with caplog.at_level(logging.WARNING):
            server.reload()
            pair.settings.key.unlink()
            server.reload()
        [unfit, missing] = told(caplog, "not read anew")
        assert "do not belong together; what was in force stays, all of it" in unfit
        assert "key.pem cannot be read: No such file or directory" in missing
        await hears(server, pair)


@pytest.mark.parametrize(
    ("certificate_text", "key_text", "words"),
    [
        (None, None, r"cannot be read: No such file"),
        (b"", b"", "cannot be used"),
        (b"nonsense", b"nonsense", "cannot be used"),
    ],
)
async def test_a_pair_that_cannot_be_is_one_line_at_the_start(
    tmp_path: Path, certificate_text: bytes | None, key_text: bytes | None, words: str
) -> None:
    settings = TlsSettings(tmp_path / "c.pem", tmp_path / "k.pem")
    for path, content in ((settings.certificate, certificate_text), (settings.key, key_text)):
        if content is not None:
            path.write_bytes(content)
    with pytest.raises(AccessError, match=words) as refused:
        async with serving(ServerConfig(port=0, tls=settings)):
            pass
    assert "\n" not in str(refused.value)


async def test_an_encrypted_key_is_refused_rather_than_asked_for(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PrivateFormat,
        load_pem_private_key,
    )

    pair = certificate(tmp_path)
    key = load_pem_private_key(pair.settings.key.read_bytes(), None)
    pair.settings.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"xyz")))
    with pytest.raises(AccessError, match="the key unencrypted"):
        async with serving(encrypted(pair)):
            pass


async def test_old_versions_are_refused(tmp_path: Path) -> None:
    pair = certificate(tmp_path)
    async with serving(encrypted(pair)) as server:
        port = int(server.url.split(":")[2].split("/")[0])
        context = ssl.create_default_context(cafile=str(pair.ca_file))
        context.set_ciphers("DEFAULT@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.open_connection("127.0.0.1", port, ssl=context)


async def test_who_does_not_finish_its_handshake_is_cut(tmp_path: Path) -> None:
    limits = LimitSettings(header_timeout_s=0.5)
    async with serving(encrypted(certificate(tmp_path), limits=limits)) as server:
        port = int(server.url.split(":")[2].split("/")[0])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        began_s = time.monotonic()
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        assert time.monotonic() - began_s < 2
        writer.close()


async def test_keys_of_tokens_are_read_anew_as_well(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    access = with_secret(tmp_path)
    secret_file = tmp_path / "secret"
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving(ServerConfig(port=0, access=access)))
        stays = await stack.enter_async_context(listening(ListenOptions(server.url, token=token())))
        await stays.until(lambda: stays.snapshot.connection.state is STREAMING)
        secret_file.write_text("short")
        server.reload()
        assert "has 5 bytes" in told(caplog, "not read anew")[0]
        secret_file.write_text(SECRET[::-1])
        server.reload()
        async with listening(ListenOptions(server.url, token=token(SECRET[::-1]))) as run:
            await run.until(lambda: run.snapshot.connection.state is STREAMING)
        async with listening(ListenOptions(server.url, token=token())) as run:
            await run.until(lambda: run.snapshot.connection.state is ConnectionState.FAILED)
        assert stays.snapshot.connection.state is STREAMING


async def test_all_is_read_anew_or_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pair, access = certificate(tmp_path), with_secret(tmp_path)
    async with serving(encrypted(pair, access=access)) as server:
        newer = certificate(tmp_path)
        (tmp_path / "secret").write_text("short")
        with caplog.at_level(logging.INFO, "core"):
            server.reload()
            # The new certificate waits for the keys that came with it.
            async with listening(ListenOptions(server.url, token=token(), ca_file=pair.ca_file)) as run:
                await run.until(lambda: run.snapshot.connection.state is STREAMING)
            (tmp_path / "secret").write_text(SECRET[::-1])
            server.reload()
            changed = token(SECRET[::-1])
            async with listening(ListenOptions(server.url, token=changed, ca_file=newer.ca_file)) as run:
                await run.until(lambda: run.snapshot.connection.state is STREAMING)
        assert 'read anew parts="the TLS certificate and its key, the keys of tokens"' in told(caplog, "read anew")
        [line] = told(caplog, "not read anew")
        assert "has 5 bytes" in line
        assert "what was in force stays, all of it" in line


async def test_tokens_to_push_and_of_relays_are_read_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ingest, upstream = tmp_path / "ingest", tmp_path / "upstream"
    ingest.write_text("first")
    upstream.write_text(token(exp=1))
    async with AsyncExitStack() as stack:
        origin = await stack.enter_async_context(serving(ServerConfig(port=0, access=with_secret(tmp_path))))
        config = ServerConfig(
            (
                StreamConfig("edge", f"relay:{origin.url}", upstream_token_file=upstream),
                StreamConfig("voice", "push", ingest_token_file=ingest),
            ),
            port=0,
        )
        server = await stack.enter_async_context(serving(config))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        caplog.set_level(logging.INFO, "core")

        async def pushed(bearer: str) -> int:
            address = server.url.replace("ws://", "http://").replace("/ws-audio", "/ingest/voice?rate=24000")
            answer = await http.post(address, data=bytes(2), headers={"Authorization": f"Bearer {bearer}"})
            return answer.status

        async with listening(ListenOptions(server.url)) as run:
            await run.until(lambda: "the token has expired" in run.log)
        assert [await pushed("first"), await pushed("second")] == [200, 401]
        ingest.write_text("two words")
        server.reload()
        assert "holds more than one word of ASCII" in told(caplog, "not read anew")[0]
        assert await pushed("first") == 200
        ingest.write_text("second")
        upstream.write_text(token())
        server.reload()
        [line] = told(caplog, "read anew")
        assert "the upstream token of 'edge', the ingest token of 'voice'" in line
        assert [await pushed("first"), await pushed("second")] == [401, 200]
        async with listening(ListenOptions(server.url)) as run:
            await run.until(lambda: run.snapshot.connection.state is STREAMING)


async def test_without_files_there_is_nothing_to_read_anew(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(ServerConfig(port=0, access=AccessSettings())) as server:
        with caplog.at_level(logging.INFO, "core"):
            server.reload()
        assert not server.has_files
        assert "there is nothing to read anew" in told(caplog, "not read anew")[0]
