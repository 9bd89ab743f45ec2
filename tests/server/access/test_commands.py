"""`opuscope token`, and `opuscope serve` with all that is about access, as processes."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import jwt
import pytest

from core.cli.access_options import access_warnings, add_access_options, with_access_options
from core.receiver.options import ListenOptions
from core.receiver.status import ConnectionState
from core.server.access.settings import AccessSettings, LimitSettings
from core.server.config import ServerConfig
from tests.receiver.harness import listening
from tests.server.access.making import (
    SECRET,
    certificate,
    ec_key,
    private_pem,
    public_pem,
    rsa_key,
    with_secret,
)
from tests.support.processes import opuscope, python

LISTENING = r"^listening on (\S+)$"


def minted(*arguments: str, environment: dict[str, str] | None = None) -> str:
    """What `opuscope token` prints: a line, and nothing else."""
    with opuscope("token", *arguments, environment=environment) as command:
        assert command.wait() == 0, command.text()
        assert command.text("stderr") == ""
        (line,) = command.text("stdout").splitlines()
        return line


def test_a_token_says_what_was_asked_for(tmp_path: Path) -> None:
    file = with_secret(tmp_path).secret_file
    made = minted(
        *("--secret-file", str(file), "--subject", "alice", "--stream", "a", "--stream", "b", "--may-set"),
        *("--expires-in", "90", "--audience", "radio", "--issuer", "desk", "--key-id", "k"),
    )
    said = jwt.decode(made, SECRET, ["HS256"], audience="radio", issuer="desk")
    assert (said["sub"], said["streams"], said["set"]) == ("alice", ["a", "b"], True)
    assert said["exp"] - said["iat"] == 90
    assert jwt.get_unverified_header(made)["kid"] == "k"


def test_a_token_gives_all_streams_for_an_hour_and_no_right_to_set_unless_asked_otherwise() -> None:
    made = minted("--secret-env", "OPUSCOPE_SECRET", "--subject", "a", environment={"OPUSCOPE_SECRET": SECRET})
    said = jwt.decode(made, SECRET, ["HS256"])
    assert (said["streams"], said["set"]) == ("*", False)
    assert said["exp"] - time.time() == pytest.approx(3_600, abs=30)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "one of the arguments --secret-file --secret-env --private-key is required"),
        (("--secret-env", "OPUSCOPE_NOTHING"), "OPUSCOPE_NOTHING for the token secret is not set"),
        (("--private-key", "pyproject.toml"), "holds no private key that can be used"),
        (("--secret-file", "nowhere"), "the token secret nowhere cannot be read"),
        (("--secret-env", "HOME", "--expires-in", "0"), "a token for 0 s is not possible"),
    ],
)
def test_a_token_that_cannot_be_made_is_one_line(arguments: tuple[str, ...], words: str) -> None:
    with opuscope("token", "--subject", "a", *arguments) as command:
        assert command.wait() == 2
        assert command.text("stdout") == ""
        (line,) = command.text("stderr").splitlines()
        assert words in line


@pytest.mark.parametrize("make", [rsa_key, ec_key])
async def test_a_token_of_a_private_key_is_taken_by_who_has_the_public_one(tmp_path: Path, make: object) -> None:
    key = make()  # type: ignore[operator]
    private, public = tmp_path / "private.pem", tmp_path / "public.pem"
    private.write_bytes(private_pem(key))
    public.write_bytes(public_pem(key))
    with opuscope("serve", "--port", "0", "--token-public-key", str(public)) as server:
        url = server.wait_for_line(LISTENING)[1]
        made = await asyncio.to_thread(minted, "--private-key", str(private), "--subject", "a")
        async with listening(ListenOptions(url, token=made)) as run:
            await run.until(lambda: run.snapshot.connection.state is ConnectionState.STREAMING)
        async with listening(ListenOptions(url)) as run:
            await run.until(lambda: run.snapshot.connection.state is ConnectionState.FAILED)
            assert "a token is needed" in str(run.snapshot.connection.reason)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGHUP")
async def test_sighup_exchanges_the_certificate_and_nobody_has_to_leave(tmp_path: Path) -> None:
    first = certificate(tmp_path)
    files = ("--tls-certificate", str(first.settings.certificate), "--tls-key", str(first.settings.key))
    secret = str(with_secret(tmp_path).secret_file)
    with opuscope("serve", "--port", "0", "--token-secret-file", secret, *files) as server:
        url = server.wait_for_line(LISTENING)[1]
        assert url.startswith("wss://")
        made = await asyncio.to_thread(minted, "--secret-file", secret, "--subject", "a")
        async with listening(ListenOptions(url, token=made, ca_file=first.ca_file)) as stays:
            await stays.until(lambda: stays.snapshot.connection.state is ConnectionState.STREAMING)
            key = first.settings.key.read_bytes()
            second = certificate(tmp_path)
            fitting = first.settings.key.read_bytes()
            first.settings.key.write_bytes(key)
            os.kill(server.pid, signal.SIGHUP)
            await asyncio.to_thread(server.wait_for_line, "do not belong together; what was in force stays, all of it")
            first.settings.key.write_bytes(fitting)
            os.kill(server.pid, signal.SIGHUP)
            await asyncio.sleep(0.5)
            async with listening(ListenOptions(url, token=made, ca_file=second.ca_file)) as run:
                await run.until(lambda: run.snapshot.connection.state is ConnectionState.STREAMING)
            assert stays.snapshot.connection.state is ConnectionState.STREAMING
        assert made not in server.text()
        assert SECRET not in server.text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--tls-key", "x"), "a certificate and its key are needed, both"),
        (("--tls-key", "x", "--tls-certificate", "y"), "the TLS file y cannot be read"),
        (("--token-secret-file", "x"), "the token secret x cannot be read"),
        (("--token-secret-file", "x", "--token-secret-env", "y"), "tokens are checked with one of them"),
        (("--token-audience", "x"), "without a key to check tokens with"),
        (("--allow-origin", "example.org"), "'example.org' is not an origin"),
        (("--trusted-proxy", "haproxy"), "'haproxy' is no address or network"),
        (("--max-listeners", "-1"), "max_listeners -1 is not possible"),
        (("--header-timeout", "0"), "a header time-out of 0 s is not possible"),
    ],
)
def test_access_that_cannot_be_set_up_is_one_line(arguments: tuple[str, ...], words: str) -> None:
    with opuscope("serve", "--port", "0", *arguments) as server:
        assert server.wait() == 2
        assert server.text("stdout") == ""
        (line,) = server.text("stderr").splitlines()
        assert line.startswith("opuscope: ")
        assert words in line


def test_a_public_address_is_warned_of_as_far_as_it_is_open(tmp_path: Path) -> None:
    pair = certificate(tmp_path)
    tokens = ("--token-secret-file", str(with_secret(tmp_path).secret_file))
    tls = ("--tls-certificate", str(pair.settings.certificate), "--tls-key", str(pair.settings.key))
    public = ("serve", "--port", "0", "--host", "0.0.0.0")  # noqa: S104
    for arguments, warnings in (
        (public, ["every machine that reaches this one can listen, unencrypted and without a password"]),
        ((*public, *tls), ["every machine that reaches this one can listen, without a password"]),
        ((*public, *tokens), ["with tokens, but unencrypted: whoever is on the way can read and use them"]),
        ((*public, *tokens, *tls), []),
        (("serve", "--port", "0", *tokens), []),
    ):
        with opuscope(*arguments) as server:
            server.wait_for_line(LISTENING)
            said = server.text("stderr").splitlines()
            assert len(said) == len(warnings)
            assert all(
                line.startswith("warning why=") and words in line for line, words in zip(said, warnings, strict=True)
            )


def test_who_asks_for_no_tokens_and_no_limits_does_not_wait_for_their_libraries() -> None:
    script = (
        "import asyncio, sys\n"
        "from core.cli import serve, access_options\n"
        "from core.server.app import serving\n"
        "from core.server.config import ServerConfig\n"
        "async def run():\n"
        "    async with serving(ServerConfig(port=0)):\n"
        "        print(sorted({'jwt', 'cryptography', 'limits'} & set(sys.modules)))\n"
        "asyncio.run(run())\n"
    )
    with python("-c", script) as process:
        assert process.wait() == 0, process.text()
        assert process.text("stdout") == "[]"


def access(config: ServerConfig, *arguments: str) -> ServerConfig:
    """What the command makes of a file's configuration and its options."""
    parser = argparse.ArgumentParser()
    add_access_options(parser)
    return with_access_options(config, parser.parse_args(arguments))


def test_limits_of_the_command_depend_on_who_can_reach_it() -> None:
    def limits(host: str, *arguments: str) -> LimitSettings:
        return access(ServerConfig(host=host), *arguments).limits

    assert limits("127.0.0.1") == LimitSettings()
    assert limits("0.0.0.0") == LimitSettings.for_public()  # noqa: S104
    for none in ("unlimited", "0"):
        open_to_all = limits("0.0.0.0", "--max-listeners", none)  # noqa: S104
        assert open_to_all == dataclasses.replace(LimitSettings.for_public(), max_listeners="unlimited")
    with pytest.raises(SystemExit):
        limits("127.0.0.1", "--max-listeners", "many")
    assert limits("127.0.0.1", "--messages-per-s", "5") == LimitSettings(messages_per_s=5)


BEHIND = AccessSettings(
    trusted_proxies=("127.0.0.1",), proxy_header="Forwarded", requires_origin=True, allowed_origins=("*",)
)


def test_an_option_counts_though_it_says_what_would_be_so_without_a_file() -> None:
    config = access(ServerConfig(access=BEHIND), "--proxy-header", "X-Forwarded-For", "--no-require-origin")
    assert (config.access.proxy_header, config.access.requires_origin) == ("X-Forwarded-For", False)
    assert config.access.trusted_proxies == ("127.0.0.1",)
    assert access(ServerConfig(access=BEHIND)).access == BEHIND


def test_behind_a_proxy_there_are_limits_and_a_warning_as_on_a_public_address() -> None:
    for config in (access(ServerConfig(), "--trusted-proxy", "127.0.0.1"), access(ServerConfig(access=BEHIND))):
        assert config.limits == LimitSettings.for_public()
        (warning,) = access_warnings(config)
        assert "behind a proxy on 127.0.0.1: everybody whom it lets through can listen, without a password" in warning
    kept = access(ServerConfig(access=BEHIND, limits=LimitSettings(max_listeners=500)), "--messages-per-s", "9")
    assert kept.limits == replace(LimitSettings.for_public(), max_listeners=500, messages_per_s=9)
    assert access_warnings(access(ServerConfig(access=BEHIND), "--token-secret-env", "X")) == []
