"""What a listener says, and what it is answered."""

from __future__ import annotations

import logging
from typing import Final, Protocol

from aiohttp import WSMsgType, web

from core.opus.encoder import EncoderSettingsError
from core.server.access.rights import Rights
from core.server.broadcast import Audience, Broadcast, CloseCode
from core.server.config import SETTING_KEYS
from core.server.encoder_budget import NoRoomError
from core.server.ending import Ending
from core.server.frames import is_too_big
from core.server.link_watch import LinkWatch
from core.server.listener_counters import ListenerCounters
from core.server.sending import Sending
from core.wire.control import Bye, ControlError, Set, Stats, Time, parse_control

NOTHING_TO_SET: Final = f"there is nothing in it that can be set; accepted: {', '.join(SETTING_KEYS)}"


class EventLog(Protocol):
    """`core.log.log_event` for one listener, whose fields it knows."""

    def __call__(self, level: int, event: str, *, error: BaseException | None = None, **fields: object) -> None:
        """Log what happened."""
        ...


class Dialogue:
    """Reads one client's messages until it goes. What it may not say, or cannot mean, changes nothing."""

    __slots__ = (
        "_counters",
        "_ending",
        "_is_flooding",
        "_link",
        "_listener",
        "_log",
        "_malformed_messages",
        "_rights",
        "_sending",
        "_stream",
        "has_asked",
    )

    def __init__(
        self,
        listener: Audience,
        stream: Broadcast,
        sending: Sending,
        link: LinkWatch,
        rights: Rights,
        ending: Ending,
        counters: ListenerCounters,
        log: EventLog,
    ) -> None:
        """``listener`` is who the ``stream`` knows the client as; the others are parts of it."""
        self._listener: Audience | None = listener
        self._stream = stream
        self._sending = sending
        self._link = link
        self._rights = rights
        self._ending = ending
        self._counters = counters
        self._log = log
        self._malformed_messages = 0
        self._is_flooding = False
        self.has_asked = False
        """Whether it has ever asked for settings: then it is told of them, be it a bare client."""

    def may_take(self, received_bytes: int) -> bool:
        """Called with all that comes, before it is parsed; of a client that sends too much nothing more is."""
        if not self._ending.has_begun and (reason := self._rights.why_too_much(received_bytes)) is not None:
            self._is_flooding = True
            self.send_away(reason)
        return not self._is_flooding

    async def read(self, socket: web.WebSocketResponse) -> None:
        """Answer the client until it goes; what it cannot mean is counted and ignored."""
        try:
            async for message in socket:
                received_us = self._stream.clock.unix_now_us()
                if self._rights.is_too_many():
                    if not self._ending.has_begun and (reason := self._rights.why_flood()) is not None:
                        self.send_away(reason)
                elif message.type is WSMsgType.PING:
                    await socket.pong(message.data)
                elif message.type is WSMsgType.TEXT:
                    self._answer(message.data, received_us)
                elif message.type is WSMsgType.BINARY:
                    self._malformed("a binary message; a client sends text only")
                elif is_too_big(message):
                    if self._ending.why is None:
                        self._ending.explain(self._rights.why_too_big())
                    self._ending.sent_code = CloseCode.MESSAGE_TOO_BIG
        except ConnectionError:
            self._log(logging.DEBUG, "listener lost")

    def send_away(self, reason: str) -> None:
        """For good: a client that comes back as it is would be refused again."""
        if self._listener is not None:
            self._stream.dismiss(self._listener, Bye(reason), CloseCode.POLICY_VIOLATION)

    def release(self) -> None:
        """It has gone: forget it, so that what belongs to it can be freed at once."""
        self._listener = None

    def _answer(self, text: str, received_us: int) -> None:
        try:
            message = parse_control(text)
        except ControlError as error:
            self._malformed(str(error))
            return
        if isinstance(message, Time):
            # Past the queue and stamped at the last moment: what waits there would look like the network's delay.
            sent_us = self._stream.clock.unix_now_us()
            self._sending.send_at_once(Time(message.client_transmitted, received_us, sent_us))
        elif isinstance(message, Stats):
            if self._rights.may_set:
                self._link.take_stats(message)
        elif isinstance(message, Set) and self._listener is not None:
            refused = self._set(self._listener, message)
            if refused is not None:
                self._refuse(self._listener, refused)

    def _set(self, listener: Audience, wanted: Set) -> str | None:
        """Change what can be changed; otherwise why nothing was."""
        if (denied := self._rights.why_no_set()) is not None:
            return denied
        if wanted == Set():
            return NOTHING_TO_SET
        self.has_asked = True
        try:
            settings = self._stream.change(listener, wanted)
        except NoRoomError as error:
            self._rights.count_no_room()
            return str(error)
        except EncoderSettingsError as error:
            return str(error)
        if settings is not None:
            self._link.wish(settings)
        return None

    def _malformed(self, reason: str) -> None:
        self._counters.malformed_messages += 1
        self._malformed_messages += 1
        if self._malformed_messages == 1:
            # Further ones are only counted.
            self._log(logging.WARNING, "message ignored", why=reason)

    def _refuse(self, listener: Audience, reason: str) -> None:
        """Answer a `set` that changed nothing."""
        facts = self._stream.facts(self._stream.settings_of(listener))
        if facts is not None:
            self._sending.send(facts.config(refused=reason))
