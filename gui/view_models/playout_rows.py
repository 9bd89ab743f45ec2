"""The rows of the statistics table that say how playout goes."""

from __future__ import annotations

from collections import Counter

from core.monitor.monitor import PLAYOUT_DELAY_MS, Monitor
from core.opus.packet import SAMPLES_PER_MS
from core.playout.settings import PlayoutSettings
from core.receiver.status import SessionSnapshot
from gui.translation import translate
from gui.view_models.rows import Row, attention_if
from gui.view_models.text import UNKNOWN, count, duration_of, fixed, milliseconds, share
from gui.view_models.tune import target_text


def playout_rows(snapshot: SessionSnapshot | None, playout: PlayoutSettings | None, monitor: Monitor) -> list[Row]:
    """Always the same rows; ``playout`` is how the session's buffer is set."""
    return [
        Row(
            translate("Statistics", "Played"),
            duration_of(snapshot.total_samples_received) if snapshot else UNKNOWN,
            translate("Statistics", "Audio played, concealment included"),
        ),
        Row(
            translate("Statistics", "Target delay"),
            target_text(snapshot, playout) if snapshot and playout else UNKNOWN,
            translate("Statistics", "How long a packet that came without delay waits: in force now, and how found"),
        ),
        _delay_row(monitor),
        Row(
            translate("Statistics", "Clock skew"),
            _skew(snapshot.clock_skew_ppm if snapshot else None),
            translate(
                "Statistics",
                "By how many millionths the sender's clock is slower (+) or faster (−) than the sound device's;"
                " playout follows it",
            ),
        ),
        Row(
            translate("Statistics", "Stretched"),
            _stretched(snapshot) if snapshot else UNKNOWN,
            translate("Statistics", "Audio inserted (+) and removed (−) to come to the target delay, pitch unchanged"),
        ),
        Row(
            translate("Statistics", "Left out"),
            _part(snapshot.skipped_samples, snapshot) if snapshot else UNKNOWN,
            translate("Statistics", "Audio skipped: later than live mode allows, or too much for the buffer"),
        ),
        Row(
            translate("Statistics", "Concealed"),
            share(snapshot.concealed_samples, snapshot.total_samples_received) if snapshot else UNKNOWN,
            translate("Statistics", "Share of what was played that the decoder had to invent"),
            attention_if(bool(snapshot and snapshot.concealed_samples)),
        ),
        Row(
            translate("Statistics", "Recovered by FEC"),
            _part(snapshot.recovered_samples, snapshot) if snapshot else UNKNOWN,
            translate("Statistics", "Missing audio that came from in-band error correction"),
        ),
        *_underrun_rows(snapshot),
    ]


def _delay_row(monitor: Monitor) -> Row:
    delays = monitor.distributions[PLAYOUT_DELAY_MS]
    percentiles = [delays.percentile(percent) for percent in (50, 95, 99)]
    known = [fixed(value) for value in percentiles if value is not None]
    return Row(
        translate("Statistics", "Delay p50/p95/p99"),
        " / ".join(known) + " ms" if known else UNKNOWN,
        translate("Statistics", "How much later than the quickest packets allowed something was played"),
    )


def _underrun_rows(snapshot: SessionSnapshot | None) -> list[Row]:
    total = causes = UNKNOWN
    if snapshot:
        counts = snapshot.underruns
        total = f"{count(counts.episodes)} · {milliseconds(counts.starved_ms)}" if counts.episodes else "0"
        causes = causes_text(snapshot)
    kind = attention_if(bool(snapshot and snapshot.underruns.episodes))
    return [
        Row(
            translate("Statistics", "Underruns"),
            total,
            translate("Statistics", "Episodes in which the buffer ran dry, and how long they lasted together"),
            kind,
        ),
        Row(
            translate("Statistics", "Caused by"),
            causes,
            translate("Statistics", "What is most likely behind those underruns: {causes}").format(causes=causes),
            kind,
        ),
    ]


def causes_text(snapshot: SessionSnapshot) -> str:
    """``"2 late network, 1 device xrun"``, the most frequent first; an em dash without underruns."""
    counts = Counter(episode.cause for episode in snapshot.episodes)
    texts = [f"{count(number)} {translate('Statistics', cause.value)}" for cause, number in counts.most_common()]
    # The log of episodes holds those that are over; the newest thousand of them.
    if len(snapshot.episodes) < snapshot.underruns.episodes:
        open_ones = snapshot.underruns.episodes - len(snapshot.episodes)
        texts.append(translate("Statistics", "{number} not known").format(number=count(open_ones)))
    return ", ".join(texts) or UNKNOWN


def _skew(ppm: float | None) -> str:
    if ppm is None:
        return UNKNOWN
    rounded = round(ppm)
    return f"{'+' if rounded > 0 else ''}{fixed(rounded)} ppm"


def _stretched(snapshot: SessionSnapshot) -> str:
    inserted = snapshot.inserted_samples_for_deceleration
    removed = snapshot.removed_samples_for_acceleration
    if not inserted and not removed:
        return "0"
    parts = share(inserted + removed, snapshot.total_samples_received)
    return f"+{_milliseconds_of(inserted)} / −{_milliseconds_of(removed)} · {parts}"


def _part(samples: int, snapshot: SessionSnapshot) -> str:
    if not samples:
        return "0"
    return f"{_milliseconds_of(samples)} · {share(samples, snapshot.total_samples_received)}"


def _milliseconds_of(samples: int) -> str:
    return milliseconds(samples / SAMPLES_PER_MS)
