"""A connection's rights, in virtual time."""

from __future__ import annotations

from core.server.access.refusals import Reason, Refusals
from core.server.access.rights import Rights
from core.server.gate import Grant
from tests.server.helpers import VirtualTime

NOW_UNIX_S = 1_700_000_000
"""Of `VirtualTime`."""


def test_a_connection_ends_when_its_token_does_and_not_before() -> None:
    virtual, refusals = VirtualTime(), Refusals()
    rights = Rights(Grant(expires_unix_s=NOW_UNIX_S + 90.5), refusals, virtual.clock)
    began_ns = virtual.now_ns
    assert rights.why_over(began_ns + 90_499_000_000) is None
    assert not refusals.counts
    assert rights.why_over(began_ns + 90_500_000_000) == "the token has expired"
    assert refusals.counts == {Reason.TOKEN_RAN_OUT: 1}


def test_a_token_that_ran_out_during_the_handshake_is_over_at_once() -> None:
    virtual = VirtualTime()
    assert Rights(Grant(expires_unix_s=NOW_UNIX_S - 1), Refusals(), virtual.clock).why_over(virtual.now_ns)


def test_without_a_token_everything_is_allowed_for_ever() -> None:
    refusals = Refusals()
    rights = Rights(Grant(), refusals, VirtualTime().clock)
    assert rights.why_over(10**30) is None
    assert rights.why_no_set() is None
    assert not any(rights.is_too_many() for _ in range(10_000))
    assert rights.why_flood() is None
    assert not refusals.counts
