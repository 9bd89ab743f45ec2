"""What a stream says about itself: to its listeners in `hello` and `config`, and in the list of streams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.opus.encoder import EncoderSettings
from core.wire.control import SUBPROTOCOL, Config, Hello


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """The encoder that makes a listener's packets, wherever it runs: a relayed one may be anybody's."""

    sample_rate: int
    channels: int
    frame_ms: float
    application: str
    bitrate: int | None = None
    complexity: int | None = None
    fec: bool = False
    dtx: bool = False

    @classmethod
    def of(cls, settings: EncoderSettings) -> StreamFacts:
        """Those of an encoder of ours."""
        return cls(
            sample_rate=settings.sample_rate,
            channels=settings.channels,
            frame_ms=settings.frame_ms,
            application=settings.application.label,
            # Also where they are left to libopus: who asks what is in force wants to know.
            bitrate=settings.nominal_bitrate,
            complexity=settings.effective_complexity,
            fec=settings.fec,
            dtx=settings.dtx,
        )

    def hello(self, ssrc: int, limits: dict[str, Any]) -> Hello:
        """The first message; ``limits`` is what `set` accepts, nothing where settings cannot be changed."""
        return Hello(
            protocol=SUBPROTOCOL,
            ssrc=ssrc,
            sample_rate=self.sample_rate,
            channels=self.channels,
            frame_ms=self.frame_ms,
            application=self.application,
            bitrate=self.bitrate,
            fec=self.fec,
            dtx=self.dtx,
            limits=limits,
        )

    def config(self, rtp_timestamp: int | None = None, refused: str | None = None) -> Config:
        """The answer to a `set`."""
        return Config(
            frame_ms=self.frame_ms,
            bitrate=self.bitrate,
            complexity=self.complexity,
            fec=self.fec,
            dtx=self.dtx,
            application=self.application,
            rtp_timestamp=rtp_timestamp,
            refused=refused,
        )
