"""What the window remembers from one start to the next: one table of names, types and defaults."""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final, Generic, TypeVar, cast

from PySide6.QtCore import QObject, QSettings, QTimer, Signal

from core.audio.volume import MAX_VOLUME_DB, MIN_VOLUME_DB
from core.opus.encoder import FRAME_SIZES_MS
from core.playout.late_history import GRID_MS
from core.playout.presets import DEFAULT_PRESET, PresetName
from core.receiver.options import DEFAULT_OUTPUT, NO_ENCODER_WISH
from gui.encoder_wish import read_encoder_wish, unknown_encoder_keys, write_encoder_wish
from gui.known_servers import KnownServers, read_known_servers, write_known_servers
from gui.profiles import Profile, read_profiles, write_profiles
from gui.tuning import DEFAULT_TUNING, Tuning, preset_of, read_tuning, tuning_of, write_tuning

T = TypeVar("T")

URL_HISTORY_LENGTH: Final = 12
_SAVE_AFTER_MS: Final = 1_000
"""Dragging a slider sets a value many times a second; the file is written once, when it rests."""


class ThemeChoice(Enum):
    """Which colours the window shows."""

    SYSTEM = "system"
    DARK = "dark"
    LIGHT = "light"


@dataclass(frozen=True, slots=True)
class Setting(Generic[T]):
    """One remembered value.

    ``read`` turns what the file holds (already parsed JSON) into the value and raises ValueError where it makes no
    sense; ``write`` is the way back.
    """

    name: str
    default: T
    read: Callable[[Any], T]
    write: Callable[[T], Any] = lambda value: value
    unknown: Callable[[Any], list[str]] = lambda stored: []
    """Names what is stored and not known here, such as what a newer version wrote; the rest is used."""


def _boolean(stored: Any) -> bool:
    if not isinstance(stored, bool):
        raise ValueError(f"expected true or false, found {stored!r}")
    return stored


def _text(stored: Any) -> str:
    if not isinstance(stored, str) or not stored:
        raise ValueError(f"expected a text, found {stored!r}")
    return stored


def _texts(stored: Any) -> tuple[str, ...]:
    if not isinstance(stored, list):
        raise ValueError(f"expected a list of texts, found {stored!r}")
    return tuple(_text(item) for item in stored)


def _number_between(low: float, high: float) -> Callable[[Any], float]:
    def read(stored: Any) -> float:
        is_number = isinstance(stored, int | float) and not isinstance(stored, bool) and math.isfinite(stored)
        if not is_number or not low <= stored <= high:
            raise ValueError(f"expected a number from {low:g} to {high:g}, found {stored!r}")
        return float(stored)

    return read


def _frame_size(stored: Any) -> float | None:
    if stored is not None and stored not in FRAME_SIZES_MS:
        raise ValueError(f"expected a frame size of Opus or null, found {stored!r}")
    return None if stored is None else float(stored)


def _preset(stored: Any) -> PresetName | None:
    return None if stored is None else PresetName(stored)


def _bytes(stored: Any) -> bytes:
    try:
        return base64.b64decode(_text(stored), validate=True)
    except binascii.Error as error:
        raise ValueError(f"expected base64: {error}") from error


def _write_bytes(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


WINDOW_GEOMETRY: Final = Setting("window/geometry", b"", _bytes, _write_bytes)
WINDOW_DOCKS: Final = Setting("window/docks", b"", _bytes, _write_bytes)
COMPACT_GEOMETRY: Final = Setting("compact/geometry", b"", _bytes, _write_bytes)
THEME: Final = Setting("window/theme", ThemeChoice.SYSTEM, ThemeChoice, lambda choice: choice.value)
URL_HISTORY: Final[Setting[tuple[str, ...]]] = Setting("connect/url_history", (), _texts, list)
VOLUME_DB: Final = Setting("listen/volume_db", 0.0, _number_between(MIN_VOLUME_DB, MAX_VOLUME_DB))
MUTED: Final = Setting("listen/muted", False, _boolean)
BALANCE: Final = Setting("listen/balance", 0.0, _number_between(-1.0, 1.0))
"""-1 is left only, 1 right only."""
OUTPUT: Final[Setting[str]] = Setting("listen/output", DEFAULT_OUTPUT, _text)
PRESET: Final[Setting[PresetName | None]] = Setting(
    "tune/preset", DEFAULT_PRESET, _preset, lambda preset: preset and preset.value
)
"""``None`` stands for the user's own tuning."""
OWN_TUNING: Final = Setting("tune/own", DEFAULT_TUNING, read_tuning, write_tuning)
"""The last one that was no preset; it is kept while a preset is in use."""
FRAME_MS: Final[Setting[float | None]] = Setting("tune/frame_ms", None, _frame_size)
ENCODER: Final = Setting("tune/encoder", NO_ENCODER_WISH, read_encoder_wish, write_encoder_wish, unknown_encoder_keys)
PROFILES: Final[Setting[tuple[Profile, ...]]] = Setting("tune/profiles", (), read_profiles, write_profiles)
VERDICT_DEPTH_MS: Final = Setting("watch/verdict_depth_ms", 60.0, _number_between(0.0, float(GRID_MS[-1])))
"""The buffer that the verdict is about; the balanced preset begins with as much."""
KNOWN_SERVERS: Final[Setting[KnownServers]] = Setting("connect/servers", {}, read_known_servers, write_known_servers)
"""Never a secret: those are in the system's keyring."""


class SettingsStore(QObject):
    """Reads and keeps the values of `Setting`s; a broken value in the file counts as not set."""

    value_ignored = Signal(str)
    """One line for people: a stored value made no sense, and the default is used."""

    def __init__(self, path: Path | None = None, parent: QObject | None = None) -> None:
        """Use the INI file ``path``, or the platform's place for the application's settings if ``None``."""
        super().__init__(parent)
        self._file = QSettings(str(path), QSettings.Format.IniFormat) if path is not None else QSettings()
        self._values: dict[str, object] = {}
        self._unsaved: dict[str, str] = {}
        self._save_timer = QTimer(self)
        self._save_timer.setSingleShot(True)
        self._save_timer.setInterval(_SAVE_AFTER_MS)
        self._save_timer.timeout.connect(self.save)

    def get(self, setting: Setting[T]) -> T:
        """The remembered value, or the setting's default."""
        if setting.name not in self._values:
            self._values[setting.name] = self._load(setting)
        return cast("T", self._values[setting.name])

    def set(self, setting: Setting[T], value: T) -> None:
        """Remember ``value``; it reaches the file within about a second, or with `save`."""
        if self.get(setting) == value:
            return
        self._values[setting.name] = value
        self._unsaved[setting.name] = json.dumps(setting.write(value))
        self._save_timer.start()

    def override(self, setting: Setting[T], value: T) -> None:
        """Use ``value`` from now on, but do not remember it."""
        self._values[setting.name] = value

    def save(self) -> None:
        """Write what has changed to the file now."""
        self._save_timer.stop()
        for name, text in self._unsaved.items():
            self._file.setValue(name, text)
        self._unsaved.clear()
        self._file.sync()

    def remember_url(self, url: str) -> None:
        """Put ``url`` at the front of the history."""
        others = [known for known in self.get(URL_HISTORY) if known != url]
        self.set(URL_HISTORY, (url, *others[: URL_HISTORY_LENGTH - 1]))

    @property
    def tuning(self) -> Tuning:
        """The preset in use as it is now, or the user's own tuning."""
        preset = self.get(PRESET)
        return self.get(OWN_TUNING) if preset is None else tuning_of(preset)

    def remember_tuning(self, tuning: Tuning) -> None:
        """Use ``tuning`` from now on: by its name where it is a preset, so that own values are not lost."""
        preset = preset_of(tuning)
        self.set(PRESET, preset)
        if preset is None:
            self.set(OWN_TUNING, tuning)

    def override_tuning(self, tuning: Tuning) -> None:
        """Use ``tuning`` from now on, but do not remember it."""
        preset = preset_of(tuning)
        self.override(PRESET, preset)
        if preset is None:
            self.override(OWN_TUNING, tuning)

    def _load(self, setting: Setting[T]) -> T:
        stored = self._file.value(setting.name)
        if stored is None:
            return setting.default
        try:
            found = json.loads(str(stored))
            value = setting.read(found)
        except ValueError as problem:
            self.value_ignored.emit(
                self.tr("The setting {name} in {file} is not usable ({problem}); using the default").format(
                    name=setting.name, file=self._file.fileName(), problem=problem
                )
            )
            return setting.default
        if unknown := setting.unknown(found):
            self.value_ignored.emit(
                self.tr("The setting {name} in {file} holds what is not known here, left out: {keys}").format(
                    name=setting.name, file=self._file.fileName(), keys=", ".join(unknown)
                )
            )
        return value
