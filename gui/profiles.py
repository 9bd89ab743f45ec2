"""Profiles: everything that is tuned, under a name, in the settings and as a file to carry around."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from core.opus.encoder import FRAME_SIZES_MS
from core.receiver.options import DEFAULT_OUTPUT, NO_ENCODER_WISH, EncoderWish
from gui.encoder_wish import read_encoder_wish, unknown_encoder_keys, write_encoder_wish
from gui.translation import translate
from gui.tuning import DEFAULT_TUNING, Tuning, read_tuning, write_tuning

FORMAT_KEY: Final = "opuscope_profile"
FORMAT_VERSION: Final = 1
MAX_NAME_LENGTH: Final = 60
"""What a menu can show."""

_MAX_FILE_BYTES: Final = 100_000
"""A profile has some hundred; what is larger is some other file."""

_UNREADABLE: Final = (ValueError, TypeError, OverflowError, RecursionError)
"""What JSON from anywhere can raise while it is parsed, or is turned into numbers."""


class ProfileError(ValueError):
    """A profile that cannot be taken; the message is one line for people. Nothing has changed."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Everything that is tuned."""

    name: str
    tuning: Tuning = DEFAULT_TUNING
    frame_ms: float | None = None
    """Asked of the server; ``None`` for whatever it sends."""
    output: str = DEFAULT_OUTPUT
    """``"default"``, ``"null"`` or a device's name."""
    encoder: EncoderWish = NO_ENCODER_WISH
    """Asked of the server, too."""

    def __post_init__(self) -> None:
        """Refuse a name that no menu could show.

        Raises:
            ProfileError: with what would be accepted.
        """
        is_fine = self.name == self.name.strip() and self.name.isprintable()
        if not is_fine or not 0 < len(self.name) <= MAX_NAME_LENGTH:
            raise ProfileError(
                translate(
                    "Profiles", "a profile cannot have this name; accepted: one line of 1 to {most} characters"
                ).format(most=MAX_NAME_LENGTH)
            )


@dataclass(frozen=True, slots=True)
class Imported:
    """A profile from a file, and what was not taken from it."""

    profile: Profile
    remarks: tuple[str, ...] = ()
    """Each a part of a sentence; empty where everything was understood."""


def write_profile(profile: Profile) -> dict[str, Any]:
    """As JSON can hold it."""
    return {
        "name": profile.name,
        "tuning": write_tuning(profile.tuning),
        "frame_ms": profile.frame_ms,
        "output": profile.output,
        "encoder": write_encoder_wish(profile.encoder),
    }


def read_profile(stored: Any) -> Profile:
    """The way back; what is missing has its default.

    Raises:
        ValueError: it makes no sense.
    """
    if not isinstance(stored, dict):
        raise ValueError(f"expected an object, found {stored!r}")
    values = {}
    for key, read in _READERS.items():
        if key in stored:
            try:
                values[key] = read(stored[key])
            except _UNREADABLE as error:
                raise ValueError(f"{key}: {error}") from error
    if "name" not in values:
        raise ValueError("it has no name")
    return Profile(**values)


def write_profiles(profiles: Iterable[Profile]) -> list[dict[str, Any]]:
    """As JSON can hold them."""
    return [write_profile(profile) for profile in profiles]


def read_profiles(stored: Any) -> tuple[Profile, ...]:
    """The way back.

    Raises:
        ValueError: one of them makes no sense.
    """
    if not isinstance(stored, list):
        raise ValueError(f"expected a list of profiles, found {stored!r}")
    profiles: tuple[Profile, ...] = ()
    for each in stored:
        profiles = with_profile(profiles, read_profile(each))
    return profiles


def export_text(profile: Profile) -> str:
    """The content of a file for other people."""
    return json.dumps({FORMAT_KEY: FORMAT_VERSION, **write_profile(profile)}, indent=2, ensure_ascii=False) + "\n"


def import_text(text: str) -> Imported:
    """The way back. Of another version everything is taken that can be read, and the rest is named.

    Raises:
        ProfileError: it is no profile, or one of this version whose values make no sense.
    """
    try:
        stored = json.loads(text)
    except _UNREADABLE as error:
        raise ProfileError(translate("Profiles", "it is no JSON file")) from error
    if not isinstance(stored, dict) or FORMAT_KEY not in stored:
        raise ProfileError(
            translate("Profiles", 'it is no profile; expected an object with "{key}": {version}').format(
                key=FORMAT_KEY, version=FORMAT_VERSION
            )
        )
    version = stored.pop(FORMAT_KEY)
    remarks = []
    if version != FORMAT_VERSION or isinstance(version, bool):
        remarks.append(
            translate("Profiles", "it is of version {version}, and {known} is known here").format(
                version=_brief(version), known=FORMAT_VERSION
            )
        )
        unreadable = [key for key, read in _READERS.items() if key in stored and not _can_read(read, stored[key])]
        if "name" in unreadable or "name" not in stored:
            raise ProfileError("; ".join([*remarks, translate("Profiles", "and its name cannot be read")]))
        for key in unreadable:
            del stored[key]
        if unreadable:
            remarks.append(
                translate("Profiles", "not readable, left as usual: {names}").format(names=", ".join(unreadable))
            )
    unknown = [key for key in stored if key not in _READERS]
    tuning = stored.get("tuning")
    if isinstance(tuning, dict):
        unknown += [f"tuning.{key}" for key in tuning if key not in write_tuning(DEFAULT_TUNING)]
    unknown += [f"encoder.{key}" for key in unknown_encoder_keys(stored.get("encoder"))]
    if unknown:
        remarks.append(
            translate("Profiles", "not known here, left out: {names}").format(
                names=", ".join(_brief(key) for key in unknown)
            )
        )
    try:
        return Imported(read_profile(stored), tuple(remarks))
    except ValueError as error:
        raise ProfileError(_brief(str(error), 200)) from error


def read_file(path: Path) -> Imported:
    """The profile in ``path``.

    Raises:
        ProfileError: with the file's name; it cannot be read, or is no profile.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_FILE_BYTES + 1)
        if len(content) > _MAX_FILE_BYTES:
            raise ProfileError(translate("Profiles", "it is too large for one"))
        return import_text(content.decode("utf-8-sig"))
    except OSError as error:
        raise ProfileError(
            translate("Profiles", "the profile {path} cannot be read ({reason})").format(
                path=path, reason=error.strerror
            )
        ) from error
    except UnicodeDecodeError as error:
        raise ProfileError(_unusable(path, translate("Profiles", "it is no text"))) from error
    except ProfileError as error:
        raise ProfileError(_unusable(path, str(error))) from error


def _unusable(path: Path, reason: str) -> str:
    return translate("Profiles", "the profile {path} cannot be used: {reason}").format(path=path, reason=reason)


def write_file(path: Path, profile: Profile) -> None:
    """Put ``profile`` into ``path``, or leave what is there.

    Raises:
        ProfileError: it cannot be written.
    """
    beside = path.with_name(f".{path.name}.part")
    try:
        beside.write_text(export_text(profile), encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise ProfileError(
            translate("Profiles", "the profile cannot be written to {path} ({reason}); name another file").format(
                path=path, reason=error.strerror
            )
        ) from error


def with_profile(profiles: tuple[Profile, ...], profile: Profile) -> tuple[Profile, ...]:
    """``profile`` in the place of the one of its name, or as the last one."""
    if all(each.name != profile.name for each in profiles):
        return (*profiles, profile)
    return tuple(profile if each.name == profile.name else each for each in profiles)


def without_profile(profiles: tuple[Profile, ...], name: str) -> tuple[Profile, ...]:
    """All but the one of that name."""
    return tuple(each for each in profiles if each.name != name)


def renamed(profiles: tuple[Profile, ...], name: str, new_name: str) -> tuple[Profile, ...]:
    """The same, one of them under another name.

    Raises:
        ProfileError: another one has it already, or no profile can have it.
    """
    if new_name != name and any(each.name == new_name for each in profiles):
        raise ProfileError(
            translate(
                "Profiles", "there is a profile {name} already; choose another name, or delete that one first"
            ).format(name=new_name)
        )
    return tuple(replace(each, name=new_name) if each.name == name else each for each in profiles)


def under_a_free_name(profiles: tuple[Profile, ...], profile: Profile) -> Profile:
    """``profile``, with a number behind its name where another one has that name already."""
    taken = {each.name: each for each in profiles}
    if taken.get(profile.name, profile) == profile:
        return profile
    number = 2
    while True:
        suffix = f" ({number})"
        name = profile.name[: MAX_NAME_LENGTH - len(suffix)].rstrip() + suffix
        if name not in taken:
            return replace(profile, name=name)
        number += 1


def _text(stored: Any) -> str:
    if not isinstance(stored, str) or not stored:
        raise ValueError(f"expected a text, found {_brief(stored)}")
    return stored


def _name(stored: Any) -> str:
    return Profile(_text(stored)).name


def _frame_ms(stored: Any) -> float | None:
    if stored is None:
        return None
    if isinstance(stored, bool) or stored not in FRAME_SIZES_MS:
        raise ValueError(f"expected a frame size of Opus or null, found {_brief(stored)}")
    return float(stored)


_READERS: Final[dict[str, Callable[[Any], Any]]] = {
    "name": _name,
    "tuning": read_tuning,
    "frame_ms": _frame_ms,
    "output": _text,
    "encoder": read_encoder_wish,
}


def _can_read(read: Callable[[Any], Any], stored: Any) -> bool:
    try:
        read(stored)
    except _UNREADABLE:
        return False
    return True


def _brief(value: Any, length: int = 60) -> str:
    """As one line that a banner can show, whatever a file holds."""
    text = " ".join((value if isinstance(value, str) else repr(value)).split())
    return text if len(text) <= length else text[: length - 1] + "…"
