"""Whose address counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from core.server.access.addresses import Addresses, site_of

PROXIES = ("10.0.0.0/8", "::1")


def site(peer: str | None, header: str = "X-Forwarded-For", *values: str, named: str | None = None) -> str:
    """By what a request is counted whose ``header`` is ``values``."""
    headers = CIMultiDict([(named or header, value) for value in values])
    return site_of(Addresses(PROXIES, header).client(peer, headers))


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        (None, "unknown"),
        ("", "unknown"),
    ],
)
def test_an_address_counts_by_what_its_owner_cannot_choose(peer: str | None, expected: str) -> None:
    assert site(peer) == expected


@pytest.mark.parametrize(
    ("peer", "values", "expected"),
    [
        ("192.0.2.7", ["198.51.100.1"], "192.0.2.7"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1", "198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1, 10.2.2.2"], "198.51.100.1"),
        ("10.0.0.1", ["10.3.3.3, 10.2.2.2"], "10.3.3.3"),
        ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("10.0.0.1", ["[2001:db8::1]:4711"], "2001:db8::/64"),
        ("10.0.0.1", ["198.51.100.1, nonsense"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("::1", ["198.51.100.1"], "198.51.100.1"),
    ],
)
def test_a_trusted_proxy_is_believed_and_nobody_behind_it(peer: str, values: list[str], expected: str) -> None:
    assert site(peer, "X-Forwarded-For", *values) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("for=198.51.100.1", "198.51.100.1"),
        ('for="[2001:db8::1]:80";proto=https', "2001:db8::/64"),
        ("for=1.1.1.1, proto=https; For=198.51.100.1 ;by=10.0.0.1", "198.51.100.1"),
        ("for=1.1.1.1, for=unknown", "10.0.0.1"),
        ("for=_hidden", "10.0.0.1"),
        ('for="1.1.1.1, for=198.51.100.1', "198.51.100.1"),
        ("by=198.51.100.1", "10.0.0.1"),
    ],
)
def test_the_standard_header_is_read_as_well(value: str, expected: str) -> None:
    assert site("10.0.0.1", "Forwarded", value) == expected


def test_a_header_that_the_proxy_does_not_write_is_not_believed() -> None:
    assert site("10.0.0.1", "X-Forwarded-For", "for=198.51.100.1", named="Forwarded") == "10.0.0.1"


@given(
    st.text(max_size=60), st.lists(st.text(max_size=80), max_size=3), st.sampled_from(["X-Forwarded-For", "Forwarded"])
)
def test_whatever_is_sent_has_some_address(peer: str, values: list[str], header: str) -> None:
    assert site(peer, header, *values)
    assert site("10.0.0.1", header, *values)
