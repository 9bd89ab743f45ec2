"""A recording, as the button beside the level shows it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from core.opus.packet import SAMPLE_RATE_HZ
from core.recording.status import RecordingStatus
from gui.translation import translate
from gui.view_models.text import duration_of, size


@dataclass(frozen=True, slots=True)
class RecordingView:
    """What the button says."""

    text: str
    tooltip: str
    is_recording: bool
    is_possible: bool


def recording_view(status: RecordingStatus | None, is_running: bool) -> RecordingView:
    """The recording that runs, or ``None``; ``is_running`` tells whether there is a session to record from."""
    if status is not None:
        text = f"■ {duration_of(round(status.seconds * SAMPLE_RATE_HZ))} · {size(status.size_bytes)}"
        tooltip = translate("Recording", "Recording to {path}: end it (Ctrl+R)").format(path=status.path)
        return RecordingView(text, tooltip, is_recording=True, is_possible=True)
    tooltip = (
        translate("Recording", "Record to a file: the packets as received, or the sound as played (Ctrl+R)")
        if is_running
        else translate("Recording", "Connect first: there is nothing to record")
    )
    return RecordingView(translate("Recording", "● Record…"), tooltip, is_recording=False, is_possible=is_running)


def default_name(url: str, moment: str) -> str:
    """``"opuscope-studio-20261123-110500.opus"``: what a file system of any kind takes.

    ``moment`` stands in it as it is; of ``url`` only the host does, for a path may hold secrets.
    """
    host = re.sub(r"[^\w.-]+", "-", urlsplit(url).hostname or "", flags=re.ASCII).strip("-.")
    return "-".join(part for part in ("opuscope", host, moment) if part) + ".opus"
