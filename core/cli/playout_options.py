"""The options that set the jitter buffer, and what they come to together."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace

from core.cli.common import CommandError, number_option
from core.playout.presets import DEFAULT_PRESET, PRESETS, Preset, PresetName, preset
from core.playout.settings import (
    DEFAULT_BIAS_MS_PER_PCT,
    MAX_BIAS_MS_PER_PCT,
    MIN_BIAS_MS_PER_PCT,
    PlayoutMode,
    PlayoutSettings,
    PlayoutSettingsError,
)


@dataclass(frozen=True, slots=True)
class BufferOption:
    """What ``--buffer`` was given: a fixed target delay in milliseconds, or ``None`` for an adaptive one."""

    fixed_ms: float | None


def buffer_option(text: str) -> BufferOption:
    """``adaptive`` or ``fixed:MS``, for argparse."""
    kind, _, number = text.partition(":")
    if text == "adaptive":
        return BufferOption(None)
    try:
        if kind == "fixed":
            return BufferOption(float(number))
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(
        f"{text!r} is no buffer setting; expected adaptive or fixed:MS, for instance fixed:60"
    )


def add_playout_options(parser: argparse.ArgumentParser, *, several_buffers: bool = False) -> None:
    """Add the options; what is not given is ``None``. With ``several_buffers``, ``buffer`` becomes a list."""
    parser.add_argument(
        "--preset",
        metavar="|".join(each.value for each in PresetName),
        help=f"settings that go well together ({DEFAULT_PRESET.value}); what is given beside it overrides it",
    )
    parser.add_argument(
        "--buffer",
        type=buffer_option,
        action="append" if several_buffers else "store",
        metavar="adaptive|fixed:MS",
        help="a target delay that follows the network, or one of so many ms (adaptive)"
        + ("; may be given several times" if several_buffers else ""),
    )
    parser.add_argument(
        "--mode",
        choices=[each.value for each in PlayoutMode],
        help="late audio is played faster until it has caught up, or what is too late is left out (complete)",
    )
    parser.add_argument(
        "--bias",
        type=number_option,
        metavar="MS_PER_PERCENT",
        help=f"how much delay one per cent of late packets is worth, {MIN_BIAS_MS_PER_PCT:g} (quick)"
        f" to {MAX_BIAS_MS_PER_PCT:g} (safe) ms ({DEFAULT_BIAS_MS_PER_PCT:g})",
    )


def has_playout_options(options: argparse.Namespace) -> bool:
    """Whether any of them was given."""
    return any(getattr(options, name) is not None for name in ("preset", "buffer", "mode", "bias"))


def chosen_preset(options: argparse.Namespace) -> Preset:
    """The preset that was given, or the default.

    Raises:
        CommandError: there is no such preset.
    """
    try:
        return preset(options.preset) if options.preset is not None else PRESETS[DEFAULT_PRESET]
    except PlayoutSettingsError as error:
        raise CommandError(str(error)) from error


def playout_settings(options: argparse.Namespace) -> PlayoutSettings:
    """The preset with what was given beside it.

    Raises:
        CommandError: one of them cannot be taken.
    """
    return settings_with_buffer(options, options.buffer)


def settings_with_buffer(options: argparse.Namespace, buffer: BufferOption | None) -> PlayoutSettings:
    """The same with another choice of buffer than ``options`` have.

    Raises:
        CommandError: one of them cannot be taken.
    """
    settings = chosen_preset(options).playout
    try:
        if buffer is not None:
            settings = replace(settings, is_adaptive=buffer.fixed_ms is None)
            if buffer.fixed_ms is not None:
                settings = replace(settings, target_delay_ms=buffer.fixed_ms)
        if options.mode is not None:
            settings = replace(settings, mode=PlayoutMode(options.mode))
        if options.bias is not None:
            settings = replace(settings, bias_ms_per_pct=options.bias)
    except PlayoutSettingsError as error:
        raise CommandError(str(error)) from error
    return settings
