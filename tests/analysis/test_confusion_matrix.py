"""Each known fault is named, first, and nothing is said of a server that nothing is wrong with."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.analysis.findings import FindingKind, Severity
from tests.analysis.matrix import LIGHT_JITTER_MS, faults, findings, full_matrix, kinds, readme_table
from tests.peers.faults import CLEAN, Fault

README = Path(__file__).parents[2] / "README.md"

# What one of these has found, the others show: one process for all.
pytestmark = pytest.mark.xdist_group("confusion matrix")

FRAMINGS = [False, True]
FAULTY = [(fault, bare) for fault in faults() for bare in FRAMINGS if fault.is_told_bare or not bare]
GOOD = [(fault, bare) for fault in CLEAN.values() for bare in FRAMINGS if fault.is_told_bare or not bare]


def named(case: object) -> str:
    if isinstance(case, Fault):
        return case.name
    return "bare" if case else "opus-rtp.v1"


@pytest.mark.parametrize(("fault", "bare"), FAULTY, ids=named)
def test_the_fault_is_the_first_finding(fault: Fault, bare: bool) -> None:
    found = findings(fault.name, bare=bare)
    assert found, "nothing was found"
    assert found[0].kind is fault.named(bare=bare), [finding.sentence for finding in found]
    assert found[0].severity is not Severity.NOTE
    assert "\n" not in found[0].sentence


@pytest.mark.parametrize("jitter_ms", [0.5, LIGHT_JITTER_MS])
@pytest.mark.parametrize(("server", "bare"), GOOD, ids=named)
def test_of_a_clean_server_nothing_is_said(server: Fault, bare: bool, jitter_ms: float) -> None:
    found = findings(server.name, bare=bare, jitter_ms=jitter_ms)
    assert not found, [finding.sentence for finding in found]


@pytest.mark.parametrize(("fault", "bare"), FAULTY, ids=named)
def test_a_fault_is_called_nothing_else_but_what_follows_from_it(fault: Fault, bare: bool) -> None:
    # A message that cannot be read is a packet less.
    consequences = {FindingKind.UNREADABLE: {FindingKind.MISSING_PACKETS, FindingKind.AUDIO_LEFT_OUT}}
    first, *rest = kinds(fault.name, bare=bare)
    assert set(rest) <= consequences.get(first, set())


def test_the_matrix_is_the_one_of_the_readme() -> None:
    print(full_matrix())
    table = "\n".join(readme_table())
    assert table in README.read_text(encoding="utf-8"), f"the README should say:\n{table}"


def test_every_kind_of_finding_has_a_server_that_shows_it() -> None:
    # Of the path or of the observing machine, and not of any server.
    elsewhere = {FindingKind.NOT_CONNECTED, FindingKind.LATE_PACKETS, FindingKind.OBSERVER_STALLED}
    shown = {fault.named(bare=bare) for fault, bare in FAULTY}
    assert shown | elsewhere == set(FindingKind)
