"""What a report about a problem should say, as plain text that holds no secrets.

The text is English whatever the window's language is: it is made to be pasted into a report.
"""

from __future__ import annotations

import platform
import re
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from enum import Enum
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from core.audio.loudness import LoudnessLibraryError, load_ebur128
from core.audio.output import OutputError
from core.audio.portaudio import PortAudio
from core.monitor.events import Event
from core.opus.library import OpusLibraryError, load_opus
from core.playout.figures import UnderrunEpisode
from core.playout.settings import PlayoutSettings
from core.receiver.status import SessionSnapshot
from core.wire.attempts import redact

EVENTS_TOLD: Final = 50
EPISODES_TOLD: Final = 20
LEAST_SECRET_LENGTH: Final = 6
"""A shorter value of a query ("2", "opus") is hidden with its address, but not searched for in every other line."""

HIDDEN: Final = "<hidden>"
UNKNOWN: Final = "not known"

_PACKAGES: Final = ("websockets", "opuslib", "av", "sounddevice", "numpy")
_ADDRESS: Final = re.compile(r"\b(?:wss?|https?)://[^\s'\"<>|]+", re.IGNORECASE)
_QUERY: Final = re.compile(r"\?[^\s?=&]+=[^\s'\"<>]*")
_NAMED_SECRET: Final = re.compile(
    r"\b((?:access_)?token|authorization|auth|api_?key|key|password)=[^\s&'\"<>]+", re.IGNORECASE
)
_BEARER: Final = re.compile(r"\b(bearer)\s+[\w.~+/-]{6,}=*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class DiagnosticsFacts:
    """What is known of a program at one moment; ``None`` and empty where there is nothing to tell."""

    wall_time_s: float
    now_ns: int
    """Monotonic, on the clock of the episodes."""
    versions: Sequence[tuple[str, str]]
    devices: Sequence[str]
    """Labels of the output devices, or one line on why they cannot be listed."""
    url: str = ""
    """The address as it was asked for: its query is hidden, and what it says is hidden in all other lines, too."""
    secrets: Collection[str] = ()
    """Tokens and values of headers that were sent: only to make sure that they do not appear."""
    snapshot: SessionSnapshot | None = None
    playout: PlayoutSettings | None = None
    preset: str | None = None
    device_latency_ms: float | None = None
    frame_ms: float | None = None
    """Asked of the server; ``None`` leaves it to the server."""
    output: str = ""
    """The output that was asked for."""
    events: Sequence[Event] = ()
    fault_name: str = ""
    """The newest file of traces from a fault in C code."""
    fault_text: str = ""


def diagnostics_text(facts: DiagnosticsFacts, home: Path | None = None) -> str:
    """All of ``facts`` in sections, with what is secret or tells the user's name (``home``) taken out."""
    snapshot = facts.snapshot
    sections = [
        ("Versions", [f"{name}: {version}" for name, version in facts.versions]),
        ("Output devices", list(facts.devices) or ["none found"]),
        ("Settings in force", list(_settings(facts))),
        ("Connection", list(_connection(facts))),
        ("Stream", _all_of(snapshot.stream) if snapshot and snapshot.stream else ["nothing received yet"]),
        ("Counts and delays", _all_of(snapshot) if snapshot else ["no session yet"]),
        ("Latency, ms", _all_of(snapshot.latency) if snapshot else [UNKNOWN]),
        ("Output in use", _all_of(snapshot.output) if snapshot and snapshot.output else ["none is open"]),
        ("Underruns", list(_underruns(snapshot, facts.now_ns)) if snapshot else ["no session yet"]),
        ("Last events", [_event(event) for event in facts.events[-EVENTS_TOLD:]] or ["none"]),
    ]
    if facts.fault_name:
        sections.append((f"Last fault in C code ({facts.fault_name})", facts.fault_text.splitlines()))
    made = f"Opuscope diagnostics, {_wall_time(facts.wall_time_s)}"
    lines = [made]
    for title, content in sections:
        lines += ["", f"[{title}]", *content]
    return without_private("\n".join(lines), secrets_of(facts.url, facts.secrets), home) + "\n"


def library_versions() -> list[tuple[str, str]]:
    """Opuscope, Python, the system, and what sound depends on; C libraries are loaded if they are not yet."""
    return [
        ("Opuscope", package_version("opuscope")),
        ("Python", f"{platform.python_version()} ({platform.python_implementation()}, {platform.machine()})"),
        ("System", f"{platform.system()} {platform.release()} ({_distribution()})"),
        *((name, package_version(name)) for name in _PACKAGES),
        ("libopus", _libopus()),
        ("PortAudio", _portaudio()),
        ("libebur128", _libebur128()),
    ]


def package_version(name: str) -> str:
    """The installed version of a package."""
    # Loading it takes 0.04 s, and the window is to be seen soon.
    import importlib.metadata

    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed as a package"


def home_folder() -> Path | None:
    """The user's own folder, whose path holds the user's name; ``None`` where the system knows of none."""
    try:
        return Path.home()
    except RuntimeError:
        return None


def secrets_of(url: str, given: Collection[str] = ()) -> frozenset[str]:
    """What must not appear anywhere: what was ``given`` as secret, the login of an address, its query's values."""
    try:
        parts = urlsplit(url)
        found = [part for part in (parts.username, parts.password) if part]
    except ValueError:
        return frozenset(given) - {""}
    found += [unquote(part) for part in found]
    found += [value for _, value in parse_qsl(parts.query)]
    found += [pair.partition("=")[2] for pair in parts.query.split("&")]
    # A header's value may be "Bearer ...": its second word alone is the secret.
    found += [word for secret in given for word in secret.split()]
    return frozenset({*(value for value in found if len(value) >= LEAST_SECRET_LENGTH), *given}) - {""}


def without_private(text: str, secrets: Iterable[str] = (), home: Path | None = None) -> str:
    """``text`` without ``secrets``, without login and query of every address in it, and with ``~`` for ``home``."""
    # Addresses first: where a secret is cut out of one, what follows is no address any more.
    text = _ADDRESS.sub(lambda found: _redacted(found[0]), text)
    text = _QUERY.sub("?...", text)
    text = _NAMED_SECRET.sub(rf"\1={HIDDEN}", text)
    text = _BEARER.sub(rf"\1 {HIDDEN}", text)
    # Longest first: a secret may be a part of another one.
    for secret in sorted(secrets, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", HIDDEN, text)
    if home is not None and home != Path(home.anchor):
        # The last one is how Windows' paths stand in quoted texts.
        for form in (str(home), home.as_posix(), str(home).replace("\\", r"\\")):
            text = re.sub(rf"{re.escape(form)}(?!\w|[.-]\w)", "~", text)
    return text


def _redacted(address: str) -> str:
    try:
        return redact(address)
    except ValueError:
        return HIDDEN


def _settings(facts: DiagnosticsFacts) -> Iterator[str]:
    frame = facts.snapshot.frame_size if facts.snapshot else None
    yield f"preset: {facts.preset or 'own'}"
    if facts.playout is not None:
        yield from (f"playout {line}" for line in _all_of(facts.playout))
    yield f"device latency asked for: {_milliseconds(facts.device_latency_ms, 'the low latency of the device')}"
    yield f"frame size asked for: {_milliseconds(facts.frame_ms, 'as the server likes')}"
    if frame is not None:
        yield f"frame size in force: {_milliseconds(frame.in_force_ms, UNKNOWN)}"
        if frame.unavailable_because:
            yield f"frame size cannot be changed: {frame.unavailable_because}"
    yield f"output asked for: {facts.output or UNKNOWN}"


def _connection(facts: DiagnosticsFacts) -> Iterator[str]:
    if facts.url:
        yield f"address: {_redacted(facts.url)}"
    yield f"credentials given: {'yes' if facts.secrets else 'no'}"
    if facts.snapshot is not None:
        yield from (line for line in _all_of(facts.snapshot.connection) if not line.startswith("url:"))
        yield f"network lab: {facts.snapshot.impairment.describe()}"
    else:
        yield "state: never connected"


def _underruns(snapshot: SessionSnapshot, now_ns: int) -> Iterator[str]:
    yield f"{snapshot.underruns.episodes} episodes, {snapshot.underruns.starved_ms:.0f} ms without audio"
    causes = Counter(episode.cause.value for episode in snapshot.episodes)
    if causes:
        yield "causes: " + ", ".join(f"{number} {cause}" for cause, number in causes.most_common())
    yield from (_episode(episode, now_ns) for episode in snapshot.episodes[-EPISODES_TOLD:])


def _episode(episode: UnderrunEpisode, now_ns: int) -> str:
    ago_s = (now_ns - episode.began_ns) / 1e9
    return f"{ago_s:.1f} s ago: {episode.starved_ms:.0f} ms, {episode.cause.value}"


def _event(event: Event) -> str:
    return f"{_wall_time(event.wall_time_s)} {event.level.value}: {event.text}"


def _all_of(facts: Any) -> list[str]:
    """Every plain value of a dataclass by its own name: a fact that is added later is told, too."""
    values = ((field.name, getattr(facts, field.name)) for field in fields(facts))
    return [f"{name}: {_plain(value)}" for name, value in values if _is_plain(value)]


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, str | int | float | Enum)


def _plain(value: object) -> str:
    if value is None:
        return UNKNOWN
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _milliseconds(value: float | None, otherwise: str) -> str:
    return otherwise if value is None else f"{value:g} ms"


def _wall_time(wall_time_s: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(wall_time_s))


def _distribution() -> str:
    if platform.system() == "Linux":
        try:
            return platform.freedesktop_os_release().get("PRETTY_NAME", UNKNOWN)
        except OSError:
            return UNKNOWN
    return platform.version()


def _libopus() -> str:
    try:
        library = load_opus()
    except OpusLibraryError as error:
        return str(error)
    return f"{library.version} from {library.path}"


def _libebur128() -> str:
    try:
        return load_ebur128().version
    except LoudnessLibraryError as error:
        return str(error)


def _portaudio() -> str:
    try:
        return str(PortAudio().library.get_portaudio_version()[1])
    except OutputError as error:
        return str(error)
