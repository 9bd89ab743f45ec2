"""The window as desktops see a media player: MPRIS 2.2 in values, without a bus."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from core.audio.volume import MAX_VOLUME_DB, MIN_VOLUME_DB
from core.wire.attempts import redact


class PlaybackStatus(Enum):
    """The three words of the specification (Playback_Status)."""

    PLAYING = "Playing"
    PAUSED = "Paused"
    STOPPED = "Stopped"


@dataclass(frozen=True, slots=True)
class PlayerState:
    """What changes while we run; ``title`` is empty while nothing is listened to, ``volume`` is linear, 1.0 is 0 dB."""

    status: PlaybackStatus
    title: str
    volume: float


def player_state(url: str, is_running: bool, is_muted: bool, volume: float) -> PlayerState:
    """How it stands; a lost connection that is tried again is still playing, as it is for whoever listens.

    ``url`` is shown without user, password and query: the desktop puts it on the lock screen.
    """
    if not is_running:
        return PlayerState(PlaybackStatus.STOPPED, "", volume)
    # Live audio cannot pause: nothing would be left to go on with. Who presses that key wants silence.
    status = PlaybackStatus.PAUSED if is_muted else PlaybackStatus.PLAYING
    return PlayerState(status, redact(url), volume)


def linear_of(volume_db: float) -> float:
    """Decibels as the specification's Volume: an amplitude, 1.0 for 0 dB."""
    return float(10 ** (volume_db / 20))


def possible_volume(volume: float) -> float:
    """What is next to ``volume``, linear, within what we offer; 0.0 stays, for it is the lower end of any slider."""
    return min(max(volume, 0.0), linear_of(MAX_VOLUME_DB))


def decibels_of(volume: float) -> float:
    """The way back from `linear_of`, never below the quietest that we offer."""
    return max(20 * math.log10(volume), MIN_VOLUME_DB) if volume > 0 else MIN_VOLUME_DB
