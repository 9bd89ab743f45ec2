"""What a session offers for its sound, before anything plays."""

from __future__ import annotations

import pytest

from core.monitor.monitor import Monitor
from core.receiver.options import ListenOptions, SettingError
from core.receiver.session import ListeningSession


@pytest.fixture
def session() -> ListeningSession:
    return ListeningSession(ListenOptions("ws://127.0.0.1:1/"), Monitor())


def test_a_balance_out_of_range_is_refused_in_one_line(session: ListeningSession) -> None:
    session.set_balance(-1.0)
    with pytest.raises(SettingError, match=r"a balance of 1\.5 is not possible"):
        session.set_balance(1.5)


def test_before_anything_was_played_there_is_no_sound_to_show(session: ListeningSession) -> None:
    assert session.last_played(480).shape == (0, 2)
