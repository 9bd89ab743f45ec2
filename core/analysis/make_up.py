"""What the packets are made of: modes, bandwidths, durations, channels, bit rate; against what was declared."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import Any, Final, TypeVar

from core.analysis.results import MAX_EVIDENCE, Change, Content, Declared, Evidence, Mismatch
from core.opus.packet import SAMPLE_RATE_HZ, Bandwidth, PacketInfo
from core.wire.control import Config, Hello

_T = TypeVar("_T", str, int, float)

CBR_PCT: Final = 95.0
"""At a constant rate all packets of a frame size have one size; some change with the settings."""

SIZES_KEPT: Final = 64
"""Different sizes that are counted. A variable rate has hundreds."""

SEEN_PCT: Final = 1.0
"""What fewer packets than that are is an exception."""

DIFFERS_PCT: Final = 10.0
"""Of packets that are not as declared: those of a change on the way are fewer."""

BANDWIDTH_HZ: Final = {
    Bandwidth.NARROWBAND: 4_000,
    Bandwidth.MEDIUMBAND: 6_000,
    Bandwidth.WIDEBAND: 8_000,
    Bandwidth.SUPER_WIDEBAND: 12_000,
    Bandwidth.FULLBAND: 20_000,
}
"""RFC 6716 table 1."""

HALF: Final = 0.5
"""Encoders leave out some treble at low bit rates; one that leaves out half the band or more was given other sound
than was declared, or far too few bits."""

_RATE_STEP_KBPS: Final = 0.5
_RATE_CELLS: Final = 1_100
"""To 550 kbit/s; Opus has at most 510 (RFC 6716 §2.1.1)."""


class MakeUpTally:
    """Takes in what each packet says about itself. Memory is fixed, work for a packet constant."""

    def __init__(self) -> None:
        """Nothing has come."""
        self._counts: dict[tuple[int, int, int, bool, bool], int] = {}
        self._examples: dict[tuple[int, int, int, bool, bool], PacketInfo] = {}
        self._sizes: Counter[int] = Counter()
        self._coded = 0
        self._bytes = 0
        self._samples = 0
        self._second_bytes = 0
        self._second_samples = 0
        self._rates = [0] * (_RATE_CELLS + 1)
        self._last: PacketInfo | None = None
        self._last_key: tuple[int, int, int, bool, bool] | None = None
        self._changes = 0
        self._newest_changes: deque[Change] = deque(maxlen=MAX_EVIDENCE)
        self.declared: Declared | None = None
        self._frame_differs: deque[Evidence] = deque(maxlen=MAX_EVIDENCE)
        self._frames_differing = 0
        self._codec = "opus"

    def declare(self, message: Hello | Config) -> None:
        """The server says what it sends from now on; what is compared begins anew."""
        if isinstance(message, Hello):
            self._codec = message.codec
            self.declared = Declared(
                message.protocol,
                message.sample_rate,
                message.channels,
                message.frame_ms,
                message.application,
                message.bitrate,
                message.fec,
                message.dtx,
            )
        elif self.declared is not None:
            said = self.declared
            self.declared = Declared(
                said.protocol,
                said.sample_rate,
                said.channels,
                message.frame_ms,
                message.application,
                message.bitrate,
                message.fec,
                message.dtx,
            )
            self._frames_differing = 0
            self._frame_differs.clear()

    def take(self, info: PacketInfo, size: int, number: int, at_s: float) -> None:
        """A packet of ``size`` bytes, which came as number ``number``."""
        # By a tuple, since a PacketInfo takes ten times as long to hash.
        key = info.config, info.channels, info.frame_count, info.has_fec, info.is_dtx
        if key in self._counts:
            self._counts[key] += 1
        else:
            self._counts[key] = 1
            self._examples[key] = info
        if key != self._last_key:
            if self._last is not None:
                self._note_changes(self._last, info, number, at_s)
            self._last, self._last_key = info, key
        samples = info.frame_samples * info.frame_count
        if not info.is_dtx:
            self._coded += 1
            if size in self._sizes or len(self._sizes) < SIZES_KEPT:
                self._sizes[size] += 1
        if self.declared is not None and info.duration_ms != self.declared.frame_ms:
            self._frames_differing += 1
            self._frame_differs.append(Evidence(at_s, number, note=f"{info.duration_ms:g} ms"))
        self._bytes += size
        self._samples += samples
        self._second_bytes += size
        self._second_samples += samples
        if self._second_samples >= SAMPLE_RATE_HZ:
            kbps = self._second_bytes * 8 * SAMPLE_RATE_HZ / self._second_samples / 1e3
            self._rates[min(round(kbps / _RATE_STEP_KBPS), _RATE_CELLS)] += 1
            self._second_bytes = self._second_samples = 0

    def coded_band_hz(self) -> float | None:
        """The widest band that more than a few packets have."""
        seen = self._shares(lambda info: BANDWIDTH_HZ[info.bandwidth])
        return max((hertz for hertz, share in seen.items() if share >= SEEN_PCT), default=None)

    def result(self) -> Content | None:
        """All figures up to now; ``None`` if nothing has come."""
        if self._last is None:
            return None
        missing: dict[str, str] = {}
        if sum(self._rates) == 0:
            missing["bitrate_p95_kbps"] = "needs a second of sound"
        if self.declared is None:
            missing["mismatches"] = "the server declares nothing"
        top = self._sizes.most_common(1)
        return Content(
            modes_pct=self._shares(lambda info: info.mode.value),
            bandwidths_pct=self._shares(lambda info: info.bandwidth.value),
            packet_ms_pct=self._shares(lambda info: info.duration_ms),
            frame_ms_pct=self._shares(lambda info: info.frame_ms),
            channels_pct=self._shares(lambda info: info.channels),
            bitrate_kbps=self._bytes * 8 * SAMPLE_RATE_HZ / self._samples / 1e3 if self._samples else None,
            bitrate_p95_kbps=self._p95_kbps(),
            is_cbr=top[0][1] * 100 >= CBR_PCT * self._coded if top else None,
            dtx_pct=self._shares(lambda info: int(info.is_dtx)).get(1, 0.0),
            fec_pct=self._shares(lambda info: int(info.has_fec)).get(1, 0.0),
            changes=self._changes,
            newest_changes=tuple(self._newest_changes),
            declared=self.declared,
            mismatches=tuple(self._mismatches()),
            not_measurable=missing,
        )

    def _shares(self, of: Callable[[PacketInfo], _T]) -> dict[_T, float]:
        counts: Counter[_T] = Counter()
        for key, count in self._counts.items():
            counts[of(self._examples[key])] += count
        total = counts.total()
        return {key: 100 * count / total for key, count in counts.most_common()}

    def _p95_kbps(self) -> float | None:
        total, passed = sum(self._rates), 0
        for cell, count in enumerate(self._rates):
            passed += count
            if count and passed >= 0.95 * total:
                return cell * _RATE_STEP_KBPS
        return None

    def _note_changes(self, before: PacketInfo, after: PacketInfo, number: int, at_s: float) -> None:
        described: tuple[tuple[str, Any, Any], ...] = (
            ("mode", before.mode.value, after.mode.value),
            ("bandwidth", before.bandwidth.value, after.bandwidth.value),
            ("packet_ms", f"{before.duration_ms:g}", f"{after.duration_ms:g}"),
            ("channels", str(before.channels), str(after.channels)),
        )
        for what, old, new in described:
            if old != new:
                self._changes += 1
                self._newest_changes.append(Change(at_s, number, what, old, new))

    def _mismatches(self) -> list[Mismatch]:
        declared = self.declared
        if declared is None:
            return []
        found: list[Mismatch] = []
        total = sum(self._counts.values())
        differing_pct = 100 * self._frames_differing / max(total, 1)
        if differing_pct >= DIFFERS_PCT:
            shares = self._shares(lambda info: info.duration_ms)
            most = next(duration for duration in shares if duration != declared.frame_ms)
            found.append(
                Mismatch(
                    "frame_ms", f"{declared.frame_ms:g} ms", f"{most:g} ms", differing_pct, tuple(self._frame_differs)
                )
            )
        coded_hz, declared_hz = self.coded_band_hz(), min(declared.sample_rate // 2, 20_000)
        if coded_hz is not None and coded_hz <= HALF * declared_hz:
            name = next(band.value for band, hertz in BANDWIDTH_HZ.items() if hertz == coded_hz)
            found.append(
                Mismatch(
                    "bandwidth",
                    f"{declared.sample_rate / 1000:g} kHz",
                    f"{name} ({coded_hz / 1000:g} kHz)",
                    sum(
                        share
                        for hertz, share in self._shares(lambda info: BANDWIDTH_HZ[info.bandwidth]).items()
                        if hertz <= coded_hz
                    ),
                )
            )
        other = self._shares(lambda info: info.channels)
        differing_pct = sum(share for count, share in other.items() if count != declared.channels)
        if differing_pct >= 100 - SEEN_PCT or (declared.channels == 1 and differing_pct >= DIFFERS_PCT):
            # Stereo that is mono for a while is what encoders do at low bit rates.
            most_channels = next(count for count in other if count != declared.channels)
            found.append(Mismatch("channels", str(declared.channels), str(most_channels), differing_pct))
        if self._codec.lower() != "opus":
            found.append(Mismatch("codec", self._codec, "opus", 100.0))
        return found
