"""The options of `opuscope serve` for those who run it: logs, metrics, an orderly end."""

from __future__ import annotations

import argparse
from dataclasses import fields, replace

from core.cli.common import number_option, whole_number_option
from core.server.config import ServerConfig
from core.server.operation.settings import DRAIN_CODES, LOG_FORMATS, LOG_LEVELS, OperationSettings


def add_operation_options(parser: argparse.ArgumentParser) -> None:
    """Add them to the parser."""
    defaults = OperationSettings()
    add = parser.add_argument_group("operation").add_argument
    add("--log-format", choices=LOG_FORMATS, help=f"(default: {defaults.log_format})")
    add("--log-level", choices=LOG_LEVELS, help=f"(default: {defaults.log_level})")
    add(
        "--metrics-from",
        action="append",
        metavar="NETWORK",
        help="who may read /metrics beside this machine, as 10.0.0.0/8; may be given again",
    )
    add(
        "--drain-s",
        type=number_option,
        metavar="S",
        help="after SIGTERM let nobody new in for so long before listeners are sent away"
        f" (default: {defaults.drain_s:g})",
    )
    add(
        "--drain-code",
        type=whole_number_option,
        choices=DRAIN_CODES,
        help=f"close code for them: 1001 going away, 1012 restart (default: {defaults.drain_code})",
    )


def with_operation_options(config: ServerConfig, args: argparse.Namespace) -> ServerConfig:
    """``config``, which may be a file's, with what was said on the command line.

    Raises:
        ValueError: as of `OperationSettings`.
    """
    names = [each.name for each in fields(OperationSettings)]
    given = {name: value for name in names if (value := getattr(args, name)) is not None}
    if args.metrics_from is not None:
        given["metrics_from"] = tuple(args.metrics_from)
    return replace(config, operation=replace(config.operation, **given))
