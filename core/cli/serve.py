"""`opuscope serve`: stream a file, a signal, the microphone or a program's output."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import errno
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from core.audio.priority import let_audio_threads_in, spare_what_is_loaded
from core.audio.sources import SourceError
from core.cli.access_options import access_warnings, add_access_options, with_access_options
from core.cli.common import EXIT_FINE, CommandError, number_option, whole_number_option
from core.cli.operation_options import add_operation_options, with_operation_options
from core.cli.start_warnings import start_warnings
from core.cli.stop_signals import StopSignals
from core.cli.stream_options import add_stream_options, with_stream_options
from core.log import log_event
from core.opus.library import OpusLibraryError, load_opus
from core.server.access.settings import AccessError
from core.server.app import RunningServer, serving
from core.server.config import ServerConfig
from core.server.config_file import load_config
from core.server.loops import check_no_loop
from core.server.operation.logs import configure_logs
from core.server.streams import check_source

logger = logging.getLogger(__name__)

_EXAMPLES = """\
examples:
  opuscope serve                                          a 440 Hz tone on ws://127.0.0.1:8765/ws-audio
  opuscope serve --source talk.mp3 --loop                 a file in any format that FFmpeg reads, over and over
  opuscope serve --source microphone --frame-ms 5 --application lowdelay
  opuscope serve --source 'command:espeak-ng --stdout "hello"'
  opuscope serve --source clicks --host 0.0.0.0 --port 9000
  opuscope serve --host 0.0.0.0 --token-secret-file secret --tls-certificate cert.pem --tls-key key.pem
  opuscope serve --source one.flac --source two.mp3 --loop        one after the other, or a playlist (.m3u)
  opuscope serve --source push                            sound is sent to http://127.0.0.1:8765/ingest/main
  opuscope serve --source relay:ws://origin:8765/ws-audio another server's packets, passed on
  opuscope serve --config opuscope.toml
"""

_SERVER: Final = ("host", "port", "path", "queue_ms")
"""Options that are fields of `ServerConfig`."""


def add_parser(subparsers: Any) -> argparse.ArgumentParser:
    """Add the command to what ``ArgumentParser.add_subparsers`` returned."""
    defaults = ServerConfig()
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "serve",
        help="stream a file, a test signal, the microphone or a program's output",
        description="Stream live Opus audio over WebSocket to any number of listeners, until Ctrl-C.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--config",
        type=Path,
        metavar="FILE",
        help="TOML file with everything, several streams among it; what is also said here counts",
    )
    add_stream_options(parser)
    add("--host", help=f"address to listen on (default: {defaults.host}, this machine only)")
    add("--port", type=whole_number_option, help=f"0 takes any free one (default: {defaults.port})")
    add("--path", help=f"of the first stream (default: {defaults.path})")
    add(
        "--queue-ms",
        type=number_option,
        metavar="MS",
        help=f"sound that may wait for a slow listener before the oldest is dropped (default: {defaults.queue_ms:g})",
    )
    add_access_options(parser)
    add_operation_options(parser)
    add("--until-stdin-closes", action="store_true", help=argparse.SUPPRESS)
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Serve until a signal (or the end of stdin) says stop.

    Raises:
        CommandError: it cannot start.
    """
    try:
        load_opus()
        config = _config(args)
    except (OpusLibraryError, SourceError, ValueError) as error:
        raise CommandError(str(error)) from error
    configure_logs(config.operation)
    let_audio_threads_in()
    try:
        return asyncio.run(_serve(config, until_stdin_closes=args.until_stdin_closes))
    except OSError as error:
        raise CommandError(f"cannot listen on {config.host} port {config.port}: {_why_not_bound(error)}") from error
    except AccessError as error:
        raise CommandError(str(error)) from error
    except UnicodeError as error:
        raise CommandError(f"cannot listen on {config.host!r}: it can be no host name") from error


def _config(args: argparse.Namespace) -> ServerConfig:
    """The configuration, checked as far as it can be without binding the port.

    Raises:
        ValueError: settings that cannot be (`ConfigError`, `EncoderSettingsError` among them).
        SourceError: a source that cannot be opened.
    """
    needs_source = args.source is None
    config = ServerConfig() if args.config is None else load_config(args.config, needs_source=needs_source)
    given = {name: value for name in _SERVER if (value := getattr(args, name)) is not None}
    config = with_stream_options(dataclasses.replace(config, **given), args)
    config = with_operation_options(with_access_options(config, args), args)
    check_no_loop(config)
    for stream in config.streams:
        # Opened for real when somebody listens; this only finds out now whether that will work.
        try:
            check_source(stream)
        except (SourceError, ValueError) as error:
            if args.config is not None:
                raise SourceError(f"{args.config}: stream {stream.name!r}: {error}") from error
            raise
    return config


def _why_not_bound(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "no host is called so; name an address of this machine with --host"
    match error.errno:
        case errno.EADDRINUSE:
            return "the port is in use; choose another with --port"
        case errno.EADDRNOTAVAIL:
            return "this machine has no such address; name one that it has with --host"
        case errno.EACCES | errno.EPERM:
            return "that takes rights which this user lacks; choose a port above 1023 with --port"
    return error.strerror or str(error)


async def _serve(config: ServerConfig, *, until_stdin_closes: bool) -> int:
    stop = StopSignals()
    if until_stdin_closes:
        _stop_at_end_of_stdin(stop.gently)
    async with serving(config) as server:
        for warning in (*access_warnings(config), *await asyncio.to_thread(start_warnings, config)):
            log_event(logger, logging.WARNING, "warning", why=warning)
        if server.has_files or not _has_terminal():
            # Else it ends the server, as it ends everything else in a terminal that is closed.
            _reload_on_sighup(server.reload)
        spare_what_is_loaded()
        print(f"listening on {server.url}", flush=True)
        at_once = asyncio.create_task(_abort(server, stop))
        stopping = asyncio.create_task(stop.gently.wait())
        await asyncio.wait({stopping, server.pump}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        draining = asyncio.create_task(server.drain())
        await asyncio.wait({draining, at_once, server.pump}, return_when=asyncio.FIRST_COMPLETED)
        draining.cancel()
    at_once.cancel()
    return EXIT_FINE


async def _abort(server: RunningServer, stop: StopSignals) -> None:
    """Listeners who take their time to say goodbye are not waited for any more."""
    await stop.at_once.wait()
    server.abort()


def _reload_on_sighup(reload: Callable[[], None]) -> None:
    if sys.platform != "win32":
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reload)


def _has_terminal() -> bool:
    """Whether we end with a terminal; a service has none, and there nothing but a wish to reload sends the signal."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY))
    except OSError:
        return False
    return True


def _stop_at_end_of_stdin(stop: asyncio.Event) -> None:
    """A parent that dies closes our stdin, whatever it dies of; a thread, as Windows cannot poll a pipe."""
    loop = asyncio.get_running_loop()
    descriptor = sys.stdin.fileno()

    def wait() -> None:
        # Not through sys.stdin: its lock, held by a daemon thread, would abort the interpreter's exit.
        while os.read(descriptor, 4096):
            pass
        if not loop.is_closed():
            loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=wait, name="stdin", daemon=True).start()
