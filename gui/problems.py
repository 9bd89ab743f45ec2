"""Which problem stands in the banner, and how long."""

from __future__ import annotations

from collections.abc import Iterable

from core.monitor.events import Event, Level
from core.receiver.playback import UNTIL_IT_RETURNS
from core.receiver.status import ConnectionState, ConnectionStatus, OutputStatus
from gui.view_models.connection import ConnectionProblem, problem_of
from gui.view_models.outputs import OutputProblem, output_problem
from gui.widgets.banner import Banner, BannerLevel

NUMBERS = "numbers"
PROFILES = "profiles"
LAB = "lab"
"""Topics whose errors are over as soon as the same thing works."""

_CONNECTION = "connection"
_OUTPUT = "output"
_OTHER = "other"


class Problems:
    """Renders errors into the one banner. A newer one replaces an older one.

    That nothing is heard is said for as long as it is so, unless the user takes just that line away: what was said
    over it gives way to it again.
    """

    def __init__(self, banner: Banner) -> None:
        """Nothing is wrong yet."""
        self._banner = banner
        self._shown: ConnectionProblem | None = None
        self._shown_output: OutputProblem | None = None
        self._has_covered = False
        """Whether what leaves by itself stands where the reason of a lost connection stood."""
        banner.expired.connect(self._uncover)

    def say(self, text: str, level: BannerLevel = BannerLevel.BAD, topic: str = _OTHER) -> None:
        """Something the user asked for did not work, or nobody else tells."""
        has_covered = self._has_covered or (bool(self._banner.text) and self._banner.topic == _CONNECTION)
        self._has_covered = level is BannerLevel.INFO and has_covered
        self._banner.show_problem(topic, level, text)

    def clear(self, topic: str) -> None:
        """What was wrong with ``topic`` is so no more."""
        self._banner.clear(topic)

    def forget(self) -> None:
        """The user has begun something new."""
        self._shown = self._shown_output = None
        self._banner.dismiss()

    def watch(
        self, new_events: Iterable[Event], status: ConnectionStatus | None, output: OutputStatus | None = None
    ) -> None:
        """Show what the log, the connection and the output of a running session have to tell."""
        for event in new_events:
            if output is not None and event.text.endswith(UNTIL_IT_RETURNS):
                # It may be back by now; if it is not, the output says so, and anew.
                self._shown_output = None
            elif event.level is Level.ERROR:
                self.say(event.text)
        problem = problem_of(status)
        if problem is not None and problem != self._shown:
            level = BannerLevel.BAD if problem.is_final else BannerLevel.WARNING
            self._banner.show_problem(_CONNECTION, level, problem.text)
            self._shown, self._has_covered = problem, False
        # A new attempt is no news: the reason stands until there is sound, or until nobody tries any more.
        state = status.state if status else None
        is_over = problem is None and state in (ConnectionState.STREAMING, ConnectionState.DISCONNECTED)
        if is_over and self._shown is not None:
            self._shown = None
            self._banner.clear(_CONNECTION)
        self._watch_output(output_problem(output))

    def _uncover(self) -> None:
        if self._has_covered:
            # Said once more, if it is still so.
            self._shown, self._has_covered = None, False

    def _watch_output(self, problem: OutputProblem | None) -> None:
        if problem is None:
            self._banner.clear(_OUTPUT)
        else:
            # Hidden although it was the last to be shown: the user has read it.
            was_covered = not self._banner.text and self._banner.topic != _OUTPUT
            if problem != self._shown_output or was_covered:
                level = BannerLevel.BAD if problem.is_final else BannerLevel.WARNING
                self._banner.show_problem(_OUTPUT, level, problem.text)
        self._shown_output = problem
