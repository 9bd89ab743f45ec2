"""How long a problem stands in the banner: as long as nothing is heard, unless the user takes it away."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from core.monitor.events import Event, Level
from core.receiver.playback import UNTIL_IT_RETURNS
from core.receiver.status import ConnectionState, ConnectionStatus, OutputStatus
from gui.problems import LAB, PROFILES, Problems
from gui.settings import ThemeChoice
from gui.theme import Theme
from gui.view_models.outputs import output_problem
from gui.widgets.banner import INFO_FOR_MS, Banner, BannerLevel
from gui.widgets.listen_panel import ListenPanel

URL = "ws://studio:8765/"
GONE = "the sound device 'ear (ALSA)' has gone"
TEXT = f"The sound device 'ear (ALSA)' has gone; {UNTIL_IT_RETURNS}"
STREAMING = ConnectionStatus(ConnectionState.STREAMING, URL)
PLAYING = OutputStatus("ear (ALSA)", True, 10.0, 0)
WAITING = OutputStatus("no sound (null output)", False, 0.0, 0, GONE, is_waiting=True)
TOLD = Event(0, 0, 0.0, Level.ERROR, f"{GONE}; {UNTIL_IT_RETURNS}")


class Room:
    def __init__(self, qtbot: QtBot) -> None:
        self.banner = Banner()
        qtbot.addWidget(self.banner)
        self.problems = Problems(self.banner)

    def watch(self, output: OutputStatus | None, *events: Event, status: ConnectionStatus = STREAMING) -> str:
        self.problems.watch(events, status, output)
        return self.banner.text


@pytest.fixture
def room(qtbot: QtBot) -> Room:
    return Room(qtbot)


def test_the_banner_stands_until_the_device_is_back(room: Room) -> None:
    assert room.watch(PLAYING) == ""
    assert room.watch(WAITING, TOLD) == TEXT
    assert room.banner.property("level") == BannerLevel.WARNING.value
    assert room.watch(WAITING) == TEXT
    assert room.watch(PLAYING) == ""


def test_it_goes_when_the_session_ends(room: Room) -> None:
    room.watch(WAITING, TOLD)
    assert room.watch(None) == ""


def test_what_covers_it_gives_way_to_it_again(room: Room) -> None:
    room.watch(WAITING, TOLD)
    room.problems.say("cannot be written")
    assert room.watch(WAITING) == "Cannot be written"
    room.banner.dismiss()
    assert room.watch(WAITING) == TEXT
    refused = ConnectionStatus(ConnectionState.WAITING, URL, reason="refused", next_attempt_at_ns=5)
    assert room.watch(WAITING, status=refused) != TEXT
    assert room.watch(WAITING) == TEXT


def test_a_user_who_takes_it_away_is_not_told_again_until_it_happens_again(room: Room) -> None:
    room.watch(WAITING, TOLD)
    room.banner.dismiss()
    assert room.watch(WAITING) == ""
    assert room.watch(WAITING, TOLD) == TEXT


def test_a_device_that_went_and_came_back_unseen_leaves_no_banner(room: Room) -> None:
    room.watch(PLAYING)
    assert room.watch(PLAYING, TOLD) == ""


def test_something_new_that_the_user_begins_shows_it_again_if_it_is_still_so(room: Room) -> None:
    room.watch(WAITING, TOLD)
    room.problems.forget()
    assert room.banner.text == ""
    assert room.watch(WAITING) == TEXT


def test_without_hope_it_is_said_so() -> None:
    problem = output_problem(OutputStatus("no sound (null output)", False, 0.0, 0, "no sound: no PortAudio"))
    assert problem is not None
    assert problem.is_final
    assert problem.text == "no sound: no PortAudio; going on without sound"
    assert output_problem(PLAYING) is None


def test_while_a_device_is_waited_for_others_can_be_looked_for(qtbot: QtBot) -> None:
    panel = ListenPanel(Theme(ThemeChoice.DARK))
    qtbot.addWidget(panel)
    panel.set_running(True)
    assert not panel.refresh.isEnabled()
    with qtbot.waitSignal(panel.devices_changed):
        panel.show_output(WAITING, None)
    assert panel.refresh.isEnabled()
    panel.set_running(True)
    assert panel.refresh.isEnabled()
    with qtbot.waitSignal(panel.devices_changed):
        panel.show_output(PLAYING, None)
    assert not panel.refresh.isEnabled()


def test_what_worked_leaves_by_itself_and_what_did_not_stays(room: Room) -> None:
    timer = room.banner._expiry
    room.problems.say("profile saved", BannerLevel.INFO)
    assert timer.isActive()
    assert timer.interval() == INFO_FOR_MS
    timer.timeout.emit()
    assert room.banner.text == ""
    for level in (BannerLevel.WARNING, BannerLevel.BAD):
        room.problems.say("profile saved", BannerLevel.INFO)
        room.problems.say("cannot be written", level)
        assert not timer.isActive()
    room.problems.say("profile saved", BannerLevel.INFO)
    room.banner.dismiss()
    assert not timer.isActive()


def test_the_reason_of_a_lost_connection_comes_back_after_what_worked(room: Room) -> None:
    waiting = ConnectionStatus(ConnectionState.WAITING, URL, reason="refused")
    assert room.watch(None, status=waiting) == "Refused"
    room.problems.say("profile saved", BannerLevel.INFO)
    assert room.watch(None, status=waiting) == "Profile saved"
    room.banner._expiry.timeout.emit()
    assert room.watch(None, status=waiting) == "Refused"
    room.banner.dismiss()
    room.problems.say("profile saved", BannerLevel.INFO)
    room.banner._expiry.timeout.emit()
    assert room.watch(None, status=waiting) == "", "that one has been read and taken away"


def test_an_error_is_over_once_the_same_thing_works(room: Room) -> None:
    room.problems.say("it is no trace", topic=LAB)
    room.problems.clear(PROFILES)
    assert room.banner.text == "It is no trace"
    room.problems.clear(LAB)
    assert room.banner.text == ""
