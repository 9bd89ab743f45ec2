"""Looks at the whole of a session at regular times: for the monitor, for the verdict, for what is doubtful."""

from __future__ import annotations

import time
from typing import Final

from core.monitor.events import Level
from core.monitor.monitor import Monitor
from core.playout.jitter_buffer import JitterBuffer
from core.receiver.connection import Connection
from core.receiver.impairment.stage import ImpairedStage
from core.receiver.outages import Outages
from core.receiver.playback import Playback
from core.receiver.reception import Reception
from core.receiver.sampler import PathFacts, Sampler
from core.receiver.status import ConnectionState
from core.receiver.verdict import Facts, Judge, Verdict

_OPEN_STATES: Final = (ConnectionState.CONNECTED, ConnectionState.STREAMING)


class Overseer:
    """Reads from all rooms of a session, and changes none but the connection's doubt."""

    def __init__(
        self,
        buffer: JitterBuffer,
        playback: Playback,
        reception: Reception,
        connection: Connection,
        lab: ImpairedStage,
        monitor: Monitor,
    ) -> None:
        """Before the first look."""
        self._buffer, self._reception, self._connection = buffer, reception, connection
        self._lab, self._monitor = lab, monitor
        self.sampler = Sampler(buffer, playback, monitor)
        self.outages = Outages(buffer.note_outage)
        self._judge = Judge()
        self._packets_seen = 0

    def look(self, round_trip_ms: float | None) -> None:
        """One look; afterwards the monitor stands at now."""
        self._note_doubt()
        observer = self._reception.observer
        # While nothing comes there is no bit rate.
        has_come = self._reception.packets_received != self._packets_seen
        self._packets_seen = self._reception.packets_received
        bitrate_kbps = observer.bitrate_kbps if has_come else None
        self.sampler.look(PathFacts(observer.packet_ms, bitrate_kbps, observer.application, round_trip_ms))
        self._judge.look(time.monotonic_ns(), self._facts())

    def verdict(self, depth_ms: float) -> Verdict:
        """Whether a buffer of ``depth_ms`` would be enough for this server, and why not, as of the last look."""
        curve = self._buffer.what_if_of_the_server(self._judge.now_ns)
        return self._judge.verdict(depth_ms, curve, self._buffer.clock_skew_ppm)

    def judge_anew(self) -> None:
        """Let the verdict rest on what comes from now on."""
        self._judge = Judge()
        self._buffer.judge_the_server_anew()

    def note_stall(self, began_ns: int, ended_ns: int) -> None:
        """The event loop did not run between these."""
        self._buffer.note_loop_stall(began_ns, ended_ns)
        self._judge.note_stall(began_ns, ended_ns)

    def close(self) -> None:
        """Free what measures; harmless when repeated."""
        self.sampler.close()

    def _facts(self) -> Facts:
        counters, is_lost = self.sampler.counters, self.outages.since_ns is not None
        is_open = not is_lost and self._connection.status.state in _OPEN_STATES
        return Facts(
            received=self._packets_seen,
            lost=counters.packets_lost,
            outages=self.outages.count,
            underruns=counters.underrun_episodes,
            underruns_here=self.sampler.underruns_here,
            overdue_ms=self._buffer.overdue_ms(time.monotonic_ns()) if is_open else 0.0,
            is_lost=is_lost,
            has_lab=self._lab.impairment.is_active,
        )

    def _note_doubt(self) -> None:
        is_open = self._connection.status.state in _OPEN_STATES
        # Through the lab nothing can have come any sooner.
        lab_ns = round(self._lab.impairment.least_delay_ms * 1e6)
        doubt = self._reception.doubt(time.monotonic_ns() - lab_ns) if is_open else None
        if doubt is not None and self._connection.status.doubt is None:
            self._monitor.events.add(Level.WARNING, doubt)
        self._connection.note(doubt=doubt)
