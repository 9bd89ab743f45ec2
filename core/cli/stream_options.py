"""What `opuscope serve` can be told about a stream, beside or in place of a configuration file."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any, Final

from core.cli.common import number_option, whole_number_option
from core.opus.encoder import FRAME_SIZES_MS, SAMPLE_RATES_HZ, Application
from core.server.config import ServerConfig, StreamConfig
from core.server.config_file import ConfigError

_ENCODER: Final = (
    "frame_ms",
    "sample_rate",
    "channels",
    "bitrate",
    "application",
    "complexity",
    "fec",
    "dtx",
    "expected_loss_pct",
)
_STREAM: Final = (
    "source",
    "loop",
    "lead_ms",
    "ingest_token_file",
    "ingest_token_env",
    "upstream_token_file",
    "upstream_token_env",
    "upstream_ca_file",
)


def add_stream_options(parser: argparse.ArgumentParser) -> None:
    """Add the options; one that is not given is ``None``."""
    defaults = StreamConfig()
    add = parser.add_argument
    add(
        "--source",
        action="append",
        metavar="SOURCE",
        help="PATH of a file or playlist (several times: one after the other), tone, sweep, clicks, microphone[:NAME],"
        f" command:PROGRAM, push or relay:URL; 'opuscope devices' lists the names (default: {defaults.source})",
    )
    add("--loop", action=argparse.BooleanOptionalAction, help="play files over and over")
    add(
        "--frame-ms",
        type=number_option,
        choices=FRAME_SIZES_MS,
        metavar="MS",
        help="frame size: 2.5, 5, 10, 20, 40 or 60 (default: 20)",
    )
    add(
        "--sample-rate",
        type=whole_number_option,
        choices=SAMPLE_RATES_HZ,
        metavar="HZ",
        help=f"8000, 12000, 16000, 24000 or 48000 (default: {defaults.settings.sample_rate})",
    )
    add(
        "--channels",
        type=whole_number_option,
        choices=(1, 2),
        help=f"(default: {defaults.settings.channels})",
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
        help=f"what the encoder is tuned for (default: {defaults.settings.application.label})",
    )
    add(
        "--complexity",
        type=whole_number_option,
        metavar="N",
        help="what the encoder may spend, 0 to 10 (default: left to the encoder)",
    )
    add("--fec", action=argparse.BooleanOptionalAction, help="each packet also holds a little of the one before")
    add("--dtx", action=argparse.BooleanOptionalAction, help="almost nothing is sent while nobody speaks")
    add(
        "--expected-loss",
        dest="expected_loss_pct",
        type=whole_number_option,
        metavar="PCT",
        help="packets in a hundred that the encoder prepares to lose (default: 20 with --fec, else 0)",
    )
    add(
        "--lead-ms",
        type=number_option,
        metavar="MS",
        help="sound that a bare listener gets at once when it comes, up to 2000 (default: 0)",
    )
    for side, what in (("ingest", "that whoever pushes has to bring"), ("upstream", "that a relay brings")):
        add(f"--{side}-token-file", type=Path, metavar="FILE", help=f"where the token is kept {what}")
        add(f"--{side}-token-env", metavar="VARIABLE", help="or the environment variable that holds it")
    add("--upstream-ca-file", type=Path, metavar="FILE", help="certificate authority that a relay trusts, as PEM")


def with_stream_options(config: ServerConfig, args: argparse.Namespace) -> ServerConfig:
    """``config`` with what was said on the command line about its only stream.

    Raises:
        ConfigError: it has several streams, and the command line cannot say which one is meant.
        ValueError: settings that cannot be (`EncoderSettingsError` among them).
    """
    encoder = _given(args, _ENCODER)
    stream = _given(args, _STREAM)
    if not encoder and not stream:
        return config
    if len(config.streams) > 1:
        option = "--" + next(iter({**stream, **encoder})).replace("_pct", "").replace("_", "-")
        raise ConfigError(f"{option} is about one stream, and {args.config} has {len(config.streams)}; write it there")
    if "application" in encoder:
        encoder["application"] = Application.named(encoder["application"])
    if "source" in stream and len(stream["source"]) == 1:
        (stream["source"],) = stream["source"]
    elif "source" in stream:
        stream["source"] = tuple(stream["source"])
    (only,) = config.streams
    settings = dataclasses.replace(only.settings, **encoder)
    return dataclasses.replace(config, streams=(dataclasses.replace(only, settings=settings, **stream),))


def _given(args: argparse.Namespace, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(args, name)) is not None}
