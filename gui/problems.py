"""Which problem stands in the banner, and how long."""

from __future__ import annotations

from collections.abc import Iterable

from core.monitor.events import Event, Level
from core.receiver.status import ConnectionState, ConnectionStatus
from gui.view_models.connection import ConnectionProblem, problem_of
from gui.widgets.banner import Banner, BannerLevel

_CONNECTION = "connection"
_OTHER = "other"


class Problems:
    """Renders errors into the one banner. A newer one replaces an older one."""

    def __init__(self, banner: Banner) -> None:
        """Nothing is wrong yet."""
        self._banner = banner
        self._shown: ConnectionProblem | None = None

    def say(self, text: str, level: BannerLevel = BannerLevel.BAD) -> None:
        """Something the user asked for did not work, or nobody else tells."""
        self._banner.show_problem(_OTHER, level, text)

    def forget(self) -> None:
        """The user has begun something new."""
        self._shown = None
        self._banner.dismiss()

    def watch(self, new_events: Iterable[Event], status: ConnectionStatus | None) -> None:
        """Show what the log and the connection have to tell."""
        for event in new_events:
            if event.level is Level.ERROR:
                self.say(event.text)
        problem = problem_of(status)
        if problem is not None and problem != self._shown:
            level = BannerLevel.BAD if problem.is_final else BannerLevel.WARNING
            self._banner.show_problem(_CONNECTION, level, problem.text)
            self._shown = problem
        # A new attempt is no news: the reason stands until there is sound, or until nobody tries any more.
        state = status.state if status else None
        is_over = problem is None and state in (ConnectionState.STREAMING, ConnectionState.DISCONNECTED)
        if is_over and self._shown is not None:
            self._shown = None
            self._banner.clear(_CONNECTION)
