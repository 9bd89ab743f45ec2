"""The captures of other programs in ``tests/captures``, and what is in them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parents[1] / "captures"


@dataclass(frozen=True)
class RealCapture:
    """As the commands in the folder's README say."""

    name: str
    port: int
    packets: int
    packet_ms: float
    channels: int
    missing: int = 0
    has_early_timestamp: bool = False
    """GStreamer's second one is too small by the encoder's look-ahead."""

    @property
    def path(self) -> Path:
        return FOLDER / self.name


REAL: Final = (
    RealCapture("ffmpeg.pcap", 5014, 101, 20.0, 1),
    RealCapture("ffmpeg-60ms-cooked.pcap", 5016, 34, 60.0, 2),
    RealCapture("ffmpeg-lossy.pcapng", 5014, 96, 20.0, 1, missing=5),
    RealCapture("gstreamer.pcapng", 5010, 101, 20.0, 2, has_early_timestamp=True),
    RealCapture("gstreamer-ipv6.pcapng", 5018, 201, 10.0, 1, has_early_timestamp=True),
    RealCapture("libavformat.pcap", 5012, 101, 20.0, 1),
)
NAMES: Final = [each.name for each in REAL]
WHOLE: Final = [each for each in REAL if not each.missing]
