"""What `opuscope serve` and `token` say when they start, or will not."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from core.audio.sources import KINDS
from core.cli.start_warnings import start_warnings
from core.server.access.settings import AccessSettings, TlsSettings
from core.server.config import ServerConfig, StreamConfig
from resources.setup.server_packages import PROJECT, name_of, server_packages
from tests.cli.test_commands import run
from tests.support.processes import opuscope


def secret(folder: Path, name: str, mode: int) -> Path:
    file = folder / name
    file.write_text("0123456789abcdef" * 4)
    file.chmod(mode)
    return file


def test_secrets_that_every_user_can_read_are_warned_of(tmp_path: Path) -> None:
    public, private = secret(tmp_path, "public", 0o644), secret(tmp_path, "private", 0o640)
    streams = (
        StreamConfig("voice", "push", ingest_token_file=public),
        StreamConfig("edge", "relay:ws://origin/", upstream_token_file=private),
    )
    config = ServerConfig(streams, access=AccessSettings(secret_file=public), tls=TlsSettings(public, private))
    whose = ("token secret", "token of stream 'voice'")
    words = "can be read by every user of this machine; take that away: chmod o-r"
    assert start_warnings(config) == [f"the {each} {str(public)!r} {words} {public}" for each in whose]
    assert start_warnings(ServerConfig(tls=TlsSettings(private, public)))[0].startswith("the TLS key")
    assert start_warnings(ServerConfig(access=AccessSettings(secret_file=tmp_path / "none"))) == []


def test_files_that_are_missing_from_a_playlist_are_warned_of_at_the_start(tmp_path: Path) -> None:
    there, playlist = tmp_path / "a.wav", tmp_path / "list.m3u"
    there.touch()
    playlist.write_text("".join(f"{name}\n" for name in ("a.wav", "b.wav", "c.wav", "d.wav", "e.wav")))
    [line] = start_warnings(ServerConfig((StreamConfig(source=str(playlist)),)))
    names = ", ".join(repr(str(tmp_path / name)) for name in ("b.wav", "c.wav", "d.wav"))
    assert line == f"stream 'main' will leave out what is not there: {names} and 1 more; mend the playlist"
    for source in (str(there), (str(there), str(there)), "push", "tone", "command:x", "relay:ws://origin/a.m3u"):
        assert start_warnings(ServerConfig((StreamConfig(source=source),))) == []


def test_a_warning_is_a_line_of_the_log(tmp_path: Path) -> None:
    file = secret(tmp_path, "secret", 0o644)
    with opuscope("serve", "--port", "0", "--token-secret-file", str(file)) as server:
        server.wait_for_line(rf'^warning why="the token secret \'{file}\' can be read by every user')


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("serve", "--source", "/nowhere.wav"), f"no file '/nowhere.wav'; name {KINDS}"),
        (("serve", "--source", ""), f"stream 'main' has no source; name {KINDS}"),
        (
            ("serve", "--source", "relay:ws://x/", "--bitrate", "64000"),
            "bitrate means nothing for a relay, which",
        ),
        (("serve", "--host", "nowhere.invalid"), "cannot listen on nowhere.invalid port 8765: no host is called so;"),
        (("serve", "--drain-s", "1e8"), "a drain of 100000000 s is not possible; accepted: 0 to 3600 s"),
        (
            ("token", "--secret-env", "X", "--subject", " "),
            "a token without a subject is not possible; name",
        ),
        (("token", "--secret-env", "X", "--subject", "a", "--expires-in", "1e8"), "a token for 100000000 s is not"),
    ],
)
def test_what_is_wrong_is_said_in_plain_words(arguments: tuple[str, ...], line: str) -> None:
    status, _, [told] = run(*arguments)
    assert status == 2
    assert line in told


def test_a_source_that_a_file_names_is_told_with_file_and_stream(tmp_path: Path) -> None:
    file = tmp_path / "it.toml"
    file.write_text('[[stream]]\nsource = "none.wav"\n')
    status, _, [told] = run("serve", "--config", str(file))
    assert (status, told.startswith(f"opuscope: {file}: stream 'main': no file '{tmp_path}/none.wav'; name")) == (
        2,
        True,
    )
    file.write_text("")
    status, _, [told] = run("serve", "--config", str(file))
    assert status == 2
    assert told.startswith(f"opuscope: {file}: there is no stream; write [[stream]]")


def test_certificates_that_are_none_are_told_without_words_of_a_library(tmp_path: Path) -> None:
    file = secret(tmp_path, "it.pem", 0o600)
    status, _, [told] = run("serve", "--tls-certificate", str(file), "--tls-key", str(file))
    assert status == 2
    assert "(they are no PEM); accepted: PEM files, the key unencrypted" in told


def test_a_server_by_itself_gets_all_packages_but_those_of_the_window() -> None:
    every = tomllib.loads(PROJECT.read_text())["project"]["dependencies"]
    window = {"PySide6-Essentials", "qasync", "pyqtgraph", "keyring", "dbus-fast"}
    assert {name_of(each) for each in every} - {name_of(each) for each in server_packages()} == window
