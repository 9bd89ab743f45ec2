"""The connection's states and the waits between attempts."""

from __future__ import annotations

import random

import pytest

from core.monitor.events import EventLog, Level
from core.receiver.connection import TRANSITIONS, Connection, without_secrets
from core.receiver.status import ConnectionState
from core.wire.attempts import Backoff, redact


def make() -> tuple[Connection, EventLog]:
    events = EventLog(lambda: 0, lambda: 0.0)
    return Connection("ws://user:secret@host:1/path?token=x", events), events


def test_every_state_has_a_way_on_and_a_way_out() -> None:
    assert set(TRANSITIONS) == set(ConnectionState)
    for state, ways in TRANSITIONS.items():
        assert ways
        assert ConnectionState.DISCONNECTED in ways or state is ConnectionState.DISCONNECTED


def test_each_transition_writes_one_event_and_others_are_refused() -> None:
    connection, events = make()
    connection.to(ConnectionState.CONNECTING, "connecting")
    connection.to(ConnectionState.FAILED, "no", reason="no")
    assert [(event.level, event.text) for event in events.since(0)] == [
        (Level.INFO, "connecting"),
        (Level.ERROR, "no"),
    ]
    with pytest.raises(RuntimeError, match="no transition from failed to streaming"):
        connection.to(ConnectionState.STREAMING, "")
    assert connection.status.state is ConnectionState.FAILED


def test_addresses_are_shown_without_user_password_and_query() -> None:
    assert make()[0].status.url == "ws://host:1/path?..."
    assert redact("wss://[::1]:5/") == "wss://[::1]:5/"


def test_waits_double_up_to_the_limit_and_differ_between_clients() -> None:
    backoff = Backoff(random.Random(1))
    waits = [backoff.next_wait_s() for _ in range(10)]
    for failures, wait_s in enumerate(waits):
        longest_s = min(30.0, 0.5 * 2**failures)
        assert longest_s / 2 <= wait_s <= longest_s
    assert Backoff(random.Random(2)).next_wait_s() != Backoff(random.Random(3)).next_wait_s()
    backoff.reset()
    assert backoff.next_wait_s() <= 0.5


def test_a_server_s_own_wish_is_waited_for() -> None:
    assert Backoff(random.Random(1)).next_wait_s(12.0) == 12.0
    assert Backoff(random.Random(1)).next_wait_s(1e18) == 3_600.0


def test_a_client_that_fails_for_days_goes_on_trying() -> None:
    backoff = Backoff(random.Random(1))
    assert max(backoff.next_wait_s() for _ in range(5_000)) <= 30.0


def test_a_remembered_address_has_its_settings_and_no_secrets() -> None:
    assert without_secrets("ws://u:p@h:1/x?token=t&frame_ms=10&Authorization=b") == "ws://h:1/x?frame_ms=10"
    assert without_secrets("wss://h/x") == "wss://h/x"
