"""What settings are accepted, and what is said about the others."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.opus.packet import SAMPLES_PER_MS
from core.playout.settings import (
    DEFAULT_BIAS_MS_PER_PCT,
    MAX_ADAPTIVE_TARGET_MS,
    MAX_BIAS_MS_PER_PCT,
    MIN_BIAS_MS_PER_PCT,
    PlayoutMode,
    PlayoutSettings,
    PlayoutSettingsError,
)


@pytest.mark.parametrize(
    ("wrong", "accepted"),
    [
        ({"target_delay_ms": -1}, "accepted: 0 to"),
        ({"target_delay_ms": 1e9}, "accepted: 0 to"),
        ({"bias_ms_per_pct": 0}, "accepted: 1 to 5000 ms per %"),
        ({"bias_ms_per_pct": 5_001}, "accepted: 1 to 5000 ms per %"),
        ({"min_target_ms": -5}, "accepted: 0 to 2000 ms"),
        ({"min_target_ms": 300, "max_target_ms": 200}, "accepted: 0 to 200 ms"),
        ({"max_target_ms": -1}, "accepted: 0 to 2000 ms"),
        ({"max_target_ms": 2_001}, "accepted: 0 to 2000 ms"),
        ({"live_bound_ms": -1}, "accepted: 0 to"),
        ({"live_bound_ms": 1e9}, "accepted: 0 to"),
        ({"max_depth_ms": 0}, "or more"),
    ],
)
def test_wrong_settings_are_refused_with_what_would_be_accepted(wrong: dict[str, Any], accepted: str) -> None:
    with pytest.raises(PlayoutSettingsError, match=accepted):
        PlayoutSettings(**wrong)


NUMBERS = ["target_delay_ms", "max_depth_ms", "bias_ms_per_pct", "min_target_ms", "max_target_ms", "live_bound_ms"]


@pytest.mark.parametrize("field", NUMBERS)
def test_not_a_number_is_refused_everywhere(field: str) -> None:
    with pytest.raises(PlayoutSettingsError, match="accepted"):
        PlayoutSettings(**{field: math.nan})  # type: ignore[arg-type]


@pytest.mark.parametrize("field", [field for field in NUMBERS if field != "max_depth_ms"])
def test_infinity_is_refused(field: str) -> None:
    with pytest.raises(PlayoutSettingsError, match="accepted"):
        PlayoutSettings(**{field: math.inf})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "right",
    [
        {"target_delay_ms": 0},
        {"bias_ms_per_pct": MIN_BIAS_MS_PER_PCT},
        {"bias_ms_per_pct": MAX_BIAS_MS_PER_PCT},
        {"min_target_ms": 0, "max_target_ms": 0},
        {"min_target_ms": 80, "max_target_ms": 80},
        {"max_target_ms": MAX_ADAPTIVE_TARGET_MS},
        {"live_bound_ms": 0},
    ],
)
def test_the_ends_of_each_range_are_accepted(right: dict[str, Any]) -> None:
    assert PlayoutSettings(is_adaptive=True, mode=PlayoutMode.LIVE, **right)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "target_delay_ms": st.floats(-10, 20_000),
            "max_depth_ms": st.floats(-10, 20_000),
            "bias_ms_per_pct": st.floats(-10, 6_000),
            "min_target_ms": st.floats(-10, 2_100),
            "max_target_ms": st.floats(-10, 2_100),
            "live_bound_ms": st.floats(-10, 20_000),
        },
    )
)
def test_what_is_accepted_contradicts_itself_nowhere(chosen: dict[str, float]) -> None:
    try:
        settings = PlayoutSettings(**chosen)  # type: ignore[arg-type]
    except PlayoutSettingsError as error:
        assert "accepted" in str(error)
        return
    assert 0 <= settings.min_target_ms <= settings.max_target_ms <= MAX_ADAPTIVE_TARGET_MS
    assert 0 <= settings.target_delay_ms < settings.max_depth_ms
    assert settings.max_depth_samples - settings.target_samples >= 240 * SAMPLES_PER_MS - 1


def test_without_a_word_the_target_is_fixed_and_nothing_is_left_out() -> None:
    settings = PlayoutSettings()
    assert not settings.is_adaptive
    assert settings.mode is PlayoutMode.COMPLETE
    assert settings.bias_ms_per_pct == DEFAULT_BIAS_MS_PER_PCT
