"""The impaired path in virtual time, and an impairment as text."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.playout.trace import ArrivalTrace
from core.receiver.impairment.path import ImpairedPath
from core.receiver.impairment.settings import (
    MAX_SEED,
    NO_IMPAIRMENT,
    Impairment,
    ImpairmentError,
    JitterDistribution,
)
from core.receiver.impairment.text import EXAMPLE, impairment_text, parse_impairment

MS = 1_000_000
START_NS = 5_000_000_000
TRACE = ArrivalTrace(20.0, (0.0, 30.0, 15.0, 80.0, 60.0))

stalls = st.none() | st.tuples(st.floats(0.2, 20), st.floats(1, 199))


@st.composite
def impairments(draw: st.DrawFn) -> Impairment:
    stall, random_stall = draw(stalls), draw(stalls)
    has_trace = draw(st.booleans())
    disconnect_every_s = draw(st.none() | st.floats(1, 1_000))
    return Impairment(
        delay_ms=draw(st.floats(0, 500)),
        jitter_ms=draw(st.floats(0, 200)),
        jitter_distribution=draw(st.sampled_from(JitterDistribution)),
        stall_every_s=stall and stall[0],
        stall_ms=stall and stall[1],
        random_stall_every_s=random_stall and random_stall[0],
        random_stall_ms=random_stall and random_stall[1],
        bandwidth_kbps=draw(st.none() | st.floats(8, 10_000)),
        disconnect_every_s=disconnect_every_s,
        is_disconnect_random=disconnect_every_s is not None and draw(st.booleans()),
        trace=TRACE if has_trace else None,
        trace_name="bad, really.json" if has_trace else None,
        seed=draw(st.integers(0, MAX_SEED)),
    )


messages = st.lists(st.tuples(st.integers(0, 500 * MS), st.integers(0, 2_000)), min_size=1, max_size=200)
"""Nanoseconds since the message before, and bytes."""


def sent(gaps: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Times of arrival and sizes."""
    at_ns, arrivals = START_NS, []
    for gap_ns, size in gaps:
        at_ns += gap_ns
        arrivals.append((at_ns, size))
    return arrivals


def paced(count: int, every_ms: float = 20.0, size: int = 100) -> list[tuple[int, int]]:
    return [(START_NS + round(i * every_ms * MS), size) for i in range(count)]


def released(impairment: Impairment, arrivals: list[tuple[int, int]]) -> list[int]:
    path = ImpairedPath(impairment)
    return [path.release_ns(at_ns, size) for at_ns, size in arrivals]


def delays_ms(impairment: Impairment, arrivals: list[tuple[int, int]]) -> list[float]:
    due = released(impairment, arrivals)
    return [(due_ns - at_ns) / MS for due_ns, (at_ns, _) in zip(due, arrivals, strict=True)]


@given(impairments(), messages)
def test_nothing_is_reordered_lost_or_quicker_than_the_least_delay(
    impairment: Impairment, gaps: list[tuple[int, int]]
) -> None:
    arrivals = sent(gaps)
    due = released(impairment, arrivals)
    assert len(due) == len(arrivals)
    assert all(earlier <= later for earlier, later in pairwise(due))
    least_ns = round(impairment.least_delay_ms * MS)
    assert all(due_ns >= at_ns + least_ns - 1 for due_ns, (at_ns, _) in zip(due, arrivals, strict=True))


@given(impairments(), messages, st.integers(0, 10**15))
def test_the_same_seed_and_arrivals_give_the_same_network_whenever_it_begins(
    impairment: Impairment, gaps: list[tuple[int, int]], later_ns: int
) -> None:
    arrivals = sent(gaps)
    due = released(impairment, arrivals)
    shifted = released(impairment, [(at_ns + later_ns, size) for at_ns, size in arrivals])
    assert shifted == [due_ns + later_ns for due_ns in due]


@given(impairments(), messages, st.floats(8, 1_000))
def test_never_more_comes_out_than_the_bandwidth_lets_through_not_even_after_a_stall(
    impairment: Impairment, gaps: list[tuple[int, int]], bandwidth_kbps: float
) -> None:
    arrivals = sent(gaps)
    due = released(replace(impairment, bandwidth_kbps=bandwidth_kbps), arrivals)
    for (earlier_ns, later_ns), (_, size) in zip(pairwise(due), arrivals[1:], strict=True):
        assert later_ns - earlier_ns >= size * 8 * MS / bandwidth_kbps - 1


def test_another_seed_is_another_network() -> None:
    impairment = Impairment(jitter_ms=20)
    assert delays_ms(impairment, paced(50)) != delays_ms(replace(impairment, seed=1), paced(50))


def test_no_impairment_changes_nothing() -> None:
    assert set(delays_ms(NO_IMPAIRMENT, paced(100))) == {0}


def test_a_constant_delay_is_one() -> None:
    assert set(delays_ms(Impairment(delay_ms=50), paced(100))) == {50}


def test_a_link_that_is_too_narrow_falls_behind_by_what_it_lacks() -> None:
    """100 bytes every 20 ms are 40 kbit/s: over 20 kbit/s, each message takes 40 ms."""
    assert delays_ms(Impairment(bandwidth_kbps=20), paced(10)) == [40 + 20 * i for i in range(10)]


def test_a_periodic_stall_is_a_gap_and_then_a_burst() -> None:
    arrivals = paced(300)
    due = released(Impairment(stall_every_s=2, stall_ms=200), arrivals)
    for begin_ns in (START_NS + 2_000 * MS, START_NS + 4_000 * MS):
        end_ns = begin_ns + 200 * MS
        assert not [due_ns for due_ns in due if begin_ns <= due_ns < end_ns]
        assert due.count(end_ns) == 11  # ten that were held, and the one that comes just then
    assert sum(due_ns != at_ns for due_ns, (at_ns, _) in zip(due, arrivals, strict=True)) == 20


@given(impairments(), messages, st.floats(0.2, 5), st.floats(1, 199))
def test_nothing_comes_out_during_a_stall_whatever_else_is_wrong(
    impairment: Impairment, gaps: list[tuple[int, int]], every_s: float, length_ms: float
) -> None:
    stalled = replace(impairment, stall_every_s=every_s, stall_ms=length_ms)
    arrivals = sent(gaps)
    for due_ns in released(stalled, arrivals):
        number, into_ns = divmod(due_ns - arrivals[0][0], round(every_s * 1e9))
        assert number == 0 or into_ns >= round(length_ms * MS)


def test_what_a_stall_meets_on_a_narrow_link_comes_after_it_and_the_next_no_faster_than_the_link() -> None:
    """100 bytes take 40 ms over 20 kbit/s: the message that would be through 20 ms into the stall is held."""
    impairment = Impairment(bandwidth_kbps=20, stall_every_s=1, stall_ms=100)
    due = released(impairment, [(START_NS, 0), (START_NS + 980 * MS, 100), (START_NS + 990 * MS, 100)])
    assert [(due_ns - START_NS) / MS for due_ns in due] == [0, 1_100, 1_140]


def test_random_stalls_come_as_often_and_last_as_long_as_said_on_average() -> None:
    arrivals = paced(100_000, every_ms=10.0)
    due = released(Impairment(random_stall_every_s=2, random_stall_ms=200), arrivals)
    gaps_ms = [(later - earlier) / MS for earlier, later in pairwise(due) if later - earlier > 10 * MS]
    assert len(gaps_ms) == pytest.approx(1_000_000 / 2_200, rel=0.2)
    assert mean(gaps_ms) == pytest.approx(200, rel=0.2)


@pytest.mark.parametrize(
    ("distribution", "mean_ms", "at_most_ms"),
    [
        (JitterDistribution.NORMAL, 20 * 0.798, 120),
        (JitterDistribution.UNIFORM, 10, 20),
        (JitterDistribution.EXPONENTIAL, 20, 400),
        (JitterDistribution.PARETO, 20, 400),
    ],
)
def test_jitter_scatters_as_its_distribution_says(
    distribution: JitterDistribution, mean_ms: float, at_most_ms: float
) -> None:
    # So far apart that no message waits for the one before it.
    jitters_ms = delays_ms(Impairment(jitter_ms=20, jitter_distribution=distribution), paced(5_000, every_ms=1_000))
    assert mean(jitters_ms) == pytest.approx(mean_ms, rel=0.1)
    assert 0 <= min(jitters_ms) < 1
    assert max(jitters_ms) <= at_most_ms


def test_a_trace_gives_its_delays_back_over_and_over_in_order() -> None:
    due_ms = [(due_ns - START_NS) / MS for due_ns in released(Impairment(trace=TRACE, trace_name="t"), paced(10))]
    once = TRACE.arrivals_ms(20.0)
    assert due_ms[:5] == pytest.approx(once)
    assert due_ms[5:] == pytest.approx([max(100 + arrival_ms, once[-1]) for arrival_ms in once])


def test_between_the_packets_of_a_trace_the_delay_is_interpolated_for_other_frame_sizes() -> None:
    due_ms = [(due_ns - START_NS) / MS for due_ns in released(Impairment(trace=TRACE, trace_name="t"), paced(10, 10))]
    assert due_ms == pytest.approx(TRACE.arrivals_ms(10.0))


def test_stalls_stay_where_they_are_however_many_messages_come() -> None:
    impairment = Impairment(random_stall_every_s=1, random_stall_ms=100, jitter_ms=0, seed=3)
    ends = [set(released(impairment, paced(count, every_ms))) for count, every_ms in ((2_000, 5.0), (1_000, 10.0))]
    assert ends[1] <= ends[0]


def test_disconnects_are_as_far_apart_as_said() -> None:
    assert ImpairedPath(Impairment(delay_ms=1)).disconnect_ns(START_NS) is None
    periodic = ImpairedPath(Impairment(disconnect_every_s=30))
    assert periodic.disconnect_ns(START_NS) == START_NS + 30_000 * MS
    random_path = ImpairedPath(Impairment(disconnect_every_s=30, is_disconnect_random=True))
    waits_s = [(random_path.disconnect_ns(0) or 0) / 1e9 for _ in range(2_000)]
    assert min(waits_s) >= 1
    assert mean(waits_s) == pytest.approx(30, rel=0.1)


# As text


@pytest.fixture
def trace_file(tmp_path: Path) -> Path:
    path = tmp_path / "bad, really.json"
    path.write_text(json.dumps({"frame_ms": TRACE.frame_ms, "delays_ms": TRACE.delays_ms}), encoding="utf-8")
    return path


def test_all_of_it_can_be_said_at_once(trace_file: Path) -> None:
    text = (
        "delay=50,jitter=normal:20,stall=8s:200ms,random-stall=10s:150ms,bandwidth=64,disconnect=30s,"
        f"trace={trace_file},seed=7"
    )
    assert parse_impairment(text) == Impairment(
        delay_ms=50,
        jitter_ms=20,
        stall_every_s=8,
        stall_ms=200,
        random_stall_every_s=10,
        random_stall_ms=150,
        bandwidth_kbps=64,
        disconnect_every_s=30,
        trace=TRACE,
        trace_name=str(trace_file),
        seed=7,
    )


@pytest.mark.parametrize(
    ("text", "impairment"),
    [
        ("off", NO_IMPAIRMENT),
        ("", NO_IMPAIRMENT),
        ("delay = 1.5s , seed = 3", Impairment(delay_ms=1_500, seed=3)),
        ("jitter=5", Impairment(jitter_ms=5)),
        ("jitter=pareto:5ms", Impairment(jitter_ms=5, jitter_distribution=JitterDistribution.PARETO)),
        ("stall=500ms:0.1s", Impairment(stall_every_s=0.5, stall_ms=100)),
        ("bandwidth=1Mbit/s", Impairment(bandwidth_kbps=1_000)),
        ("bandwidth=64kbps", Impairment(bandwidth_kbps=64)),
        ("random-disconnect=9", Impairment(disconnect_every_s=9, is_disconnect_random=True)),
    ],
)
def test_units_may_be_said_or_left_out(text: str, impairment: Impairment) -> None:
    assert parse_impairment(text) == impairment


@given(impairments())
def test_what_is_written_reads_as_the_same(tmp_path_factory: pytest.TempPathFactory, impairment: Impairment) -> None:
    if impairment.trace is not None:
        path = tmp_path_factory.getbasetemp() / "bad, really.json"
        path.write_text(json.dumps({"frame_ms": 20, "delays_ms": TRACE.delays_ms}), encoding="utf-8")
        impairment = replace(impairment, trace_name=str(path))
    if not impairment.jitter_ms:
        impairment = replace(impairment, jitter_distribution=JitterDistribution.NORMAL)
    assert parse_impairment(impairment_text(impairment)) == impairment


def test_none_is_off_in_every_form() -> None:
    assert impairment_text(NO_IMPAIRMENT) == NO_IMPAIRMENT.describe() == "off"
    assert not NO_IMPAIRMENT.is_active
    assert not Impairment(seed=7).is_active


@pytest.mark.parametrize("part", EXAMPLE.split(","))
def test_each_part_makes_it_active_and_is_told(part: str) -> None:
    impairment = parse_impairment(part)
    assert impairment.is_active
    assert impairment.describe() != "off"


def test_people_are_told_all_of_it_in_one_line() -> None:
    text = "delay=50,jitter=uniform:20,stall=8:200,random-stall=10:150,bandwidth=64,random-disconnect=30"
    assert parse_impairment(text).describe() == (
        "50 ms delay, 20 ms jitter (uniform), a stall of 200 ms every 8 s, random stalls of about 150 ms every 10 s,"
        " at most 64 kbit/s, a disconnect after about 30 s"
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("dely=50", "'dely' is no impairment; accepted: delay, jitter, stall, random-stall, bandwidth, disconnect,"),
        ("much", "'much' is no impairment"),
        ("delay", "delay has no value; for instance delay=50ms"),
        ("delay=", "delay has no value"),
        ("delay=fast", "'fast' is no number of ms or s"),
        ("delay=50,bogus", "'50,bogus' is no number"),
        ("delay=nan", "'nan' is no number"),
        ("delay=5kbps", "is no number of ms or s"),
        ("delay=-1", "a delay of -1 ms is not possible; accepted: 0 to 10000 ms"),
        ("delay=1e999", "a delay of inf ms"),
        ("delay=1,delay=2", "delay is given twice"),
        ("jitter=gauss:20", "'gauss' is no distribution of jitter; accepted: normal, uniform, exponential, pareto"),
        ("jitter=normal:", "'' is no number"),
        ("stall=8s", "does not say how often and how long; for instance stall=8s:200ms"),
        ("stall=1s:1000ms", "would let nothing through; accepted: shorter than 1000 ms"),
        ("random-stall=0:150ms", "a time between random stalls of 0 s is not possible; accepted: 0.1 to 3600 s"),
        ("bandwidth=1", "a bandwidth of 1 kbit/s is not possible; accepted: 8 to 1000000 kbit/s"),
        ("disconnect=0.5", "a time between disconnects of 0.5 s is not possible; accepted: 1 to 86400 s"),
        ("disconnect=9,random-disconnect=9", "either periodic or random"),
        ("seed=-1", "seed=-1 is no seed; accepted: 0 to 4294967295"),
        ("seed=9999999999", "a seed of 1e+10 is not possible; accepted: 0 to 4294967295"),
        ("trace=/nowhere.json", "/nowhere.json cannot be read"),
        ("trace=pyproject.toml", "pyproject.toml is no JSON"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line_with_what_would_be_accepted(text: str, line: str) -> None:
    with pytest.raises(ImpairmentError) as caught:
        parse_impairment(text)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.text() | st.text("delayjitr-stn=:,.0123456789mske/ "))
def test_any_text_is_an_impairment_or_one_clear_line(text: str) -> None:
    try:
        impairment = parse_impairment(text)
    except ImpairmentError as error:
        assert len(str(error).splitlines()) <= 1
    else:
        assert parse_impairment(impairment_text(impairment)) == impairment


@pytest.mark.parametrize(
    "fields",
    [
        {"stall_every_s": 8},
        {"random_stall_ms": 150},
        {"is_disconnect_random": True},
        {"trace": TRACE},
        {"trace_name": "t"},
        {"delay_ms": float("nan")},
        {"seed": -1},
    ],
)
def test_halves_of_a_setting_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ImpairmentError):
        Impairment(**fields)  # type: ignore[arg-type]
