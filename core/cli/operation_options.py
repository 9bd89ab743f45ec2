"""The options of `opuscope serve` for those who run it: logs, metrics, an orderly end."""

from __future__ import annotations

import argparse

from core.cli.common import number_option, whole_number_option
from core.server.operation.settings import DRAIN_CODES, LOG_FORMATS, LOG_LEVELS, OperationSettings


def add_operation_options(parser: argparse.ArgumentParser) -> None:
    """Add them to the parser."""
    defaults = OperationSettings()
    add = parser.add_argument_group("operation").add_argument
    add("--log-format", choices=LOG_FORMATS, default=defaults.log_format, help="(default: %(default)s)")
    add("--log-level", choices=LOG_LEVELS, default=defaults.log_level, help="(default: %(default)s)")
    add(
        "--metrics-from",
        action="append",
        default=[],
        metavar="NETWORK",
        help="who may read /metrics beside this machine, as 10.0.0.0/8; may be given again",
    )
    add(
        "--drain-s",
        type=number_option,
        default=defaults.drain_s,
        metavar="S",
        help="after SIGTERM let nobody new in for so long before listeners are sent away (default: 0)",
    )
    add(
        "--drain-code",
        type=whole_number_option,
        choices=DRAIN_CODES,
        default=defaults.drain_code,
        help="close code for them: 1001 going away, 1012 restart (default: %(default)s)",
    )


def operation_settings(args: argparse.Namespace) -> OperationSettings:
    """What the options say.

    Raises:
        ValueError: as of `OperationSettings`.
    """
    return OperationSettings(
        metrics_from=tuple(args.metrics_from),
        drain_s=args.drain_s,
        drain_code=args.drain_code,
        log_format=args.log_format,
        log_level=args.log_level,
    )
