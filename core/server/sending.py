"""What one listener is sent: packets, bare or as RTP, and messages at their place between them."""

from __future__ import annotations

from core.server.fan_out import Seat, Way
from core.server.frames import text_frame
from core.server.framing import RtpListener
from core.server.listener_counters import ListenerCounters
from core.server.outbox import Outbox
from core.server.packets import EncodedPacket, bare_frame
from core.wire.control import ControlMessage, pack_control


class Sending:
    """Frames what is sent, and knows what was sent past it on a `Seat`. Nothing here waits."""

    __slots__ = ("_blocked_ns", "_has_reported", "_seat", "outbox", "rtp")

    def __init__(self, outbox: Outbox, rtp: RtpListener | None) -> None:
        """``rtp`` frames the packets and numbers them; without it they are bare."""
        self.outbox = outbox
        self.rtp = rtp
        self._seat: Seat | None = None
        """While packets are written past this object."""
        self._blocked_ns: int | None = None
        """Since when nothing could be sent."""
        self._has_reported = False

    def deliver(self, packet: EncodedPacket) -> None:
        """Send or queue one packet, numbered before the queue may drop it."""
        rtp = self.rtp
        if rtp is None:
            self.outbox.send_media(packet.frame, packet)
            return
        frame = rtp.frame(packet)
        if not self._has_reported:
            self.report_sender()
        self.outbox.send_media(frame, packet)

    def way(self) -> Way | None:
        """Past this object, while the client keeps up; for one that hears RTP from its second packet on."""
        way = self.outbox.way
        framing = bare_frame if self.rtp is None else self.rtp.numbering
        if way is None or framing is None:
            return None
        return Way(framing, *way)

    def sit_down(self, seat: Seat) -> None:
        """Packets go its `way`."""
        self._seat = seat

    def stand_up(self) -> None:
        """They are delivered again."""
        self.catch_up()
        self._seat = None

    def send(self, message: ControlMessage) -> None:
        """A message at this place of the stream."""
        self.outbox.send_control(text_frame(pack_control(message)))
        self.leave_if_held_up()

    def send_at_once(self, message: ControlMessage) -> None:
        """Past the queue; forgotten where even that would have to wait."""
        self.outbox.send_at_once(text_frame(pack_control(message)))
        self.leave_if_held_up()

    def report_sender(self) -> None:
        """An RTCP sender report (RFC 3550 §6.4.1), once there is anything to report; to a bare client nothing."""
        if self.rtp is None:
            return
        self.catch_up()
        report = self.rtp.sender_report()
        if report is not None:
            self._has_reported = True
            self.outbox.send_control(report)
            self.leave_if_held_up()

    def flush(self, now_ns: int) -> float:
        """Send what waits; for how many seconds nothing of it could be sent by now, 0 where nothing waits."""
        outbox = self.outbox
        if outbox.flush() or self._blocked_ns is None:
            self._blocked_ns = now_ns
        if outbox.is_empty:
            self._blocked_ns = None
            return 0.0
        return (now_ns - self._blocked_ns) / 1e9

    def catch_up(self) -> None:
        """Count what was sent past this object."""
        if self._seat is not None:
            passed = self._seat.passed()
            self.outbox.add(passed)
            if self.rtp is not None:
                self.rtp.add(passed)

    def leave_if_held_up(self) -> None:
        """Something waits: the next packets must not be written past it."""
        if self._seat is not None and self.outbox.way is None:
            self._seat.leave()

    def add_to(self, totals: ListenerCounters) -> None:
        """Add what was sent so far."""
        self.catch_up()
        totals.packets_sent += self.outbox.packets_sent
        totals.packets_dropped += self.outbox.queue.packets_dropped
        totals.bytes_sent += self.outbox.bytes_sent
