"""`opuscope serve`: stream a file, a signal, the microphone or a program's output."""

from __future__ import annotations

import argparse
import asyncio
import errno
import logging
import os
import sys
import threading
from typing import Any

from core.audio.priority import let_audio_threads_in, spare_what_is_loaded
from core.audio.sources import SourceError
from core.cli.common import EXIT_FINE, CommandError, number_option, whole_number_option
from core.cli.operation_options import add_operation_options, operation_settings
from core.cli.stop_signals import StopSignals
from core.opus.encoder import FRAME_SIZES_MS, SAMPLE_RATES_HZ, Application, EncoderSettings
from core.opus.library import OpusLibraryError, load_opus
from core.server.app import RunningServer, open_configured, serving
from core.server.config import DEFAULT_PORT, ServerConfig, one_stream
from core.server.operation.logs import configure_logs

logger = logging.getLogger(__name__)

_EXAMPLES = """\
examples:
  opuscope serve                                          a 440 Hz tone on ws://127.0.0.1:8765/ws-audio
  opuscope serve --source talk.mp3 --loop                 a file in any format that FFmpeg reads, over and over
  opuscope serve --source microphone --frame-ms 5 --application lowdelay
  opuscope serve --source 'command:espeak-ng --stdout "hello"'
  opuscope serve --source clicks --host 0.0.0.0 --port 9000
"""


def add_parser(subparsers: Any) -> argparse.ArgumentParser:
    """Add the command to what ``ArgumentParser.add_subparsers`` returned."""
    defaults = ServerConfig()
    stream = defaults.streams[0]
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "serve",
        help="stream a file, a test signal, the microphone or a program's output",
        description="Stream live Opus audio over WebSocket to any number of listeners, until Ctrl-C.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--source",
        default=stream.source,
        metavar="SOURCE",
        help="PATH, tone, sweep, clicks, microphone[:NAME] or command:PROGRAM; 'opuscope devices' lists the names"
        " (default: %(default)s)",
    )
    add("--loop", action="store_true", help="play a file over and over")
    add(
        "--frame-ms",
        type=number_option,
        choices=FRAME_SIZES_MS,
        default=stream.settings.frame_ms,
        metavar="MS",
        help="frame size: 2.5, 5, 10, 20, 40 or 60 (default: 20)",
    )
    add(
        "--sample-rate",
        type=whole_number_option,
        choices=SAMPLE_RATES_HZ,
        default=stream.settings.sample_rate,
        metavar="HZ",
        help="8000, 12000, 16000, 24000 or 48000 (default: %(default)s)",
    )
    add(
        "--channels",
        type=whole_number_option,
        choices=(1, 2),
        default=stream.settings.channels,
        help="(default: %(default)s)",
    )
    add(
        "--bitrate",
        type=whole_number_option,
        metavar="BPS",
        help="bit/s, 6000 to 510000 (default: left to the encoder)",
    )
    add(
        "--application",
        choices=[application.label for application in Application],
        default=stream.settings.application.label,
        help="what the encoder is tuned for (default: %(default)s)",
    )
    add("--host", default=defaults.host, help="address to listen on (default: %(default)s, this machine only)")
    add("--port", type=whole_number_option, default=DEFAULT_PORT, help="0 takes any free one (default: %(default)s)")
    add(
        "--queue-ms",
        type=number_option,
        default=defaults.queue_ms,
        metavar="MS",
        help="sound that may wait for a slow listener before the oldest is dropped (default: 500)",
    )
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
        reason = "the port is in use; choose another with --port" if error.errno == errno.EADDRINUSE else str(error)
        raise CommandError(f"cannot listen on {args.host} port {args.port}: {reason}") from error
    except UnicodeError as error:
        raise CommandError(f"cannot listen on {args.host!r}: it can be no host name") from error


def _config(args: argparse.Namespace) -> ServerConfig:
    """The configuration, checked as far as it can be without binding the port.

    Raises:
        ValueError: settings that cannot be (`EncoderSettingsError` among them).
        SourceError: a source that cannot be opened.
    """
    settings = EncoderSettings(
        sample_rate=args.sample_rate,
        channels=args.channels,
        frame_ms=args.frame_ms,
        application=Application.named(args.application),
        bitrate=args.bitrate,
    )
    config = one_stream(
        args.source,
        loop=args.loop,
        settings=settings,
        host=args.host,
        port=args.port,
        queue_ms=args.queue_ms,
        operation=operation_settings(args),
    )
    for stream in config.streams:
        # Opened for real when somebody listens; this only finds out now whether that will work.
        open_configured(stream)
    return config


async def _serve(config: ServerConfig, *, until_stdin_closes: bool) -> int:
    stop = StopSignals()
    if until_stdin_closes:
        _stop_at_end_of_stdin(stop.gently)
    async with serving(config) as server:
        if config.is_public:
            logger.warning(
                "WARNING: listening on %s: every machine that reaches this one can listen, unencrypted and without a"
                " password; use --host 127.0.0.1 to keep it to this machine",
                config.host,
            )
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
