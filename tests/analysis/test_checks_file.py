"""Limits from a TOML file: what it says is what is checked, and what it cannot mean is refused by name."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.analysis.checks_file import MAX_FILE_BYTES, limits_from, load_limits, parse_limits
from core.analysis.limits import Expected, LimitError, Limits, Loudness, duration_ms, expected, loudness, percentage

WHOLE = """
max_late_pct = 0.1
at_depth_ms = 80
max_silence_s = 2
max_stall_ms = "0.2s"
max_loss_pct = "1%"
max_malformed = 3
loudness = "-23±3"
min_bandwidth = "WB"
fail_on = "error"

[expect]
frame_ms = 20
channels = 1
fec = true
subprotocol = "opus-rtp.v1"
"""


def test_a_file_says_each_limit_by_its_key() -> None:
    assert parse_limits(WHOLE, "stream.toml") == Limits(
        max_late_pct=0.1,
        at_depth_ms=80.0,
        max_silence_s=2.0,
        max_stall_ms=200.0,
        max_loss_pct=1.0,
        max_malformed=3,
        loudness=Loudness(-23, 3),
        min_bandwidth="WB",
        fail_on="error",
        expect=Expected(frame_ms=20.0, channels=1, fec=True, subprotocol="opus-rtp.v1"),
    )


def test_an_empty_file_checks_nothing() -> None:
    assert parse_limits("", "stream.toml").is_empty
    assert not parse_limits("max_late_pct = 1", "stream.toml").is_empty


def test_options_go_before_what_the_file_says_and_leave_the_rest() -> None:
    base = parse_limits(WHOLE, "stream.toml")
    both = limits_from({"max_late_pct": 5.0, "expect": {"channels": 2}}, "", base)
    assert (both.max_late_pct, both.at_depth_ms) == (5.0, 80.0)
    assert both.expect == Expected(frame_ms=20.0, channels=2, fec=True, subprotocol="opus-rtp.v1")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("max_late_pc = 1", "stream.toml: there is no key 'max_late_pc'; did you mean 'max_late_pct'? accepted: "),
        ("[expect]\nframe = 20", "[expect] there is no key 'frame'; did you mean 'frame_ms'?"),
        ("zebra = 1", "there is no key 'zebra'; accepted: max_late_pct"),
        ("max_late_pct = -1", "max_late_pct -1 is not possible; accepted: 0 or more"),
        ("max_late_pct = true", "max_late_pct is true, expected a number"),
        ("max_late_pct = [1]", "max_late_pct is a list, expected a number"),
        ("max_late_pct = '101%'", "max_late_pct: '101%' is no share in per cent; accepted: 0 to 100"),
        ("max_late_pct = nan", "max_late_pct"),
        ("max_malformed = 1.5", "max_malformed is 1.5, expected a whole number"),
        ("max_stall_ms = '3 parsecs'", "max_stall_ms: '3 parsecs': there is no unit 'parsecs'; accepted: ms, s, min"),
        ("loudness = 'loud'", "loudness: 'loud' is not possible; expected a loudness like -23±3"),
        ("loudness = -100", "loudness: '-100' is no loudness; accepted: -70 to 10"),
        ("expect = 3", "expect is 3, expected a table"),
        ("[expect]\nfec = 'maybe'", "fec is 'maybe', expected true or false"),
        ("[expect]\nchannels = 3", "channels 3 is not possible; accepted: 1, 2"),
        ("min_bandwidth = 8", "min_bandwidth is 8, expected a text"),
        ("a = ", "stream.toml: no TOML"),
        ("max_late_pct = 1\nmax_late_pct = 2", "no TOML"),
    ],
)
def test_what_a_file_cannot_mean_is_refused_by_name(text: str, line: str) -> None:
    with pytest.raises(LimitError) as caught:
        parse_limits(text, "stream.toml")
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"#" * (MAX_FILE_BYTES + 1))
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for name, words in (("none", "cannot be read"), ("large", "larger than"), ("binary", "is not UTF-8")):
        with pytest.raises(LimitError, match=words) as caught:
            load_limits(tmp_path / name)
        assert name in str(caught.value)
    (tmp_path / "fine").write_text(WHOLE)
    assert load_limits(tmp_path / "fine") == parse_limits(WHOLE, "")


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("-23±3", Loudness(-23, 3)),
        ("-23+-3", Loudness(-23, 3)),
        ("-23+/-3", Loudness(-23, 3)),
        (" -23 ± 0.5 LU", Loudness(-23, 0.5)),
        ("-16 LUFS", Loudness(-16, 1)),
    ],
)
def test_loudness_is_written_in_several_ways(text: str, limit: Loudness) -> None:
    assert loudness(text) == limit
    assert loudness(str(limit)) == limit


def test_durations_shares_and_expectations_are_read_with_their_units() -> None:
    assert [duration_ms(text) for text in ("60", "60ms", "2 s", ".5min")] == [60, 60, 2000, 30_000]
    assert duration_ms("2", "s") == 2000
    assert (percentage("0.1"), percentage("1 %")) == (0.1, 1.0)
    assert expected("frame_ms=2.5, channels=1,fec=no,mode=CELT") == {
        "frame_ms": 2.5,
        "channels": 1,
        "fec": False,
        "mode": "CELT",
    }
    for wrong in ("frame_ms", "=3", "frame_ms="):
        with pytest.raises(LimitError, match="expected KEY=VALUE"):
            expected(wrong)


KEYS = st.sampled_from([each.name for each in fields(Limits)] + ["expect.frame_ms", "expect.fec", "x", ""])
VALUES = st.one_of(
    st.integers().map(str),
    st.floats().map(str),
    st.sampled_from(["true", "[]", "{}", "1979-05-27", '"60ms"', '"-23±3"', "'''", '"' + "9" * 60 + '"']),
    st.text(max_size=20),
)


@given(st.lists(st.tuples(KEYS, VALUES), max_size=4))
def test_any_document_gives_limits_or_one_line(pairs: list[tuple[str, str]]) -> None:
    try:
        limits = parse_limits("\n".join(f"{key} = {value}" for key, value in pairs), "f")
    except LimitError as error:
        assert "\n" not in str(error)
        assert len(str(error)) < 800
    else:
        assert isinstance(limits, Limits)


@given(st.text(max_size=200))
def test_any_text_gives_limits_or_one_line(text: str) -> None:
    try:
        parse_limits(text, "f")
    except LimitError as error:
        assert "\n" not in str(error)
