"""The configuration file: what it says is done, and what it cannot mean is refused by name."""

from __future__ import annotations

import argparse
import dataclasses
import re
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings

from core.audio.sources import KINDS
from core.cli.access_options import add_access_options, with_access_options
from core.cli.operation_options import add_operation_options, with_operation_options
from core.opus.encoder import Application, EncoderSettings
from core.server import config_file
from core.server.access.settings import AccessError, LimitSettings
from core.server.config import ServerConfig, StreamConfig
from core.server.config_file import ConfigError, config_from, load_config, parse_config
from core.server.operation.settings import OperationSettings
from core.server.streams import check_source
from tests.fuzzing.documents import DOCUMENTS, STREAMS, TEXTS
from tests.support.processes import REPOSITORY

SERVER_KEYS = "host, port, path, queue_ms, stuck_s"
EXAMPLE = REPOSITORY / "resources" / "server" / "opuscope.toml"
HERE = Path("/etc/opuscope")


def parsed(text: str) -> ServerConfig:
    return parse_config(text, "it.toml", HERE)


def test_the_example_is_what_it_says() -> None:
    config = load_config(EXAMPLE)
    assert dataclasses.replace(config, streams=(StreamConfig(),)) == ServerConfig()
    main, voice, edge = config.streams
    assert main == StreamConfig()
    assert voice.is_push
    assert voice.settings == EncoderSettings(application=Application.VOIP, fec=True, expected_loss_pct=10)
    assert edge.relayed_url == "ws://127.0.0.1:9000/streams/main"
    for stream in config.streams:
        check_source(stream)


def keys_of(kind: Any) -> Iterator[str]:
    """All that a dataclass of the configuration can be told, and those that are in it."""
    for each in dataclasses.fields(kind):
        inner = config_file._dataclass_in(typing.get_type_hints(kind)[each.name])
        if inner is None:
            yield each.name
        else:
            yield from keys_of(inner)


def test_the_example_names_every_key_there_is() -> None:
    written = set(re.findall(r"^(?:# )?([a-z_0-9]+) = ", EXAMPLE.read_text(), re.MULTILINE))
    assert written == set(keys_of(ServerConfig))


def test_what_the_example_says_of_limits_is_what_they_are() -> None:
    text = EXAMPLE.read_text()
    named = {each.name: getattr(LimitSettings.for_public(), each.name) for each in dataclasses.fields(LimitSettings)}
    assert [name for name, value in named.items() if not re.search(rf"^# {name} = {value}( |$)", text, re.M)] == []


def test_what_the_example_only_hints_at_is_accepted_as_well() -> None:
    """Each commented-out line that is a key or a table, taken in; of two that exclude each other the first."""
    lines = [
        line.removeprefix("# ")
        for line in EXAMPLE.read_text().splitlines()
        if line.startswith(("# [", "# ")) and ("= " in line or line.startswith("# ["))
    ]
    others = r"[a-z]+_token_env|secret_env|public_key_file|jwks_file"
    hints = [line for line in lines if re.match(r"\[|[a-z_]+ = ", line) and not re.match(others, line)]
    text = "\n".join(hints)
    config = parsed(text[: text.index("bitrate = 32000")] + text[text.index("[[stream]]") :])
    assert config.access.audience == "radio"
    assert config.limits.max_listeners == 1_000
    assert config.tls is not None
    assert config.tls.key == HERE / "key.pem"
    assert config.operation == OperationSettings(metrics_from=("10.0.0.0/8",))
    assert config.streams[0].source == (str(HERE / "one.flac"), str(HERE / "two.mp3"))


def test_options_count_beside_what_a_file_says_of_access() -> None:
    parser = argparse.ArgumentParser()
    add_access_options(parser)
    config = parsed('[server]\nhost = "::"\n[access]\nsecret_file = "s"\nissuer = "a"\n[limits]\nmessages_per_s = 7')
    changed = with_access_options(config, parser.parse_args(["--token-issuer", "b", "--max-listeners", "3"]))
    assert changed.access == dataclasses.replace(config.access, issuer="b")
    # What neither says is as on every public address.
    assert changed.limits == dataclasses.replace(LimitSettings.for_public(), messages_per_s=7, max_listeners=3)
    unlimited = parsed('[server]\nhost = "::"\n[limits]\nmax_listeners = "unlimited"')
    assert with_access_options(unlimited, parser.parse_args([])).limits.max_listeners == "unlimited"
    with pytest.raises(ConfigError, match="max_listeners is 'none', expected a whole number or one of 'unlimited'"):
        parsed('[limits]\nmax_listeners = "none"')
    with pytest.raises(AccessError, match="are both given"):
        with_access_options(config, parser.parse_args(["--token-secret-env", "X"]))


def test_options_count_beside_what_a_file_says_of_operation() -> None:
    parser = argparse.ArgumentParser()
    add_operation_options(parser)
    config = parsed('[operation]\ndrain_s = 2\ndrain_code = 1012\nmetrics_from = ["10.0.0.0/8"]')
    assert with_operation_options(config, parser.parse_args([])) == config
    arguments = ["--drain-s", "0", "--metrics-from", "192.0.2.1", "--log-format", "json"]
    changed = with_operation_options(config, parser.parse_args(arguments))
    assert changed.operation == OperationSettings(("192.0.2.1",), 0.0, 1012, "json")
    with pytest.raises(ConfigError, match=r"\[operation\]: a drain of -1 s is not possible"):
        parsed("[operation]\ndrain_s = -1")


def test_all_keys_reach_their_places() -> None:
    config = parsed("""
        [server]
        host = "::"
        port = 0
        path = "/a/b"
        queue_ms = 240
        stuck_s = 1.5
        [[stream]]
        name = "a"
        source = ["x.wav", "/y.wav"]
        loop = true
        sample_rate = 48000
        channels = 2
        frame_ms = 2.5
        application = "lowdelay"
        bitrate = 96000
        complexity = 3
        fec = true
        dtx = true
        expected_loss_pct = 5
        lead_ms = 300
        [[stream]]
        name = "b"
        source = "push"
        ingest_token_file = "b.token"
        [[stream]]
        name = "c"
        source = "relay:wss://origin/x"
        upstream_token_env = "C"
        upstream_ca_file = "/ca.pem"
    """)
    settings = EncoderSettings(48_000, 2, 2.5, Application.LOWDELAY, 96_000, 3, True, True, 5)
    streams = (
        StreamConfig("a", (str(HERE / "x.wav"), "/y.wav"), True, settings, 300.0),
        StreamConfig("b", "push", ingest_token_file=HERE / "b.token"),
        StreamConfig("c", "relay:wss://origin/x", upstream_token_env="C", upstream_ca_file=Path("/ca.pem")),  # noqa: S106
    )
    assert config == ServerConfig(streams, "::", 0, "/a/b", 240.0, 1.5)
    assert isinstance(config.queue_ms, float)


def test_an_empty_file_is_the_default() -> None:
    assert parsed("") == ServerConfig()


OTHER_TABLES = [each.name for each in dataclasses.fields(ServerConfig)[len(("streams", *SERVER_KEYS.split(", "))) :]]
ALL_TABLES = ", ".join(["server", "stream", *OTHER_TABLES])
STREAM_KEYS = (
    "name, source, loop, lead_ms, ingest_token_file, ingest_token_env, upstream_token_file, upstream_token_env,"
    " upstream_ca_file, sample_rate, channels, frame_ms, application, bitrate, complexity, fec, dtx, expected_loss_pct"
)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("port = 1", f"it.toml: there is no table 'port'; accepted: {ALL_TABLES}"),
        ("[sever]", f"it.toml: there is no table 'sever'; did you mean 'server'? accepted: {ALL_TABLES}"),
        (
            "[server]\nprot = 1",
            "it.toml: [server] there is no key 'prot'; did you mean 'port'? accepted: host, port, path, queue_ms,"
            " stuck_s",
        ),
        (
            "[[stream]]\n[[stream]]\nbit_rate = 1",
            f"it.toml: [[stream]] 2 there is no key 'bit_rate'; did you mean 'bitrate'? accepted: {STREAM_KEYS}",
        ),
        ("server = 3", "it.toml: [server] is 3, expected a table"),
        ("[stream]\nname = 'a'", "it.toml: each stream stands below a line [[stream]]"),
        ("stream = [1]", "it.toml: each stream stands below a line [[stream]]"),
        ("stream = []", "it.toml: a server without a stream is not possible; name one"),
        ("[server]\nport = '80'", "it.toml: [server] port is '80', expected a whole number"),
        ("[server]\nport = 80.0", "it.toml: [server] port is 80.0, expected a whole number"),
        ("[server]\nport = true", "it.toml: [server] port is true, expected a whole number"),
        ("[server]\nport = 70000", "it.toml: port 70000 is not possible; accepted: 0 (any free one) to 65535"),
        ("[server]\nqueue_ms = inf", "it.toml: [server] queue_ms is inf, expected a number"),
        ("[server]\nstuck_s = 2024-01-01", "it.toml: [server] stuck_s is datetime.date(2024, 1, 1), expected a number"),
        ("[server]\nhost = []", "it.toml: [server] host is a list, expected a text"),
        (
            "[server]\npath = '/streams/x'",
            "it.toml: path '/streams/x' is not possible; accepted: '/' and what follows it of letters, digits and"
            " -._~/, but not below /streams, /ingest, /healthz, /readyz, /metrics, which are taken",
        ),
        ("[[stream]]\nloop = 1", "it.toml: [[stream]] 1 loop is 1, expected true or false"),
        ("[[stream]]\nsource = 3", "it.toml: [[stream]] 1 source is 3, expected a text or a list, each item a text"),
        ("[[stream]]\nsource = ['a', 3]", "it.toml: [[stream]] 1 source, item 2, is 3, expected a text"),
        (
            "[[stream]]\nsource = ''",
            f"it.toml: [[stream]] 1: stream 'main' has no source; name {KINDS}",
        ),
        (
            "[[stream]]\napplication = 'music'",
            "it.toml: [[stream]] 1 application is 'music', expected one of 'voip', 'audio', 'lowdelay'",
        ),
        (
            "[[stream]]\nframe_ms = 7",
            "it.toml: [[stream]] 1: frame_ms 7 is not possible; accepted: 2.5, 5, 10, 20, 40, 60",
        ),
        (
            "[[stream]]\nexpected_loss_pct = 101",
            "it.toml: [[stream]] 1: expected_loss_pct 101 is not possible; accepted: 0 to 100 per cent",
        ),
        (
            "[[stream]]\nlead_ms = 2001",
            "it.toml: [[stream]] 1: a lead of 2001 ms is not possible; accepted: 0 to 2000 ms",
        ),
        (
            "[[stream]]\nname = 'a/b'",
            "it.toml: [[stream]] 1: a stream cannot be called 'a/b'; accepted: up to 64 letters, digits, '-', '_' and"
            " '.', the first of them a letter or a digit",
        ),
        ("[[stream]]\n[[stream]]", "it.toml: two streams are called 'main'; give each a name of its own"),
        (
            "[[stream]]\ningest_token_env = 'X'",
            'it.toml: [[stream]] 1: ingest_token_env means something with source = "push" only; leave it out',
        ),
        (
            "[[stream]]\nsource = 'push'\nloop = true",
            "it.toml: [[stream]] 1: what is pushed or relayed cannot be looped; leave the loop out",
        ),
        (
            "[[stream]]\nsource = 'push'\ningest_token_env = 'X'\ningest_token_file = 'x'",
            "it.toml: [[stream]] 1: ingest_token_file and ingest_token_env say the same thing; give one of them",
        ),
        ("x", "it.toml: no TOML: Expected '=' after a key in a key/value pair (at end of document)"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line_that_names_it(text: str, line: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parsed(text)
    assert str(refused.value) == line


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b"[server]\nhost = '\xe4'")
    for path, words in ((tmp_path / "none.toml", "No such file"), (tmp_path, "directory"), (latin, "not UTF-8")):
        with pytest.raises(ConfigError, match=words) as refused:
            load_config(path)
        assert str(refused.value).startswith(f"{path}: ")


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Paint:
    colour: Colour
    shine: float = 0.5
    mode: Literal["thick", "thin"] = "thick"
    tools: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.shine > 1:
            raise ValueError("too much shine")


@dataclass(frozen=True)
class Larger(ServerConfig):
    paint: Paint | None = None


def test_a_field_that_is_a_dataclass_is_a_table_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config_file, "ServerConfig", Larger)
    text = """
        [paint]
        colour = "blue"
        shine = 1
        mode = "thin"
        tools = ["brush"]
    """
    config: Any = parsed(text)
    assert config.paint == Paint(Colour.BLUE, 1.0, "thin", ("brush",))
    for wrong, line in (
        ("paint = 1", "[paint] is 1, expected a table"),
        ("[paint]", "[paint] lacks colour, expected one of 'red', 'blue'"),
        ("[paint]\ncolour = 'green'", "[paint] colour is 'green', expected one of 'red', 'blue'"),
        ("[paint]\ncolour = 'red'\nshine = 2", "[paint]: too much shine"),
        ("[paint]\ncolour = 'red'\nmode = 1", "[paint] mode is 1, expected one of 'thick', 'thin'"),
        (
            "[server]\npaint = 1",
            "[server] there is no key 'paint'; did you mean 'path'? accepted: host, port, path, queue_ms, stuck_s",
        ),
    ):
        with pytest.raises(ConfigError) as refused:
            parsed(wrong)
        assert str(refused.value) == f"it.toml: {line}"


@settings(max_examples=500)
@given(DOCUMENTS, STREAMS)
def test_any_document_is_a_configuration_or_one_line(document: dict[str, Any], streams: Any) -> None:
    if streams is not None:
        document["stream"] = streams
    try:
        config = config_from(document, "it.toml", HERE)
    except ConfigError as error:
        assert str(error).startswith("it.toml: ")
        assert "\n" not in str(error)
        assert len(str(error)) < 600
    else:
        assert isinstance(config, ServerConfig)


@given(TEXTS)
def test_any_text_is_a_configuration_or_one_line(text: str) -> None:
    try:
        config = parsed(text)
    except ConfigError as error:
        assert "\n" not in str(error)
    else:
        assert config == ServerConfig()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it.toml: there is no stream; write [[stream]] and below it source = ...: an audio file, a playlist"),
        ("[server]\nport = 1", "there is no stream"),
        ('[[stream]]\nname = "main"', "[[stream]] 1 lacks source; name an audio file"),
        ('[[stream]]\nsource = "tone"\n[[stream]]\nname = "b"\nsource = "push"', "[[stream]] 1 lacks name; of several"),
    ],
)
def test_a_stream_has_to_say_where_its_sound_comes_from(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(words)):
        parse_config(text, "it.toml", HERE, needs_source=True)
    # The command line may say it.
    assert parse_config(text.partition('[[stream]]\nname = "b"')[0], "it.toml", HERE).streams


@pytest.mark.parametrize(("key", "value"), [("bitrate", "64000"), ("fec", "true"), ("expected_loss_pct", "5")])
def test_what_means_nothing_for_a_relay_is_refused(key: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"{key} means nothing for a relay, which passes packets on as they come"):
        parsed(f'[[stream]]\nsource = "relay:ws://origin/"\n{key} = {value}')
